"""SEKO: local clocks, the delivery told by a field, batches, and the two headers of a push."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Detail, Missing, Place, Status
from normalizer.normalize import event_id, normalize

CARRIER: Any = connector("seko")
NUMBER, OTHER = "SKO5550001", "SKO5550002"
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def event(**said: Any) -> dict[str, Any]:
    told = {"EventDT": "2026-03-03T08:56:22.28", "OmniCode": "OP-3", "Description": "Words", "Location": "X,CA,US"}
    return told | {"Code": None, "Part": 1} | said


def consignment(*events: Any, **said: Any) -> dict[str, Any]:
    return {"ConsignmentNo": NUMBER, "Events": list(events)} | said


def read(body: Any, numbers: tuple[str, ...] = (NUMBER,)) -> Any:
    return CARRIER.read(
        Payload(carrier="seko", body=orjson.dumps(body), source="poll", received_at=NOW, numbers=numbers)
    )


def test_a_time_is_the_clock_on_the_wall() -> None:
    (scan,) = read([consignment(event())]).scans
    assert scan.at == datetime(2026, 3, 3, 8, 56, 22, 280000)  # noqa: DTZ001 - the clock on the wall


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("CARSON, CA,US", Place(city="CARSON", region="CA", country="US")),
        ("Sydney,AU", Place(city="Sydney", country="AU")),
        ("SHENZHEN,,CN", Place(city="SHENZHEN", country="CN")),
        (",,CN", Place(country="CN")),
        ("Bldg 4, Carson, CA, US", Place(city="Bldg 4, Carson", region="CA", country="US")),
        ("IL", Place(facility="IL")),
        ("Carson, Ca, Usa", Place(facility="Carson, Ca, Usa")),
        ("", Place()),
    ],
)
def test_a_place_that_ends_in_a_country_is_taken_apart(text: str, place: Place) -> None:
    assert read([consignment(event(Location=text))]).scans[0].place == place


def test_the_field_delivered_is_an_event_whose_place_nobody_told() -> None:
    _, delivered = read([consignment(event(), Delivered="2026-03-06T11:05:00")]).scans
    assert CARRIER.codes.look_up(delivered.codes)[1] == Meaning(Status.DELIVERED, "other")
    assert delivered.at == datetime(2026, 3, 6, 11, 5)  # noqa: DTZ001 - the clock on the wall
    assert delivered.place == Place()


def test_a_delivery_abroad_is_not_read_on_the_clock_of_the_export_hub() -> None:
    *_, delivered = read([consignment(event(OmniCode="OP-4"), Delivered="2026-03-06T11:05:00")]).scans
    made = normalize(
        delivered,
        carrier="seko",
        codes=CARRIER.codes,
        clock_kind="local",
        carrier_zone=None,
        source="poll",
        received_at=NOW,
    )
    assert (made.at, made.time_basis) == (None, None)
    assert made.local_time == datetime(2026, 3, 6, 11, 5)  # noqa: DTZ001 - the clock on the wall


def test_the_field_delivered_is_at_the_place_of_the_event_of_that_very_time() -> None:
    at = "2026-03-06T11:05:00"
    last = event(OmniCode="OP-77", EventDT=f"{at}.000", Location="Sydney,NSW,AU")
    *_, delivered = read([consignment(event(), last, event(EventDT="2026-03-06T12:00:00"), Delivered=at)]).scans
    assert delivered.place == Place(city="Sydney", region="NSW", country="AU")


def test_the_field_picked_is_kept_and_moves_nothing() -> None:
    reading = read([consignment(event(), Picked="2026-03-02T10:00:00", Delivered="")])
    assert len(reading.scans) == 1
    assert reading.details[0].extra == {"picked": "2026-03-02T10:00:00"}


def test_the_whole_consignment_is_told_with_its_pieces() -> None:
    reading = read([consignment(event(), event(Part="2"), Reference1="SO-55", Tracking="http://t.example/1")])
    assert reading.details == [
        Detail(number=NUMBER, pieces_total=2, references=("SO-55",), tracking_url="http://t.example/1")
    ]
    assert [scan.piece for scan in reading.scans] == ["1", "2"]


def test_two_packages_scanned_in_one_moment_are_two_events() -> None:
    first, second = read([consignment(event(), event(Part=2))]).scans
    assert event_id("seko", first) != event_id("seko", second)


def test_a_number_that_is_not_in_the_array_or_comes_bare_is_missing() -> None:
    assert read([consignment(event())], (NUMBER, OTHER)).missing == [Missing(number=OTHER)]
    assert read([consignment(Status="", Tracking=None)]).missing == [Missing(number=NUMBER)]


@pytest.mark.parametrize("said", [{"Status": "Created"}, {"Tracking": "http://t.example/1"}, {"Reference1": "SO-5"}])
def test_a_consignment_the_carrier_tells_something_of_is_known_before_its_first_event(said: dict[str, str]) -> None:
    assert read([consignment(**said)]).missing == []


def test_one_poisoned_consignment_costs_that_one_alone() -> None:
    reading = read([{"ConsignmentNo": OTHER, "Events": [{}]}, consignment(event())], (NUMBER, OTHER))
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [NUMBER]


def test_an_object_instead_of_an_array_is_unreadable() -> None:
    assert isinstance(read({"Message": "An error"}).trouble, Unreadable)


def test_a_push_carries_both_words_of_the_merchant() -> None:
    secrets = {"push_username": "u", "push_password": "p"}
    CARRIER.verify(Push("POST", {"username": "u", "password": "p"}, {}, b"[]", NOW), secrets)
    for headers in ({"username": "u"}, {"password": "p"}, {"username": "u", "password": "q"}, {}):
        with pytest.raises(Forged):
            CARRIER.verify(Push("POST", headers, {}, b"[]", NOW), secrets)


async def test_a_batch_is_one_array_under_the_accounts_key() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=[])

    auth = CARRIER.auth({"access_key": "k"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER, OTHER])
    assert orjson.loads(seen[0].content) == [NUMBER, OTHER]
    assert seen[0].headers["access_key"] == "k"

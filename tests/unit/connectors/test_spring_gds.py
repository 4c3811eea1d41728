"""Spring GDS: clocks, errors inside a 200, and the key in the body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unreadable
from normalizer.model import Detail, Missing, Place, Status

CARRIER: Any = connector("spring-gds")
NUMBER = "LX555000449NL"
NOON = 1772625600  # 2026-03-04T12:00:00Z


def event(**said: Any) -> dict[str, Any]:
    return {
        "Timestamp": NOON,
        "DateTime": "2026-03-04 07:00:00",
        "Code": 9301,
        "Description": "OUT FOR DELIVERY",
    } | said


def answer(*events: Any, **said: Any) -> dict[str, Any]:
    return {"ErrorLevel": 0, "Error": "", "Shipment": {"TrackingNumber": NUMBER, "Events": list(events)} | said}


def read(body: Any) -> Any:
    return CARRIER.read(
        Payload(
            carrier="spring-gds",
            body=orjson.dumps(body),
            source="poll",
            received_at=datetime(2026, 3, 5, tzinfo=UTC),
            numbers=(NUMBER,),
        )
    )


async def asked(body: Any) -> httpx.Request:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=body)

    auth = CARRIER.auth({"api_key": 'k"1'})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    return seen[0]


def test_the_offset_is_the_distance_between_the_two_clocks() -> None:
    (scan,) = read(answer(event())).scans
    assert scan.at == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert scan.at.utcoffset() == timedelta(hours=-5)


def test_without_the_seconds_the_clock_on_the_wall_is_left_alone() -> None:
    (scan,) = read(answer(event(Timestamp=None))).scans
    assert scan.at == datetime(2026, 3, 4, 7)  # noqa: DTZ001 - the clock on the wall


def test_two_clocks_that_do_not_belong_together_are_unreadable() -> None:
    assert isinstance(read(answer(event(DateTime="2026-03-04 07:07:00"))).trouble, Unreadable)


@pytest.mark.parametrize(
    ("code", "words", "status"),
    [
        (100, "Anything", Status.DELIVERED),
        (9301, "Anything", Status.OUT_FOR_DELIVERY),
        (4444, "Delivered.", Status.DELIVERED),
        (4444, "Not delivered", None),
    ],
)
def test_the_code_speaks_first_and_reviewed_words_second(code: int, words: str, status: Status | None) -> None:
    (scan,) = read(answer(event(Code=code, Description=words))).scans
    _, meaning = CARRIER.codes.look_up(scan.codes, scan.phrase)
    assert (meaning.status if meaning else None) is status


def test_the_carriers_own_code_and_words_are_kept() -> None:
    (scan,) = read(answer(event(CarrierCode="CC202", CarrierDescription="On the van"))).scans
    assert scan.extra == {"carrier_code": "CC202", "carrier_text": "On the van"}


def test_the_whole_shipment_is_told_without_the_recipients_name() -> None:
    reading = read(
        answer(
            Weight="0.85",
            WeightUnit="kg",
            Service="PPTT",
            Carrier="A Post",
            ShipperReference="SO-31",
            CarrierTrackingNumber=NUMBER,
            CarrierLocalTrackingNumber="RR100200305NO",
            ConsigneeAddress={"Name": "A Person", "City": "Oslo", "Zip": "0150", "Country": "NO"},
        )
    )
    assert reading.details == [
        Detail(
            number=NUMBER,
            service_code="PPTT",
            weight_grams=850,
            references=("SO-31",),
            destination=Place(city="Oslo", postal_code="0150", country="NO"),
            continues_as=(None, "RR100200305NO"),
            extra={"next_carrier": "A Post"},
        )
    ]
    assert "A Person" not in repr(reading)


def test_an_error_that_ends_in_not_found_is_an_unknown_number_and_any_other_is_unreadable() -> None:
    missing = read({"ErrorLevel": 10, "Error": "Shipment not found."}).missing
    assert missing == [Missing(number=NUMBER, text="Shipment not found.")]
    trouble = read({"ErrorLevel": 10, "Error": "Jane has moved"}).trouble
    assert str(trouble) == "the carrier answers with the error level 10"


async def test_the_key_goes_into_the_body() -> None:
    request = await asked(answer())
    assert orjson.loads(request.content)["Apikey"] == 'k"1'
    assert orjson.loads(request.content)["Shipment"]["TrackingNumber"] == NUMBER
    assert int(request.headers["content-length"]) == len(request.content)


async def test_an_error_about_the_key_stops_the_account() -> None:
    with pytest.raises(Rejected):
        await asked({"ErrorLevel": 10, "Error": "Invalid API key"})

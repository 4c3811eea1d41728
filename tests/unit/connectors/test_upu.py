"""UPU: clocks that look like instants, countries by leg, and pushes in a shape of our own."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, Unreadable
from connectors.upu import ORIGIN, TRANSIT
from normalizer.crosswalk import incoming
from normalizer.model import Detail, Missing, Place

CARRIER: Any = connector("upu")
ITEM = "RR100200305GB"
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def event(code: str = "EMD", at: str = "/Date(1772528400000)/") -> dict[str, Any]:
    return {"EventCd": code, "EventNm": "Words", "EventDT": at, "EventLocation": "PARIS"}


def answer(*events: Any) -> dict[str, Any]:
    return {"ID": ITEM, "State": 2, "OriginCountryCd": "GB", "DestinationCountryCd": "FR", "Events": list(events)}


def read(body: Any, source: Any = "poll", numbers: tuple[str, ...] = (ITEM,)) -> Any:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return CARRIER.read(Payload(carrier="upu", body=raw, source=source, received_at=NOW, numbers=numbers))


def test_what_looks_like_an_instant_is_the_clock_on_the_wall() -> None:
    (scan,) = read(answer(event())).scans
    assert scan.at == datetime(2026, 3, 3, 9)  # noqa: DTZ001 - the clock on the wall


def test_the_table_says_what_the_crosswalk_says() -> None:
    table = {code: (row.status, row.substatus) for code, row in CARRIER.codes.codes.items()}
    assert table == {code: meaning for (code, _), meaning in incoming("upu").items()}


def test_an_event_is_in_the_country_of_its_leg_and_a_transit_country_is_not_told() -> None:
    told = {scan.codes[0]: scan.place.country for scan in read(answer(event("EMA"), event("EMK"), event("EDG"))).scans}
    assert told == {"EMA": "GB", "EMK": None, "EDG": "FR"}


def test_each_code_has_one_leg() -> None:
    assert not ORIGIN & TRANSIT
    assert set(CARRIER.codes.codes) >= ORIGIN | TRANSIT


def test_a_list_of_one_reads_the_same() -> None:
    assert read([answer(event())]).scans == read(answer(event())).scans


def test_the_body_1_means_that_nothing_is_known() -> None:
    reading = read(b"1")
    assert (reading.missing, reading.trouble) == ([Missing(number=ITEM)], None)


@pytest.mark.parametrize("body", [b"2", b"{}", b"<html></html>", b'"1"'])
def test_any_other_body_without_an_item_is_unreadable(body: bytes) -> None:
    assert isinstance(read(body).trouble, Unreadable)


def test_both_countries_are_told_of_the_item() -> None:
    assert read(answer()).details == [Detail(number=ITEM, origin=Place(country="GB"), destination=Place(country="FR"))]


def test_a_pushed_event_keeps_its_offset_its_office_and_its_reason() -> None:
    body = {
        "item": ITEM,
        "events": [
            {"code": "EMH", "time": "2026-03-05T10:00:00+01:00", "office": "FRLYSA", "city": "Lyon", "country": "FR"}
            | {"reason": "12", "action": "D", "signed_by": ""}
        ],
    }
    (scan,) = read(body, "push", ()).scans
    assert scan.at.utcoffset() == timedelta(hours=1)
    assert scan.place == Place(facility="FRLYSA", city="Lyon", country="FR")
    assert scan.extra == {"reason": "12", "action": "D"}
    assert scan.signed_by is None


def test_one_poisoned_item_of_a_push_costs_that_item_alone() -> None:
    good = {"item": ITEM, "events": [{"code": "EMI", "time": "2026-03-05T10:00:00Z"}]}
    reading = read({"items": [{"item": "X", "events": [{"code": "EMI"}]}, good]}, "push", ())
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [ITEM]


def test_a_push_is_proved_over_its_raw_bytes() -> None:
    secrets, body = {"push_secret": "key"}, b'{"item": "X"}'
    good = hmac.digest(b"key", body, "sha256").hex()
    CARRIER.verify(Push("POST", {"x-signature": good}, {}, body, NOW), secrets)
    for headers, sent in (({"x-signature": good}, body + b" "), ({"x-signature": "00"}, body), ({}, body)):
        with pytest.raises(Forged):
            CARRIER.verify(Push("POST", headers, {}, sent, NOW), secrets)


async def test_the_token_is_the_last_step_of_the_path_whatever_stands_in_it() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, content=b"1")

    async with HttpClient(
        CARRIER.facts, CARRIER.auth({"token": "to/ken?"}), transport=httpx.MockTransport(wire)
    ) as http:
        await CARRIER.poll(http, [ITEM])
    assert seen[0].url.raw_path.decode() == f"/PTT.API/Service.svc/rest/itemTTExt/{ITEM}/to%2Fken%3F"

"""Parcel.One: events up to the hand-over, and whose number goes on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from normalizer.codes import Meaning
from normalizer.model import Detail, Missing, Place, Status

CARRIER: Any = connector("parcelone")
NUMBER = "4050100100207"


def event(**said: Any) -> dict[str, Any]:
    told = {"EventdateCET": "2026-07-02T08:10:05+02:00", "Statuscode": "300", "Status": "Words", "Location": "DE Gera"}
    return told | {"DeliveryStatus": "InTransit_003", "CarrierTrackno": ""} | said


def read(*events: Any) -> Any:
    body = orjson.dumps({"P1Trackno": NUMBER, "TrackingEvents": list(events)})
    now = datetime(2026, 7, 3, tzinfo=UTC)
    return CARRIER.read(Payload(carrier="parcelone", body=body, source="poll", received_at=now, numbers=(NUMBER,)))


def test_the_time_keeps_the_clocks_own_offset() -> None:
    (scan,) = read(event()).scans
    assert scan.at == datetime(2026, 7, 2, 6, 10, 5, tzinfo=UTC)
    assert scan.at.utcoffset() == timedelta(hours=2)


def test_the_delivery_status_speaks_where_the_status_code_has_no_row() -> None:
    (scan,) = read(event(Statuscode="999", DeliveryStatus="InfoReceived_001")).scans
    assert CARRIER.codes.look_up(scan.codes) == ("InfoReceived_001", Meaning(Status.INFO_RECEIVED, "label_created"))


@pytest.mark.parametrize("word", ["Delivered_001", "Pending_001"])
def test_a_code_nobody_documents_stays_without_a_meaning(word: str) -> None:
    """The example has Pending_001 beside a parcel that moves; alone it may as well say that nothing has happened."""
    (scan,) = read(event(Statuscode="999", DeliveryStatus=word)).scans
    assert CARRIER.codes.look_up(scan.codes) == (None, None)


def test_links_are_dropped_from_the_words() -> None:
    (scan,) = read(event(Status="Goes on with <a class=x href=https://x.example>A  Post</a>.")).scans
    assert scan.text == "Goes on with A Post."


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("DE Bad Homburg", Place(country="DE", city="Bad Homburg")),
        ("Somewhere", Place(facility="Somewhere")),
        ("", Place()),
    ],
)
def test_a_place_is_a_country_and_a_city_or_left_as_it_stands(text: str, place: Place) -> None:
    assert read(event(Location=text)).scans[0].place == place


def test_the_parcel_continues_under_the_next_carriers_number() -> None:
    reading = read(
        event(Statuscode="394", CarrierTrackno="RR100200305GB", Carrier="A Post", CarrierTrackURL="https://x.y")
    )
    assert reading.details == [
        Detail(
            number=NUMBER,
            continues_as=(None, "RR100200305GB"),
            tracking_url="https://x.y",
            extra={"next_carrier": "A Post"},
        )
    ]


GO_ON = "P1TrackingEndsHere,RequestLMCCarrierTracking"


@pytest.mark.parametrize(
    ("flags", "number"),
    [
        (("", ""), "RR100200305GB"),
        ((GO_ON, ""), "ZZ900000001DE"),
        ((GO_ON, GO_ON), "RR100200305GB"),
    ],
)
def test_of_two_numbers_the_last_one_goes_on_and_one_that_the_carrier_sends_us_to_before_any(
    flags: tuple[str, str], number: str
) -> None:
    first = event(CarrierTrackno="ZZ900000001DE", TrackingEventsStatus=flags[0])
    last = event(Statuscode="394", CarrierTrackno="RR100200305GB", TrackingEventsStatus=flags[1])
    assert read(first, last).details == [Detail(number=NUMBER, continues_as=(None, number))]


def test_a_number_without_events_is_missing() -> None:
    assert read().missing == [Missing(number=NUMBER)]


@pytest.mark.parametrize("login", [{}, {"username": "u", "password": "p"}])
async def test_a_login_is_sent_only_where_the_account_has_one(login: dict[str, str]) -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    auth = CARRIER.auth({"api_key": "k"} | login)
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    assert seen[0].headers["apikey"] == "k"
    assert ("authorization" in seen[0].headers) == bool(login)

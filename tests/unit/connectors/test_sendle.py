"""Sendle: the event type decides, UTC is the truth, and a false Z is no clock on the wall."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from gateway.reading import document
from normalizer.model import NOWHERE, Place, Window

SENDLE = connector("sendle")
NUMBER = "SKYLARK7"


def event(kind="In Transit", scan="2026-06-04T20:55:00Z", **more):
    return {"event_type": kind, "scan_time": scan, "description": "Words"} | more


def answer(*events, start="AU", end="AU", **scheduling):
    return {
        "state": "Transit",
        "origin": {"country": start},
        "destination": {"country": end},
        "scheduling": scheduling,
        "tracking_events": list(events),
    }


def payload(body):
    return Payload(
        carrier="sendle",
        body=orjson.dumps(body),
        source="poll",
        received_at=datetime(2026, 6, 10, tzinfo=UTC),
        numbers=(NUMBER,),
    )


def read(body):
    return SENDLE.read(payload(body))


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    auth = SENDLE.auth({"sendle_id": "i", "api_key": "k"})
    async with HttpClient(SENDLE.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await SENDLE.poll(http, [NUMBER]), seen[0]


async def test_one_reference_is_asked_with_id_and_key():
    _, request = await polled(httpx.Response(200, json=answer()))
    assert str(request.url) == f"https://api.sendle.com/api/tracking/{NUMBER}"
    assert request.headers["authorization"] == "Basic aTpr"


async def test_a_reference_that_is_not_known_is_not_found():
    with pytest.raises(NotFound):
        await polled(httpx.Response(404, json={"error": "not_found"}))


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Wait</html>"))


@pytest.mark.parametrize(
    ("shown", "offset"),
    [
        ("2026-06-05T06:25:00+09:30", "+09:30"),
        ("2026-06-04T20:55:00Z", "+00:00"),
        ("2026-06-05T07:25:00+09:30", "+00:00"),
        ("2026-06-05T06:25:00", "+00:00"),
        (None, "+00:00"),
    ],
)
def test_the_walls_clock_is_believed_only_where_it_means_the_same_moment(shown, offset):
    (shipment,) = document(SENDLE, payload(answer(event(display_time=shown))))["shipments"]
    (one,) = shipment["events"]
    assert (one["at"], one["utc_offset"], one["time_basis"]) == ("2026-06-04T20:55:00Z", offset, "offset")


def test_a_time_without_a_wall_gets_the_clock_of_its_place():
    (shipment,) = document(SENDLE, payload(answer(event(location="Adelaide, SA"))))["shipments"]
    assert shipment["events"][0]["local_time"] == "2026-06-05T06:25:00"


@pytest.mark.parametrize(
    ("said", "end", "place"),
    [
        ("Adelaide, SA", "AU", Place(city="Adelaide", region="SA", country="AU")),
        ("Adelaide, SA", "NZ", Place(city="Adelaide", region="SA")),
        ("MELBOURNE SORTING HALL", "AU", Place(facility="MELBOURNE SORTING HALL", country="AU")),
        ("", "AU", NOWHERE),
    ],
)
def test_a_place_has_a_country_only_where_the_parcel_stays_in_one(said, end, place):
    assert read(answer(event(location=said), end=end)).scans[0].place == place


def test_a_remark_moves_nothing():
    later = event("Info", "2026-06-06T09:00:00Z")
    (shipment,) = document(SENDLE, payload(answer(event("Delivered"), later)))["shipments"]
    assert shipment["status"] == "delivered"
    (shipment,) = document(SENDLE, payload(answer(event("Out for Delivery"), later)))["shipments"]
    assert shipment["status"] == "out_for_delivery"


def test_the_reason_stands_beside_the_words():
    assert read(answer(event("Pickup Attempted", reason="Shop was shut"))).scans[0].text == "Words (Shop was shut)"


def test_two_promised_days_are_a_window():
    planned = {"estimated_delivery_date_minimum": "2026-06-06", "estimated_delivery_date_maximum": "2026-06-08"}
    (detail,) = read(answer(**planned)).details
    assert detail.eta == Window(date(2026, 6, 6), date(2026, 6, 8))
    (detail,) = read(answer(estimated_delivery_date_minimum="")).details
    assert detail.eta is None


def test_the_country_at_the_end_is_not_mixed_up_with_the_end_of_a_window():
    (detail,) = read(answer(start="CA", end="US")).details
    assert (detail.origin, detail.destination) == (Place(country="CA"), Place(country="US"))


def test_a_booked_parcel_without_events_is_not_missing():
    reading = read(answer())
    assert (reading.scans, reading.missing, reading.trouble) == ([], [], None)


@pytest.mark.parametrize("body", [{}, {"error": "unprocessable_entity"}, []])
def test_an_answer_of_another_shape_is_unreadable(body):
    assert isinstance(read(body).trouble, Unreadable)

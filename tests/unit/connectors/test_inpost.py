"""InPost: open tracking, statuses as codes, the locker with its hours."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from gateway.reading import document
from normalizer.model import Place

INPOST = connector("inpost")
NUMBER = "600200300400500600700801"
LOCKER = {
    "name": "POZ99X",
    "opening_hours": "24/7",
    "location_description": "Przy piekarni",
    "location": {"latitude": 52.4064, "longitude": 16.9252},
    "address": {"line1": "Lipowa 7", "line2": "61-001 Poznań"},
}


def event(status="out_for_delivery", at="2026-06-02T07:20:00.000+02:00", **more):
    return {"status": status, "datetime": at, "origin_status": None, "agency": "Poznań"} | more


def answer(*events, **attributes):
    return {"tracking_number": NUMBER, "tracking_details": list(events), "custom_attributes": attributes}


def payload(body):
    return Payload(
        carrier="inpost",
        body=orjson.dumps(body),
        source="poll",
        received_at=datetime(2026, 6, 10, tzinfo=UTC),
        numbers=(NUMBER,),
    )


def read(body):
    return INPOST.read(payload(body))


def shown(*events):
    (shipment,) = document(INPOST, payload(answer(*events)))["shipments"]
    return shipment


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    async with HttpClient(INPOST.facts, INPOST.auth({}), transport=httpx.MockTransport(handler)) as http:
        return await INPOST.poll(http, [NUMBER]), seen[0]


async def test_anybody_may_ask():
    _, request = await polled(httpx.Response(200, json=answer(event())))
    assert str(request.url) == f"https://api-shipx-pl.easypack24.net/v1/tracking/{NUMBER}"
    assert "authorization" not in request.headers


async def test_a_number_that_is_not_known_is_not_found_and_a_firewalls_page_is_not():
    with pytest.raises(NotFound):
        await polled(httpx.Response(404, json={"error": "resource_not_found"}))
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Chwila</html>"))


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("dispatched_by_sender", "in_transit/accepted"),
        ("out_for_delivery_to_address", "out_for_delivery/other"),
        ("ready_to_pickup", "available_for_pickup/at_locker"),
        ("ready_to_pickup_from_pok", "available_for_pickup/at_shop"),
        ("pickup_reminder_sent", "available_for_pickup/reminder"),
        ("pickup_time_expired", "exception/unclaimed"),
        ("avizo", "attempt_failed/recipient_absent"),
        ("pickup_reminder_sent_address", "attempt_failed/recipient_absent"),
        ("undelivered_wrong_address", "attempt_failed/wrong_address"),
        ("stack_parcel_pickup_time_expired", "in_transit/other"),
        ("taken_by_courier_from_customer_service_point", "returning/to_sender"),
        ("undelivered_cod_cash_receiver", "attempt_failed/payment_missing"),
        ("rejected_by_receiver", "exception/refused"),
        ("returned_to_sender", "returning/to_sender"),
        ("return_pickup_confirmation_to_sender", "delivered/other"),
        ("missing", "unknown/unlisted_code"),
        ("carried_by_drone", "unknown/unlisted_code"),
        ("other", "unknown/unlisted_code"),
    ],
)
def test_the_status_decides(status, expected):
    (one,) = shown(event(status))["events"]
    assert f"{one['status']}/{one['substatus']}" == expected


def test_a_receipt_sent_back_to_the_sender_does_not_make_a_delivery_a_return():
    shipment = shown(event("return_pickup_confirmation_to_sender", "2026-06-03T09:00:00+02:00"), event("delivered"))
    assert (shipment["status"], shipment["returning"]) == ("delivered", False)


def test_statuses_come_newest_first_even_within_a_second():
    later, earlier = read(answer(event("ready_to_pickup"), event())).scans
    assert later.order > earlier.order
    assert shown(event("ready_to_pickup"), event())["status"] == "available_for_pickup"


def test_a_time_keeps_its_offset():
    (one,) = shown(event())["events"]
    assert (one["at"], one["utc_offset"], one["time_basis"]) == ("2026-06-02T05:20:00Z", "+02:00", "offset")


@pytest.mark.parametrize("point", [{"latitude": 52.4064, "longitude": 16.9252},
                                   {"latitude": "52.4064", "longitude": "16.9252"}])  # fmt: skip
def test_the_locker_is_told_with_hours_address_and_point(point):
    (detail,) = read(answer(event(), size="A", target_machine_detail=LOCKER | {"location": point})).details
    assert detail.pickup_point == Place(
        facility="Przy piekarni",
        facility_id="POZ99X",
        street="Lipowa 7",
        city="Poznań",
        postal_code="61-001",
        country="PL",
        latitude=52.4064,
        longitude=16.9252,
    )
    assert (detail.pickup_hours, detail.extra) == ("24/7", {"size": "A"})


def test_an_address_of_another_form_is_kept_and_not_taken_apart():
    machine = LOCKER | {"address": {"line1": "Via Roma 1", "line2": "Milano"}}
    (detail,) = read(answer(event(), target_machine_detail=machine)).details
    assert (detail.pickup_point.city, detail.pickup_point.country) == ("Milano", None)


def test_a_parcel_to_the_door_has_no_pickup_point():
    assert read(answer(event())).details[0].pickup_point is None


def test_the_locker_where_it_was_posted_is_the_origin():
    assert read(answer(event(), dropoff_machine_detail=LOCKER)).details[0].origin.facility_id == "POZ99X"


@pytest.mark.parametrize("body", [{}, {"error": "x"}, {"tracking_details": []}, []])
def test_an_answer_of_another_shape_is_unreadable(body):
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.scans == []

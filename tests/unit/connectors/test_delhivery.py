"""Delhivery: status type and status decide, a push and a poll of one scan are one event, 403 is the firewall."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, Rejected, Unavailable, Unreadable
from gateway.reading import document
from gateway.reading import read as read_events
from normalizer.model import Missing, Place, Window

DELHIVERY = connector("delhivery")
NUMBER = "20010020030040"
NOW = datetime(2026, 5, 20, tzinfo=UTC)
HUB = "Pune_Hadapsar_H (Maharashtra)"
SECRETS = {"token": "sample-token", "push_header": "X-Shop-Token", "push_token": "shared-word"}


def scan(kind="UD", status="In Transit", at="2026-05-15T19:05:11.040", **more):
    return {"ScanDetail": {"ScanType": kind, "Scan": status, "ScanDateTime": at, "StatusDateTime": at,
                           "ScannedLocation": HUB, "Instructions": "Words"} | more}  # fmt: skip


def status(kind="UD", word="In Transit", at="2026-05-15T19:05:11.040", **more):
    return {"StatusType": kind, "Status": word, "StatusDateTime": at, "StatusLocation": HUB} | more


def answer(now, *scans, **more):
    return {"ShipmentData": [{"Shipment": {"AWB": NUMBER, "Status": now, "Scans": list(scans)} | more}]}


def payload(body, source="poll"):
    return Payload(carrier="delhivery", body=orjson.dumps(body), source=source, received_at=NOW, numbers=(NUMBER,))


def read(body, source="poll"):
    return DELHIVERY.read(payload(body, source))


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    transport = httpx.MockTransport(handler)
    async with HttpClient(DELHIVERY.facts, DELHIVERY.auth(SECRETS), transport=transport) as http:
        return await DELHIVERY.poll(http, [NUMBER, "20010020030051"]), seen[0]


async def test_a_batch_is_asked_under_the_accounts_token():
    _, request = await polled(httpx.Response(200, json=answer(status())))
    assert (
        str(request.url) == "https://track.delhivery.com/api/v1/packages/json/?waybill=20010020030040%2C20010020030051"
    )
    assert request.headers["authorization"] == "Token sample-token"


async def test_the_firewalls_403_waits_and_does_not_stop_the_account():
    with pytest.raises(Unavailable) as caught:
        await polled(httpx.Response(403, html="<html>Forbidden</html>"))
    assert caught.value.retry_after == 30
    with pytest.raises(Rejected):
        await polled(httpx.Response(401))


def test_the_same_status_means_another_thing_under_another_type():
    scans = (scan("UD", at="2026-05-15T10:00:00"), scan("RT", at="2026-05-16T10:00:00"))
    events = read_events(DELHIVERY, payload(answer(status("RT", at="2026-05-16T10:00:00"), *scans))).events
    assert [(event.status.value, event.substatus) for event in events] == [
        ("in_transit", "other"),
        ("returning", "in_transit"),
    ]


def test_a_sellers_cancellation_behind_not_picked_is_found():
    (shipment,) = document(DELHIVERY, payload(answer(status("UD", "Not Picked", StatusCode="DTUP-210"))))["shipments"]
    assert (shipment["status"], shipment["substatus"]) == ("cancelled", "by_merchant")


def test_an_uploaded_manifest_of_a_collection_from_the_recipient_is_a_return():
    asked = read(answer(status("PP", "Open"), scan("PP", "Open", StatusCode="X-UCI"))).scans[0]
    outbound = read(answer(status(), scan("UD", "Manifested", StatusCode="X-UCI"))).scans[0]
    assert (asked.codes, outbound.codes) == (("PP/Open", "X-UCI"), ("X-UCI", "UD/Manifested"))
    assert DELHIVERY.codes.look_up(asked.codes)[1] == DELHIVERY.codes.codes["PP/Open"]


def test_a_status_that_a_scan_repeats_is_told_once_and_another_one_is_told_besides():
    assert len(read(answer(status(), scan())).scans) == 1
    first, second = read(answer(status("UD", "Dispatched", "2026-05-17T09:15:00"), scan())).scans
    assert (first.codes, second.codes) == (("UD/In Transit",), ("UD/Dispatched",))
    assert first.order < second.order


def test_a_push_and_a_poll_of_one_scan_are_one_event():
    pushed = {"Shipment": {"AWB": NUMBER, "NSLCode": "X-UCI", "Status": status("UD", "Manifested")}}
    (by_push,) = read_events(DELHIVERY, payload(pushed, "push")).events
    polled_scan = scan("UD", "Manifested", StatusCode="X-UCI")
    (by_poll,) = read_events(DELHIVERY, payload(answer(status("UD", "Manifested"), polled_scan))).events
    assert by_push.id == by_poll.id


def test_a_time_is_indian_and_never_utc():
    (shipment,) = document(DELHIVERY, payload(answer(status(), scan())))["shipments"]
    (event,) = shipment["events"]
    assert event["at"] == "2026-05-15T13:35:11.040000Z"
    assert event["utc_offset"] == "+05:30"


@pytest.mark.parametrize(
    ("said", "place"),
    [
        (HUB, Place(facility="Pune_Hadapsar_H", region="Maharashtra", country="IN")),
        ("Pune", Place(facility="Pune", country="IN")),
    ],
)
def test_a_centre_is_split_into_name_and_state(said, place):
    assert read(answer(status(), scan(ScannedLocation=said))).scans[0].place == place


def test_the_parcel_as_a_whole_is_told():
    whole = answer(status(RecievedBy="A Mango"), scan(), ExpectedDeliveryDate="2026-05-17T23:59:59", Quantity="2",
                   PromisedDeliveryDate="2026-05-16T23:59:59", ReferenceNo="SHOP-2201", Destination="Nagpur",
                   DispatchCount=1, ChargedWeight=500)  # fmt: skip
    (detail,) = read(whole).details
    assert detail.eta == Window(date(2026, 5, 17), date(2026, 5, 17))
    assert (detail.pieces_total, detail.references, detail.signed_by) == (2, ("SHOP-2201",), "A Mango")
    assert detail.destination == Place(city="Nagpur", country="IN")
    assert detail.extra == {"charged_weight": 500, "dispatches": 1}


def test_a_waybill_that_is_not_known_is_missing():
    reading = read({"Success": False, "Error": "No such parcel"})
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER, text="No such parcel")], None)


@pytest.mark.parametrize("body", [{}, {"Success": True}, {"ShipmentData": []}, []])
def test_a_body_without_a_shipment_and_a_reason_is_unreadable(body):
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_one_broken_parcel_of_a_batch_costs_itself_alone():
    whole = answer(status(), scan())
    whole["ShipmentData"].insert(0, {"Shipment": {"AWB": "20010020030051", "Status": {}}})
    reading = read(whole)
    assert isinstance(reading.trouble, Unreadable)
    assert [one.number for one in reading.scans] == [NUMBER]


def test_a_push_is_taken_with_the_agreed_header_only():
    def push(**headers):
        return Push("POST", headers, {}, b"{}", NOW)

    DELHIVERY.verify(push(**{"x-shop-token": "shared-word"}), SECRETS)
    for headers in ({}, {"x-shop-token": "other"}, {"authorization": "shared-word"}):
        with pytest.raises(Forged):
            DELHIVERY.verify(push(**headers), SECRETS)
    with pytest.raises(Forged):
        DELHIVERY.verify(push(**{"x-shop-token": "shared-word"}), {"push_token": "shared-word"})

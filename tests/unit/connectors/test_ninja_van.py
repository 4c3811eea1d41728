"""Ninja Van: pushes signed over their bytes, texts as codes, and a way back on which delivered means returned."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from gateway.reading import document
from gateway.reading import read as read_events
from normalizer.model import Detail, Missing, Place, Proof

NINJA = connector("ninja-van")
NUMBER = "NVMYSAMPLE0000042"
NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
SECRETS = {"client_id": "sample-id", "client_secret": "sample-client-secret", "country": "my"}


def news(event="Arrived at Transit Hub", status=None, **more):
    return {
        "tracking_id": NUMBER,
        "timestamp": "2026-06-09T02:31:07+0800",
        "event": event,
        "status": status or event.partition(",")[0],
        "is_parcel_on_rts_leg": False,
    } | more


def payload(body, source="push"):
    return Payload(carrier="ninja-van", body=orjson.dumps(body), source=source, received_at=NOW, numbers=(NUMBER,))


def read(body, source="push"):
    return NINJA.read(payload(body, source))


def told(body):
    (event,) = read_events(NINJA, payload(body)).events
    return f"{event.status}/{event.substatus}"


def signed(body, secret="sample-client-secret", **headers):
    signature = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return Push("POST", {"x-ninjavan-hmac-sha256": signature} | headers, {}, body, NOW)


async def polled(*responses, **client):
    seen, answers = [], list(responses)

    def handler(request):
        seen.append(request)
        return answers.pop(0)

    transport = httpx.MockTransport(handler)
    async with HttpClient(NINJA.facts, NINJA.auth(SECRETS), transport=transport, **client) as http:
        return await NINJA.poll(http, [NUMBER]), [str(request.url) for request in seen]


TOKEN = {"access_token": "t", "expires_in": 600}


async def test_token_and_question_go_to_the_accounts_country():
    _, urls = await polled(httpx.Response(200, json=TOKEN), httpx.Response(200, json={"data": []}))
    assert urls == [
        "https://api.ninjavan.co/my/2.0/oauth/access_token",
        f"https://api.ninjavan.co/my/1.0/orders/tracking-events/{NUMBER}",
    ]


async def test_the_sandbox_has_one_country_for_all():
    _, urls = await polled(httpx.Response(200, json=TOKEN), httpx.Response(200, json={"data": []}), mode="test")
    assert urls == [
        "https://api-sandbox.ninjavan.co/sg/2.0/oauth/access_token",
        f"https://api-sandbox.ninjavan.co/sg/1.0/orders/tracking-events/{NUMBER}",
    ]


async def test_a_number_that_is_not_known_is_not_found():
    with pytest.raises(NotFound):
        await polled(httpx.Response(200, json=TOKEN), httpx.Response(404))
    reading = read({"data": [{"tracking_number": NUMBER, "events": []}]}, "poll")
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER)], None)


def test_a_push_is_proved_over_its_raw_bytes():
    body = orjson.dumps(news())
    NINJA.verify(signed(body), SECRETS)
    for push in (signed(body, "another-secret"), Push("POST", {}, {}, body, NOW),
                 Push("POST", signed(body).headers, {}, body + b"\n", NOW)):  # fmt: skip
        with pytest.raises(Forged):
            NINJA.verify(push, SECRETS)
    with pytest.raises(Forged):
        NINJA.verify(signed(body, ""), {"client_secret": ""})


@pytest.mark.parametrize(
    ("event", "outbound", "back"),
    [
        ("Delivered, Received by Customer", "delivered/to_recipient", "returned/to_sender"),
        ("Completed", "delivered/other", "returned/to_sender"),
        ("On Vehicle for Delivery", "out_for_delivery/on_route", "returning/in_transit"),
        ("Arrived at Transit Hub", "in_transit/arrived", "returning/in_transit"),
    ],
)
def test_the_same_text_means_a_return_on_the_way_back(event, outbound, back):
    assert told(news(event)) == outbound
    assert told(news(event, is_parcel_on_rts_leg=True)) == back


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("Delivered, Left at Doorstep", "delivered/to_safe_place"),
        ("Delivered, Collected by Customer", "delivered/collected"),
        ("At PUDO, Pending Customer Collection", "available_for_pickup/at_shop"),
        ("Delivery Exception, Pending Reschedule", "attempt_failed/other"),
        ("Delivery Exception, Reattempt Scheduled", "in_transit/rescheduled"),
        ("Delivery Exception, Parcel Lost", "exception/lost"),
        ("Pickup Exception, Max Attempts Reached", "info_received/pickup_failed"),
        ("International Transit, Customs Held", "exception/customs_held"),
        ("International Transit, Something New", "in_transit/other"),
        ("Returned to Sender", "returned/to_sender"),
        ("Delivered, Thrown over the Fence", "unknown/unlisted_code"),
    ],
)
def test_the_text_decides(event, expected):
    assert told(news(event)) == expected


def test_both_spellings_of_picked_up_mean_the_same():
    for word in ("to", "To"):
        assert told(news(f"Picked Up, In Transit {word} Origin Hub")) == "in_transit/picked_up"


def test_a_measurement_never_moves_a_delivered_parcel():
    assert NINJA.codes.codes["Parcel Measurements Update"].moves == "informs"


def test_a_push_of_version_1_has_its_text_in_status():
    body = {"tracking_id": NUMBER, "timestamp": "2026-06-09T02:31:07+0800", "status": "Successful Delivery"}
    assert told(body) == "delivered/other"
    assert read(body).scans[0].codes == ("Successful Delivery",)


def test_a_push_without_any_text_is_unreadable():
    body = news()
    del body["event"], body["status"]
    assert isinstance(read(body).trouble, Unreadable)


def test_a_time_keeps_its_offset():
    (shipment,) = document(NINJA, payload(news()))["shipments"]
    event = shipment["events"][0]
    assert (event["at"], event["utc_offset"], event["time_basis"]) == ("2026-06-08T18:31:07Z", "+08:00", "offset")


def test_a_hub_is_told_with_its_country_where_that_is_two_letters():
    hub = {"country": "my", "city": "Shah Alam", "hub": "SHA-1"}
    assert read(news(arrived_at_transit_hub_information=hub)).scans[0].place == Place(
        facility="SHA-1", city="Shah Alam", country="MY"
    )
    assert read(news(arrived_at_transit_hub_information=hub | {"country": "Malaysia"})).scans[0].place.country is None


def test_proofs_and_signer_are_kept_and_the_recipients_telephone_is_not():
    proof = {"signature_uri": "https://p.example.com/s.png", "image_uris": ["https://p.example.com/1.jpg"],
             "signed_by": {"name": "Tan B", "contact": "+6500000001", "relationship": "self"}}  # fmt: skip
    reading = read(news("Delivered, Received by Customer", delivery_information={"state": "x", "proof": proof}))
    (scan,) = reading.scans
    assert scan.signed_by == "Tan B"
    assert scan.proofs == (
        Proof(kind="signature", reference="https://p.example.com/s.png"),
        Proof(kind="photo", reference="https://p.example.com/1.jpg"),
    )
    assert "+6500000001" not in repr(reading)


def test_the_reason_and_the_new_day_of_a_failed_attempt_are_kept_as_words():
    trouble = {"failure_reason": "Nobody opened", "rescheduled_date": "2026-06-10", "is_liable": True}
    (scan,) = read(news("Delivery Exception, Pending Reschedule", delivery_exception=trouble)).scans
    assert scan.text == "Delivery Exception, Pending Reschedule: Nobody opened"
    assert scan.extra == {"rescheduled_on": "2026-06-10", "carrier_liable": True}


def test_a_polled_event_with_a_broken_time_costs_itself_alone():
    listed = [{"tracking_number": NUMBER, "timestamp": at, "status": "Completed"}
              for at in ("2026-06-09", "soon", "2026-06-10T11:48:03+0800")]  # fmt: skip
    reading = read({"data": [{"tracking_number": NUMBER, "events": listed}]}, "poll")
    assert isinstance(reading.trouble, Unreadable)
    assert len(reading.scans) == 2


def test_the_merchants_reference_is_told():
    assert read(news(shipper_order_ref_no="ORCHID-77")).details == [Detail(number=NUMBER, references=("ORCHID-77",))]


def test_one_parcel_without_its_list_is_read_like_a_list_of_one():
    listed = [{"tracking_number": NUMBER, "timestamp": "2026-06-02T09:00:00+0800", "status": "Completed"}]
    reading = read({"data": {"tracking_number": NUMBER, "events": listed}}, "poll")
    assert reading.trouble is None
    assert [scan.codes for scan in reading.scans] == [("Completed",)]


def test_an_answer_without_data_is_no_news_of_a_number():
    reading = read({"error": "x"}, "poll")
    assert reading.trouble is not None
    assert (reading.scans, reading.missing) == ([], [])

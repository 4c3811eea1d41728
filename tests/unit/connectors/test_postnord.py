"""What PostNord's answers are read as: statuses beside unpublished codes, items as pieces, bare times."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable
from gateway.reading import document
from gateway.reading import read as normalised
from normalizer.model import Place, Proof, Status, Window

NOW = datetime(2026, 7, 10, tzinfo=UTC)
NORD = connector("postnord")


def payload(body, numbers=("S1",)):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(carrier="postnord", body=content, source="poll", received_at=NOW, numbers=numbers)


def read(body, numbers=("S1",)):
    return NORD.read(payload(body, numbers))


def event(status="EN_ROUTE", code="B2", at="2026-07-08T14:44:00", **location):
    place = {"countryCode": "SE", "locationId": "7", "locationType": "DEPOT"} | location
    told = {"status": status} if status else {}
    return {"eventCode": code, "eventTime": at, "eventDescription": "Words", "location": place} | told


def answer(*items, **more):
    return {"TrackingInformationResponse": {"shipments": [{"shipmentId": "S1", "items": list(items)} | more]}}


def item(*events, number="I1", **more):
    return {"itemId": number, "events": list(events)} | more


def meaning(scan):
    found = NORD.codes.look_up(scan.codes)[1]
    return (found.status, found.substatus, found.moves) if found else None


def test_an_event_rests_on_its_status_and_keeps_its_own_code_first():
    (scan,) = read(
        answer(item(event(name="Terminal", displayName="The terminal", city="Uppsala", postcode="75300")))
    ).scans
    assert (scan.number, scan.piece, scan.codes) == ("S1", None, ("B2", "EN_ROUTE"))
    assert scan.place == Place(
        facility="The terminal", facility_id="7", city="Uppsala", postal_code="75300", country="SE"
    )


@pytest.mark.parametrize(
    ("kind", "flag", "expected"),
    [
        ("SERVICE_POINT", False, (Status.AVAILABLE_FOR_PICKUP, "at_shop", "tells")),
        ("SERVICE_POINT", True, (Status.AVAILABLE_FOR_PICKUP, "at_locker", "tells")),
        ("DEPOT", False, (Status.IN_TRANSIT, "at_delivery_depot", "tells")),
        (None, False, (Status.IN_TRANSIT, "at_delivery_depot", "tells")),
    ],
)
def test_available_means_what_the_kind_of_place_means(kind, flag, expected):
    waiting = event("AVAILABLE_FOR_DELIVERY", locationType=kind)
    (scan,) = read(answer(item(waiting, isPlacedInRetailParcelBox=flag))).scans
    assert meaning(scan) == expected


def test_an_event_without_a_status_is_unknown():
    (scan,) = read(answer(item(event(None)))).scans
    assert (scan.codes, meaning(scan)) == (("B2",), None)


@pytest.mark.parametrize(
    ("country", "instant", "basis"),
    [("SE", 12, "place"), ("FI", 11, "place"), ("??", None, None)],
)
def test_a_bare_time_is_that_of_its_country_and_never_utc(country, instant, basis):
    (one,) = normalised(NORD, payload(answer(item(event(countryCode=country))))).events
    assert (one.at.hour if one.at else None, one.time_basis) == (instant, basis)


def test_a_time_with_an_offset_stands_for_itself():
    (scan,) = read(answer(item(event(at="2026-07-08T14:44:00+02:00")))).scans
    assert scan.at == datetime(2026, 7, 8, 14, 44, tzinfo=timezone(timedelta(hours=2)))


def test_items_of_a_shipment_are_its_pieces():
    reading = read(answer(item(event()), item(event(), number="I2"), assessedNumberOfItems=2))
    assert [scan.piece for scan in reading.scans] == ["I1", "I2"]
    assert (reading.details[0].pieces, reading.details[0].pieces_total) == (("I1", "I2"), 2)


def test_asked_by_an_items_id_its_siblings_are_left_out():
    reading = read(answer(item(event("DELIVERED")), item(event(), number="I2")), numbers=("I2",))
    assert [(scan.number, scan.piece, scan.codes[1]) for scan in reading.scans] == [("I2", None, "EN_ROUTE")]
    assert reading.details[0].references == ("S1",)


def test_a_delivery_after_the_way_back_began_is_a_return():
    told = answer(item(event("RETURNED", at="2026-07-03T18:00:00"), event("DELIVERED")))
    (shipment,) = document(NORD, payload(told))["shipments"]
    assert (shipment["status"], shipment["substatus"]) == ("returned", "to_sender")


def test_the_whole_shipment_is_told():
    point = {
        "locationId": "200",
        "locationType": "SERVICE_POINT",
        "name": "Livs Exempel",
        "address": {"street1": "Provgatan 7", "city": "Uppsala", "postCode": "75301", "countryCode": "SE"},
        "openingHours": [
            {"openFrom": "09", "openTo": "20", "monday": True, "friday": True},
            {"openFrom": "10", "openTo": "13", "openFrom2": "14", "openTo2": "17"},
        ],
    }
    whole = answer(
        item(
            event(),
            acceptor={"name": "Ek", "signatureReference": "SIG-1"},
            deliveryImageAvailable=True,
            stoppedInCustoms=True,
            statedMeasurement={"weight": {"value": "9", "unit": "kg"}},
            assessedMeasurement={
                "weight": {"value": "2.35", "unit": "kg"},
                "length": {"value": "30", "unit": "cm"},
                "width": {"value": "2", "unit": "dm"},
                "height": {"value": "95", "unit": "mm"},
            },
        ),
        service={"code": "X1", "name": "A service", "sourceSystem": "E"},
        publicTimeOfArrival="2026-07-10T18:00:00+02:00",
        deliveryPoint=point,
        consignee={"name": "A. Person", "address": {"street1": "Home 1", "city": "Umeå", "countryCode": "SE"}},
        cashOnDelivery={"value": "249.00", "currency": "SEK"},
        shipmentReferences=[{"type": "CU", "value": "ORDER-1"}],
    )
    reading = read(whole)
    (detail,) = reading.details
    at = datetime(2026, 7, 10, 18, tzinfo=timezone(timedelta(hours=2)))
    assert (detail.weight_grams, detail.dimensions_mm) == (2350, (300, 200, 95))
    assert (detail.eta, detail.service, detail.service_code) == (Window(at, at), "A service", "X1")
    assert (detail.signed_by, detail.proofs) == (
        "Ek",
        (Proof(kind="signature", reference="SIG-1"), Proof(kind="photo")),
    )
    assert detail.pickup_point == Place(
        facility="Livs Exempel",
        facility_id="200",
        street="Provgatan 7",
        city="Uppsala",
        postal_code="75301",
        country="SE",
    )
    assert detail.pickup_hours == "Mon, Fri 09-20; 10-13 and 14-17"
    assert detail.destination == Place(city="Umeå", country="SE")
    assert detail.references == ("I1", "ORDER-1")
    assert detail.extra == {"cash_on_delivery": "249.00 SEK", "stopped_in_customs": True}
    assert "Person" not in repr(reading)
    assert "Home 1" not in repr(reading)


def test_a_booked_frame_comes_before_a_promise():
    booked = {"bookedDeliveryDateFrom": "2026-07-10T17:00:00", "bookedDeliveryDateTo": "2026-07-10T19:00:00"}
    promise = {"publicTimeOfArrival": "2026-07-10T12:00:00"}
    (detail,) = read(answer(item(event(), **booked, **promise))).details
    assert detail.eta == Window(datetime(2026, 7, 10, 17), datetime(2026, 7, 10, 19))  # noqa: DTZ001 - as they come


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ({"shipments": []}, ""),
        ({"compositeFault": {"faults": [{"faultCode": "1", "explanationText": "Nothing here"}]}}, "Nothing here"),
    ],
)
def test_not_found_inside_a_200_is_a_missing_number(inside, text):
    (missing,) = read({"TrackingInformationResponse": inside}).missing
    assert (missing.number, missing.text) == ("S1", text)


@pytest.mark.parametrize(
    "inside", [b"{}", b"[]", b"null", b'{"TrackingInformationResponse":{}}', b'{"TrackingInformationResponse":7}']
)
def test_a_body_of_another_shape_is_unreadable_and_never_empty(inside):
    reading = read(inside)
    assert (reading.scans, reading.details, reading.missing) == ([], [], [])
    assert reading.trouble is not None


@pytest.mark.parametrize("value", ["1e999999999", "heavy", "nan"])
def test_a_weight_that_is_none_costs_time_nobody(value):
    heavy = answer(item(event(), assessedMeasurement={"weight": {"value": value, "unit": "kg"}}))
    reading = read(heavy)
    assert len(reading.scans) == 1
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    return HttpClient(NORD.facts, NORD.auth({"api_key": "k"}), mode="test", transport=httpx.MockTransport(carrier))


async def test_a_poll_asks_the_public_view_in_english():
    asked = []
    async with client(httpx.Response(200, json={}), asked) as http:
        await NORD.poll(http, ["S/1"])
    (request,) = asked
    assert (request.url.host, request.url.raw_path.decode().partition("?")[0], dict(request.url.params)) == (
        "atapi2.postnord.com",
        "/rest/shipment/v7/trackandtrace/id/S%2F1/public",
        {"locale": "en", "apikey": "k"},
    )


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (httpx.Response(200, content=b"\n<html>"), Unavailable),
        (httpx.Response(400, json={"message": "x"}), NotFound),
        (httpx.Response(403, json={"message": "x"}), Rejected),
        (httpx.Response(429), Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(refusal, expected):
    async with client(refusal, []) as http:
        with pytest.raises(expected):
            await NORD.poll(http, ["S1"])

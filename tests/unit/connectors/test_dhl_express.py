"""What MyDHL's answers are read as."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
EXPRESS = connector("dhl-express")
NUMBER = "4550011211"


def event(code="PL", clock="03:15:00", area=("LEJ", "LEIPZIG-DE"), **more):
    place = [{"code": area[0], "description": area[1]}]
    return {"date": "2026-03-04", "time": clock, "typeCode": code, "description": "Words", "serviceArea": place} | more


def read(*events, numbers=(NUMBER,), **more):
    body = orjson.dumps({"shipments": [{"shipmentTrackingNumber": NUMBER, "events": events, **more}]})
    return EXPRESS.read(Payload(carrier="dhl-express", body=body, source="poll", received_at=NOW, numbers=numbers))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("WC", Meaning(Status.OUT_FOR_DELIVERY, "on_route")),
        ("OK", Meaning(Status.DELIVERED, "other")),
        ("DD", Meaning(Status.DELIVERED, "other")),
        ("PD", Meaning(Status.EXCEPTION, "other")),
        ("NH", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        ("CA", Meaning(Status.ATTEMPT_FAILED, "business_closed")),
        ("CC", Meaning(Status.AVAILABLE_FOR_PICKUP, "other")),
        ("RT", Meaning(Status.RETURNING, "to_sender")),
        ("UD", Meaning(Status.EXCEPTION, "customs_held")),
        ("FD", Meaning(Status.IN_TRANSIT, "other")),
        ("RR", Meaning(Status.IN_TRANSIT, "other", "informs")),
        ("XQ", None),
    ],
)
def test_a_checkpoint_means_what_its_row_says(code, expected):
    assert EXPRESS.codes.look_up(read(event(code)).scans[0].codes)[1] == expected


def test_a_local_clock_takes_the_offset_beside_it_and_stays_bare_without():
    with_it, without = read(event(GMTOffset="+09:00"), event()).scans
    assert with_it.at == datetime(2026, 3, 4, 3, 15, tzinfo=timezone(timedelta(hours=9)))
    assert without.at == datetime(2026, 3, 4, 3, 15)  # noqa: DTZ001 - the clock on the wall


@pytest.mark.parametrize("clocks", [("01:00:00", "02:00:00", "02:00:00"), ("02:00:00", "02:00:00", "01:00:00")])
def test_the_later_checkpoint_has_the_greater_order_whichever_end_is_the_newest(clocks):
    scans = read(*(event(clock=clock) for clock in clocks)).scans
    assert [scan.order for scan in scans] == ([0, 1, 2] if clocks[0] < clocks[-1] else [2, 1, 0])


@pytest.mark.parametrize(
    ("area", "expected"),
    [
        (("LEJ", "LEIPZIG-DE"), Place(facility_id="LEJ", city="LEIPZIG", country="DE")),
        (("BDN", "BADEN-BADEN-DE"), Place(facility_id="BDN", city="BADEN-BADEN", country="DE")),
        (("OPO", "Porto"), Place(facility_id="OPO", city="Porto", country="PT")),
        (("XYZ", "Porto"), Place(facility_id="XYZ", city="Porto")),
        (("XYZ", "A TOWN-A REPUBLIC"), Place(facility_id="XYZ", facility="A TOWN-A REPUBLIC")),
    ],
)
def test_a_service_area_is_read_as_far_as_it_can_be_told(area, expected):
    receiver = {"postalAddress": {"countryCode": "PT"}, "serviceArea": [{"code": "OPO"}]}
    assert read(event(area=area), receiverDetails=receiver).scans[0].place == expected


def test_of_several_pieces_each_has_its_own_checkpoints_and_what_none_repeats_is_of_all():
    pieces = [
        {"number": 1, "trackingNumber": "JD1", "events": [event("OK", "05:00:00")]},
        {"number": 2, "events": [event("PL", "03:15:00")]},
    ]
    reading = read(event("PU", "01:00:00"), event("PL", "03:15:00"), event("OK", "05:00:00"), pieces=pieces)
    assert [(scan.piece, scan.codes[0]) for scan in reading.scans] == [("JD1", "OK"), ("2", "PL"), (None, "PU")]
    assert reading.details[0].pieces == ("JD1", "2")


def test_a_single_piece_adds_nothing_but_its_sides():
    piece = {"number": 1, "events": [event()], "dimensions": {"length": 1, "width": 2, "height": 3.5}}
    reading = read(event(), pieces=[piece], unitOfMeasurements="imperial", totalWeight=2)
    assert [scan.piece for scan in reading.scans] == [None]
    assert (reading.details[0].weight_grams, reading.details[0].dimensions_mm) == (907, (25, 51, 89))
    assert read(event(), pieces=[piece], unitOfMeasurements="stones", totalWeight=2).details[0].weight_grams is None


def test_a_single_piece_speaks_for_a_shipment_without_checkpoints():
    piece = {"number": 1, "trackingNumber": "JD1", "events": [event("WC")]}
    assert [(scan.number, scan.piece, scan.codes) for scan in read(pieces=[piece]).scans] == [(NUMBER, None, ("WC",))]


def test_a_piece_asked_by_its_number_keeps_it_and_names_the_waybill():
    reading = read(event(), numbers=("JD0146000045",))
    assert (reading.scans[0].number, reading.details[0].number) == ("JD0146000045", "JD0146000045")
    assert reading.details[0].references == (NUMBER,)


def test_a_piece_asked_by_its_number_tells_its_own_checkpoints_where_it_has_any():
    pieces = [
        {"number": 1, "trackingNumber": "JD0146000045", "events": [event("OK")]},
        {"number": 2, "trackingNumber": "JD0146000046", "events": [event("NH")]},
    ]
    reading = read(event("PD"), numbers=("JD0146000045",), pieces=pieces)
    assert [(scan.piece, scan.codes) for scan in reading.scans] == [(None, ("OK",))]


@pytest.mark.parametrize(
    ("code", "said", "expected"),
    [
        ("WC", {"estimatedDeliveryDate": "2026-03-04"}, Window(date(2026, 3, 4), date(2026, 3, 4))),
        ("WC", {"estimatedTimeOfDelivery": "2026-03-04T18:00:00"}, Window(None, datetime(2026, 3, 4, 18))),  # noqa: DTZ001 - the destination's clock
        ("OK", {"estimatedDeliveryDate": "2026-03-04"}, None),
        ("DD", {"estimatedDeliveryDate": "2026-03-04"}, None),
    ],
)
def test_a_promise_holds_until_the_delivery(code, said, expected):
    assert read(event(code), **said).details[0].eta == expected


def test_contents_and_names_are_not_taken_over():
    person = {"name": "P. RIVATE", "postalAddress": {"cityName": "Porto", "countryCode": "PT"}}
    reading = read(event(), description="SECRET GOODS", receiverDetails=person)
    assert "RIVATE" not in str(reading)
    assert "SECRET" not in str(reading)


def test_an_empty_list_is_a_missing_number():
    body = b'{"shipments": []}'
    payload = Payload(carrier="dhl-express", body=body, source="poll", received_at=NOW, numbers=(NUMBER,))
    reading = EXPRESS.read(payload)
    assert [one.number for one in reading.missing] == [NUMBER]
    assert reading.trouble is None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    auth = EXPRESS.auth({"username": "user", "password": "word"})
    return HttpClient(EXPRESS.facts, auth, transport=httpx.MockTransport(carrier))


async def test_a_firewalls_page_is_no_answer():
    async with client(httpx.Response(200, html="<!DOCTYPE html>"), []) as http:
        with pytest.raises(Unavailable):
            await EXPRESS.poll(http, [NUMBER])


@pytest.mark.parametrize(("reference", "content"), [(None, "epod-summary"), ("epod-detail", "epod-detail")])
async def test_a_proof_is_what_its_bytes_are(reference, content):
    asked, text = [], base64.b64encode(b"%PDF-1.4 x").decode()
    async with client(httpx.Response(200, json={"documents": [{"content": text}]}), asked) as http:
        proof = await EXPRESS.prove(http, NUMBER, reference)
    assert (proof.body, proof.media_type) == (b"%PDF-1.4 x", "application/pdf")
    assert asked[0].url.params["content"] == content


@pytest.mark.parametrize(
    ("said", "expected"),
    [({"documents": []}, NotFound), ({"documents": [{"content": "?"}]}, Unreadable), ({"documents": 7}, Unreadable)],
)
async def test_a_proof_that_is_not_there_is_not_found_and_a_damaged_one_unreadable(said, expected):
    async with client(httpx.Response(200, json=said), []) as http:
        with pytest.raises(expected):
            await EXPRESS.prove(http, NUMBER, None)

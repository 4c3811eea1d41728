"""What PostNL's answers are read as: one history told twice, local times, empty values in two spellings."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from gateway.reading import read as normalised
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 7, 10, tzinfo=UTC)
NL = connector("postnl")


def payload(body, numbers=("3S1",)):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(carrier="postnl", body=content, source="poll", received_at=NOW, numbers=numbers)


def read(body, numbers=("3S1",)):
    return NL.read(payload(body, numbers))


def status(code, at="08-07-2026 14:06:11", phase="4"):
    return {"TimeStamp": at, "StatusCode": code, "StatusDescription": f"Status {code}", "PhaseCode": phase}


def event(code, at="08-07-2026 14:06:11", **more):
    return {"TimeStamp": at, "Code": code, "Description": f"Event {code}"} | more


def parcel(now, *, events=(), old=(), **more):
    whole = {"MainBarcode": "3S1", "Barcode": "3S1", "Status": now, "Event": list(events), "OldStatus": list(old)}
    return whole | more


def answer(*parcels):
    return {"CompleteStatus": {"Shipment": list(parcels) if len(parcels) > 1 else parcels[0]}}


def meaning(scan):
    found = NL.codes.look_up(scan.codes)[1]
    return (found.status, found.substatus) if found else None


def test_an_event_and_a_status_of_the_same_second_are_one_scan():
    now = status("11")
    (scan,) = read(answer(parcel(now, events=[event("01B", LocationCode="100201")], old=[now]))).scans
    assert scan.codes == ("event/01B", "status/11", "phase/4")
    assert (scan.text, scan.place) == ("Event 01B", Place(facility_id="100201"))
    assert meaning(scan) == (Status.DELIVERED, "other")


def test_the_event_decides_where_it_has_a_row():
    (scan,) = read(answer(parcel(status("11"), events=[event("J05")]))).scans
    assert meaning(scan) == (Status.OUT_FOR_DELIVERY, "on_route")


def test_a_status_without_an_event_is_a_scan_of_its_own():
    old = [status("5", at="08-07-2026 04:15:40", phase="2"), status("2", at="07-07-2026 22:00:00", phase="1")]
    scans = read(answer(parcel(status("11"), old=old))).scans
    assert [scan.codes[0] for scan in scans] == ["status/11", "status/5", "status/2"]


def test_a_status_that_tells_nothing_is_left_out():
    old = [status("99", at="08-07-2026 14:06:12", phase="99"), status("11")]
    assert [scan.codes[0] for scan in read(answer(parcel(status("11"), old=old))).scans] == ["status/11"]


def test_a_status_without_a_row_falls_back_to_its_phase_but_never_to_the_first_or_the_last():
    (third,) = read(answer(parcel(status("57", phase="3")))).scans
    (first,) = read(answer(parcel(status("57", phase="1")))).scans
    (fourth,) = read(answer(parcel(status("57", phase="4")))).scans
    assert meaning(third) == (Status.IN_TRANSIT, "other")
    assert meaning(first) is None
    assert meaning(fourth) is None


def test_a_parcel_that_waits_at_a_pickup_point_is_not_delivered_though_its_phase_says_so():
    (waiting,) = read(answer(parcel(status("12", phase="4")))).scans
    assert meaning(waiting) == (Status.AVAILABLE_FOR_PICKUP, "other")


@pytest.mark.parametrize(
    ("code", "under", "expected"),
    [
        ("J23", "11", (Status.AVAILABLE_FOR_PICKUP, "at_locker")),
        ("K91", "11", (Status.EXCEPTION, "held")),
        ("I07", "11", (Status.RETURNING, "to_sender")),
        ("H01", "8", (Status.RETURNING, "to_sender")),
        ("Y10", "8", (Status.ATTEMPT_FAILED, "recipient_absent")),
        ("J45", "7", (Status.IN_TRANSIT, "departed")),
        ("X67", "20", (Status.EXCEPTION, "duties_unpaid")),
    ],
)
def test_an_event_says_more_exactly_what_its_status_lumps_together(code, under, expected):
    (scan,) = read(answer(parcel(status(under), events=[event(code)]))).scans
    assert meaning(scan) == expected


def test_the_same_number_is_another_code_as_status_and_as_phase():
    assert NL.codes.codes["status/2"].substatus == "accepted"
    assert NL.codes.codes["phase/2"].substatus == "other"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("08-07-2026 14:06:11", datetime(2026, 7, 8, 12, 6, 11, tzinfo=UTC)),
        ("08-01-2026 14:06:11.943", datetime(2026, 1, 8, 13, 6, 11, 943000, tzinfo=UTC)),
        ("2026-07-08T14:06:11", datetime(2026, 7, 8, 12, 6, 11, tzinfo=UTC)),
    ],
)
def test_a_bare_time_is_dutch_in_summer_and_winter(text, instant):
    (one,) = normalised(NL, payload(answer(parcel(status("11", at=text))))).events
    assert (one.at, one.time_basis) == (instant, "carrier")


@pytest.mark.parametrize("text", ["31-02-2026 10:00:00", "2026-07-08 99:00:00", "soon", ""])
def test_a_time_that_is_none_is_unreadable(text):
    reading = read(answer(parcel(status("11", at=text))))
    assert reading.scans == []
    assert reading.trouble is not None


def test_several_parcels_are_pieces_of_the_asked_number():
    second = parcel(status("5", phase="2"), Barcode="3S2", ShipmentAmount="2")
    reading = read(answer(parcel(status("11"), ShipmentAmount="2"), second))
    assert [(scan.number, scan.piece) for scan in reading.scans] == [("3S1", "3S1"), ("3S1", "3S2")]
    assert {detail.pieces_total for detail in reading.details} == {2}


def test_the_feed_of_changed_shipments_reads_as_one_scan_a_parcel():
    changed = {
        "Barcode": "3S7",
        "CustomerNumber": "1",
        "Status": {"Timestamp": "2026-07-08T14:06:11", "StatusCode": "22", "PhaseCode": "4"},
    }
    reading = read([changed, {**changed, "Barcode": "3S8"}], numbers=())
    assert [(scan.number, meaning(scan)) for scan in reading.scans] == [
        ("3S7", (Status.DELIVERED, "collected")),
        ("3S8", (Status.DELIVERED, "collected")),
    ]
    assert reading.trouble is None


def test_the_whole_parcel_is_told_and_no_person():
    whole = parcel(
        status("11"),
        ProductCode="009001",
        ProductDescription="Parcel &lt;= 10 kg",
        Reference="ORDER-1",
        Dimension={"Height": "100", "Length": "300", "Width": "200", "Volume": "6000", "Weight": "750"},
        Expectation={"ETAFrom": "2026-07-08T13:00:00", "ETATo": {}},
        Address=[
            {"AddressType": "02", "City": "Zwolle"},
            {"AddressType": "01", "City": "Leiden", "Zipcode": "2311AA", "CountryCode": "NL", "LastName": "Iemand"},
        ],
        Amount={"VerzekerdBedrag": "EUR250.00"},
    )
    reading = read(answer(whole))
    (detail,) = reading.details
    assert (detail.service, detail.service_code) == ("Parcel <= 10 kg", "009001")
    assert (detail.weight_grams, detail.dimensions_mm) == (750, (300, 200, 100))
    assert detail.eta == Window(datetime(2026, 7, 8, 13), None)  # noqa: DTZ001 - as it comes
    assert detail.references == ("ORDER-1",)
    assert detail.destination == Place(city="Leiden", postal_code="2311AA", country="NL")
    assert detail.extra == {"insured_amount": "EUR250.00"}
    assert "Iemand" not in repr(reading)


@pytest.mark.parametrize("empty", [{}, "{}", "", None])
def test_an_empty_value_says_nothing_in_any_spelling(empty):
    (detail,) = read(answer(parcel(status("11"), Reference=empty, DeliveryDate=empty))).details
    assert (detail.references, detail.eta) == (None, None)


def test_a_day_of_delivery_is_a_promise_of_that_day():
    (detail,) = read(answer(parcel(status("7"), DeliveryDate="2026-07-09"))).details
    assert detail.eta == Window(date(2026, 7, 9), date(2026, 7, 9))


@pytest.mark.parametrize("name", ["CompleteStatus", "CurrentStatus"])
@pytest.mark.parametrize("warnings", [{"Message": "Nothing", "Code": "2"}, [{"Message": "Nothing", "Code": "2"}]])
def test_not_found_inside_a_200_is_a_missing_number(name, warnings):
    (missing,) = read({name: {}, "Warnings": warnings}).missing
    assert (missing.number, missing.text) == ("3S1", "Nothing")


@pytest.mark.parametrize(
    "body",
    [b"{}", b"null", b'{"CompleteStatus":{}}', b'{"CompleteStatus":{},"Warnings":[{"Code":"7"}]}', b"[1]", b'"x"'],
)
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = read(body)
    assert (reading.scans, reading.details, reading.missing) == ([], [], [])
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    return HttpClient(NL.facts, NL.auth({"api_key": "k"}), transport=httpx.MockTransport(carrier))


async def test_a_poll_asks_for_the_whole_history_in_english():
    asked = []
    async with client(httpx.Response(200, json={}), asked) as http:
        await NL.poll(http, ["3S/1"])
    (request,) = asked
    assert str(request.url) == "https://api.postnl.nl/shipment/v2/status/barcode/3S%2F1?detail=true&language=EN"
    assert request.headers["apikey"] == "k"


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (httpx.Response(200, content=b"<html>"), Unavailable),
        (httpx.Response(400, json={"fault": {"faultstring": "x"}}), NotFound),
        (httpx.Response(401, json={"message": "x", "http_status_code": 401}), Rejected),
        (httpx.Response(429, json={"message": "x", "http_status_code": 429}), Unavailable),
        (httpx.Response(500, json={"fault": {"faultstring": "x"}}), Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(refusal, expected):
    async with client(refusal, []) as http:
        with pytest.raises(expected):
            await NL.poll(http, ["3S1"])


GIF = b"GIF87a\x01\x00"


async def test_a_signature_is_fetched_and_its_kind_told_by_its_bytes():
    asked = []
    image = base64.b64encode(GIF).decode()
    async with client(httpx.Response(200, json={"Signature": {"SignatureImage": image}}), asked) as http:
        proof = await NL.prove(http, "3S1", None)
    assert (proof.body, proof.media_type) == (GIF, "image/gif")
    assert str(asked[0].url) == "https://api.postnl.nl/shipment/v2/status/signature/3S1"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"Signature":{}}', NotFound),
        (b'{"Signature":{"SignatureImage":"no base64!"}}', Unreadable),
        (b'{"Signature":{"SignatureImage":"AAAA"}}', Unreadable),
        (b'{"Signature":[]}', NotFound),
        (b"<html>", Unreadable),
        (b"[]", NotFound),
    ],
)
async def test_what_is_no_image_is_never_handed_out(body, expected):
    async with client(httpx.Response(200, content=body), []) as http:
        with pytest.raises(expected):
            await NL.prove(http, "3S1", None)

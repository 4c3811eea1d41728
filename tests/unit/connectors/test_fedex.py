"""What FedEx's answers and pushes are read as."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unavailable, Unreadable
from gateway.reading import document
from normalizer.codes import Meaning
from normalizer.model import Place, Proof, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
FEDEX = connector("fedex")
NUMBER = "772033100014"


def event(kind="AR", day="2026-03-08T09:00:00-06:00", **more):
    return {"eventType": kind, "date": day, "eventDescription": "Words", **more}


def result(*events, number=NUMBER, **more):
    return {"trackingNumberInfo": {"trackingNumber": number}, "scanEvents": list(events), **more}


def answer(*results, number=NUMBER):
    return {"output": {"completeTrackResults": [{"trackingNumber": number, "trackResults": list(results)}]}}


def read(body, source="poll"):
    return FEDEX.read(Payload(carrier="fedex", body=orjson.dumps(body), source=source, received_at=NOW))


def meaning(*events):
    (scan,) = read(answer(result(*events))).scans
    return FEDEX.codes.look_up(scan.codes)[1]


@pytest.mark.parametrize(
    ("scan", "expected"),
    [
        (event("OD"), Meaning(Status.OUT_FOR_DELIVERY, "on_route")),
        (event("DL"), Meaning(Status.DELIVERED, "other")),
        (event("DL", exceptionCode="014"), Meaning(Status.DELIVERED, "to_safe_place")),
        (event("DE"), Meaning(Status.EXCEPTION, "other")),
        (event("DE", exceptionCode="007"), Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        (event("DE", exceptionCode="03"), Meaning(Status.EXCEPTION, "wrong_address")),
        (event("SE", delayDetail={"type": "WEATHER", "status": "DELAYED"}), Meaning(Status.EXCEPTION, "weather")),
        (event("SE", delayDetail={"type": "LOCAL", "status": "DELAYED"}), Meaning(Status.EXCEPTION, "other")),
        (event("DY", delayDetail={"status": "EARLY"}), Meaning(Status.IN_TRANSIT, "rescheduled", "informs")),
        (event("PU", delayDetail={"type": "WEATHER", "status": "DELAYED"}), Meaning(Status.IN_TRANSIT, "picked_up")),
        (event("HP"), Meaning(Status.AVAILABLE_FOR_PICKUP, "other")),
        (event("RS"), Meaning(Status.RETURNING, "to_sender")),
        (event("RT"), Meaning(Status.RETURNING, "requested")),
        (event("CD"), Meaning(Status.EXCEPTION, "customs_held")),
        (event("CA", eventDescription="Shipment voided"), Meaning(Status.CANCELLED, "other")),
        (event("CA", eventDescription="Carrier"), Meaning(Status.IN_TRANSIT, "other")),
    ],
)
def test_a_scan_means_what_its_reason_says_and_else_what_its_type_says(scan, expected):
    assert meaning(scan) == expected


def test_a_type_without_a_row_falls_back_to_the_derived_status_and_else_stays_unknown():
    assert meaning(event("QQ", derivedStatusCode="IT")) == Meaning(Status.IN_TRANSIT, "other")
    assert meaning(event("QQ", derivedStatusCode="QQ")) is None


def test_a_scan_without_a_type_has_its_derived_status_and_without_both_no_meaning():
    assert meaning(event("", derivedStatusCode="IT")) == Meaning(Status.IN_TRANSIT, "other")
    assert meaning(event("")) is None


def test_an_empty_latest_status_is_no_scan():
    reading = read(answer(result(latestStatusDetail={"description": "Words"})))
    assert (reading.scans, reading.trouble) == ([], None)


def test_scans_keep_their_offset_and_the_upper_of_two_is_the_later():
    first, second = read(answer(result(event("AF", "2026-03-08T09:00:00-06:00"), event("AR")))).scans
    assert first.at == datetime(2026, 3, 8, 9, tzinfo=timezone(-timedelta(hours=6)))
    assert (first.order, second.order) == (1, 0)


def test_of_a_number_used_twice_the_latest_use_counts():
    old, new = result(event("DL", "2024-01-01T09:00:00Z")), result(event("PU"))
    for results in ((old, new), (new, old)):
        reading = read(answer(*results))
        assert [scan.codes for scan in reading.scans] == [("PU",)]
        assert reading.details[0].extra == {"other_uses": 1}


def test_an_unknown_number_is_missing_and_spoils_no_other():
    unknown = {"trackingNumberInfo": {"trackingNumber": "1"}, "error": {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND"}}
    body = answer(result(event()))
    body["output"]["completeTrackResults"].insert(0, {"trackingNumber": "1", "trackResults": [unknown]})
    reading = read(body)
    assert [one.number for one in reading.missing] == ["1"]
    assert [scan.number for scan in reading.scans] == [NUMBER]
    assert reading.trouble is None


def test_another_error_of_a_number_is_unreadable_by_its_code_and_spoils_no_other():
    body = answer({"trackingNumberInfo": {"trackingNumber": "1"}, "error": {"code": "SYSTEM.UNEXPECTED.ERROR"}})
    body["output"]["completeTrackResults"].append({"trackingNumber": NUMBER, "trackResults": [result(event())]})
    reading = read(body)
    assert str(reading.trouble) == "the carrier answers a number with SYSTEM.UNEXPECTED.ERROR"
    assert len(reading.scans) == 1


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"dateAndTimes": [{"type": "COMMITMENT", "dateTime": "2026-03-09"}]}, (date(2026, 3, 9), date(2026, 3, 9))),
        (
            {"dateAndTimes": [{"type": "ESTIMATED_DELIVERY", "dateTime": "2026-03-09T20:00:00-06:00"}]},
            (None, datetime(2026, 3, 9, 20, tzinfo=timezone(-timedelta(hours=6)))),
        ),
        (
            {
                "dateAndTimes": [{"type": "COMMITMENT", "dateTime": "2026-03-10T00:00:00"}],
                "estimatedDeliveryTimeWindow": {"window": {"begins": "2026-03-09T08:00:00", "ends": "2026-03-09"}},
            },
            (datetime(2026, 3, 9, 8), date(2026, 3, 9)),  # noqa: DTZ001 - the clock at the destination
        ),
    ],
)
def test_the_window_is_the_promise_before_any_date_and_midnight_is_a_day(said, expected):
    (detail,) = read(answer(result(event(), **said))).details
    assert detail.eta == Window(*expected)


def test_a_delivered_parcel_promises_nothing_more():
    times = [{"type": "ACTUAL_DELIVERY", "dateTime": "2026-03-09"}, {"type": "COMMITMENT", "dateTime": "2026-03-09"}]
    assert read(answer(result(event("DL"), dateAndTimes=times))).details[0].eta is None


def test_weights_and_sides_are_grams_and_millimetres_whatever_the_unit():
    def measured(weight, sides):
        package = {"weightAndDimensions": {"weight": weight, "dimensions": sides}}
        (detail,) = read(answer(result(event(), packageDetails=package))).details
        return detail.weight_grams, detail.dimensions_mm

    pounds, kilos = {"unit": "LB", "value": "2.0"}, {"unit": "KG", "value": "0.9"}
    inches = {"length": 10, "width": 4, "height": 2, "units": "IN"}
    assert measured([pounds], [inches]) == (907, (254, 102, 51))
    assert measured([pounds, kilos], [{**inches, "units": "CM"}]) == (900, (100, 40, 20))
    assert measured([{"unit": "", "value": ""}], [{**inches, "length": 0}]) == (None, None)


def test_the_other_numbers_of_a_parcel_are_told_apart():
    kinds = {
        "SHIPPER_REFERENCE": "SO-1",
        "RETURNED_TO_SHIPPER_TRACKING_NUMBER": "900",
        "PARTNER_CARRIER_NUMBER": "901",
        "STANDARD_MPS": "902",
    }
    identifiers = [{"type": kind, "value": [value]} for kind, value in kinds.items()]
    identifiers.append({"type": "INVOICE", "value": "I-1"})
    (detail,) = read(
        answer(result(event(), number="903", additionalTrackingInfo={"packageIdentifiers": identifiers}))
    ).details
    assert detail.number == NUMBER
    assert detail.references == ("903", "SO-1", "I-1")
    assert (detail.returns_as, detail.continues_as) == ("900", (None, "901"))
    assert detail.extra == {"master_number": "902"}


def test_the_proof_of_delivery_is_named_and_a_bill_of_lading_is_none():
    images = [{"type": "BILL_OF_LADING"}, {"type": "SIGNATURE_PROOF_OF_DELIVERY"}]
    (detail,) = read(answer(result(event("DL"), availableImages=images))).details
    assert detail.proofs == (Proof(kind="signature", reference="SIGNATURE_PROOF_OF_DELIVERY"),)
    assert read(answer(result(event("DL"), availableImages=images[:1]))).details[0].proofs is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"receivedByName": "A.EXAMPLE", "signedByName": "B"}, "A.EXAMPLE"),
        ({"receivedByName": "Signature not required", "signedByName": "B.EXAMPLE"}, "B.EXAMPLE"),
        ({"receivedByName": "Signature not required"}, None),
    ],
)
def test_a_remark_in_the_place_of_a_name_signed_nothing(said, expected):
    assert read(answer(result(event("DL"), deliveryDetails=said))).details[0].signed_by == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"authorizationName": "", "reasonDetail": [{"description": "", "type": ""}]}, None),
        ({"reasonDetail": [{"description": "", "type": "REJECTED"}]}, True),
    ],
)
def test_a_blank_return_detail_makes_no_return(said, expected):
    assert read(answer(result(event("OD"), returnDetail=said))).details[0].returning is expected


def test_an_unknown_number_is_missing_even_beside_a_blank_status():
    error = {"code": "TRACKING.TRACKINGNUMBER.NOTFOUND", "message": "Words"}
    said = read(answer(result(error=error, latestStatusDetail={"code": "", "derivedCode": ""})))
    assert [one.number for one in said.missing] == [NUMBER]
    assert said.details == []


def test_one_delivered_package_of_three_is_not_told_as_three():
    body = answer(result(event("DL"), packageDetails={"count": "3", "sequenceNumber": "2"}))
    said = document(FEDEX, Payload(carrier="fedex", body=orjson.dumps(body), source="poll", received_at=NOW))
    (told,) = said["shipments"]
    assert (told["pieces_total"], told["pieces_delivered"], told["extra"]["shipment_pieces"]) == (1, 1, 3)


def test_a_recipients_street_is_not_taken_over():
    home = {"streetLines": ["1 Private Road"], "city": "Boise", "countryCode": "us"}
    said = {"destinationLocation": {"locationContactAndAddress": {"address": home}}}
    reading = read(answer(result(event(scanLocation=home), **said)))
    assert reading.scans[0].place == Place(city="Boise", country="US")
    assert reading.details[0].destination == Place(city="Boise", country="US")


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"a": {"b": [{"c": one}]}}])
def test_a_push_is_searched_for_results_wherever_they_stand(wrap):
    reading = read(wrap(result(event("DL"))), source="push")
    assert [(scan.number, scan.codes) for scan in reading.scans] == [(NUMBER, ("DL",))]


def test_a_push_without_scans_tells_its_latest_status_once():
    status = {"code": "DL", "description": "Words"}
    times = [{"type": "ACTUAL_DELIVERY", "dateTime": "2026-03-09T10:00:00-06:00"}]
    bare = {"trackingNumberInfo": {"trackingNumber": NUMBER}, "latestStatusDetail": status, "dateAndTimes": times}
    (scan,) = read(bare, source="push").scans
    assert (scan.codes, scan.at) == (("DL",), datetime(2026, 3, 9, 10, tzinfo=timezone(-timedelta(hours=6))))
    whole = read(answer(result(event("DL"), latestStatusDetail=status)))
    assert len(whole.scans) == 1


@pytest.mark.parametrize("body", [{}, [], {"trackResults": []}, {"trackingNumberInfo": {"trackingNumber": "1"}}])
def test_a_push_without_any_result_is_unreadable(body):
    assert str(read(body, source="push").trouble) == "the push holds no result of a tracking number"


def test_poll_and_push_of_one_scan_are_one_event():
    ids = []
    for body, source in ((answer(result(event("DL"))), "poll"), (result(event("DL")), "push")):
        payload = Payload(carrier="fedex", body=orjson.dumps(body), source=source, received_at=NOW)
        ids += [one["id"] for one in document(FEDEX, payload)["shipments"][0]["events"]]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_the_signature_is_base64_over_the_raw_body():
    body = b'{"a": 1}'
    good = base64.b64encode(hmac.digest(b"token", body, "sha256")).decode()

    def push(signature, raw=body):
        return Push("POST", {"fdx-signature": signature}, {}, raw, NOW)

    FEDEX.verify(push(good), {"push_token": "token"})
    for wrong in (push(good, b'{"a":1}'), push(hmac.digest(b"token", body, "sha256").hex()), push("")):
        with pytest.raises(Forged):
            FEDEX.verify(wrong, {"push_token": "token"})


def client(said, asked, **options):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "token", "expires_in": 3600})
        asked.append(request)
        return httpx.Response(**{"status_code": 200} | ({"json": said} if said is not None else {}) | options)

    auth = FEDEX.auth({"client_id": "one", "client_secret": "two"})
    return HttpClient(FEDEX.facts, auth, transport=httpx.MockTransport(carrier))


async def test_thirty_numbers_go_in_one_call():
    asked, numbers = [], [f"{at:012d}" for at in range(FEDEX.facts.api.batch)]
    async with client({}, asked) as http:
        await FEDEX.poll(http, numbers)
    said = orjson.loads(asked[0].content)
    assert len(numbers) == 30
    assert [one["trackingNumberInfo"]["trackingNumber"] for one in said["trackingInfo"]] == numbers
    assert said["includeDetailedScans"] is True


@pytest.mark.parametrize(("numbers", "expected"), [([NUMBER], NotFound), ([NUMBER, "1"], Unreadable)])
@pytest.mark.parametrize("status", [400, 404])
async def test_a_refused_batch_says_nothing_of_its_numbers(numbers, expected, status):
    async with client({}, [], status_code=status) as http:
        with pytest.raises(expected):
            await FEDEX.poll(http, numbers)


async def test_a_firewalls_page_is_no_answer():
    async with client(None, [], html="<html>blocked</html>") as http:
        with pytest.raises(Unavailable):
            await FEDEX.poll(http, [NUMBER])


@pytest.mark.parametrize("name", ["document", "documents"])
async def test_a_proof_is_what_its_bytes_are(name):
    asked = []
    async with client({"output": {name: [base64.b64encode(b"%PDF-1.7 x").decode()]}}, asked) as http:
        proof = await FEDEX.prove(http, NUMBER, None)
    assert (proof.body, proof.media_type) == (b"%PDF-1.7 x", "application/pdf")
    assert orjson.loads(asked[0].content)["trackDocumentDetail"]["documentType"] == "SIGNATURE_PROOF_OF_DELIVERY"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"output": {"alerts": []}}, NotFound),
        ({"output": {"documents": ["?"]}}, Unreadable),
        ({"output": 7}, Unreadable),
    ],
)
async def test_a_proof_that_is_not_there_is_not_found_and_a_damaged_one_unreadable(said, expected):
    async with client(said, []) as http:
        with pytest.raises(expected):
            await FEDEX.prove(http, NUMBER, None)

"""UPS: what its answers and pushes say, and what its codes mean."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Rejected, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Proof, Scan, Status, Window

NUMBER = "1Z7R4K900348117020"
OTHER = "1Z7R4K900348117039"
UPS: Any = connector("ups")
NOON = {"date": "20260306", "time": "120000"}


def read(body: Any, number: str = NUMBER, source: Any = "poll") -> Any:
    received = datetime(2026, 3, 7, tzinfo=UTC)
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    return UPS.read(Payload(carrier="ups", body=raw, source=source, received_at=received, numbers=(number,)))


def activity(kind: str = "I", code: str = "OT", numeric: str = "021", **clock: str) -> dict[str, Any]:
    return {"status": {"type": kind, "code": code, "statusCode": numeric, "description": " Words "}, **(clock or NOON)}


def package(*activities: Any, number: str = NUMBER, **more: Any) -> dict[str, Any]:
    return {"trackingNumber": number, "activity": list(activities), **more}


def answer(*packages: Any, number: str = NUMBER) -> dict[str, Any]:
    return {"trackResponse": {"shipment": [{"inquiryNumber": number, "package": list(packages)}]}}


def only_scan(**clock: str) -> Scan:
    (scan,) = read(answer(package(activity(**clock)))).scans
    return scan


def detail(**fields: Any) -> Any:
    (told,) = read(answer(package(**fields))).details
    return told


def pushed(**fields: Any) -> Any:
    status = {"type": "I", "code": "OT", "description": "Words", "descriptionCode": "021"}
    return read({"trackingNumber": NUMBER, "activityStatus": status, **fields}, source="push")


def meaning(scan: Scan) -> Meaning | None:
    found: Meaning | None = UPS.codes.look_up(scan.codes)[1]
    return found


def test_a_scan_has_the_local_clock_with_the_offset_that_the_utc_clock_beside_it_gives() -> None:
    at = only_scan(date="20260303", time="221000", gmtDate="20260304", gmtTime="31000", gmtOffset="-05:00").at
    assert at == datetime(2026, 3, 4, 3, 10, tzinfo=UTC)
    assert isinstance(at, datetime)
    assert at.utcoffset() == timedelta(hours=-5)
    assert at.hour == 22


def test_without_a_utc_clock_the_told_offset_counts() -> None:
    at = only_scan(date="20260303", time="221000", gmtOffset="+05:30").at
    assert at == datetime(2026, 3, 3, 22, 10, tzinfo=timezone(timedelta(hours=5, minutes=30)))


def test_a_bare_local_clock_is_never_called_utc() -> None:
    assert only_scan(date="20260303", time="221000").at == datetime(2026, 3, 3, 22, 10)  # noqa: DTZ001 - the claim
    assert only_scan(date="20260303").at == date(2026, 3, 3)


def test_an_impossible_clock_is_unreadable_and_not_a_time() -> None:
    assert isinstance(read(answer(package(activity(date="20260231", time="120000")))).trouble, Unreadable)
    assert isinstance(read(answer(package(activity(date="20260201", time="126100")))).trouble, Unreadable)


def test_activities_come_newest_first_so_the_first_has_the_greatest_order() -> None:
    scans = read(answer(package(activity(), activity("I", "DS", "071"), activity("M", "MP", "003")))).scans
    assert [(scan.codes[0], scan.order) for scan in scans] == [("I/OT", 2), ("I/DS", 1), ("M/MP", 0)]


def test_codes_name_their_table_most_telling_first() -> None:
    assert only_scan().codes == ("I/OT", "statuscode/021", "I")


def test_a_number_without_leading_zeros_is_the_same_status() -> None:
    status = {"type": "D", "code": "FS", "description": "Words", "descriptionCode": 11}
    (scan,) = pushed(activityStatus=status).scans
    assert scan.codes == ("D/FS", "statuscode/011", "D")
    assert meaning(scan) == Meaning("delivered", "other")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "code", "numeric", "expected"),
    [
        ("M", "MP", "003", "info_received/label_created"),
        ("MV", "VP", "007", "cancelled/by_merchant"),
        ("I", "VP", "043", "info_received/pickup_failed"),
        ("X", "VP", "058", "exception/documents_missing"),
        ("I", "OT", "021", "out_for_delivery/on_route"),
        ("X", "OT", "058", "exception/documents_missing"),
        ("I", "YI", "021", "out_for_delivery/other"),
        ("I", "ZZZ", "021", "out_for_delivery/on_route"),
        ("I", "OC", "003", "info_received/label_created"),
        ("I", "DS", "071", "in_transit/at_delivery_depot"),
        ("X", "DS", "050", "exception/wrong_address"),
        ("X", "DJ", "052", "exception/weather"),
        ("X", "KT", "064", "exception/refused"),
        ("X", "45", "059", "exception/damaged"),
        ("X", "TJ", "068", "exception/lost"),
        ("X", "1C", "029", "exception/duties_unpaid"),
        ("X", "6C", "033", "returning/to_sender"),
        ("X", "CS", "033", "returning/requested"),
        ("X", "UA", "034", "returned/to_sender"),
        ("X", "5G", "017", "available_for_pickup/expiring"),
        ("X", "48", "060", "attempt_failed/recipient_absent"),
        ("X", "55", "060", "attempt_failed/business_closed"),
        ("X", "unheard", "", "exception/other"),
        ("D", "3H", "011", "delivered/to_neighbour"),
        ("D", "M5", "011", "delivered/to_reception"),
        ("D", "MP", "011", "delivered/to_safe_place"),
        ("D", "MU", "011", "delivered/to_mailbox"),
        ("D", "P5", "011", "delivered/to_locker"),
        ("D", "1N", "040", "available_for_pickup/at_locker"),
        ("D", "2Q", "161", "available_for_pickup/at_shop"),
        ("D", "2W", "011", "delivered/collected"),
        ("D", "53", "064", "exception/refused"),
        ("D", "B0", "034", "returned/to_sender"),
        ("D", "FV", "011", "delivered/other"),
        ("DD", "", "", "in_transit/arrived"),
    ],
)
def test_a_code_means_what_its_own_table_says(kind: str, code: str, numeric: str, expected: str) -> None:
    (scan,) = read(answer(package(activity(kind, code, numeric)))).scans
    found = meaning(scan)
    assert found is not None
    assert f"{found.status}/{found.substatus}" == expected


def test_a_delivery_to_the_sender_is_a_return_wherever_it_was_left() -> None:
    (scan,) = read(answer(package(activity("D", "ML", "034")))).scans
    assert scan.codes == ("statuscode/034", "D/ML", "D")
    assert scan.returning
    assert meaning(scan) == Meaning("returned", "to_sender")  # type: ignore[arg-type]


def test_a_change_of_the_promise_does_not_move_the_shipment() -> None:
    status = {"type": "U", "code": "UP", "description": "Words", "descriptionCode": "154"}
    reading = pushed(activityStatus=status, scheduledDeliveryDate="20260410")
    found = meaning(reading.scans[0])
    assert found is not None
    assert found.moves == "informs"
    assert reading.details[0].eta == Window(date(2026, 4, 10), date(2026, 4, 10))


@pytest.mark.parametrize(("said", "expected"), [("A EXAMPLE", "A EXAMPLE"), ("163000", None), ("", None)])
def test_digits_in_the_place_of_a_name_signed_nothing(said: str, expected: str | None) -> None:
    assert detail(deliveryInformation={"receivedBy": said}).signed_by == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("8I", Meaning(Status.AVAILABLE_FOR_PICKUP, "at_shop", "corrects")),
        ("3P", Meaning(Status.IN_TRANSIT, "other")),
        ("ZO", Meaning(Status.IN_TRANSIT, "other")),
        ("4S", Meaning(Status.RETURNING, "to_sender")),
        ("UA", Meaning(Status.RETURNED, "to_sender")),
        ("6B", Meaning(Status.EXCEPTION, "other")),
        ("7Q", Meaning(Status.IN_TRANSIT, "appointment_set", "informs")),
        ("S7", Meaning(Status.IN_TRANSIT, "redirected", "informs")),
    ],
)
def test_an_exception_claims_no_more_than_its_words(code: str, expected: Meaning) -> None:
    (scan,) = read(answer(package(activity("X", code, "")))).scans
    assert meaning(scan) == expected


def test_a_type_without_a_row_stays_unknown() -> None:
    (scan,) = read(answer(package(activity("RS", "Q7", "")))).scans
    assert scan.codes == ("RS/Q7", "RS")
    assert meaning(scan) is None


@pytest.mark.parametrize(
    ("number", "code", "first", "expected"),
    [
        ("92748927005436510000112233", "DP", "mail/DP", "available_for_pickup/reminder"),
        ("123456789", "E7", "freight/E7", "exception/refused"),
        (NUMBER, "012", "freight/012", "delivered/other"),
    ],
)
def test_mail_and_freight_are_read_by_their_own_tables(number: str, code: str, first: str, expected: str) -> None:
    (scan,) = read(answer(package(activity("X", code, ""), number=number), number=number), number).scans
    found = meaning(scan)
    assert found is not None
    assert (scan.codes[0], f"{found.status}/{found.substatus}") == (first, expected)


def test_a_scan_tells_the_town_and_the_building_and_never_a_street() -> None:
    address = {"addressLine1": "9 Quiet Lane", "city": "Tulsa", "stateProvince": "OK", "countryCode": "US"}
    scan = read(answer(package(activity() | {"location": {"address": address, "slic": "7411"}}))).scans[0]
    assert (scan.place.city, scan.place.region, scan.place.country) == ("Tulsa", "OK", "US")
    assert scan.place.facility_id == "7411"
    assert scan.place.street is None
    assert scan.text == "Words"


@pytest.mark.parametrize(
    ("dates", "time", "expected"),
    [
        (["SDD 20260306"], {"type": "EOD"}, ("2026-03-06", "2026-03-06")),
        (["SDD 20260306", "RDD 20260307"], {}, ("2026-03-07", "2026-03-07")),
        (
            ["SDD 20260306"],
            {"type": "EDW", "startTime": "134500", "endTime": "174500"},
            ("2026-03-06T13:45:00", "2026-03-06T17:45:00"),
        ),
        (["SDD 20260306"], {"type": "CMT", "endTime": "120000"}, ("2026-03-06", "2026-03-06T12:00:00")),
        (
            ["SDD 20260306", "DEL 20260305"],
            {"type": "DEL", "startTime": "1", "endTime": "91500"},
            ("2026-03-06", "2026-03-06"),
        ),
    ],
)
def test_the_promise_is_the_newest_day_with_its_hours(dates: list[str], time: Any, expected: tuple[str, str]) -> None:
    days = [dict(zip(("type", "date"), one.split(), strict=True)) for one in dates]
    eta = detail(deliveryDate=days, deliveryTime=time).eta
    assert (eta.start.isoformat(), eta.end.isoformat()) == expected


def test_a_day_of_delivery_alone_promises_nothing() -> None:
    assert detail(deliveryDate=[{"type": "DEL", "date": "20260306"}]).eta is None


def test_weight_and_size_come_in_grams_and_millimetres() -> None:
    size = {"length": "10", "width": "8", "height": "2.5", "unitOfDimension": "IN"}
    told = detail(weight={"unitOfMeasurement": "LBS", "weight": "4.50"}, dimension=size)
    assert (told.weight_grams, told.dimensions_mm) == (2041, (254, 203, 64))


def test_empty_texts_and_the_documents_placeholders_say_nothing() -> None:
    told = detail(
        service={"code": "", "description": "string"},
        weight={"unitOfMeasurement": "", "weight": ""},
        alternateTrackingNumber=[{"number": "", "type": ""}],
        deliveryInformation={"receivedBy": "", "signature": {"image": "encoding Base64"}},
    )
    assert (told.service, told.service_code, told.weight_grams, told.continues_as) == (None, None, None, None)
    assert (told.signed_by, told.proofs, told.references) == (None, None, None)


def test_a_postal_number_continues_the_parcel_and_an_untyped_one_does_not() -> None:
    numbers = [{"number": "92001902551559000101352584", "type": "USPS_PIC"}, {"number": OTHER, "type": ""}]
    told = detail(alternateTrackingNumber=numbers)
    assert told.continues_as == ("usps", "92001902551559000101352584")
    assert told.references == (OTHER,)


def test_a_parcel_in_a_shop_says_until_when_it_waits() -> None:
    assert detail(accessPointInformation={"pickupByDate": "20260316"}).pickup_until == date(2026, 3, 16)


def test_proofs_are_named_and_their_bytes_stay_in_the_payload() -> None:
    told = detail(
        deliveryInformation={
            "location": "Porch",
            "receivedBy": "HOLLOWAY",
            "signature": {"image": "R0lGODlhAQ=="},
            "deliveryPhoto": {"photo": "", "photoCaptureInd": "Y", "photoDispositionCode": "V"},
        }
    )
    assert told.proofs == (
        Proof(kind="signature", reference="signature", inline=True),
        Proof(kind="photo", reference="photo"),
    )
    assert (told.signed_by, told.extra) == ("HOLLOWAY", {"left_at": "Porch"})


def test_each_package_of_several_is_a_piece_and_a_lone_one_is_not() -> None:
    both = read(answer(package(activity()), package(activity("D", "ML", "011"), number=OTHER, packageCount=2)))
    assert [(scan.number, scan.piece) for scan in both.scans] == [(NUMBER, NUMBER), (NUMBER, OTHER)]
    assert both.details[0].pieces == (NUMBER, OTHER)
    assert read(answer(package(activity()))).scans[0].piece is None


def test_one_package_of_three_is_not_told_as_three() -> None:
    alone = detail(packageCount=3)
    assert (alone.pieces_total, alone.extra) == (None, {"shipment_pieces": 3})
    (both,) = read(answer(package(packageCount=3), package(number=OTHER, packageCount=3))).details
    assert (both.pieces_total, both.extra) == (3, None)


def test_a_number_nobody_knows_is_missing_though_the_answer_is_200() -> None:
    warned = {"inquiryNumber": NUMBER, "warnings": [{"code": "TW0001", "message": "No news"}]}
    reading = read({"trackResponse": {"shipment": [warned]}})
    assert reading.trouble is None
    assert [(one.number, one.text) for one in reading.missing] == [(NUMBER, "No news")]


def test_a_lone_warning_instead_of_a_list_is_a_missing_number_too() -> None:
    shipment = {"inquiryNumber": NUMBER, "warnings": {"code": "TW0001", "message": "Words"}}
    (missing,) = read({"trackResponse": {"shipment": shipment}}).missing
    assert (missing.number, missing.text) == (NUMBER, "Words")


def test_a_push_is_the_same_scan_as_in_the_poll() -> None:
    clock = {"gmtDate": "20260306", "gmtTime": "180000", "gmtOffset": "-06:00"}
    polled = read(answer(package(activity(date="20260306", time="120000", **clock)))).scans[0]
    (told,) = pushed(localActivityDate="20260306", localActivityTime="120000", gmtOffset="-06.00").scans
    assert (told.number, told.piece, told.at, told.codes) == (polled.number, polled.piece, polled.at, polled.codes)


def test_a_pushed_delivery_promises_nothing_more() -> None:
    status = {"type": "D", "code": "ML", "description": "Words", "descriptionCode": "011"}
    reading = pushed(
        activityStatus=status,
        scheduledDeliveryDate="20260305",
        actualDeliveryDate="20260306",
        receivedBy="HOLLOWAY",
        deliveryPhoto="/9j/4AAQ",
    )
    (told,) = reading.details
    assert (told.eta, told.signed_by) == (None, "HOLLOWAY")
    assert told.proofs == (Proof(kind="photo", reference="photo", inline=True),)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'"activityStatus"', b'{"response":{"errors":[{"code":"1"}]}}'])
def test_another_body_than_documented_is_unreadable(body: bytes) -> None:
    assert isinstance(read(body).trouble, Unreadable)


def test_one_poisoned_shipment_costs_that_one_alone() -> None:
    body = answer(package(activity()))
    body["trackResponse"]["shipment"].insert(0, {"inquiryNumber": OTHER, "package": "poison"})
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [NUMBER]


class Line:
    """The carrier's end of the line: hands out a token, answers what it was told to, and keeps what was asked."""

    def __init__(self, body: Any, status: int = 200) -> None:
        self.body, self.status = orjson.dumps(body), status
        self.asked: list[httpx.Request] = []
        self.tokens: list[httpx.Request] = []
        secrets = {"client_id": "id-7", "client_secret": "secret-7", "account_number": "A1B2C3"}
        self.http = HttpClient(UPS.facts, UPS.auth(secrets), transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/security/v1/oauth/token":
            self.tokens.append(request)
            return httpx.Response(200, json={"access_token": "token-7", "expires_in": "14399"})
        self.asked.append(request)
        return httpx.Response(self.status, content=self.body)


async def test_a_poll_asks_for_one_number_without_images_and_with_a_new_id_each_time() -> None:
    line = Line(answer(package(activity())))
    for _ in range(2):
        assert (await UPS.poll(line.http, [NUMBER])).body == line.body
    first, again = line.asked
    assert first.url.path == f"/api/track/v1/details/{NUMBER}"
    assert dict(first.url.params) == {"locale": "en_US", "returnSignature": "false", "returnPOD": "false"}
    assert first.headers["transactionSrc"] == "carrier-gateway"
    assert first.headers["transId"] != again.headers["transId"]


async def test_one_token_asked_for_with_the_account_number_serves_every_call() -> None:
    line = Line(answer(package(activity())))
    for number in (NUMBER, OTHER):
        await UPS.poll(line.http, [number])
    (token,) = line.tokens
    assert token.headers["authorization"] == "Basic aWQtNzpzZWNyZXQtNw=="
    assert token.headers["x-merchant-id"] == "A1B2C3"
    assert token.content == b"grant_type=client_credentials"
    assert {request.headers["authorization"] for request in line.asked} == {"Bearer token-7"}


async def test_a_number_the_carrier_answers_404_is_not_found() -> None:
    with pytest.raises(NotFound):
        await UPS.poll(Line({"response": {"errors": [{"code": "TV1002"}]}}, 404).http, [NUMBER])


async def test_a_subscription_tells_which_numbers_the_carrier_took() -> None:
    line = Line({"validTrackingNumbers": [NUMBER], "invalidTrackingNumbers": [OTHER]})
    done = await UPS.subscribe(line.http, [NUMBER, OTHER, "K1002003048"], "https://ours.example/push", {})
    assert line.asked[0].url.path == "/api/track/v2/subscription/standard/package"
    assert orjson.loads(line.asked[0].content) == {"locale": "en_US", "trackingNumberList": [NUMBER, OTHER]}
    assert done.accepted == (NUMBER,)
    assert set(done.refused) == {OTHER, "K1002003048"}
    assert timedelta(days=13) < done.until - datetime.now(UTC) <= timedelta(days=14)


async def test_no_number_that_can_be_subscribed_asks_nothing() -> None:
    line = Line({})
    assert (await UPS.subscribe(line.http, ["K1002003048"], "https://ours.example/push", {})).accepted == ()
    assert line.asked == []


async def test_numbers_refused_altogether_are_no_fault_of_the_account() -> None:
    said = {"invalidTrackingNumbers": [NUMBER], "response": {"errors": [{"code": "VSS210", "message": "Words"}]}}
    done = await UPS.subscribe(Line(said, 400).http, [NUMBER], "https://ours.example/push", {})
    assert (done.accepted, done.refused, done.until) == ((), {NUMBER: "VSS210"}, None)


async def test_a_subscription_refused_for_the_account_stops_it() -> None:
    said = {"response": {"errors": [{"code": "VSS700", "message": "Words"}]}}
    with pytest.raises(Rejected, match="VSS700"):
        await UPS.subscribe(Line(said, 400).http, [NUMBER], "https://ours.example/push", {})


async def test_a_proof_is_fetched_with_images_and_named_by_its_bytes() -> None:
    kept = {"signature": {"image": "R0lGODlh\nAQABAIAA"}, "pod": {"content": "JVBERi0xLjQ="}}
    line = Line(answer(package(deliveryInformation=kept)))
    document = await UPS.prove(line.http, NUMBER, "signature")
    assert (document.media_type, document.body[:6]) == ("image/gif", b"GIF89a")
    assert (await UPS.prove(line.http, NUMBER, None)).media_type == "application/pdf"
    assert dict(line.asked[0].url.params) == {"locale": "en_US", "returnSignature": "true", "returnPOD": "true"}
    with pytest.raises(NotFound):
        await UPS.prove(line.http, NUMBER, "photo")


async def test_a_proof_that_is_no_base64_is_unreadable() -> None:
    line = Line(answer(package(deliveryInformation={"pod": {"content": "not base64!"}})))
    with pytest.raises(Unreadable):
        await UPS.prove(line.http, NUMBER, "pod")


@pytest.mark.parametrize("secrets", [{"client_id": "id-7"}, {"client_id": "other", "push_key": "id-7"}])
def test_a_push_with_the_accounts_key_is_the_carriers(secrets: dict[str, str]) -> None:
    push = Push("POST", {"x-api-key": "id-7"}, {}, b"{}", datetime.now(UTC))
    UPS.verify(push, secrets)


@pytest.mark.parametrize("headers", [{}, {"x-api-key": ""}, {"x-api-key": "id-8"}])
def test_a_push_without_the_accounts_key_is_forged(headers: dict[str, str]) -> None:
    with pytest.raises(Forged):
        UPS.verify(Push("POST", headers, {}, b"{}", datetime.now(UTC)), {"client_id": "id-7"})

"""What Hermes's answers are read as: two spellings of codes, results inside a 200, refusals as 400."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.auth import TokenCache
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from gateway.reading import document
from normalizer.model import Place, Window

NOW = datetime(2026, 7, 10, tzinfo=UTC)
SUMMER = timezone(timedelta(hours=2))
HERMES = connector("hermes-de")
SECRETS = {"client_id": "i", "client_secret": "s", "username": "u", "password": "p"}


def payload(body, numbers=("H1",)):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Payload(carrier="hermes-de", body=content, source="poll", received_at=NOW, numbers=numbers)


def read(*shipments, numbers=("H1",)):
    return HERMES.read(payload({"shipmentinfo": list(shipments)}, numbers))


def event(code="3000", at="2026-07-09T07:30:00+02:00", **more):
    unit = {"name": "Hermes Germany", "city": "Erfurt", "countryCode": "DEU"}
    return {"timestamp": at, "code": code, "description": "Words", "scanningUnit": unit} | more


def shipment(*events, number="H1", **more):
    return {"shipmentID": number, "result": {"code": "i001"}, "status": list(events)} | more


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ("3000", "3000"),
        ("050001003", "050001003"),
        ("050-001-003", "050001003"),
        ("50-1-3", "050001003"),
        ("0-0-0", "000000000"),
        ("1-2", "1-2"),
    ],
)
def test_a_code_is_looked_up_however_it_is_spelled(sent, code):
    (scan,) = read(shipment(event(sent))).scans
    assert scan.codes == (code,)


def test_an_event_keeps_its_offset_and_its_place_in_two_letters():
    (scan,) = read(shipment(event())).scans
    assert scan.at == datetime(2026, 7, 9, 7, 30, tzinfo=SUMMER)
    assert scan.place == Place(facility="Hermes Germany", city="Erfurt", country="DE")


def test_a_country_that_is_not_on_the_list_stays_unnamed():
    (scan,) = read(shipment(event(scanningUnit={"city": "Far", "countryCode": "XYZ"}))).scans
    assert scan.place == Place(city="Far")


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        (("050001003",), "out_for_delivery"),
        (("055001005",), "available_for_pickup"),
        (("060003004",), "attempt_failed"),
        (("100004003",), "returning"),
        (("100004003", "125001009"), "returned"),
        (("3500", "320008302"), "delivered"),
        (("100004003", "100090003"), "in_transit"),
        (("100004003", "4072", "3500"), "delivered"),
        (("320021304",), "cancelled"),
        (("320021304", "390020301"), "info_received"),
        (("090003008", "048090005"), "in_transit"),
        (("100005003",), "exception"),
    ],
)
def test_a_history_comes_out_as_what_its_codes_say(codes, shown):
    history = [event(code, f"2026-07-09T{hour:02}:00:00+02:00") for hour, code in enumerate(codes, start=8)]
    (told,) = document(HERMES, payload({"shipmentinfo": [shipment(*reversed(history))]}))["shipments"]
    assert told["status"] == shown


def test_the_driver_and_the_depot_tell_one_attempt():
    history = [event("060003003", "2026-07-09T18:00:00+02:00"), event("060003004", "2026-07-09T13:00:00+02:00")]
    (told,) = document(HERMES, payload({"shipmentinfo": [shipment(*history)]}))["shipments"]
    assert told["delivery_attempts"] == 1


def test_an_unknown_number_is_missing_and_another_result_costs_that_number_alone():
    reading = read(
        {"shipmentID": "H2", "result": {"code": "e001", "message": "Nothing"}},
        {"shipmentID": "H3", "result": {"code": "e999"}},
        shipment(event()),
        numbers=("H1", "H2", "H3"),
    )
    assert [(one.number, one.text) for one in reading.missing] == [("H2", "Nothing")]
    assert [scan.number for scan in reading.scans] == ["H1"]
    assert str(reading.trouble) == "Hermes answers for a shipment with the code e999"


def test_no_information_at_all_is_that_of_all_numbers():
    reading = HERMES.read(payload({"listOfResultCodes": [{"code": "e001", "message": "x"}]}, ("H1", "H2")))
    assert [one.number for one in reading.missing] == ["H1", "H2"]


def test_asked_by_its_international_number_a_shipment_keeps_it():
    reading = read(shipment(event(), internationalShipmentID="0034"), numbers=("0034", "H9"))
    assert (reading.scans[0].number, reading.details[0].references) == ("0034", ("H1",))


def test_a_lone_question_keeps_its_number_whatever_the_answer_calls_the_shipment():
    reading = read(shipment(event(), number="H7"))
    assert (reading.scans[0].number, reading.details[0].references) == ("H1", ("H7",))


@pytest.mark.parametrize(
    ("forecast", "window", "fixed"),
    [
        ({"date": "2026-07-10", "fixed": False}, Window(date(2026, 7, 10), date(2026, 7, 10)), None),
        (
            {"date": "2026-07-10", "fixed": True, "timeSlot": {"from": "10:00", "to": "14:00"}},
            Window(datetime(2026, 7, 10, 10), datetime(2026, 7, 10, 14)),  # noqa: DTZ001 - as they come
            {"fixed_delivery": True},
        ),
        ({"timeSlot": {"from": "10:00"}}, None, None),
    ],
)
def test_a_forecast_is_a_day_or_its_slot(forecast, window, fixed):
    (detail,) = read(shipment(event(), deliveryForecast=forecast)).details
    assert (detail.eta, detail.extra) == (window, fixed)


def test_the_whole_shipment_is_told():
    whole = shipment(
        event(),
        internationalShipmentID="0034",
        clientReference="ORDER-1",
        clientReference2="BILL-2",
        partNumber="7001",
        trackingLink="https://track.example/0034",
        receiverAddress={"city": "Linz", "zipCode": "4020", "countryCode": "AUT"},
    )
    (detail,) = read(whole).details
    assert detail.references == ("0034", "ORDER-1", "BILL-2")
    assert detail.destination == Place(city="Linz", postal_code="4020", country="AT")
    assert (detail.tracking_url, detail.extra) == ("https://track.example/0034", {"part_number": "7001"})


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b"null",
        b'{"shipmentinfo":[]}',
        b'{"shipmentinfo":[1]}',
        b'{"listOfResultCodes":[{"code":"e999"}]}',
    ],
)
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = HERMES.read(payload(body))
    assert (reading.scans, reading.details, reading.missing) == ([], [], [])
    assert reading.trouble is not None


def client(answer, asked, mode="production"):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        if request.url.path == "/authorization-facade/oauth2/access_token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return answer

    auth = HERMES.auth(SECRETS)
    auth._cache = TokenCache()
    return HttpClient(HERMES.facts, auth, mode=mode, transport=httpx.MockTransport(carrier))


@pytest.mark.parametrize(
    ("mode", "token_host", "host"),
    [
        ("production", "authme.myhermes.de", "de-api.hermesworld.com"),
        ("test", "authme-int.myhermes.de", "de-api-int.hermesworld.com"),
    ],
)
async def test_a_hundred_numbers_go_in_one_question_with_a_persons_token(mode, token_host, host):
    asked = []
    numbers = [f"H{at}" for at in range(100)]
    async with client(httpx.Response(200, json={}), asked, mode) as http:
        await HERMES.poll(http, numbers)
    token, request = asked
    assert token.url.host == token_host
    assert dict(httpx.QueryParams(token.content.decode())) == {
        "grant_type": "password",
        "client_id": "i",
        "client_secret": "s",
        "username": "u",
        "password": "p",
    }
    assert (request.url.host, request.url.path) == (host, "/services/hsi/shipmentinfo")
    assert request.url.params.get_list("shipmentID") == numbers
    assert request.headers["Authorization"] == "Bearer t"


def refusal(*codes, status=400):
    return httpx.Response(status, json={"listOfResultCodes": [{"code": code} for code in codes]})


@pytest.mark.parametrize(
    ("answer", "numbers", "expected"),
    [
        (refusal("e001"), ["H1"], NotFound),
        (refusal("e005"), ["H1"], NotFound),
        (refusal("e005"), ["H1", "H2"], Unreadable),
        (refusal("e002"), ["H1"], Unavailable),
        (refusal("e903"), ["H1"], Unavailable),
        (refusal("e009"), ["H1"], Unreadable),
        (httpx.Response(400, content=b"<html>"), ["H1"], Unreadable),
        (refusal("e900", status=403), ["H1"], Rejected),
        (refusal("e999", status=500), ["H1"], Unavailable),
        (httpx.Response(200, content=b"<html>"), ["H1"], Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(answer, numbers, expected):
    async with client(answer, []) as http:
        with pytest.raises(expected):
            await HERMES.poll(http, numbers)


@pytest.mark.parametrize(
    ("reference", "sent"),
    [
        (None, {"shipmentId": "H1"}),
        ("signature", {"shipmentId": "H1"}),
        ("REQUESTED_BY_RECEIVER", {"shipmentId": "H1", "reason": "REQUESTED_BY_RECEIVER"}),
    ],
)
async def test_a_proof_is_a_pdf_and_a_reason_is_sent_only_where_it_is_one_of_theirs(reference, sent):
    asked = []
    async with client(httpx.Response(200, content=b"%PDF-1.7 x"), asked) as http:
        proof = await HERMES.prove(http, "H1", reference)
    assert (proof.body, proof.media_type) == (b"%PDF-1.7 x", "application/pdf")
    assert (asked[1].url.path, json.loads(asked[1].content)) == ("/services/pod/signature", sent)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refusal("e005", status=404), NotFound),
        (refusal("e008", status=429), Unavailable),
        (httpx.Response(200, content=b"<html>"), Unreadable),
    ],
)
async def test_what_is_no_proof_is_never_handed_out(answer, expected):
    async with client(answer, []) as http:
        with pytest.raises(expected):
            await HERMES.prove(http, "H1", None)

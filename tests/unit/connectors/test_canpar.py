"""Canpar: SOAP 1.2 without an account, clocks of the scan's place, an unknown barcode in two disguises."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from normalizer.model import Detail, Missing, Place, Proof, Window

NUMBER = "D420061100000000012001"


def event(code="DEL", at="20261106 101530", address="<d:city>Regina</d:city><d:province>SK</d:province>", more=""):
    return (
        f"<d:events><d:address>{address}</d:address><d:code>{code}</d:code><d:code_description_en>Words"
        f"</d:code_description_en>{more}<d:employee_num>4711</d:employee_num><d:local_date_time>{at}</d:local_date_time>"
        "<d:time_shift>-5</d:time_shift></d:events>"
    )


def result(*events: str, before: str = "", after: str = "", number: str = NUMBER) -> str:
    return f"<q:result><d:barcode>{number}</d:barcode>{before}{''.join(events)}{after}</q:result>"


def reply(*results: str, error: str = "") -> bytes:
    return (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        '<w:trackByBarcodeV2Response xmlns:w="http://ws.canparaddons.canpar.com" '
        'xmlns:q="http://ws.dto.canshipws.canpar.com/xsd" xmlns:d="http://dto.canshipws.canpar.com/xsd"><w:return>'
        f"<q:error>{error}</q:error>{''.join(results)}</w:return></w:trackByBarcodeV2Response></e:Body></e:Envelope>"
    ).encode()


def read(body: bytes):
    payload = Payload(
        carrier="canpar", body=body, source="poll", received_at=datetime(2026, 11, 7, tzinfo=UTC), numbers=(NUMBER,)
    )
    return connector("canpar").read(payload)


async def polled(response: httpx.Response):
    canpar = connector("canpar")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    async with HttpClient(canpar.facts, canpar.auth({}), transport=httpx.MockTransport(handler)) as http:
        return await canpar.poll(http, [NUMBER]), seen


async def test_a_poll_asks_by_soap_1_2_about_the_barcode_alone_and_without_credentials():
    _, (request,) = await polled(httpx.Response(200, content=reply(result(event()))))
    assert request.headers["content-type"] == 'application/soap+xml; charset=utf-8; action="urn:trackByBarcodeV2"'
    assert "soapaction" not in request.headers
    assert "authorization" not in request.headers
    asked = etree.fromstring(request.content)
    assert asked.tag == "{http://www.w3.org/2003/05/soap-envelope}Envelope"
    assert asked.findtext(".//{http://ws.dto.canshipws.canpar.com/xsd}barcode") == NUMBER
    assert asked.findtext(".//{*}track_shipment") == "false"


async def test_a_soap_1_2_fault_of_the_receiver_is_asked_again_later():
    body = reply().replace(b"w:trackByBarcodeV2Response", b"e:Fault")
    body = body.replace(b"<w:return>", b"<e:Code><e:Value>e:Receiver</e:Value></e:Code><w:return>")
    with pytest.raises(Unavailable):
        await polled(httpx.Response(500, content=body))


def test_an_event_keeps_the_clock_of_its_place_and_not_the_driver():
    (scan,) = read(reply(result(event(more="<d:comment>side door</d:comment>")))).scans
    assert (scan.number, scan.codes, scan.text) == (NUMBER, ("DEL",), "Words")
    assert scan.at == datetime(2026, 11, 6, 10, 15, 30)  # noqa: DTZ001 - the place's clock
    assert scan.place == Place(city="Regina", region="SK")
    assert scan.extra == {"comment": "side door"}
    assert "4711" not in repr(scan)


def test_of_an_address_only_the_town_is_read():
    address = (
        "<d:address_line_1>7 Elm</d:address_line_1><d:attention>A. Roy</d:attention><d:city>Laval</d:city>"
        "<d:country>ca</d:country><d:name>B. Roy</d:name><d:postal_code>H7S1A1</d:postal_code>"
        "<d:province>QC</d:province>"
    )
    reading = read(
        reply(result(event(address=address), before=f"<d:consignee_address>{address}</d:consignee_address>"))
    )
    town = Place(city="Laval", region="QC", postal_code="H7S1A1", country="CA")
    assert (reading.scans[0].place, reading.details[0].destination) == (town, town)
    assert "Roy" not in repr(reading)
    assert "Elm" not in repr(reading)


@pytest.mark.parametrize("country", ["Canada", "C1", ""])
def test_a_country_that_is_no_code_is_left_out(country):
    address = f"<d:city>Laval</d:city><d:country>{country}</d:country>"
    (scan,) = read(reply(result(event(address=address)))).scans
    assert scan.place == Place(city="Laval")


def test_a_bare_day_stays_a_day():
    (scan,) = read(reply(result(event(at="20261106")))).scans
    assert (type(scan.at), scan.at) == (date, date(2026, 11, 6))


@pytest.mark.parametrize("at", ["20261306 101530", "20261106 256161", "yesterday", "06112026 10h"])
def test_an_impossible_time_is_unreadable_and_what_stood_before_it_counts(at):
    reading = read(reply(result(event(), event(at=at))))
    assert isinstance(reading.trouble, Unreadable)
    assert len(reading.scans) == 1


def test_events_come_newest_first():
    first, second = read(reply(result(event(), event()))).scans
    assert first.order > second.order


@pytest.mark.parametrize(
    "body", [reply(error="No shipment found"), reply(), reply(result(before="<d:delivered>true</d:delivered>"))]
)
def test_an_unknown_barcode_is_missing_in_each_of_its_shapes(body):
    reading = read(body)
    assert (reading.missing, reading.scans, reading.trouble) == ([Missing(number=NUMBER)], [], None)


def test_another_error_is_unreadable_and_its_words_are_not_repeated():
    reading = read(reply(error="the account of Mr Lime is closed"))
    assert isinstance(reading.trouble, Unreadable)
    assert "Lime" not in str(reading.trouble)
    assert reading.missing == []


def test_the_parcel_as_a_whole_is_told():
    after = (
        "<d:reference_num>PO-1</d:reference_num><d:service_description_en>Ground</d:service_description_en>"
        "<d:signature>R0lG</d:signature><d:signed_by>G MARTIN</d:signed_by><d:tracking_url_en>https://c/1</d:tracking_url_en>"
    )
    before = "<d:estimated_delivery_date>20261106</d:estimated_delivery_date>"
    (detail,) = read(reply(result(event(), before=before, after=after))).details
    assert detail == Detail(
        number=NUMBER,
        eta=Window(date(2026, 11, 6), date(2026, 11, 6)),
        service="Ground",
        references=("PO-1",),
        signed_by="G MARTIN",
        proofs=(Proof(kind="signature", inline=True),),
        tracking_url="https://c/1",
    )


def test_a_promise_in_words_is_kept_as_words():
    before = "<d:estimated_delivery_date>end of week</d:estimated_delivery_date>"
    (detail,) = read(reply(result(event(), before=before))).details
    assert (detail.eta, detail.extra) == (None, {"estimated_delivery_date": "end of week"})


@pytest.mark.parametrize("code", ["MAN", "DEP", "OFD", "ATT", "XCP", "RTS"])
def test_a_code_that_only_one_doubtful_table_knows_has_no_meaning(code):
    assert connector("canpar").codes.look_up((code,)) == (None, None)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("DRP", ("available_for_pickup", "other")),
        ("HLD", ("exception", "delayed")),
        # Histories go on after it, also to the recipient's delivery, so it must not make that one a return.
        ("RTN", ("exception", "other")),
    ],
)
def test_a_code_says_no_more_than_its_clients_saw(code, meaning):
    found = connector("canpar").codes.look_up((code,))[1]
    assert (found.status, found.substatus) == meaning


def test_a_code_padded_with_spaces_is_the_same_code():
    (scan,) = read(reply(result(event(code="WC ")))).scans
    assert scan.codes == ("WC",)


def test_an_element_added_before_the_error_hides_neither_error_nor_result():
    added = b"<q:took>12</q:took><q:error>"
    refused = read(reply(error="SYSTEM BUSY").replace(b"<q:error>", added))
    assert isinstance(refused.trouble, Unreadable)
    assert refused.missing == []
    told = read(reply(result(event())).replace(b"<q:error>", added))
    assert (told.trouble, len(told.scans)) == (None, 1)


def test_an_answer_of_neither_result_nor_error_is_no_unknown_barcode():
    reading = read(reply().replace(b"<q:error></q:error>", b"<q:took>12</q:took>"))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_a_signature_in_the_answer_is_taken_out_of_it():
    known = connector("canpar")
    for text, body in (("R0lGODlh", b"GIF89a"), ("", None)):
        enclosing = reply(result(event(), after=f"<d:signature>{text}</d:signature>"))
        at = datetime(2026, 11, 7, tzinfo=UTC)
        payload = Payload(carrier="canpar", body=enclosing, source="poll", received_at=at, numbers=(NUMBER,))
        assert known.enclosed(payload, "signature", None) == body

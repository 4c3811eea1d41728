"""DHL Parcel Poland: reasons in codes, Polish clocks, and no fault that passes for an unknown shipment."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.model import Detail, Missing

NUMBER = "21880011220"
NAMESPACE = "https://dhl24.com.pl/webapi2/provider/service.html?ws=1"
NIL = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"'


def event(status="DOR", at="2026-11-05 11:20:00", terminal="Gdynia") -> str:
    return (
        f"<item><status>{status}</status><description>słowa</description><terminal>{terminal}</terminal>"
        f"<timestamp>{at}</timestamp></item>"
    )


def reply(*events: str, by: str = "", number: str = NUMBER) -> bytes:
    return (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>'
        f'<getTrackAndTraceInfoResponse xmlns="{NAMESPACE}"><getTrackAndTraceInfoResult>'
        f"<shipmentId>{number}</shipmentId><receivedBy>{by}</receivedBy>"
        + (f"<events>{''.join(events)}</events>" if events else f"<events {NIL}/>")
        + "</getTrackAndTraceInfoResult></getTrackAndTraceInfoResponse></e:Body></e:Envelope>"
    ).encode()


def fault(code: str) -> httpx.Response:
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault>'
        f"<faultcode>{code}</faultcode><faultstring>lime</faultstring></e:Fault></e:Body></e:Envelope>"
    )
    return httpx.Response(500, content=body.encode())


def read(body: bytes):
    payload = Payload(
        carrier="dhl-poland", body=body, source="poll", received_at=datetime(2026, 11, 7, tzinfo=UTC), numbers=(NUMBER,)
    )
    return connector("dhl-poland").read(payload)


async def polled(response: httpx.Response):
    dhl = connector("dhl-poland")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    auth = dhl.auth({"username": "limes", "password": "p<w"})
    async with HttpClient(dhl.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await dhl.poll(http, [NUMBER]), seen


async def test_a_poll_proves_the_account_inside_the_question():
    answer, (request,) = await polled(httpx.Response(200, content=reply(event())))
    assert answer.body == reply(event())
    assert str(request.url) == "https://dhl24.com.pl/webapi2/provider/service.html?ws=1"
    asked = etree.fromstring(request.content)
    told = [asked.findtext(f".//{{{NAMESPACE}}}{name}") for name in ("username", "password", "shipmentId")]
    assert told == ["limes", "p<w", NUMBER]


@pytest.mark.parametrize(("code", "error"), [("100", Rejected), ("Server", Unavailable), ("999", Unreadable)])
async def test_a_fault_is_named_by_its_code_and_never_an_unknown_shipment(code, error):
    with pytest.raises(error) as caught:
        await polled(fault(code))
    assert "lime" not in str(caught.value)


@pytest.mark.parametrize("at", ["2026-11-05 11:20:00", "2026-11-05T11:20:00", "2026-11-05 11:20"])
def test_an_event_keeps_status_words_terminal_and_bare_clock(at):
    (scan,) = read(reply(event(at=at))).scans
    assert (scan.number, scan.codes, scan.text, scan.place.facility) == (NUMBER, ("DOR",), "słowa", "Gdynia")
    assert scan.at == datetime(2026, 11, 5, 11, 20)  # noqa: DTZ001 - Polish time by the facts


def test_a_day_stays_a_day_and_no_time_is_no_time():
    day, none = read(reply(event(at="2026-11-05"), event(at=""))).scans
    assert (type(day.at), none.at) == (date, None)


@pytest.mark.parametrize("at", ["05.11.2026 11:20", "2026-13-05 11:20:00", "wczoraj"])
def test_a_time_in_another_form_is_unreadable_and_what_stood_before_it_counts(at):
    reading = read(reply(event(), event(at=at)))
    assert isinstance(reading.trouble, Unreadable)
    assert len(reading.scans) == 1


def test_who_signed_is_told_of_the_shipment():
    assert read(reply(event(), by="Z. Lis")).details == [Detail(number=NUMBER, signed_by="Z. Lis")]
    assert read(reply(event())).details == []


def test_an_answer_without_events_is_an_unknown_shipment():
    reading = read(reply(number=""))
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER)], None)


def test_an_answer_without_a_result_is_unreadable():
    body = reply().replace(b"<getTrackAndTraceInfoResult>", b"<x>").replace(b"</getTrackAndTraceInfoResult>", b"</x>")
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("LK", "out_for_delivery/loaded"),
        ("DOR_SAS", "delivered/to_neighbour"),
        ("AWI_OZ", "attempt_failed/no_access"),
        ("OWL_PS_ONO", "available_for_pickup/at_locker"),
        ("ZWR", "returning/to_sender"),
        ("ZWN", "returned/to_sender"),
        ("SP_CN", "cancelled/other"),
    ],
)
def test_a_code_means_what_its_description_says(code, meaning):
    _, found = connector("dhl-poland").codes.look_up((code,))
    assert f"{found.status}/{found.substatus}" == meaning


def test_elements_that_the_carrier_adds_do_no_harm():
    added = reply(event(), by="Z. Lis").replace(b"<receivedBy>", b"<weight>2</weight><receivedBy>")
    added = added.replace(b"<terminal>", b"<zone>7</zone><terminal>")
    reading = read(added)
    assert (reading.trouble, [scan.codes for scan in reading.scans]) == (None, [("DOR",)])
    assert reading.details == [Detail(number=NUMBER, signed_by="Z. Lis")]

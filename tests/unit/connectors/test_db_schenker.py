"""DB Schenker: events are found wherever they stand, no zone is invented, a fault is no unknown shipment."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.model import Missing

NUMBER = "DEHAM100200300"
GROUP = "http://www.schenker.com/SGI/v4_0"
SERVICE = "http://www.schenker.com/CustomerServices/eBusiness/ShipmentService/v2"


def event(status="DLV", day="2026-11-05", clock="11:48:00", where="Madrid"):
    return (
        f"<g:StatusEvent><g:Date>{day}</g:Date><g:Time>{clock}</g:Time><g:OccurredAt><g:LocationName>{where}"
        f"</g:LocationName></g:OccurredAt><g:Status>{status}</g:Status>"
        '<g:StatusDescription languageCode="en">Words</g:StatusDescription></g:StatusEvent>'
    )


def reply(*events: str, path: tuple[str, ...] = ("Shipment", "ShipmentInfo", "ShipmentBasicInfo", "StatusEventList")):
    body = "".join(events)
    for name in reversed(path):
        body = f"<g:{name}>{body}</g:{name}>"
    return (
        f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><v:getPublicShipmentDetailsResponse '
        f'xmlns:v="{SERVICE}" xmlns:g="{GROUP}"><out><g:RequestID>1</g:RequestID>{body}</out>'
        "</v:getPublicShipmentDetailsResponse></e:Body></e:Envelope>"
    ).encode()


def read(body: bytes):
    payload = Payload(
        carrier="db-schenker",
        body=body,
        source="poll",
        received_at=datetime(2026, 11, 7, tzinfo=UTC),
        numbers=(NUMBER,),
    )
    return connector("db-schenker").read(payload)


async def polled(response: httpx.Response):
    schenker = connector("db-schenker")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    auth = schenker.auth({"access_key": "k&1"})
    wire = httpx.MockTransport(handler)
    async with HttpClient(schenker.facts, auth, transport=wire, sleep=at_once) as http:
        return await schenker.poll(http, [NUMBER]), seen


async def at_once(_: float) -> None:
    return None


def test_a_reason_is_kept_in_its_own_words():
    why = "<g:Reason><g:ReasonCode>R7</g:ReasonCode><g:CodeDscrptn>Gate shut</g:CodeDscrptn></g:Reason></g:StatusEvent>"
    told, untold = read(reply(event("NDL").replace("</g:StatusEvent>", why), event())).scans
    assert told.extra == {"reason_code": "R7", "reason": "Gate shut"}
    assert untold.extra == {}


async def test_a_poll_asks_by_the_forwarders_number_with_the_key_inside():
    answer, (request,) = await polled(httpx.Response(200, content=reply(event())))
    assert answer.body == reply(event())
    asked = etree.fromstring(request.content)
    assert asked.findtext(".//AccessKey") == "k&1"
    told = [asked.findtext(f".//{{{GROUP}}}{name}") for name in ("referenceType", "referenceNumber")]
    assert told == ["ff", NUMBER]


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(403), Rejected),
        (httpx.Response(503), Unavailable),
        (httpx.Response(200, content=b"<html></html>"), Unavailable),
    ],
)
async def test_trouble_is_named_by_what_happens_next(response, error):
    with pytest.raises(error):
        await polled(response)


@pytest.mark.parametrize(
    "path",
    [
        ("Shipment", "ShipmentInfo", "ShipmentBasicInfo", "StatusEventList"),
        ("Shipment", "ShipmentBasicInfo", "StatusEventList"),
    ],
)
def test_an_event_is_read_wherever_the_list_stands(path):
    (scan,) = read(reply(event(), path=path)).scans
    assert (scan.number, scan.codes, scan.text, scan.place.facility) == (NUMBER, ("DLV",), "Words", "Madrid")
    assert scan.at == datetime(2026, 11, 5, 11, 48)  # noqa: DTZ001 - no zone is told, none is invented
    assert scan.zone is None


def test_an_offset_of_the_clock_is_kept_and_one_of_the_day_is_not():
    with_offset, day = read(reply(event(clock="11:48:00+01:00"), event(day="2026-11-05+01:00", clock=""))).scans
    assert with_offset.at.isoformat() == "2026-11-05T11:48:00+01:00"
    assert (type(day.at), day.at) == (date, date(2026, 11, 5))


@pytest.mark.parametrize(("day", "clock"), [("2026-02-30", "10:00:00"), ("05.11.2026", "10:00:00"), ("x", "")])
def test_an_impossible_time_is_unreadable_and_what_stood_before_it_counts(day, clock):
    reading = read(reply(event(), event(day=day, clock=clock)))
    assert isinstance(reading.trouble, Unreadable)
    assert len(reading.scans) == 1


def test_events_come_oldest_first():
    first, second = read(reply(event("COL"), event("DLV"))).scans
    assert first.order < second.order


@pytest.mark.parametrize("body", [reply(path=()), reply()])
def test_an_answer_without_events_is_an_unknown_shipment(body):
    reading = read(body)
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER)], None)


def test_an_answer_without_content_is_unreadable():
    body = reply(path=()).replace(b"<out><g:RequestID>1</g:RequestID></out>", b"")
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("DOT", "out_for_delivery/on_route"),
        ("DIS", "available_for_pickup/other"),
        ("PUP", "delivered/collected"),
        ("NDL", "attempt_failed/other"),
    ],
)
def test_a_code_means_what_the_list_says(code, meaning):
    _, found = connector("db-schenker").codes.look_up((code,))
    assert f"{found.status}/{found.substatus}" == meaning

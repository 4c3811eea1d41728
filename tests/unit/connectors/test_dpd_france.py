"""DPD France: what nobody explains stays unknown, returns are told, the account's proof stands in two places."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from normalizer.model import Detail, Missing, Place, Window

NUMBER = "250077001100220"
SECRETS = {"userid": "lime", "password": "p&w", "center_number": "77", "customer_number": "4321"}


def trace(code="40", day="06.11.2026", clock="10:52", more=""):
    return (
        f"<clsTrace><ScanDate>{day}</ScanDate><ScanTime>{clock}</ScanTime><StatusNumber>{code}</StatusNumber>"
        f"<StatusDescription>Mots</StatusDescription><CenterName>LYON</CenterName><CenterNumber>69</CenterNumber>"
        f"<User>driver 9</User>{more}</clsTrace>"
    )


def ship(*traces, before="", after="", retour="false"):
    return (
        f"<ShipmentTrace><ShipmentNumber>{NUMBER}</ShipmentNumber><Weight>0</Weight>{before}"
        f"<Traces>{''.join(traces)}</Traces><IsB2C>true</IsB2C><IsRetour>{retour}</IsRetour>{after}</ShipmentTrace>"
    )


def reply(*ships: str) -> bytes:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><GetShipmentTraceResponse '
        f'xmlns="http://www.cargonet.software/"><GetShipmentTraceResult>{"".join(ships)}</GetShipmentTraceResult>'
        "</GetShipmentTraceResponse></s:Body></s:Envelope>"
    ).encode()


def fault(code: str) -> httpx.Response:
    body = (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>s:{code}</faultcode><faultstring>lime</faultstring></s:Fault></s:Body></s:Envelope>"
    )
    return httpx.Response(500, content=body.encode())


def read(body: bytes):
    payload = Payload(
        carrier="dpd-france", body=body, source="poll", received_at=datetime(2026, 11, 7, tzinfo=UTC), numbers=(NUMBER,)
    )
    return connector("dpd-france").read(payload)


async def polled(response: httpx.Response):
    dpd = connector("dpd-france")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    async with HttpClient(dpd.facts, dpd.auth(SECRETS), transport=httpx.MockTransport(handler)) as http:
        return await dpd.poll(http, [NUMBER]), seen


async def test_the_proof_stands_in_the_header_and_the_customer_in_the_question():
    _, (request,) = await polled(httpx.Response(200, content=reply(ship(trace()))))
    asked = etree.fromstring(request.content)
    header, body = asked
    assert [node.text for node in header.iter("{*}userid", "{*}password")] == ["lime", "p&w"]
    told = [body.findtext(f".//{{*}}{name}") for name in ("countrycode", "centernumber", "number", "ShipmentNumber")]
    assert told == ["250", "77", "4321", NUMBER]
    assert body.findtext(".//{*}GetImages") == "false"


@pytest.mark.parametrize(
    ("code", "error"), [("IpPermissionDenied", Rejected), ("Server", Unavailable), ("Client", Unreadable)]
)
async def test_a_fault_is_named_by_what_happens_next_and_its_words_are_not_repeated(code, error):
    with pytest.raises(error) as caught:
        await polled(fault(code))
    assert "lime" not in str(caught.value)


def test_a_trace_keeps_number_words_center_and_clock_but_not_the_driver():
    more = "<Remark>note</Remark><Info>plus</Info><RelaisInfo><Name>Tabac</Name></RelaisInfo>"
    (scan,) = read(reply(ship(trace(more=more)))).scans
    assert (scan.number, scan.codes, scan.text) == (NUMBER, ("40",), "Mots")
    assert scan.at == datetime(2026, 11, 6, 10, 52)  # noqa: DTZ001 - French time by the facts
    assert scan.place == Place(facility="LYON", facility_id="69")
    assert scan.extra == {"remark": "note", "info": "plus", "relay": "Tabac"}
    assert "driver" not in repr(scan)


@pytest.mark.parametrize("day", ["06/11/2026", "2026-11-06"])
def test_a_day_is_read_in_its_known_forms(day):
    (scan,) = read(reply(ship(trace(day=day, clock="")))).scans
    assert (type(scan.at), scan.at) == (date, date(2026, 11, 6))


@pytest.mark.parametrize(("day", "clock"), [("31.02.2026", "10:00"), ("hier", "10:00"), ("06.11.2026", "10h")])
def test_a_time_in_another_form_is_unreadable_and_what_stood_before_it_counts(day, clock):
    reading = read(reply(ship(trace(), trace(day=day, clock=clock))))
    assert isinstance(reading.trouble, Unreadable)
    assert len(reading.scans) == 1


def test_traces_come_newest_first():
    first, second = read(reply(ship(trace(), trace()))).scans
    assert first.order > second.order


def test_a_return_is_marked_on_every_trace_and_on_the_parcel():
    back = read(reply(ship(trace(), trace("10"), retour="true")))
    assert [scan.returning for scan in back.scans] == [True, True]
    assert back.details[0].returning is True
    there = read(reply(ship(trace())))
    assert (there.scans[0].returning, there.details[0].returning) == (False, None)


def test_the_parcel_as_a_whole_is_told_without_its_receiver():
    before = (
        "<Receiver>M. Citron</Receiver><Reference>A</Reference><Reference3>B</Reference3><DeliveryScheduled><StartDate>"
        "06.11.2026</StartDate><StartTime>10:00</StartTime><EndTime>12:00</EndTime></DeliveryScheduled>"
    )
    after = "<PointRelaisName>Tabac</PointRelaisName><ShipmentNumber_Retour>99</ShipmentNumber_Retour>"
    reading = read(reply(ship(trace(), before=before, after=after)))
    assert reading.details == [
        Detail(
            number=NUMBER,
            eta=Window(datetime(2026, 11, 6, 10), datetime(2026, 11, 6, 12)),  # noqa: DTZ001
            references=("A", "B"),
            pickup_point=Place(facility="Tabac"),
            returns_as="99",
        )
    ]
    assert "Citron" not in repr(reading)


@pytest.mark.parametrize("body", [reply(), reply(ship())])
def test_an_answer_without_traces_is_an_unknown_parcel(body):
    reading = read(body)
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER)], None)


def test_an_answer_without_a_result_is_unreadable():
    reading = read(reply().replace(b"<GetShipmentTraceResult></GetShipmentTraceResult>", b""))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_only_the_numbers_that_somebody_explains_have_a_meaning():
    codes = connector("dpd-france").codes
    assert sorted(codes.codes) == ["10", "28", "40", "400", "44", "8", "89"]
    assert codes.look_up(("8",))[1].status == "info_received"
    assert codes.look_up(("400",))[1].status == "delivered"
    assert codes.look_up(("041",)) == (None, None)

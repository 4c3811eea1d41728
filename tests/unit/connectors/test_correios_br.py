"""Correios: type and status decide, each office has its own clock, one broken object costs itself alone."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from gateway.reading import document
from normalizer.model import Missing, Place, Status

CORREIOS = connector("correios-br")
NUMBER, OTHER = "LX100200305BR", "OJ555000445BR"
SECRETS = {"username": "sample-user", "password": "sample & word"}
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def event(kind="RO", status="01", *, day="15/05/2026", clock="11:32", city="MANAUS", state="AM", more=""):
    return (
        f"<evento><tipo>{kind}</tipo><status>{status}</status><data>{day}</data><hora>{clock}</hora>"
        f"<descricao>Palavras</descricao>{more}<local>CDD CENTRO</local><codigo>69005970</codigo>"
        f"<cidade>{city}</cidade><uf>{state}</uf></evento>"
    )


def thing(*events, number=NUMBER):
    return f"<objeto><numero>{number}</numero><sigla>LX</sigla><nome>AMOSTRA</nome>{''.join(events)}</objeto>"


def reply(*things):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body>'
        '<r:buscaEventosListaResponse xmlns:r="http://resource.webservice.correios.com.br/">'
        f"<return><versao>2.0</versao>{''.join(things)}</return>"
        "</r:buscaEventosListaResponse></s:Body></s:Envelope>"
    ).encode()


def fault(code):
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><faultcode>{code}</faultcode><faultstring>no</faultstring>'
        "</s:Fault></s:Body></s:Envelope>"
    ).encode()


def payload(body):
    now = datetime(2026, 5, 20, tzinfo=UTC)
    return Payload(carrier="correios-br", body=body, source="poll", received_at=now, numbers=(NUMBER,))


def read(body):
    return CORREIOS.read(payload(body))


def shown(*events):
    (shipment,) = document(CORREIOS, payload(reply(thing(*events))))["shipments"]
    return shipment


async def polled(response, numbers=(NUMBER,)):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    transport = httpx.MockTransport(handler)
    async with HttpClient(CORREIOS.facts, CORREIOS.auth(SECRETS), transport=transport) as http:
        return await CORREIOS.poll(http, numbers), seen[0]


async def test_a_whole_list_is_asked_in_one_call_with_the_credentials_in_its_body():
    body = reply(thing(event()))
    answer, request = await polled(httpx.Response(200, content=body), (NUMBER, OTHER))
    assert answer.body == body
    asked = etree.fromstring(request.content)
    fields = [(node.tag, node.text) for node in asked.find(f"{{{SOAP}}}Body")[0]]
    assert fields == [
        ("usuario", "sample-user"),
        ("senha", "sample & word"),
        ("tipo", "L"),
        ("resultado", "T"),
        ("lingua", "101"),
        ("objetos", NUMBER),
        ("objetos", OTHER),
    ]
    assert request.headers["soapaction"] == '"buscaEventosLista"'


async def test_a_fault_of_the_service_waits_and_one_of_the_credentials_stops_the_account():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(500, content=fault("s:Server")))
    with pytest.raises(Rejected):
        await polled(httpx.Response(500, content=fault("wsse:FailedAuthentication")))


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Bloqueado</html>"))


def test_an_object_that_is_not_known_is_missing():
    error = "Objeto não encontrado em nossa base."
    reading = read(reply(f"<objeto><numero>{OTHER}</numero><erro>{error}</erro></objeto>", thing(event())))
    assert reading.missing == [Missing(number=OTHER, text=error)]
    assert [scan.number for scan in reading.scans] == [NUMBER]
    assert reading.trouble is None


def test_another_error_of_an_object_is_no_unknown_number():
    reading = read(reply(f"<objeto><numero>{NUMBER}</numero><erro>Base fora do ar</erro></objeto>"))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_one_object_with_an_impossible_date_costs_that_object_alone():
    reading = read(reply(thing(event(day="31/02/2026"), number=OTHER), thing(event())))
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [NUMBER]


@pytest.mark.parametrize("day", ["2026-05-15", "15-05-2026", "15/5/2026", "05/15/2026", ""])
def test_a_day_in_another_order_is_never_guessed(day):
    assert isinstance(read(reply(thing(event(day=day)))).trouble, Unreadable)


@pytest.mark.parametrize("body", [reply(), fault("s:Server"), b"<html></html>"])
def test_an_answer_without_any_object_is_unreadable(body):
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert (reading.scans, reading.missing) == ([], [])


def test_each_office_has_the_clock_of_its_place():
    manaus, sao_paulo = (shown(event(city=city, state=state))["events"][0] for city, state in
                         (("MANAUS", "AM"), ("SAO PAULO", "SP")))  # fmt: skip
    assert (manaus["at"], manaus["time_basis"]) == ("2026-05-15T15:32:00Z", "place")
    assert (sao_paulo["at"], sao_paulo["time_basis"]) == ("2026-05-15T14:32:00Z", "place")


def test_a_place_abroad_gets_no_brazilian_clock():
    (one,) = shown(event(city="HONGKONG", state=""))["events"]
    assert (one["at"], one["local_time"]) == (None, "2026-05-15T11:32:00")


def test_a_status_of_one_digit_is_the_same_code():
    assert read(reply(thing(event("BDE", "1")))).scans[0].codes == ("BDE/01",)


@pytest.mark.parametrize("kind", ["BDE", "BDI", "BDR"])
def test_the_three_kinds_of_delivery_lists_share_their_statuses(kind):
    table = CORREIOS.codes.codes
    assert table[f"{kind}/01"].status is Status.DELIVERED
    assert table[f"{kind}/23"].status is Status.RETURNED
    assert {code[4:]: one for code, one in table.items() if code.startswith(kind)} == {
        code[4:]: one for code, one in table.items() if code.startswith("BDE")
    }


def test_out_for_delivery_to_the_sender_is_a_return_and_its_end_is_returned():
    assert shown(event("OEC", "09"))["status"] == "returning"
    assert shown(event("BDE", "01", clock="12:00"), event("OEC", "09"))["status"] == "returned"


def test_a_delivery_taken_back_is_under_way_again():
    shipment = shown(event("EST", "01", clock="12:10"), event("BDE", "01"))
    assert (shipment["status"], shipment["delivered_at"]) == ("in_transit", None)


def test_events_of_one_minute_keep_the_carriers_order_newest_first():
    later, earlier = read(reply(thing(event("BDE", "21"), event("BDE", "20")))).scans
    assert later.order > earlier.order


def test_where_a_forwarded_object_goes_next_is_kept():
    towards = "<destino><local>CTE JAGUARA</local><cidade>SAO PAULO</cidade><uf>SP</uf></destino>"
    (scan,) = read(reply(thing(event(more=towards)))).scans
    assert scan.extra == {"towards": {"facility": "CTE JAGUARA", "city": "SAO PAULO", "region": "SP"}}


ADDRESS = (
    "<endereco><cep>69005-971</cep><logradouro>Rua Velha</logradouro><numero>88</numero>"
    "<localidade>MANAUS</localidade><uf>AM</uf><celular>0</celular></endereco>"
)


def test_the_office_where_it_waits_is_its_pickup_point():
    (detail,) = read(reply(thing(event("LDI", "01", more=ADDRESS), event()))).details
    assert detail.pickup_point == Place(
        facility="CDD CENTRO",
        facility_id="69005970",
        street="Rua Velha, 88",
        city="MANAUS",
        region="AM",
        postal_code="69005-971",
        country="BR",
    )


def test_an_address_of_another_event_may_be_the_recipients_and_is_not_read():
    reading = read(reply(thing(event("BDE", "01", more=ADDRESS), event("LDI", "01"))))
    assert "Rua Velha" not in repr(reading)
    assert reading.details[0].pickup_point is None

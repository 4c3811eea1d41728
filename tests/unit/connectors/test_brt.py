"""BRT: a parcel leads to its shipment, reasons keep their meaning, trouble of theirs is no unknown number."""

from datetime import UTC, date, datetime

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.brt import LOOK_UP, PATH
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.model import Detail, Missing, Place, Window

NUMBER = "046013300771"
PARCEL = "500100200300400"


def event(code="704", text="Delivered", day="06.11.2026", clock="10.42", branch="LECCE"):
    return (
        f"<LISTA_EVENTI><EVENTO><DATA>{day}</DATA><DESCRIZIONE>{text}</DESCRIZIONE><FILIALE>{branch}</FILIALE>"
        f"<ID>{code}</ID><ORA>{clock}</ORA></EVENTO></LISTA_EVENTI>"
    )


def reply(*events: str, note: str = "", outcome: str = "<ESITO>0</ESITO>") -> bytes:
    return (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
        '<n:brt_trackingbybrtshipmentidResponse xmlns:n="http://brt_trackingbybrtshipmentid.wsbeans.iseries/"><return>'
        f"{note}{outcome}{''.join(events)}<VERSIONE>1</VERSIONE></return>"
        "</n:brt_trackingbybrtshipmentidResponse></S:Body></S:Envelope>"
    ).encode()


def found(number: str, outcome: str = "0") -> httpx.Response:
    body = (
        '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
        '<n:getidspedizionebyidcolloResponse xmlns:n="http://getidspedizionebyidcollo.wsbeans.iseries/"><return>'
        f"<ESITO>{outcome}</ESITO><SPEDIZIONE_ANNO>2026</SPEDIZIONE_ANNO><SPEDIZIONE_ID>{number}</SPEDIZIONE_ID>"
        "</return></n:getidspedizionebyidcolloResponse></S:Body></S:Envelope>"
    )
    return httpx.Response(200, content=body.encode())


def read(body: bytes):
    payload = Payload(
        carrier="brt", body=body, source="poll", received_at=datetime(2026, 11, 7, tzinfo=UTC), numbers=(NUMBER,)
    )
    return connector("brt").read(payload)


async def polled(number: str, *answers: httpx.Response):
    brt = connector("brt")
    left, seen = list(answers), []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return left.pop(0)

    auth = brt.auth({"customer_id": "7654321"})
    async with HttpClient(brt.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await brt.poll(http, [number]), seen


async def test_a_shipments_number_is_tracked_at_once_and_without_the_customers_number():
    answer, (request,) = await polled(NUMBER, httpx.Response(200, content=reply(event())))
    assert answer.body == reply(event())
    assert request.url.path == PATH
    asked = etree.fromstring(request.content)
    assert asked.findtext(".//SPEDIZIONE_BRT_ID") == NUMBER
    assert asked.findtext(".//SPEDIZIONE_ANNO") == "0"
    assert b"7654321" not in request.content


async def test_a_parcels_number_leads_to_its_shipment_whose_number_keeps_its_zeros():
    _, (first, second) = await polled(PARCEL, found("46013300771"), httpx.Response(200, content=reply(event())))
    assert (first.url.path, second.url.path) == (LOOK_UP, PATH)
    asked = etree.fromstring(first.content)
    assert (asked.findtext(".//COLLO_ID"), asked.findtext(".//CLIENTE_ID")) == (PARCEL, "7654321")
    assert etree.fromstring(second.content).findtext(".//SPEDIZIONE_BRT_ID") == NUMBER


@pytest.mark.parametrize(
    ("outcome", "error"), [("-11", NotFound), ("-1", Unavailable), ("-3", Unavailable), ("-22", Unreadable)]
)
async def test_a_look_up_that_fails_is_named_by_what_happens_next(outcome, error):
    with pytest.raises(error):
        await polled(PARCEL, found("0", outcome))


@pytest.mark.parametrize("outcome", ["-1", "-3"])
async def test_trouble_of_theirs_is_asked_again_later(outcome):
    with pytest.raises(Unavailable):
        await polled(NUMBER, httpx.Response(200, content=reply(outcome=f"<ESITO>{outcome}</ESITO>")))


def test_only_the_documented_outcome_makes_a_number_unknown():
    assert read(reply(outcome="<ESITO>-11</ESITO>")).missing == [Missing(number=NUMBER)]
    for outcome in ("<ESITO>-10</ESITO>", "<ESITO>-3</ESITO>", "<ESITO>none</ESITO>", "<ESITO/>", ""):
        reading = read(reply(outcome=outcome))
        assert isinstance(reading.trouble, Unreadable)
        assert reading.missing == []


def test_an_event_keeps_code_words_branch_and_italian_clock():
    (scan,) = read(reply(event(branch="GUIDONIA (142)"))).scans
    assert (scan.number, scan.codes, scan.text) == (NUMBER, ("704",), "Delivered")
    assert scan.at == datetime(2026, 11, 6, 10, 42)  # noqa: DTZ001 - Italian time by the facts
    assert scan.place == Place(facility="GUIDONIA", facility_id="142")


def test_a_branch_without_a_number_stays_whole():
    (scan,) = read(reply(event(branch="REGGIO (RE)"))).scans
    assert scan.place == Place(facility="REGGIO (RE)")


def test_an_event_without_a_clock_is_a_day():
    (scan,) = read(reply(event(clock=""))).scans
    assert (type(scan.at), scan.at) == (date, date(2026, 11, 6))


@pytest.mark.parametrize(("day", "clock"), [("31.02.2026", "10.00"), ("06.11.2026", "25.00"), ("soon", "10.00")])
def test_an_impossible_time_is_unreadable(day, clock):
    assert isinstance(read(reply(event(day=day, clock=clock))).trouble, Unreadable)


def test_empty_events_are_left_out_and_the_newest_comes_first():
    first, second = read(reply(event(), event("701"), event("", "", "", "", ""))).scans
    assert (first.codes, second.codes) == (("704",), ("701",))
    assert first.order > second.order


def test_the_elements_of_an_event_are_read_in_any_order():
    other = "<LISTA_EVENTI><EVENTO><ID>701</ID><ORA>12.00</ORA><DATA>05.11.2026</DATA></EVENTO></LISTA_EVENTI>"
    (scan,) = read(reply(other)).scans
    assert (scan.codes, scan.at) == (("701",), datetime(2026, 11, 5, 12))  # noqa: DTZ001


def test_the_note_tells_of_the_shipment_and_not_of_persons():
    note = (
        "<BOLLA><DATI_CONSEGNA><DATA_TEORICA_CONSEGNA>06.11.2026</DATA_TEORICA_CONSEGNA><FIRMATARIO_CONSEGNA>ROSSI"
        "</FIRMATARIO_CONSEGNA><ORA_TEORICA_CONSEGNA_A>13.00</ORA_TEORICA_CONSEGNA_A><ORA_TEORICA_CONSEGNA_DA>09.00"
        "</ORA_TEORICA_CONSEGNA_DA></DATI_CONSEGNA><DATI_SPEDIZIONE><SERVIZIO>EXPRESS</SERVIZIO></DATI_SPEDIZIONE>"
        "<DESTINATARIO><CAP>73100</CAP><INDIRIZZO>VIA SOLE</INDIRIZZO><LOCALITA>LECCE</LOCALITA><RAGIONE_SOCIALE>NERI"
        "</RAGIONE_SOCIALE><SIGLA_NAZIONE>IT</SIGLA_NAZIONE><SIGLA_PROVINCIA>LE</SIGLA_PROVINCIA></DESTINATARIO>"
        "<MERCE><COLLI>2</COLLI><PESO_KG>2,350</PESO_KG></MERCE><RIFERIMENTI><RIFERIMENTO_MITTENTE_ALFABETICO>A1"
        "</RIFERIMENTO_MITTENTE_ALFABETICO><RIFERIMENTO_MITTENTE_NUMERICO>0</RIFERIMENTO_MITTENTE_NUMERICO>"
        "<RIFERIMENTO_PARTNER_ESTERO>P9</RIFERIMENTO_PARTNER_ESTERO></RIFERIMENTI></BOLLA>"
    )
    reading = read(reply(event(), note=note))
    assert reading.details == [
        Detail(
            number=NUMBER,
            eta=Window(datetime(2026, 11, 6, 9), datetime(2026, 11, 6, 13)),  # noqa: DTZ001
            service="EXPRESS",
            weight_grams=2350,
            pieces_total=2,
            references=("A1",),
            signed_by="ROSSI",
            destination=Place(city="LECCE", region="LE", postal_code="73100", country="IT"),
            extra={"partner_reference": "P9"},
        )
    ]
    assert "NERI" not in repr(reading)
    assert "SOLE" not in repr(reading)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("MIC", "out_for_delivery/on_route"),
        ("704", "delivered/other"),
        ("P", "exception/other"),
        ("AVV", "attempt_failed/recipient_absent"),
        ("023", "attempt_failed/business_closed"),
        ("722", "available_for_pickup/at_shop"),
        ("DPP", "exception/unclaimed"),
        ("DDS", "exception/customs_held"),
        ("708", "returning/to_sender"),
    ],
)
def test_a_code_means_what_the_legend_says(code, meaning):
    _, found_meaning = connector("brt").codes.look_up((code,))
    assert f"{found_meaning.status}/{found_meaning.substatus}" == meaning


def test_codes_keep_their_leading_zeros():
    codes = connector("brt").codes
    assert codes.look_up(("016",))[1].substatus == "rescheduled"
    assert codes.look_up(("16",)) == (None, None)

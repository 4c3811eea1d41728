"""Chronopost: labels decide, an empty answer is an unknown number, a firewall's page is no answer."""

from datetime import UTC, date, datetime
from html import escape

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from normalizer.model import Detail, Missing

NUMBER = "EN610477003FR"
PAGE = b"<!DOCTYPE html><html><title>Just a moment</title></html>"


def event(label: str = "Livraison effectuée", *, code: str = "D", at: str = "2026-11-03T11:17:45+01:00", **info: str):
    told = "".join(
        f"<infoCompList><name>{escape(name.replace('_', ' '))}</name><value>{value}</value></infoCompList>"
        for name, value in info.items()
    )
    return (
        f"<events><code>{code}</code><eventDate>{at}</eventDate><eventLabel>{escape(label)}</eventLabel>"
        f"<highPriority>false</highPriority><NPC/><officeLabel>Agence de Quimper</officeLabel>"
        f"<zipCode>29000</zipCode>{told}</events>"
    )


def reply(*events: str, error: str = "0", listed: bool = True, number: str = NUMBER) -> bytes:
    events_of = f"<listEventInfoComp>{''.join(events)}<skybillNumber>{number}</skybillNumber></listEventInfoComp>"
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        '<c:trackSkybillV2Response xmlns:c="http://cxf.tracking.soap.chronopost.fr/"><return>'
        f"<errorCode>{error}</errorCode>{events_of if listed else ''}"
        "</return></c:trackSkybillV2Response></s:Body></s:Envelope>"
    ).encode()


def read(body: bytes):
    payload = Payload(
        carrier="chronopost",
        body=body,
        source="poll",
        received_at=datetime(2026, 11, 4, tzinfo=UTC),
        numbers=(NUMBER,),
    )
    return connector("chronopost").read(payload)


def meaning(one) -> str | None:
    _, found = connector("chronopost").codes.look_up(one.codes, one.phrase)
    return f"{found.status}/{found.substatus}" if found else None


async def polled(response: httpx.Response):
    chronopost = connector("chronopost")
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return response

    async with HttpClient(chronopost.facts, chronopost.auth({}), transport=httpx.MockTransport(handler)) as http:
        return await chronopost.poll(http, [NUMBER]), seen


async def test_a_poll_asks_in_french_without_credentials():
    body = reply(event())
    answer, (request,) = await polled(httpx.Response(200, content=body))
    assert answer.body == body
    assert "authorization" not in request.headers
    asked = etree.fromstring(request.content)
    assert asked.findtext(".//language") == "fr_FR"
    assert asked.findtext(".//skybillNumber") == NUMBER


def test_an_event_is_read_with_its_own_offset_place_and_words():
    (one,) = read(reply(event(Lieu="Quimper"))).scans
    assert one.number == NUMBER
    assert one.at.isoformat() == "2026-11-03T11:17:45+01:00"
    assert (one.codes, one.text) == (("D",), "Livraison effectuée")
    assert (one.place.facility, one.place.postal_code) == ("Agence de Quimper", "29000")
    assert one.extra == {"information": [{"name": "Lieu", "value": "Quimper"}]}


def test_the_label_decides_because_one_code_carries_two_labels():
    sorted_, postponed = read(
        reply(
            event("Tri effectué dans l'agence de distribution", code="SD"),
            event("Livraison reportée de 24h", code="SD"),
        )
    ).scans
    assert meaning(sorted_) == "in_transit/at_delivery_depot"
    assert meaning(postponed) == "in_transit/rescheduled"


@pytest.mark.parametrize("apostrophe", ["'", "\N{RIGHT SINGLE QUOTATION MARK}"])
def test_a_label_is_the_same_with_either_apostrophe(apostrophe):
    (one,) = read(reply(event(f"Colis en cours d{apostrophe}acheminement"))).scans
    assert meaning(one) == "in_transit/other"
    assert one.text == f"Colis en cours d{apostrophe}acheminement"


def test_a_label_that_nobody_reviewed_stays_unknown():
    (one,) = read(reply(event("Colis photographié par le robot", code="D"))).scans
    assert meaning(one) is None


def test_events_come_oldest_first():
    first, second = read(reply(event(), event())).scans
    assert first.order < second.order


@pytest.mark.parametrize("body", [reply(), reply(listed=False)])
def test_an_answer_without_events_means_that_the_number_is_unknown(body):
    reading = read(body)
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER)], None)


@pytest.mark.parametrize("error", ["1", "-4", "zero", ""])
def test_an_error_code_is_unreadable_and_never_an_unknown_number(error):
    reading = read(reply(error=error, listed=False))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


def test_an_impossible_date_is_unreadable_and_what_stood_before_it_counts():
    reading = read(reply(event(), event(at="2026-02-30T10:00:00+01:00")))
    assert len(reading.scans) == 1
    assert isinstance(reading.trouble, Unreadable)


def test_an_element_that_the_carrier_adds_does_no_harm():
    added = event().replace("</zipCode>", "</zipCode><nouveau><x>1</x></nouveau>")
    reading = read(reply(added, event()))
    assert (reading.trouble, len(reading.scans)) == (None, 2)


def test_a_bare_day_stays_a_day_and_does_not_become_midnight():
    (one,) = read(reply(event(at="2026-11-03"))).scans
    assert type(one.at) is date


def test_the_number_of_the_leg_with_dpd_is_told():
    reading = read(reply(event(Numéro_partenaire="GEO/01505091837462")))
    assert reading.details == [Detail(number=NUMBER, continues_as=(None, "01505091837462"))]


@pytest.mark.parametrize("value", ["01505091837462", "GEO/"])
def test_a_partners_number_of_another_kind_names_no_next_carrier(value):
    assert read(reply(event(Numéro_partenaire=value))).details == []


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, content=PAGE, headers={"content-type": "text/html"}))


def test_a_firewalls_page_that_was_kept_is_unreadable():
    reading = read(PAGE)
    assert isinstance(reading.trouble, Unreadable)
    assert (reading.scans, reading.missing) == ([], [])


def test_an_answer_cut_anywhere_is_unreadable():
    whole = reply(event(Lieu="Quimper"))
    for length in range(len(whole)):
        reading = read(whole[:length])
        assert isinstance(reading.trouble, Unreadable)
        assert reading.scans == []

"""Correos: trouble is a code inside a 200, Madrid's clock, and one code that two wordings tell apart."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable, Unreadable
from gateway.reading import document
from gateway.reading import read as read_events
from normalizer.model import Detail, Missing

CORREOS = connector("correos")
NUMBER = "RR100200305ES"


def event(code="P040000V", words="Clasificado", day="02/06/2026", clock="04:40:05"):
    return {
        "codEvento": code,
        "fecEvento": day,
        "horEvento": clock,
        "unidad": "CTA SEVILLA",
        "desTextoResumen": words,
        "desTextoAmpliado": words,
    }


def envelope(*events, error="0", **more):
    return [{"codEnvio": NUMBER, "error": {"codError": error, "desError": "x"}, "eventos": list(events) or None} | more]


def payload(body):
    return Payload(
        carrier="correos",
        body=orjson.dumps(body),
        source="poll",
        received_at=datetime(2026, 6, 10, tzinfo=UTC),
        numbers=(NUMBER,),
    )


def read(body):
    return CORREOS.read(payload(body))


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    auth = CORREOS.auth({"username": "u", "password": "p"})
    async with HttpClient(CORREOS.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await CORREOS.poll(http, [NUMBER]), seen[0]


async def test_all_events_are_asked_for_in_spanish():
    _, request = await polled(httpx.Response(200, json=envelope(event())))
    assert str(request.url) == (
        f"https://localizador.correos.es/canonico/eventos_envio_servicio_auth/{NUMBER}?codIdioma=ES&indUltEvento=N"
    )
    assert request.headers["authorization"] == "Basic dTpw"


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Un momento</html>"))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Admitido", "in_transit/accepted"),
        ("ADMITIDO.", "in_transit/accepted"),
        ("Pre-registrado", "info_received/label_created"),
        ("Otra cosa", "info_received/other"),
    ],
)
def test_one_code_is_announced_or_accepted_by_its_words(words, expected):
    (one,) = read_events(CORREOS, payload(envelope(event("A090000V", words)))).events
    assert f"{one.status}/{one.substatus}" == expected


def test_words_never_decide_for_another_code():
    (one,) = read_events(CORREOS, payload(envelope(event("Z990000V", "Entregado")))).events
    assert one.status.value == "unknown"


@pytest.mark.parametrize(
    ("day", "at"), [("02/06/2026", "2026-06-02T02:40:05Z"), ("13/01/2026", "2026-01-13T03:40:05Z")]
)
def test_a_time_is_madrids_in_summer_and_winter(day, at):
    (shipment,) = document(CORREOS, payload(envelope(event(day=day))))["shipments"]
    (one,) = shipment["events"]
    assert (one["at"], one["time_basis"]) == (at, "carrier")


@pytest.mark.parametrize("clock", ["", None])
def test_an_event_without_a_time_is_of_that_day_and_never_of_its_midnight(clock):
    (shipment,) = document(CORREOS, payload(envelope(event(clock=clock))))["shipments"]
    (one,) = shipment["events"]
    assert (one["local_time"], one["time_basis"]) == ("2026-06-02", "date_only")


@pytest.mark.parametrize("day", ["2026-06-02", "06/32/2026", "2/6/2026", ""])
def test_a_day_in_another_order_is_never_guessed(day):
    assert isinstance(read(envelope(event(day=day))).trouble, Unreadable)


def test_a_number_that_is_not_known_is_missing():
    reading = read(envelope(error="3"))
    assert (reading.missing, reading.trouble) == ([Missing(number=NUMBER, text="x")], None)


@pytest.mark.parametrize("error", ["9", "", None, 1])
def test_another_error_is_no_unknown_number(error):
    reading = read(envelope(error=error))
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


@pytest.mark.parametrize("body", [[], {}, None])
def test_an_answer_without_an_envelope_is_unreadable(body):
    assert isinstance(read(body).trouble, Unreadable)


def test_a_lone_envelope_and_a_lone_event_count_as_lists_of_one():
    assert len(read(envelope(event())[0] | {"eventos": event()}).scans) == 1


def test_a_parcel_is_told_in_grams_and_millimetres_and_without_the_customers_name():
    reading = read(envelope(event(), peso="850", largo="25", ancho="20", alto="8", nombre_cliente="Flor de Azahar",
                            enviosAsociados=[{"codEnvio": "CP555000445ES"}]))  # fmt: skip
    assert reading.details == [
        Detail(
            number=NUMBER,
            weight_grams=850,
            dimensions_mm=(250, 200, 80),
            extra={"associated": ["CP555000445ES"]},
        )
    ]
    assert "Azahar" not in repr(reading)


@pytest.mark.parametrize("weight", ["", "0", "1,5", "0.85 kg", None])
def test_a_weight_of_another_form_is_not_told(weight):
    (detail,) = read(envelope(event(), peso=weight, largo="25", ancho="", alto="8")).details
    assert (detail.weight_grams, detail.dimensions_mm) == (None, None)


@pytest.mark.parametrize(
    ("codes", "shown"),
    [
        (("H020000V", "H01R420V"), "attempt_failed"),
        (("H010930R", "H01I350V"), "available_for_pickup"),
        (("H01I350V", "L03D320R"), "returning"),
        (("H01I350V", "L03D320R", "P100000V"), "returning"),
        (("H01I350V", "I01H210V"), "delivered"),
    ],
)
def test_a_history_of_real_codes_comes_out_as_what_they_say(codes, shown):
    history = [event(code, "Palabras", clock=f"{hour:02}:00:00") for hour, code in enumerate(codes, start=8)]
    (shipment,) = document(CORREOS, payload(envelope(*history)))["shipments"]
    assert shipment["status"] == shown

"""What La Poste's answers are read as, one number or several, and how its refusals are named."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import NotFound, Unavailable
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 7, 10, tzinfo=UTC)
SUMMER = timezone(timedelta(hours=2))
POSTE = connector("laposte-colissimo")
EVENT = {"code": "DI1", "label": "Delivered.", "date": "2026-07-09T10:21:00+02:00"}


def read(body, numbers=("6A1",)):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return POSTE.read(
        Payload(carrier="laposte-colissimo", body=content, source="poll", received_at=NOW, numbers=numbers)
    )


def answer(*events, number="6A1", **more):
    return {"returnCode": 200, "shipment": {"idShip": number, "event": list(events), **more}}


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: [one], lambda one: {"responses": [one]}])
def test_one_answer_reads_the_same_however_it_is_wrapped(wrap):
    (scan,) = read(wrap(answer(EVENT))).scans
    assert (scan.number, scan.codes, scan.at) == ("6A1", ("DI1",), datetime(2026, 7, 9, 10, 21, tzinfo=SUMMER))


def test_the_asked_number_stays_and_another_id_is_a_reference():
    reading = read(answer(EVENT, number="6A9"))
    assert (reading.scans[0].number, reading.details[0].references) == ("6A1", ("6A9",))
    assert read(answer(EVENT)).details[0].references is None


def test_an_event_takes_the_country_of_the_step_that_shares_its_date():
    other = {**EVENT, "code": "MD2", "date": "2026-07-09T08:00:00+02:00"}
    timeline = [{"id": 5, "date": EVENT["date"], "country": "CA"}, {"id": 4, "country": "CA"}]
    places = [scan.place for scan in read(answer(EVENT, other, timeline=timeline)).scans]
    assert places == [Place(country="CA"), Place()]


def test_newest_first_becomes_an_order():
    assert [scan.order for scan in read(answer(EVENT, EVENT, EVENT)).scans] == [2, 1, 0]


def test_a_number_that_is_unknown_or_odd_costs_itself_alone():
    reading = read(
        [
            {"returnCode": 104, "returnMessage": "Nothing yet.", "idShip": "6A2"},
            {"returnCode": 105, "idShip": "6A3"},
            answer(EVENT),
        ],
        numbers=("6A2", "6A3", "6A1"),
    )
    assert [(one.number, one.text) for one in reading.missing] == [("6A2", "Nothing yet.")]
    assert [scan.number for scan in reading.scans] == ["6A1"]
    assert str(reading.trouble) == "La Poste answers for a number with the return code 105"


def test_an_unknown_number_that_is_not_named_is_the_one_asked_or_trouble():
    assert [one.number for one in read({"returnCode": 104}).missing] == ["6A1"]
    unnamed = read({"returnCode": 104}, numbers=("6A1", "6A2"))
    assert (unnamed.missing, unnamed.trouble is None) == ([], False)


@pytest.mark.parametrize(
    ("said", "window"),
    [
        ({"estimDate": "2026-07-10T09:11:00+02:00"}, Window(date(2026, 7, 10), date(2026, 7, 10))),
        ({"estimDate": "2026-07-10"}, Window(date(2026, 7, 10), date(2026, 7, 10))),
        (
            {
                "estimDate": "2026-07-10T00:00:00+02:00",
                "estimHourMin": "2026-07-10T13:00:00+02:00",
                "estimHourMax": "2026-07-10T15:00:00+02:00",
            },
            Window(datetime(2026, 7, 10, 13, tzinfo=SUMMER), datetime(2026, 7, 10, 15, tzinfo=SUMMER)),
        ),
        ({}, None),
    ],
)
def test_the_promise_is_a_frame_or_a_day(said, window):
    assert read(answer(EVENT, **said)).details[0].eta == window


def test_the_pickup_point_the_partner_and_the_way_are_kept():
    context = {
        "removalPoint": {"name": "TABAC FICTIF", "type": "A2P"},
        "partner": {"name": "A post", "network": "EX", "reference": "777", "numberAVPI": "9"},
        "originCountry": "FR",
        "arrivalCountry": "CA",
        "deliveryChoice": {"deliveryChoice": 2},
    }
    (detail,) = read(answer(EVENT, contextData=context, holder=3, product="chronopost")).details
    assert detail.pickup_point == Place(facility="TABAC FICTIF")
    assert detail.continues_as == (None, "777")
    assert (detail.origin, detail.destination) == (Place(country="FR"), Place(country="CA"))
    assert detail.service == "chronopost"
    assert detail.extra == {
        "holder": 3,
        "partner": "A post",
        "partner_network": "EX",
        "notice_number": "9",
        "pickup_point_kind": "A2P",
        "delivery_choice": "chosen",
    }


@pytest.mark.parametrize(
    ("code", "status", "moves"),
    [
        ("DI2", Status.RETURNED, "tells"),
        ("RE1", Status.RETURNING, "tells"),
        ("MD2", Status.OUT_FOR_DELIVERY, "tells"),
        ("AG1", Status.AVAILABLE_FOR_PICKUP, "tells"),
        ("ID0", Status.IN_TRANSIT, "informs"),
        ("LIVREO", Status.RETURNED, "tells"),
    ],
)
def test_codes_that_are_easily_misread(code, status, moves):
    meaning = POSTE.codes.codes[code]
    assert (meaning.status, meaning.moves) == (status, moves)


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'[{"returnCode":200}]', b'{"returnCode":[]}', b'"x"', b"{"])
def test_a_body_of_another_shape_is_unreadable_and_never_empty(body):
    reading = read(body)
    assert (reading.scans, reading.details, reading.missing) == ([], [], [])
    assert reading.trouble is not None


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        asked.append(request)
        return answer

    return HttpClient(POSTE.facts, POSTE.auth({"api_key": "k"}), transport=httpx.MockTransport(carrier))


async def test_ten_numbers_go_in_one_question_with_the_key_in_its_header():
    asked = []
    numbers = [f"6A{at}" for at in range(10)]
    async with client(httpx.Response(207, json=[]), asked) as http:
        await POSTE.poll(http, numbers)
    (request,) = asked
    assert str(request.url) == f"https://api.laposte.fr/suivi/v2/idships/{','.join(numbers)}?lang=en_GB"
    assert (request.headers["X-Okapi-Key"], request.headers["Accept"]) == ("k", "application/json")


@pytest.mark.parametrize(
    ("refusal", "expected"),
    [
        (httpx.Response(404, content=b"<html>"), NotFound),
        (httpx.Response(200, content=b"<html>"), Unavailable),
        (httpx.Response(400, json={"code": "TOO_MANY_REQUESTS"}), Unavailable),
        (httpx.Response(429, json={"code": "TOO_MANY_REQUESTS"}), Unavailable),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(refusal, expected):
    async with client(refusal, []) as http:
        with pytest.raises(expected):
            await POSTE.poll(http, ["6A1"])


async def test_a_404_in_json_is_handed_over_because_it_names_its_number():
    async with client(httpx.Response(404, json={"returnCode": 104, "idShip": "6A1"}), []) as http:
        body = (await POSTE.poll(http, ["6A1", "6A2"])).body
    assert [one.number for one in read(body, numbers=("6A1", "6A2")).missing] == ["6A1"]

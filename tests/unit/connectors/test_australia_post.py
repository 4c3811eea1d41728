"""Australia Post: words are events, an article's status stands in for unseen words, one unknown number is not all."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from gateway.reading import document
from normalizer.model import NOWHERE, Missing, Place

POST = connector("australia-post")
NUMBER = "33XYZ1000200"
SECRETS = {"api_key": "k", "password": "p", "account_number": "0001002003"}


def event(words="Arrived at facility", at="2026-06-02T03:22:51+10:00", location="FITZROY VIC"):
    return {"description": words, "date": at, "location": location}


def article(*events, status="In transit", name=NUMBER):
    return {"article_id": name, "product_type": "Parcel Post", "events": list(events), "status": status}


def whole(*items, **more):
    return {"tracking_results": [{"tracking_id": NUMBER, "trackable_items": list(items)} | more]}


def payload(body):
    return Payload(
        carrier="australia-post",
        body=orjson.dumps(body),
        source="poll",
        received_at=datetime(2026, 6, 10, tzinfo=UTC),
        numbers=(NUMBER,),
    )


def read(body):
    return POST.read(payload(body))


def shown(*events, status="In transit"):
    (shipment,) = document(POST, payload(whole(article(*events, status=status))))["shipments"]
    return shipment


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    transport = httpx.MockTransport(handler)
    async with HttpClient(POST.facts, POST.auth(SECRETS), transport=transport) as http:
        return await POST.poll(http, [NUMBER, "LX100200305AU"]), seen[0]


async def test_numbers_are_asked_together_for_the_contracts_account():
    _, request = await polled(httpx.Response(200, json=whole(article(event()))))
    assert request.url.path == "/shipping/v1/track"
    assert request.url.params["tracking_ids"] == f"{NUMBER},LX100200305AU"
    assert request.headers["account-number"] == "0001002003"
    assert request.headers["authorization"] == "Basic azpw"


@pytest.mark.parametrize("status", [200, 403])
async def test_a_throttle_waits_whatever_its_status(status):
    body = {"errors": [{"error_code": "API_002", "error_name": "Slow down"}]}
    with pytest.raises(Unavailable) as caught:
        await polled(httpx.Response(status, json=body))
    assert caught.value.retry_after == 60


async def test_any_other_403_stops_the_account():
    with pytest.raises(Rejected):
        await polled(httpx.Response(403, json={"errors": [{"code": "X"}]}))


async def test_words_that_name_the_throttle_are_no_throttle():
    body = whole(article(event('say "API_002"')))
    answer, _ = await polled(httpx.Response(200, json=body))
    assert orjson.loads(answer.body) == body


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Delivered", ("delivered", "other")),
        ("Awaiting collection", ("available_for_pickup", "other")),
        ("Article damaged", ("exception", "damaged")),
        ("Held by courier", ("exception", "held")),
        ("Unknown", ("in_transit", "arrived")),
        ("Something new", ("in_transit", "arrived")),
    ],
)
def test_an_articles_status_stands_in_for_words_that_nobody_reviewed(status, expected):
    later = event("Put behind the blue door", "2026-06-03T11:00:00+10:00")
    shipment = shown(later, event(), status=status)
    assert (shipment["status"], shipment["substatus"]) == expected
    assert "Put behind the blue door" in [one["text"] for one in shipment["events"]]


def test_reviewed_words_tell_and_the_status_is_not_told_besides():
    assert len(shown(event("Delivered"), event(), status="Delivered")["events"]) == 2


def test_the_coarse_status_never_takes_a_parcel_off_the_vehicle():
    later = event("Thought of", "2026-06-03T11:00:00+10:00")
    assert shown(later, event("With Australia Post for delivery today"))["status"] == "out_for_delivery"
    assert shown(later)["status"] == "in_transit"


def test_a_status_told_twice_in_two_answers_is_one_event():
    first, second = (shown(event("Thought of"), status="Delivered")["events"] for _ in range(2))
    assert [one["id"] for one in first] == [one["id"] for one in second]


def test_the_articles_of_a_consignment_are_its_pieces():
    items = {"consignment_id": NUMBER, "items": [article(event("Delivered"), name="A1"), article(event(), name="A2")]}
    (shipment,) = document(POST, payload(whole(items)))["shipments"]
    assert (shipment["pieces_total"], shipment["pieces_delivered"], shipment["status"]) == (2, 1, "in_transit")


def test_a_repetition_of_events_under_consignment_is_not_read_again():
    body = whole(article(event()))
    body["tracking_results"][0]["consignment"] = [{"events": [event()], "status": "Delivered"}]
    assert len(read(body).scans) == 1


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("SUNSHINE WEST VIC", Place(city="SUNSHINE WEST", region="VIC", country="AU")),
        ("SYDNEY (AU)", Place(city="SYDNEY", country="AU")),
        ("SCHIPHOL/AMSTERDAM (NL)", Place(facility="SCHIPHOL", city="AMSTERDAM", country="NL")),
        ("Somewhere", Place(facility="Somewhere")),
        ("", NOWHERE),
    ],
)
def test_a_location_is_split_only_where_its_form_is_known(said, place):
    assert read(whole(article(event(location=said)))).scans[0].place == place


def test_one_unknown_number_costs_the_others_nothing():
    body = whole(article(event()))
    body["tracking_results"].insert(0, {"tracking_id": "X1", "errors": [{"code": "ESB-10001", "name": "None"}]})
    reading = read(body)
    assert reading.missing == [Missing(number="X1", text="None")]
    assert len(reading.scans) == 1


@pytest.mark.parametrize("errors", [[{"code": "ESB-99999"}], [{"code": "ESB-10001"}, {"code": "X"}], [{}]])
def test_another_error_of_a_number_is_no_unknown_number(errors):
    reading = read({"tracking_results": [{"tracking_id": NUMBER, "errors": errors}]})
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


@pytest.mark.parametrize("body", [{}, {"errors": [{"code": "X"}]}, {"tracking_results": []}])
def test_an_answer_without_results_is_unreadable(body):
    assert isinstance(read(body).trouble, Unreadable)

"""What USPS's answers, batches and pushes are read as."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, date, datetime, timedelta, timezone

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Rejected, Unavailable, Unreadable
from normalizer.codes import Meaning
from normalizer.model import Place, Status, Window

NOW = datetime(2026, 4, 1, tzinfo=UTC)
USPS = connector("usps")
NUMBER, OTHER = "9400110200300000000011", "9400110200300000000028"
SECRET = "0123456789abcdef0123456789abcdef"


def event(code="10", words="Words", **more):
    return {"eventCode": code, "eventType": words, "eventTimestamp": "2026-03-09T13:40:00Z", **more}


def parcel(*events, **more):
    return {"trackingNumber": NUMBER, "trackingEvents": list(events), **more}


def read(body, numbers=(NUMBER,), source="poll"):
    body = body if isinstance(body, bytes) else orjson.dumps(body)
    return USPS.read(Payload(carrier="usps", body=body, source=source, received_at=NOW, numbers=numbers))


def scan(*args, **more):
    (one,) = read(parcel(event(*args, **more))).scans
    return one


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("OF", Meaning(Status.OUT_FOR_DELIVERY, "on_route")),
        ("01", Meaning(Status.DELIVERED, "other")),
        ("56", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        ("30", Meaning(Status.ATTEMPT_FAILED, "no_access")),
        ("16", Meaning(Status.AVAILABLE_FOR_PICKUP, "other")),
        ("09", Meaning(Status.RETURNING, "to_sender")),
        ("21", Meaning(Status.RETURNING, "to_sender")),
        ("GX", Meaning(Status.INFO_RECEIVED, "label_created")),
        ("NT", Meaning(Status.IN_TRANSIT, "other", "informs")),
        ("43", None),
        ("1", None),
    ],
)
def test_a_code_is_a_text_and_means_what_its_row_says(code, expected):
    assert USPS.codes.look_up(scan(code).codes)[1] == expected


def test_known_words_beside_a_code_tell_where_it_was_left_and_others_do_not():
    assert scan("01", "Delivered, Parcel Locker").codes == ("01/delivered, parcel locker", "01")
    assert scan("01", "Delivered, In/At Mailbox").codes == ("01/delivered, in/at mailbox", "01")
    assert scan("01", "Delivered, Somewhere").codes == ("01",)


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        (
            {"GMTTimestamp": "2026-03-09T17:40:12Z", "GMTOffset": "-4:00"},
            datetime(2026, 3, 9, 13, 40, 12, tzinfo=timezone(-timedelta(hours=4))),
        ),
        (
            {"GMTTimestamp": "2026-03-09T17:40:12Z"},
            datetime(2026, 3, 9, 13, 40, tzinfo=timezone(-timedelta(hours=4))),
        ),
        ({"GMTOffset": "-7:00"}, datetime(2026, 3, 9, 13, 40, tzinfo=timezone(-timedelta(hours=7)))),
        ({}, datetime(2026, 3, 9, 13, 40)),  # noqa: DTZ001 - the clock on the wall
    ],
)
def test_the_z_of_a_local_clock_is_never_believed(clocks, expected):
    at = scan(**clocks).at
    assert at == expected
    assert at.utcoffset() == expected.utcoffset()


def test_a_centre_without_a_state_is_a_facility_and_a_foreign_name_no_country_code():
    assert scan(eventCity="PHOENIX AZ DISTRIBUTION CENTER").place == Place(facility="PHOENIX AZ DISTRIBUTION CENTER")
    assert scan(eventCity="OSAKA", eventCountry="JAPAN").place == Place(city="OSAKA")
    assert scan(eventCity="YUMA", eventState="AZ").place == Place(city="YUMA", region="AZ", country="US")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {
                "predictedDeliveryDate": "2026-03-10",
                "predictedDeliveryWindowStartTime": "11:15 AM",
                "predictedDeliveryWindowEndTime": "15:15",
            },
            (datetime(2026, 3, 10, 11, 15), datetime(2026, 3, 10, 15, 15)),  # noqa: DTZ001 - the destination's clock
        ),
        (
            {"predictedDeliveryDate": "2026-03-10", "predictedDeliveryWindowEndTime": "some time"},
            (date(2026, 3, 10), date(2026, 3, 10)),
        ),
        ({"expectedDeliveryTimeStamp": "2026-03-11T21:00:00Z"}, (None, datetime(2026, 3, 11, 21))),  # noqa: DTZ001 - as above
    ],
)
def test_a_promise_is_on_the_destinations_clock(said, expected):
    assert read(parcel(event(), **said)).details[0].eta == Window(*expected)
    assert read(parcel(event(), statusCategory="Delivered", **said)).details[0].eta is None


@pytest.mark.parametrize("services", ["A<SUP>&reg;</SUP>", ["A<SUP>&#174;</SUP>", "string"]])
def test_both_dialects_tell_the_same(services):
    (detail,) = read(parcel(event(), mailClass="Class<SUP>&#153;</SUP>", services=services)).details
    assert (detail.service, detail.extra["services"]) == ("Class™", ["A®"])


def test_a_batch_is_read_item_by_item_and_an_error_belongs_to_the_number_in_its_place():
    reading = read([{"error": {"code": "404", "message": "Nothing"}}, parcel(event())], (OTHER, NUMBER))
    assert [(one.number, one.text) for one in reading.missing] == [(OTHER, "Nothing")]
    assert [one.number for one in reading.scans] == [NUMBER]
    assert reading.trouble is None


def test_another_error_of_an_item_is_unreadable_and_spoils_no_other():
    reading = read([{"error": {"code": "500"}}, parcel(event())], (OTHER, NUMBER))
    assert str(reading.trouble) == "the carrier answers a number with an error"
    assert len(reading.scans) == 1


def test_an_error_whose_number_nobody_can_tell_is_unreadable():
    assert read([{"error": {"code": "404"}}], (OTHER, NUMBER)).trouble is not None


def test_a_summary_of_sentences_is_unreadable():
    assert str(read({"trackingNumber": NUMBER}).trouble).startswith("the field 'trackingEvents' is missing")


def wrapped(news, stamp="2026-03-10T12:00:00Z"):
    text = orjson.dumps(news).decode()
    body = orjson.dumps({"subscriptionId": "s", "timestamp": stamp, "payload": text})
    signature = base64.b64encode(hmac.digest(SECRET.encode(), f"{stamp}{text}".encode(), "sha256")).decode()
    return body, signature


@pytest.mark.parametrize(
    "news", [parcel(event("OF")), [parcel(event("OF"))], {"trackingNumber": NUMBER, **event("OF")}]
)
def test_a_push_carries_its_news_as_json_in_a_string(news):
    (one,) = read(wrapped(news)[0], numbers=(), source="push").scans
    assert (one.number, one.codes) == (NUMBER, ("OF",))


@pytest.mark.parametrize("stamp", ["2026-03-10T12:00:00Z", 1773144000000])
def test_time_stamp_and_payload_are_signed(stamp):
    body, signature = wrapped({"a": "é"}, stamp)

    def push(raw):
        return Push("POST", {"x-hmac": signature}, {}, raw, NOW)

    USPS.verify(push(body), {"push_secret": SECRET})
    changed = [
        body.replace(b'\\"a', b'\\"b'),
        body.replace(str(stamp).encode(), b"1"),
        b"[]",
        b"?",
        b'{"timestamp": 1}',
    ]
    for raw in changed:
        assert raw != body
        with pytest.raises(Forged):
            USPS.verify(push(raw), {"push_secret": SECRET})


def test_a_payload_that_is_no_json_is_unreadable():
    assert str(read({"timestamp": "1", "payload": "{"}, source="push").trouble) == "the push's payload is not JSON"


def client(answer, asked):
    """The real client; only the carrier's end of the wire is played."""

    def carrier(request):
        if request.url.path == "/oauth2/v3/token":
            assert orjson.loads(request.content)["grant_type"] == "client_credentials"
            return httpx.Response(200, json={"access_token": "token", "expires_in": 28799})
        asked.append(request)
        return answer

    auth = USPS.auth({"client_id": "one", "client_secret": "two"})
    return HttpClient(USPS.facts, auth, transport=httpx.MockTransport(carrier))


async def test_one_number_is_asked_by_v3_and_several_by_v3r2():
    asked = []
    async with client(httpx.Response(200, json={}), asked) as http:
        await USPS.poll(http, [NUMBER])
        await USPS.poll(http, [NUMBER, OTHER])
    assert str(asked[0].url) == f"https://apis.usps.com/tracking/v3/tracking/{NUMBER}?expand=DETAIL"
    assert (asked[1].method, str(asked[1].url)) == ("POST", "https://apis.usps.com/tracking/v3r2/tracking")
    assert orjson.loads(asked[1].content) == [{"trackingNumber": NUMBER}, {"trackingNumber": OTHER}]


@pytest.mark.parametrize(
    ("answer", "numbers", "expected"),
    [
        (httpx.Response(400, content=b'{"error": {"message": "OASValidation failed"}}'), [NUMBER], Unreadable),
        (httpx.Response(400, content=b'{"error": {"message": "no number"}}'), [NUMBER], NotFound),
        (httpx.Response(404), [NUMBER], NotFound),
        (httpx.Response(404), [NUMBER, OTHER], Unreadable),
        (httpx.Response(400), [NUMBER, OTHER], Unreadable),
        (httpx.Response(200, html="<html>"), [NUMBER], Unavailable),
        (httpx.Response(401), [NUMBER], Rejected),
    ],
)
async def test_a_refusal_is_named_by_what_happens_next(answer, numbers, expected):
    async with client(answer, []) as http:
        with pytest.raises(expected):
            await USPS.poll(http, numbers)


async def test_a_subscription_asks_for_all_events_of_one_number():
    asked, answer = [], httpx.Response(201, json={"subscriptionId": "sub-1"})
    async with client(answer, asked) as http:
        secrets = {"push_secret": SECRET, "admin_email": "ops@merchant.example"}
        taken = await USPS.subscribe(http, [NUMBER], "https://ours.example/push", secrets)
    assert (taken.accepted, taken.reference) == ((NUMBER,), "sub-1")
    assert timedelta(days=29) < taken.until - datetime.now(UTC) <= timedelta(days=30)
    assert orjson.loads(asked[0].content) == {
        "listenerURL": "https://ours.example/push",
        "secret": SECRET,
        "filterProperties": {"trackingNumber": NUMBER, "trackingEventTypes": ["ALL_UPDATES"]},
        "adminNotification": [{"email": "ops@merchant.example"}],
    }
    assert str(asked[0].url) == "https://apis.usps.com/subscriptions-tracking/v3/subscriptions"


@pytest.mark.parametrize("secrets", [{}, {"push_secret": "too short"}])
async def test_nothing_is_subscribed_without_a_secret_that_would_prove_pushes(secrets):
    asked = []
    async with client(httpx.Response(201), asked) as http:
        with pytest.raises(Rejected):
            await USPS.subscribe(http, [NUMBER], "https://ours.example/push", secrets)
    assert asked == []

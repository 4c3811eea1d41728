"""SF Express: a signed form, refusals inside a 200, JSON inside JSON, China's clock."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote_plus
from uuid import UUID

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.sf_express import digest
from gateway.reading import document
from normalizer.model import Missing

SF = connector("sf-express")
NUMBER = "SF1002003004005"


def route(code="50", at="2026-06-01 18:20:05", **more):
    return {"acceptTime": at, "acceptAddress": "深圳市", "remark": "已收", "opCode": code} | more


def answer(*routes, number=NUMBER, success=True, code="S0000"):
    found = {"routeResps": [{"mailNo": number, "routes": list(routes)}]}
    inner = {
        "success": success,
        "errorCode": code,
        "errorMsg": None,
        "msgData": found if success is not False else None,
    }
    return {"apiResultCode": "A1000", "apiResultData": orjson.dumps(inner).decode()}


def payload(body):
    return Payload(
        carrier="sf-express",
        body=orjson.dumps(body),
        source="poll",
        received_at=datetime(2026, 6, 10, tzinfo=UTC),
        numbers=(NUMBER,),
    )


def read(body):
    return SF.read(payload(body))


def shown(*routes):
    (shipment,) = document(SF, payload(answer(*routes)))["shipments"]
    return shipment


async def polled(response):
    seen = []

    def handler(request):
        seen.append(request)
        return response

    auth = SF.auth({"partner_id": "SAMPLE01", "checkword": "sample check+word"})
    async with HttpClient(SF.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await SF.poll(http, [NUMBER, "SF1002003004016"]), seen[0]


async def test_the_form_is_signed_when_it_leaves_and_never_holds_the_check_word():
    _, request = await polled(httpx.Response(200, json=answer(route())))
    assert str(request.url) == "https://bspgw.sf-express.com/std/service"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert int(request.headers["content-length"]) == len(request.content)
    assert b"check" not in request.content
    form = {name: value for name, (value,) in parse_qs(request.content.decode(), strict_parsing=True).items()}
    assert set(form) == {"serviceCode", "msgData", "partnerID", "requestID", "timestamp", "msgDigest"}
    assert (form["serviceCode"], form["partnerID"]) == ("EXP_RECE_SEARCH_ROUTES", "SAMPLE01")
    assert orjson.loads(form["msgData"])["trackingNumber"] == [NUMBER, "SF1002003004016"]
    assert UUID(form["requestID"])
    assert abs(int(form["timestamp"]) / 1000 - datetime.now(UTC).timestamp()) < 3600
    assert form["msgDigest"] == digest(form["msgData"], form["timestamp"], "sample check+word")


def test_the_digest_is_md5_of_the_encoded_question_stamp_and_word():
    encoded = quote_plus('{"n":["a b"]}1781092800000w&w')
    expected = b64encode(hashlib.md5(encoded.encode()).digest()).decode()
    assert digest('{"n":["a b"]}', "1781092800000", "w&w") == expected
    assert digest('{"n":["a b"]}', "1781092800001", "w&w") != expected


def test_the_digest_encodes_as_java_does_where_python_differs():
    expected = b64encode(hashlib.md5(b"*%7E-._1w").digest()).decode()
    assert digest("*~-._", "1", "w") == expected


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("A1002", Rejected),
        ("A1004", Rejected),
        ("A1006", Rejected),
        ("A1005", Unavailable),
        ("A1009", Unavailable),
        ("A1099", Unavailable),
        ("A1001", Unreadable),
        ("B0000", Unreadable),
    ],
)
async def test_a_refusal_inside_a_200_is_named_by_what_happens_next(code, kind):
    body = {"apiResultCode": code, "apiErrorMsg": "no", "apiResultData": None}
    with pytest.raises(kind) as caught:
        await polled(httpx.Response(200, json=body))
    assert type(caught.value) is kind
    assert isinstance(read(body).trouble, Unreadable)


async def test_a_refusal_of_the_service_behind_is_no_unknown_number():
    body = answer(success=False, code="8003")
    with pytest.raises(Unreadable):
        await polled(httpx.Response(200, json=body))
    reading = read(body)
    assert isinstance(reading.trouble, Unreadable)
    assert reading.missing == []


async def test_a_firewalls_page_is_asked_again_later():
    with pytest.raises(Unavailable):
        await polled(httpx.Response(200, html="<html>Wait</html>"))


@pytest.mark.parametrize("success", [True, "true"])
def test_success_may_be_a_word(success):
    assert len(read(answer(route(), success=success)).scans) == 1


def test_a_time_is_chinas_and_never_utc():
    (one,) = shown(route())["events"]
    assert (one["at"], one["utc_offset"], one["time_basis"]) == ("2026-06-01T10:20:05Z", "+08:00", "carrier")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("50", "in_transit/picked_up"),
        ("44", "out_for_delivery/on_route"),
        ("70", "in_transit/rescheduled"),
        ("80", "delivered/other"),
        ("8000", "delivered/other"),
        ("657", "unknown/unlisted_code"),
    ],
)
def test_the_operation_code_decides_and_never_the_remark(code, expected):
    (one,) = shown(route(code, remark="已签收"))["events"]
    assert f"{one['status']}/{one['substatus']}" == expected


def test_a_secondary_status_is_tried_first_and_kept():
    (scan,) = read(answer(route("80", secondaryStatusCode="401", secondaryStatusName="x"))).scans
    assert scan.codes == ("80/401", "80")
    assert scan.extra == {"secondary_status": "x"}


def test_a_waybill_without_routes_is_missing_and_costs_the_others_nothing():
    assert read(answer()).missing == [Missing(number=NUMBER)]


@pytest.mark.parametrize("body", [{}, [], {"apiResultCode": "A1000"}, {"apiResultCode": "A1000", "apiResultData": "x"}])
def test_an_answer_of_another_shape_is_unreadable(body):
    assert isinstance(read(body).trouble, Unreadable)

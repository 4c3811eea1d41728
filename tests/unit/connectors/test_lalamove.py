"""Lalamove: signed questions, proof inside the body, statuses and stops, the courier, and who is never told of."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push, Reply
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Rejected, Unreadable
from normalizer.model import Place, Position, Proof
from normalizer.normalize import event_id

CARRIER: Any = connector("lalamove")
NOW = datetime(2026, 11, 3, 2, 20, tzinfo=UTC)
STAMP = int((NOW - timedelta(seconds=9)).timestamp() * 1000)
SECRETS = {"api_key": "pk_unit", "api_secret": "sk_unit", "market": "ph"}
PATH = "/carriers/lalamove/push/acc_1"
N = "3379143481500000071"


def stop(**said: Any) -> dict[str, Any]:
    point = {"lat": "14.5995", "lng": "120.9842"}
    return {
        "coordinates": point,
        "address": "18 Rua do Exemplo",
        "name": "Ines Example",
        "phone": "+639990000001",
    } | said


def order(status: str | None = None, **said: Any) -> dict[str, Any]:
    told = {"orderId": N, "driverId": "80071", "shareLink": "https://share.example/1", "metadata": {"vip": "Ines"}}
    return told | ({"status": status} if status else {}) | said


def hook(event: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"apiKey": "pk_unit", "timestamp": STAMP, "eventType": event, "data": data} | more


def changed(status: str, **said: Any) -> dict[str, Any]:
    return hook("ORDER_STATUS_CHANGED", {"order": order(status, **said)})


def read(body: Any) -> Any:
    source: Any = "push" if isinstance(body, dict) and "eventType" in body else "poll"
    payload = Payload(
        carrier="lalamove", body=orjson.dumps(body), source=source, received_at=NOW, numbers=(N,) * (source == "poll")
    )
    return CARRIER.read(payload)


def meanings(body: Any) -> list[str | None]:
    found = [CARRIER.codes.look_up(scan.codes)[1] for scan in read(body).scans]
    return [f"{one.status}/{one.substatus}/{one.moves}" if one else None for one in found]


def ids(*bodies: Any) -> set[str]:
    return {event_id("lalamove", scan) for body in bodies for scan in read(body).scans}


def signed(data: str, *, path: str = PATH, secret: str = "sk_unit", **envelope: Any) -> bytes:
    text = f"{STAMP}\r\nPOST\r\n{path}\r\n\r\n{data}".encode()
    told = {"apiKey": "pk_unit", "timestamp": STAMP, "signature": hmac.digest(secret.encode(), text, "sha256").hex()}
    return orjson.dumps(told | envelope)[:-1] + b',"eventType":"X","data":' + data.encode() + b"}"


def pushed(body: bytes, path: str = PATH, method: str = "POST") -> Push:
    return Push(method, {}, {}, body, NOW, path)


@pytest.mark.parametrize(
    "body",
    [
        signed('{"order":{"orderId":"1","status":"PICKED_UP"}}'),
        signed('{ "location": {"lat": 22.0, "lng": 1e-7} }'),
        signed('{"name":"Zoë \\u00e9","a":[1,{"data":"x"}]}'),
        signed('{"a":1}').replace(b'{"a":1}', b'{ "a" : 1 }'),
    ],
    ids=["compact", "as spelled", "texts", "compact and told with spaces"],
)
def test_a_push_is_proved_by_its_data_as_spelled_or_as_compact_json(body: bytes) -> None:
    CARRIER.verify(pushed(body), SECRETS)


def test_a_stamp_told_as_a_text_is_signed_the_same() -> None:
    body = signed('{"a":1}').replace(str(STAMP).encode(), f'"{STAMP}"'.encode(), 1)
    CARRIER.verify(pushed(body), SECRETS)


@pytest.mark.parametrize(
    "push",
    [
        pushed(signed('{"order":{"status":"PICKED_UP"}}').replace(b"PICKED_UP", b"COMPLETED")),
        pushed(signed('{"a":1}')[:-1] + b',"data":{"a":2}}'),
        pushed(signed('{"a":1}'), path="/carriers/lalamove/push/acc_2"),
        pushed(signed('{"a":1}'), method="PUT"),
        pushed(signed('{"a":1}', secret="sk_other")),
        pushed(signed('{"a":1}', apiKey="pk_other")),
        pushed(signed('{"a":1}', timestamp=STAMP + 1)),
        pushed(signed('{"a":1}', signature=None)),
        pushed(signed('{"a":1}', signature=True)),
        pushed(b"[]"),
        pushed(b"\xff{"),
        pushed(b"{}"),
        pushed(b'{"apiKey":"pk_unit","timestamp":1,"signature":"ab","data":' + b"[" * 900 + b"]" * 900 + b"}"),
    ],
    ids=[
        "other data", "data twice", "another account", "another method", "another secret", "another key",
        "another stamp", "no signature", "odd signature", "a list", "no text", "nothing", "deep",
    ],
)  # fmt: skip
def test_a_push_whose_data_path_stamp_or_key_is_another_is_forged(push: Push) -> None:
    with pytest.raises(Forged) as caught:
        CARRIER.verify(push, SECRETS)
    assert "sk_unit" not in str(caught.value)


@pytest.mark.parametrize("missing", ["api_key", "api_secret"])
def test_an_account_without_key_or_secret_proves_nothing(missing: str) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(signed('{"a":1}')), SECRETS | {missing: ""})


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b""), ("POST", b"{}"), ("POST", b" \n")])
def test_an_empty_call_is_answered_unsigned(method: str, body: bytes) -> None:
    assert CARRIER.challenge(pushed(body, method=method), SECRETS) == Reply(200, b"")


def test_a_call_with_news_is_no_trial() -> None:
    assert CARRIER.challenge(pushed(signed('{"a":1}')), SECRETS) is None


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ASSIGNING_DRIVER", "info_received/other/tells"),
        ("ON_GOING", "info_received/pickup_scheduled/tells"),
        ("PICKED_UP", "out_for_delivery/on_route/tells"),
        ("COMPLETED", "delivered/other/tells"),
        ("CANCELED", "cancelled/other/tells"),
        ("REJECTED", "cancelled/by_carrier/tells"),
        ("EXPIRED", "cancelled/by_carrier/tells"),
        ("LEVITATING", None),
    ],
)
def test_a_status_has_one_meaning_in_push_and_answer_and_is_one_event(status: str, expected: str | None) -> None:
    push, answer = changed(status, previousStatus=status), {"data": order(status)}
    assert meanings(push) == meanings(answer) == [expected]
    assert len(ids(push, answer, hook("ORDER_EDITED", {"order": order(status)}))) == 1


def test_another_courier_and_another_search_are_events_of_their_own() -> None:
    assert len(ids(changed("ON_GOING"), changed("ON_GOING", driverId="80072"))) == 2
    first = changed("ASSIGNING_DRIVER", previousStatus="")
    again = changed("ASSIGNING_DRIVER", previousStatus="ON_GOING")
    assert len(ids(first, {"data": order("ASSIGNING_DRIVER", driverId="")}, again)) == 2


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        ("DELIVERED", ["delivered/other/tells", "delivered/other/tells"]),
        ("SIGNED", ["delivered/signed/tells", "delivered/signed/tells"]),
        ("FAILED", ["attempt_failed/other/tells", "attempt_failed/other/tells"]),
        ("PENDING", ["delivered/other/tells"]),
        ("BURNT", ["delivered/other/tells", None]),
    ],
)
def test_the_only_drop_off_says_how_an_order_was_completed(pod: str, expected: list[str | None]) -> None:
    assert meanings({"data": order("COMPLETED", stops=[stop(), stop(POD={"status": pod})])}) == expected


def test_one_drop_off_of_several_only_informs() -> None:
    stops = [stop(), stop(POD={"status": "FAILED"}), stop(POD={"status": "SIGNED", "image": "https://x.example/2"})]
    reading = read(hook("POD_STATUS_CHANGED", {"order": order("PICKED_UP", stops=stops)}))
    assert meanings(hook("POD_STATUS_CHANGED", {"order": order("PICKED_UP", stops=stops)}))[1:] == [
        "attempt_failed/other/informs",
        "delivered/signed/informs",
    ]
    assert [scan.extra for scan in reading.scans] == [{}, {"stop": 1}, {"stop": 2}]
    assert reading.details[0].destination is None


def test_stops_are_read_where_no_status_stands_beside_them() -> None:
    body = hook("POD_STATUS_CHANGED", {"order": order(stops=[stop(), stop(POD={"status": "SIGNED"})])})
    assert meanings(body) == ["delivered/signed/tells"]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (changed("PICKED_UP"), NOW - timedelta(seconds=9)),
        (changed("PICKED_UP") | {"timestamp": str(STAMP // 1000)}, NOW - timedelta(seconds=9)),
        ({**changed("PICKED_UP"), "timestamp": None}, NOW),
        ({"data": order("PICKED_UP")}, NOW),
        (
            changed("PICKED_UP", stops=[stop(POP={"pickedUpAt": "2026-11-03T02:11:00.5Z"}), stop()]),
            datetime(2026, 11, 3, 2, 11, 0, 500000, tzinfo=UTC),
        ),
        (
            {"data": order("COMPLETED", stops=[stop(), stop(POD={"deliveredAt": "2026-11-03T02:12:00Z"})])},
            datetime(2026, 11, 3, 2, 12, tzinfo=UTC),
        ),
        (
            {"data": order("COMPLETED", stops=[stop(), stop(POD={"deliveredAt": "2026-11-03T02:12Z"}), stop()])},
            NOW,
        ),
        ({"data": order("COMPLETED", stops=[stop(), stop(POD={"deliveredAt": "2026-11-03T10:12.00Z"})])}, NOW),
    ],
    ids=["stamp", "in seconds", "no stamp", "answer", "picked up", "delivered", "one of two", "minutes dot seconds"],
)
def test_it_happened_when_goods_changed_hands_else_at_the_stamp_else_when_it_was_heard(body: Any, at: datetime) -> None:
    assert read(body).scans[0].at == at


def assigned(**said: Any) -> dict[str, Any]:
    courier = {"driverId": "80071", "phone": "+639990000071", "name": "Noel Courier", "plateNumber": "VP9900071"}
    return hook("DRIVER_ASSIGNED", {"driver": courier, "order": {"orderId": N}} | said)


def test_the_assignment_tells_the_couriers_first_name_and_place_and_nothing_more() -> None:
    reading = read(assigned(location={"lng": 121.03, "lat": 14.56}))
    assert reading.positions == [Position(number=N, at=NOW - timedelta(seconds=9), latitude=14.56, longitude=121.03)]
    assert reading.details[0].courier == "Noel"
    assert meanings(assigned()) == ["info_received/pickup_scheduled/tells"]
    assert read(assigned()).positions == []
    for personal in ("Courier'", "+639990000071", "VP9900071"):
        assert personal not in repr(reading)


def test_a_replaced_order_continues_as_the_new_one() -> None:
    reading = read(hook("ORDER_REPLACED", {"order": {"orderId": "2"}, "prevOrderId": N}))
    (scan,), (whole,) = reading.scans, reading.details
    assert (scan.number, scan.codes, whole.number) == (N, ("ORDER_REPLACED",), N)
    assert whole.continues_as == ("lalamove", "2")


def test_recipients_addresses_codes_and_metadata_are_never_told_and_proofs_are_named() -> None:
    drop = stop(
        POD={"status": "DELIVERED", "image": "https://x.example/1", "deliveredAt": "2026-11-03T02:12:00Z"},
        deliveryCode={"value": "6472", "status": "Verified"},
    )
    reading = read({"data": order("COMPLETED", stops=[stop(), drop])})
    proofs = (Proof(kind="photo", reference="https://x.example/1"), Proof(kind="pin"))
    (whole,) = reading.details
    assert [scan.proofs for scan in reading.scans] == [proofs, proofs]
    assert (whole.proofs, whole.tracking_url) == (proofs, "https://share.example/1")
    assert whole.destination == whole.origin == Place(latitude=14.5995, longitude=120.9842)
    for personal in ("Ines", "Rua do Exemplo", "+639990000001", "6472"):
        assert personal not in repr(reading)


@pytest.mark.parametrize("event", ["WALLET_BALANCE_CHANGED", "ORDER_AMOUNT_CHANGED"])
def test_an_event_about_money_tells_nothing(event: str) -> None:
    reading = read(hook(event, {"balance": {"amount": "1"}}))
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


def test_a_created_order_without_status_is_created() -> None:
    assert meanings(hook("ORDER_CREATED", {"order": {"orderId": N}})) == ["info_received/other/tells"]


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"data": {}},
        hook("ORDER_STATUS_CHANGED", {}),
        hook("SOME_FUTURE_EVENT", {"order": {"orderId": N}}),
        changed("PICKED_UP") | {"timestamp": "yesterday"},
        assigned(location={"lat": 91, "lng": 0}),
        assigned(location={"lat": True, "lng": 0}),
        changed("PICKED_UP", stops=[stop(POP={"pickedUpAt": "2026-11-03T02:11:00"})]),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(call: str, *answers: httpx.Response) -> tuple[list[httpx.Request], Any]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answers[len(seen) - 1]

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        try:
            return seen, await getattr(CARRIER, call)(http, (N,) if call == "poll" else N)
        except (NotFound, Rejected) as trouble:
            return seen, trouble


async def test_a_question_is_signed_over_stamp_method_and_whole_path_and_names_its_market() -> None:
    ((request,), answer) = await asked("poll", httpx.Response(200, json={"data": order("PICKED_UP")}))
    kind, _, proof = request.headers["authorization"].partition(" ")
    key, stamp, signature = proof.split(":")
    text = f"{stamp}\r\nGET\r\n/v3/orders/{N}\r\n\r\n".encode()
    assert (kind, key, request.headers["market"], answer.status) == ("hmac", "pk_unit", "PH", 200)
    assert signature == hmac.digest(b"sk_unit", text, "sha256").hex()
    assert len(request.headers["request-id"]) == 36
    assert abs(int(stamp) / 1000 - datetime.now(UTC).timestamp()) < 60


async def test_locating_asks_for_the_order_then_for_its_courier() -> None:
    place = {"lat": "14.57", "lng": "121.0", "updatedAt": "2026-11-03T02:19:54.000Z"}
    seen, answer = await asked(
        "locate",
        httpx.Response(200, json={"data": order("ON_GOING", driverId="a/b")}),
        httpx.Response(200, json={"data": {"driverId": "a/b", "coordinates": place}}),
    )
    assert seen[1].url.raw_path.decode() == f"/v3/orders/{N}/drivers/a%2Fb"
    (position,) = read(orjson.loads(answer.body)).positions
    assert position == Position(number=N, at=NOW - timedelta(seconds=6), latitude=14.57, longitude=121.0)
    (vague,) = read({"data": {"coordinates": place | {"updatedAt": "2026-11-03T10:19.54Z"}}}).positions
    assert vague.at == NOW


@pytest.mark.parametrize(
    "answers",
    [
        [httpx.Response(200, json={"data": order("COMPLETED")})],
        [httpx.Response(200, json={"data": order("ON_GOING", driverId="")})],
        [httpx.Response(200, json={"data": order("ON_GOING")}), httpx.Response(403)],
        [httpx.Response(403)],
    ],
    ids=["over", "no courier", "outside the window", "too old"],
)
async def test_a_courier_who_is_not_told_stops_no_account(answers: list[httpx.Response]) -> None:
    _, trouble = await asked("locate", *answers)
    assert isinstance(trouble, NotFound)


async def test_refused_credentials_stop_the_account() -> None:
    _, trouble = await asked("poll", httpx.Response(401))
    assert isinstance(trouble, Rejected)

"""Walls: who may do what, merchant from merchant, and how wrong requests are answered, for every call there is."""

import asyncio
import re
import time

import orjson
import pytest

from gateway.api import CALLS
from gateway.api.auth import Doorkeeper
from gateway.api.calls import Call
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.ids import new_id
from gateway.keys import ROLES, Principal
from gateway.proofs.store import Named
from gateway.staff import people, sessions
from gateway.visibility import TABLE, sees

BY_NAME = {f"{call.method} {call.path}": call for call in CALLS}
WITH_ID = [name for name, call in BY_NAME.items() if "_id}" in call.path]
CONSENT = {"how": "checkout"}

BODIES = {
    "POST /v1/shipments/{shipment_id}/events": {"status": "delivered", "at": "2026-11-03T09:30:00Z"},
    "POST /v1/endpoints/{endpoint_id}/replay": {"since": "2026-01-01T00:00:00Z"},
    "POST /v1/endpoints/{endpoint_id}/public-key": {"on": True},
    "POST /v1/shipments/{shipment_id}/rating/answer": {"text": "stolen"},
    "PUT /v1/shipments/{shipment_id}/conversation/courier": {"phone": "+351912345678"},
    "POST /v1/shipments/{shipment_id}/conversation": {"text": "stolen"},
    "PATCH /v1/shipments/{shipment_id}": {"order_number": "stolen"},
    "POST /v1/orders/{order_id}/events": {"status": "cancelled", "at": "2026-11-03T09:30:00Z", "text": "stolen"},
    "POST /v1/orders/{order_id}/returns": {"reason": "stolen"},
    "PATCH /v1/shops/{shop_id}": {"label": "stolen"},
    "PATCH /v1/orders/{order_id}": {"metadata": {"by": "stolen"}},
    "PATCH /v1/endpoints/{endpoint_id}": {"description": "stolen"},
    "PATCH /v1/accounts/{account_id}": {"label": "stolen"},
    "PUT /v1/accounts/{account_id}/codes": {"codes": []},
    "POST /v1/shipments/{shipment_id}/subscriptions": {
        "channel": "email",
        "address": "stolen@example.com",
        "consent": CONSENT,
    },
    "PATCH /v1/channels/{channel_id}": {"label": "stolen"},
    "POST /v1/channels/{channel_id}/test": {"to": "stolen"},
    "PATCH /v1/runs/{run_id}": {"vehicle": "stolen"},
    "PUT /v1/shipments/{shipment_id}/handling": {"assignee": "none"},
    "POST /v1/shipments/{shipment_id}/notes": {"text": "stolen"},
}

MAY = {
    "GET /v1/desk/queues": "merchant support",
    "GET /v1/desk/work": "merchant support",
    "PUT /v1/shipments/{shipment_id}/handling": "merchant support",
    "GET /v1/shipments/{shipment_id}/handling": "merchant support",
    "POST /v1/desk/handling": "merchant support",
    "GET /v1/shipments/{shipment_id}/notes": "merchant support",
    "POST /v1/shipments/{shipment_id}/notes": "merchant support",
    "GET /v1/payloads/{payload_id}": "merchant support",
    "GET /v1/desk/filters": "merchant support",
    "POST /v1/desk/filters": "merchant support",
    "DELETE /v1/desk/filters/{filter_id}": "merchant support",
    "GET /v1/health/connectors": "merchant support operator",
    "POST /v1/shops": "merchant",
    "GET /v1/shops": "merchant support",
    "GET /v1/shops/kinds": "merchant support",
    "GET /v1/shops/{shop_id}": "merchant support",
    "PATCH /v1/shops/{shop_id}": "merchant",
    "DELETE /v1/shops/{shop_id}": "merchant",
    "GET /v1/me": "merchant support operator",
    "PATCH /v1/me": "merchant support operator",
    "PUT /v1/me/password": "merchant support operator",
    "POST /v1/me/second-factor": "merchant support operator",
    "PUT /v1/me/second-factor": "merchant support operator",
    "POST /v1/me/second-factor/end": "merchant support operator",
    "GET /v1/me/sessions": "merchant support operator",
    "DELETE /v1/me/sessions/{session_id}": "merchant support operator",
    "GET /v1/people": "merchant support",
    "PATCH /v1/people/{person_id}": "merchant",
    "GET /v1/people/invitations": "merchant",
    "POST /v1/people/invitations": "merchant",
    "DELETE /v1/people/invitations/{invitation_id}": "merchant",
    "GET /v1/audit": "merchant",
    "POST /v1/orders/import": "merchant support",
    "POST /v1/shipments/import": "merchant support",
    "GET /v1/imports": "merchant support",
    "GET /v1/imports/kinds": "merchant support",
    "GET /v1/imports/sample": "merchant support",
    "GET /v1/imports/{import_id}": "merchant support",
    "GET /v1/imports/{import_id}/refused": "merchant support",
    "GET /v1/imports/{import_id}/lines": "merchant support",
    "GET /v1/search": "merchant support",
    "POST /v1/shipments": "merchant support",
    "POST /v1/shipments/batch": "merchant support",
    "GET /v1/shipments": "merchant support",
    "GET /v1/shipments/{shipment_id}": "merchant support storefront",
    "PATCH /v1/shipments/{shipment_id}": "merchant support",
    "DELETE /v1/shipments/{shipment_id}": "merchant support",
    "POST /v1/shipments/{shipment_id}/refresh": "merchant support",
    "POST /v1/shipments/{shipment_id}/tracking-link": "merchant support",
    "DELETE /v1/shipments/{shipment_id}/tracking-link": "merchant support",
    "GET /v1/shipments/{shipment_id}/events": "merchant support storefront",
    "POST /v1/shipments/{shipment_id}/events": "merchant support",
    "POST /v1/orders": "merchant support",
    "GET /v1/orders": "merchant support",
    "GET /v1/orders/{order_id}": "merchant support",
    "PATCH /v1/orders/{order_id}": "merchant support",
    "GET /v1/orders/{order_id}/events": "merchant support",
    "GET /v1/orders/{order_id}/journey": "merchant support",
    "POST /v1/orders/{order_id}/events": "merchant support",
    "POST /v1/orders/{order_id}/returns": "merchant support",
    "POST /v1/endpoints": "merchant",
    "GET /v1/endpoints": "merchant support",
    "GET /v1/endpoints/{endpoint_id}": "merchant support",
    "PATCH /v1/endpoints/{endpoint_id}": "merchant",
    "DELETE /v1/endpoints/{endpoint_id}": "merchant",
    "GET /v1/endpoints/{endpoint_id}/secret": "merchant",
    "POST /v1/endpoints/{endpoint_id}/rotate-secret": "merchant",
    "GET /v1/endpoints/{endpoint_id}/public-key": "merchant",
    "POST /v1/endpoints/{endpoint_id}/public-key": "merchant",
    "POST /v1/endpoints/{endpoint_id}/test": "merchant",
    "POST /v1/endpoints/{endpoint_id}/enable": "merchant",
    "GET /v1/endpoints/{endpoint_id}/dead": "merchant support",
    "POST /v1/endpoints/{endpoint_id}/dead/requeue": "merchant",
    "POST /v1/endpoints/{endpoint_id}/replay": "merchant",
    "GET /v1/endpoints/{endpoint_id}/replays": "merchant support",
    "GET /v1/endpoints/{endpoint_id}/replays/{replay_id}": "merchant support",
    "DELETE /v1/endpoints/{endpoint_id}/replays/{replay_id}": "merchant",
    "GET /v1/endpoints/{endpoint_id}/attempts": "merchant support",
    "GET /v1/endpoints/{endpoint_id}/poll": "merchant support",
    "GET /v1/messages": "merchant support",
    "GET /v1/messages/{message_id}": "merchant support",
    "POST /v1/messages/{message_id}/resend": "merchant support",
    "POST /v1/accounts": "merchant",
    "GET /v1/accounts": "merchant support",
    "GET /v1/accounts/{account_id}": "merchant support",
    "PATCH /v1/accounts/{account_id}": "merchant",
    "DELETE /v1/accounts/{account_id}": "merchant",
    "GET /v1/accounts/{account_id}/codes": "merchant support",
    "POST /v1/shipments/{shipment_id}/subscriptions": "merchant support",
    "GET /v1/shipments/{shipment_id}/subscriptions": "merchant support",
    "GET /v1/shipments/{shipment_id}/notices": "merchant support",
    "DELETE /v1/shipments/{shipment_id}/subscriptions/{subscription_id}": "merchant support",
    "POST /v1/channels": "merchant",
    "GET /v1/channels": "merchant support",
    "GET /v1/channels/{channel_id}": "merchant support",
    "PATCH /v1/channels/{channel_id}": "merchant",
    "DELETE /v1/channels/{channel_id}": "merchant",
    "POST /v1/channels/{channel_id}/test": "merchant",
    "GET /v1/templates": "merchant support",
    "GET /v1/templates/{subject}/{language}": "merchant support",
    "PUT /v1/templates/{subject}/{language}": "merchant",
    "DELETE /v1/templates/{subject}/{language}": "merchant",
    "POST /v1/templates/{subject}/{language}/preview": "merchant support",
    "PUT /v1/accounts/{account_id}/codes": "merchant",
    "GET /v1/carriers": "merchant support storefront operator",
    "GET /v1/carriers/detect": "merchant support storefront operator",
    "POST /v1/keys": "merchant",
    "GET /v1/keys": "merchant",
    "DELETE /v1/keys/{key_id}": "merchant",
    "GET /v1/merchant": "merchant support",
    "PATCH /v1/merchant": "merchant",
    "GET /v1/stream": "merchant support",
    "GET /v1/shipments/{shipment_id}/position": "merchant support",
    "GET /v1/shipments/{shipment_id}/position/stream": "merchant support",
    "GET /v1/shipments/{shipment_id}/drop-off": "merchant support",
    "PUT /v1/shipments/{shipment_id}/drop-off": "merchant support",
    "GET /v1/last-mile": "merchant support",
    "PUT /v1/last-mile": "merchant",
    "GET /v1/branding": "merchant support",
    "PUT /v1/branding": "merchant",
    "PUT /v1/branding/logo": "merchant",
    "DELETE /v1/branding/logo": "merchant",
    "GET /v1/public/lookup": "storefront",
    "POST /v1/public/lookup": "storefront",
    "POST /v1/runs": "merchant support",
    "GET /v1/shipments/{shipment_id}/proofs": "merchant support",
    "GET /v1/shipments/{shipment_id}/proofs/{proof_id}": "merchant support",
    "GET /v1/shipments/{shipment_id}/proof-sheet": "merchant support",
    "GET /v1/fleet": "merchant support",
    "GET /v1/runs": "merchant support",
    "GET /v1/runs/{run_id}": "merchant support",
    "PATCH /v1/runs/{run_id}": "merchant support",
    "DELETE /v1/runs/{run_id}": "merchant support",
    "POST /v1/runs/{run_id}/link": "merchant support",
    "DELETE /v1/runs/{run_id}/link": "merchant support",
    "GET /v1/ratings": "merchant support",
    "GET /v1/shipments/{shipment_id}/rating": "merchant support",
    "POST /v1/shipments/{shipment_id}/rating/answer": "merchant support",
    "GET /v1/insights/on-time": "merchant support",
    "GET /v1/insights/transit-times": "merchant support",
    "GET /v1/insights/eta-accuracy": "merchant support",
    "GET /v1/insights/satisfaction": "merchant support",
    "GET /v1/conversations": "merchant support",
    "GET /v1/shipments/{shipment_id}/conversation": "merchant support",
    "POST /v1/shipments/{shipment_id}/conversation": "merchant support",
    "PUT /v1/shipments/{shipment_id}/conversation/courier": "merchant support",
}
"""Who may call what, written a second time on purpose: a change of a role is a change of this table."""


def filled(call: Call, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], call.path)


@pytest.fixture
async def things(house):
    """One of everything the house's merchant has."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient={"name": "Ines Example"}, order_number="A-1")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    order = await house.call("POST", "/v1/orders", {"order_number": "A-1", "recipient": {"name": "Ines Example"}})
    endpoint = await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook", "description": "mine"})
    replay = await house.call("POST", f"/v1/endpoints/{endpoint.json['id']}/replay", {"since": "2026-01-01T00:00:00Z"})
    shop = await house.call("POST", "/v1/shops", {"shop": "shopify", "secrets": {"signing_secret": "a secret"}})
    taken = await house.call(
        "POST", "/v1/orders/import", data=b"order_number\nA-1\n", headers={"Content-Type": "text/csv"}
    )
    messages = await house.call("GET", "/v1/messages")
    key = await house.call("POST", "/v1/keys", {"role": "support"})
    channel = await house.call("POST", "/v1/channels", {"channel": "console", "label": "mine"})
    wish = {"channel": "console", "address": "Ines Example", "consent": CONSENT}
    subscription = await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)
    proof_id = await house.gateway.proofs.keep(
        house.merchant_id, shipment_id, Named("document", "", None), b"%PDF-1.4", now_ms()
    )
    run = await house.call("POST", "/v1/runs", {"courier": "Rui", "day": "2199-11-20"})
    person_id, session_id = await somebody(house)
    invitation = await house.call("POST", "/v1/people/invitations", {"email": "bo@shop.example"})
    saved = await house.call("POST", "/v1/desk/filters", {"name": "mine", "query": "queue=stalled"})
    event = (await house.call("GET", f"/v1/shipments/{shipment_id}/events")).json["data"][0]
    return {
        "account_id": account_id,
        "shipment_id": shipment_id,
        "order_id": order.json["id"],
        "import_id": taken.json["id"],
        "shop_id": shop.json["id"],
        "endpoint_id": endpoint.json["id"],
        "replay_id": replay.json["id"],
        "message_id": messages.json["data"][0]["id"],
        "key_id": key.json["id"],
        "channel_id": channel.json["id"],
        "subscription_id": subscription.json["id"],
        "run_id": run.json["id"],
        "proof_id": proof_id,
        "person_id": person_id,
        "session_id": session_id,
        "invitation_id": invitation.json["id"],
        "filter_id": saved.json["id"],
        "payload_id": event["payload_id"],
    }


async def somebody(house):
    """A person of the house's merchant who signed in."""

    def work(conn):
        invited = people.invite(conn, house.merchant_id, "ines@shop.example", "support", by="", now=now_ms())
        person = people.accept(conn, invited.token, "Ines", "kept", now_ms())
        sessions.make(conn, person, "a browser", now_ms())
        return person["id"], sessions.listed(conn, house.merchant_id, person["id"], now_ms())[0]["id"]

    return await house.gateway.store.write(work)


def test_the_table_of_roles_covers_every_call():
    assert {name: " ".join(call.roles) for name, call in BY_NAME.items()} == MAY


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_gets_what_it_may_and_403_for_the_rest(house, role):
    key = await house.key_of(role)
    headers = {"Origin": "https://shop.example"}
    ids = dict.fromkeys(re.findall(r"\{(\w+)\}", " ".join(BY_NAME)), "x_of_nobody")
    for name, call in BY_NAME.items():
        # The stream is refused before it begins, but only for those who may stream.
        path = filled(call, ids) + ("?colour=red" if call.media_type == "text/event-stream" else "")
        body = BODIES.get(name, {}) if call.method in ("POST", "PUT", "PATCH") else None
        answer = await house.call(call.method, path, body, key=key, headers=headers)
        if role in MAY[name].split():
            for_people = name.partition(" ")[2].startswith("/v1/me/") or name == "PATCH /v1/me"
            allowed = (200, 204, 403 if for_people else 200, 404, 415 if call.takes else 422, 422)
            assert answer.status in allowed, (name, answer.status, answer.body)
        else:
            assert (answer.status, answer.json["type"]) == (403, "/problems/forbidden"), name


@pytest.mark.parametrize("name", WITH_ID)
async def test_another_merchants_things_do_not_exist(house, things, name):
    _, stranger = await house.merchant()
    call = BY_NAME[name]
    body = BODIES.get(name, {}) if call.method in ("POST", "PUT", "PATCH") else None
    foreign = await house.call(call.method, filled(call, things), body, key=stranger)
    nobody = {kind: new_id(value.partition("_")[0]) for kind, value in things.items()}
    unknown = await house.call(call.method, filled(call, nobody), body, key=stranger)
    assert (foreign.status, unknown.status) == (404, 404)
    assert foreign.json | {"request_id": ""} == unknown.json | {"request_id": ""}
    for path in (
        "shipments",
        "orders",
        "endpoints",
        "accounts",
        "channels",
        f"shipments/{things['shipment_id']}/subscriptions",
        "runs",
    ):
        (mine,) = (await house.call("GET", f"/v1/{path}")).json["data"]
        assert "stolen" not in orjson.dumps(mine).decode()


async def test_another_merchants_lists_are_empty(house, things):
    _, stranger = await house.merchant()
    for path in ("shipments", "orders", "shops", "endpoints", "accounts", "messages", "channels", "templates", "runs"):
        assert (await house.call("GET", f"/v1/{path}", key=stranger)).json == {"data": [], "next_cursor": None}
    (key,) = (await house.call("GET", "/v1/keys", key=stranger)).json["data"]
    assert key["id"] != things["key_id"]
    query = "tracking_number=DEMO100200302&order_number=A-1&q=DEMO"
    assert (await house.call("GET", f"/v1/shipments?{query}", key=stranger)).json["data"] == []


async def test_each_role_sees_the_fields_of_the_table_and_no_other(house, things):
    headers = {"Origin": "https://shop.example"}
    paths = {
        "shipment": f"/v1/shipments/{things['shipment_id']}",
        "endpoint": f"/v1/endpoints/{things['endpoint_id']}",
        "account": f"/v1/accounts/{things['account_id']}",
        "message": f"/v1/messages/{things['message_id']}",
        "event": f"/v1/shipments/{things['shipment_id']}/events",
        "order": f"/v1/orders/{things['order_id']}",
        "shop": f"/v1/shops/{things['shop_id']}",
        "order_event": f"/v1/orders/{things['order_id']}/events",
    }
    for role in ("merchant", "support", "storefront"):
        key = await house.key_of(role)
        for kind, path in paths.items():
            answer = await house.call("GET", path, key=key, headers=headers)
            if answer.status == 403:
                assert role == "storefront"
                continue
            shown = answer.json["data"][0] if kind.endswith("event") else answer.json
            may = {field for field in TABLE[kind] if sees(role, kind, field)}
            assert set(shown) == may - {"secret", "told_time"}, (role, kind)


@pytest.mark.parametrize("field", sorted({"metadata", "recipient", "order_number", "signed_by", "courier", "extra"}))
def test_the_storefront_sees_nothing_of_people_or_of_the_merchants_own(field):
    assert not sees("storefront", "shipment", field)
    assert not sees("operator", "shipment", field)


async def test_without_a_valid_key_nothing_opens(house):
    for name, call in BY_NAME.items():
        path = filled(call, dict.fromkeys(re.findall(r"\{(\w+)\}", call.path), "x"))
        answer = await house.call(call.method, path, key=None)
        assert (answer.status, answer.json["type"]) == (401, "/problems/unauthorized"), name
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    for wrong in ("Bearer", "Bearer ", "Bearer nonsense", f"Basic {house.key}", f"Bearer {house.key}x", house.key):
        answer = await house.call("GET", "/v1/shipments", key=None, headers={"Authorization": wrong})
        assert answer.status == 401, wrong
    assert house.key.encode() not in answer.body


async def test_malformed_mistyped_and_missing_bodies_are_told_apart(house):
    path, json_type = "/v1/shipments", {"Content-Type": "application/json"}
    for raw in (b"{", b"nonsense", b'{"tracking_number": "\xff"}', b'{"tracking_number": "\\ud800"}', b"\x00"):
        answer = await house.call("POST", path, data=raw, headers=json_type)
        assert (answer.status, answer.json["type"]) == (400, "/problems/malformed"), raw
    assert (await house.call("POST", path)).status == 400
    assert (await house.call("POST", path, data=b"[]", headers=json_type)).status == 422
    for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = await house.call("POST", path, data=b"{}", headers={"Content-Type": media_type})
        assert (answer.status, answer.json["type"]) == (415, "/problems/unsupported-media-type")
    unexpected = await house.call("POST", "/v1/shipments/x/refresh", {"colour": "red"})
    assert (unexpected.status, unexpected.pointers) == (422, ["/colour"])
    deep = await house.call("POST", path, data=b'{"metadata":' * 5_000 + b"1" + b"}" * 5_000, headers=json_type)
    assert deep.status in (400, 422)


async def test_an_oversized_body_is_refused(house):
    raw = b'{"tracking_number": "' + b"1" * 2_000_000 + b'"}'
    answer = await house.call("POST", "/v1/shipments", data=raw, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["type"]) == (413, "/problems/too-large")


async def test_a_wrong_method_keeps_allow_and_an_unknown_path_is_404(house):
    answer = await house.call("PUT", "/v1/endpoints")
    assert (answer.status, answer.json["type"]) == (405, "/problems/method-not-allowed")
    assert answer.headers["Allow"] == "GET, HEAD, POST"
    answer = await house.call("GET", "/v1/nothing-here")
    assert (answer.status, answer.json["type"]) == (404, "/problems/not-found")
    assert answer.headers["Content-Type"] == "application/problem+json"


async def test_every_answer_carries_a_request_id_and_a_plausible_one_is_kept(house):
    given = {"X-Request-Id": "trace-0123456789"}
    answer = await house.call("GET", "/v1/nothing-here", headers=given)
    assert answer.headers["X-Request-Id"] == answer.json["request_id"] == "trace-0123456789"
    for odd in ("short", "a b c d e f g h", "x" * 65, "<script>alert(1)</script>"):
        answer = await house.call("GET", "/healthz", headers={"X-Request-Id": odd})
        assert re.fullmatch(r"req_[0-9a-f]{20}", answer.headers["X-Request-Id"])


async def test_a_fault_of_ours_tells_nothing_and_is_found_by_its_id(house, logs, monkeypatch):
    def broken(*_args, **_more):
        raise RuntimeError("Ines Example lives at 18 Rua do Exemplo")

    monkeypatch.setattr("gateway.api.shipments.listing.page", broken)
    answer = await house.call("GET", "/v1/shipments")
    assert (answer.status, answer.json["type"]) == (500, "/problems/internal")
    assert set(answer.json) == {"type", "title", "status", "request_id"}
    lines = [orjson.loads(line) for line in logs.getvalue().splitlines()]
    (line,) = [line for line in lines if line["event"] == "failed"]
    assert (line["request_id"], line["error"]) == (answer.json["request_id"], "RuntimeError")
    assert "Ines" not in logs.getvalue()


async def test_no_secret_and_nobodys_data_is_ever_logged(house, things, logs):
    personal = {"name": "Ulla Muster", "email": "ulla@example.org", "phone": "+49 555 0199", "street": "Musterweg 3"}
    secrets = {"api_key": "very-secret-1", "signing_secret": "very-secret-2"}
    made = await house.call("POST", "/v1/endpoints", {"url": f"{house.url}/hook?token=very-secret-3"})
    await house.call("POST", "/v1/shipments", {"tracking_number": "DEMO770044006", "recipient": personal})
    await house.call("POST", "/v1/accounts", {"carrier": "demo", "secrets": secrets})
    await house.call("POST", "/v1/accounts", {"carrier": "demo", "secrets": secrets | {"wrong": "very-secret-4"}})
    await house.call("POST", "/v1/shipments", {"tracking_number": "1", "recipient": personal | {"fax": "very-secret"}})
    await house.call("POST", f"/v1/endpoints/{made.json['id']}/test")
    for address in ("ulla@example.org", "not Ulla's address"):
        wish = {"channel": "email", "address": address, "consent": CONSENT, "double_opt_in": True}
        await house.call("POST", f"/v1/shipments/{things['shipment_id']}/subscriptions", wish)
    await house.call("POST", f"/v1/channels/{things['channel_id']}/test", {"to": "Ulla Muster"})
    await house.call("POST", "/v1/channels", {"channel": "sms", "secrets": {"auth_token": "very-secret-6"}})
    await house.push(things["account_id"], b'{"name": "Ulla Muster"}', "t=1,v1=very-secret-5")
    await house.push(things["account_id"], b'{"name": "Ulla Muster"}')
    await house.read_all()
    text = logs.getvalue()
    assert "payload_unreadable" in text
    assert "answered" in text
    for never in ("Ulla", "ulla@", "0199", "Musterweg", "very-secret", "gwk_", made.json["secret"], house.key):
        assert never not in text


async def test_too_many_requests_are_told_when_there_is_room_again(house, monkeypatch):
    first = await house.call("GET", "/v1/carriers")
    assert first.headers["RateLimit-Policy"] == '"default";q=6000;w=60'
    assert re.fullmatch(r'"default";r=59\d\d;t=\d+', first.headers["RateLimit"])
    key = await house.key_of("support")
    clock = time.monotonic()
    monkeypatch.setattr("gateway.api.auth.time.monotonic", lambda: clock)
    answers = [await house.call("GET", "/v1/carriers", key=key) for _ in range(3)]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=5999", "r=5998", "r=5997"]


async def test_an_empty_bucket_answers_429_and_fills_again(house, monkeypatch):
    now = 1_000.0
    monkeypatch.setattr("gateway.api.auth.time.monotonic", lambda: now)
    keeper, principal = Doorkeeper(house.gateway.store, 60), Principal("key_1", "mer_1", "merchant")
    for _ in range(60):
        keeper.spend(principal)
    with pytest.raises(Problem) as refused:
        keeper.spend(principal)
    answer = refused.value.response()
    assert (answer.status, answer.headers["Retry-After"]) == (429, "1")
    assert answer.headers["RateLimit"] == '"default";r=0;t=1'
    now += 2
    assert keeper.spend(principal)["RateLimit"] == '"default";r=1;t=59'
    keeper.spend(Principal("key_2", "mer_1", "merchant"))


async def test_health_readiness_and_metrics_tell_nothing_of_merchants(house, things):
    alive = await house.call("GET", "/healthz", key=None)
    ready = await house.call("GET", "/readyz", key=None)
    assert (alive.status, alive.json) == (200, {"status": "ok"})
    assert (ready.status, ready.json) == (200, {"status": "ok", "reasons": []})
    measured = await house.call("GET", "/metrics", key=None)
    text = measured.body.decode()
    assert 'gateway_pushes_total{carrier="demo",outcome="kept"}' in text
    assert 'gateway_events_total{carrier="demo",status="in_transit"}' in text
    assert "gateway_inbox_waiting 0.0" in text
    for never in (house.merchant_id, *things.values(), "DEMO100200302"):
        assert never not in text


async def test_many_at_once_are_all_answered(house):
    wishes = [{"tracking_number": f"N{index}", "carrier": "demo"} for index in range(100)]
    answers = await asyncio.gather(*(house.call("POST", "/v1/shipments", wish) for wish in wishes))
    assert {answer.status for answer in answers} == {201}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_cannot_be_unpacked_is_malformed(house, things, logs, encoding):
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json", "Demo-Signature": "t=1,v1=00"}
    answer = await house.call("POST", "/v1/shipments", data=b"not packed at all", headers=headers)
    assert (answer.status, answer.json["type"]) == (400, "/problems/malformed")
    answer = await house.call(
        "POST", f"/carriers/demo/push/{things['account_id']}", data=b"not packed", headers=headers, key=None
    )
    assert (answer.status, answer.json["type"]) == (400, "/problems/malformed")
    assert '"level":"error"' not in logs.getvalue()


async def test_a_client_that_goes_in_the_middle_of_its_body_is_no_fault_of_ours(house, logs):
    _, writer = await asyncio.open_connection("127.0.0.1", int(house.url.rpartition(":")[2]))
    head = f"POST /v1/shipments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.key}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await house.call("GET", "/v1/shipments")).json["data"] == []
    assert '"level":"error"' not in logs.getvalue()


@pytest.mark.parametrize("odd", ["%00", "%2F", "..%2f", "%ff", "%F0%9F%93%A6", "a%20b", "x" * 3_000])
async def test_odd_ids_are_simply_unknown(house, odd):
    for path in ("shipments", "orders", "shops", "endpoints", "accounts", "messages", "channels", "templates"):
        assert (await house.call("GET", f"/v1/{path}/{odd}")).status in (400, 404)

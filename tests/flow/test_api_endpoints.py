"""Endpoints and messages over the API: made, changed, tested, read, replayed; and what was told to whom."""

import asyncio
import base64

import orjson
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook


class Receiver:
    """A merchant's own server."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.got: list[tuple[dict[str, str], bytes]] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append(({name.lower(): value for name, value in request.headers.items()}, body))
        return web.Response(status=self.status, text="thank you")


@pytest.fixture
async def receiver():
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def test_an_endpoint_hears_of_a_parcel_signed_with_the_secret_it_was_given(house, receiver):
    made = await house.call("POST", "/v1/endpoints", {"url": receiver.url, "description": "Our shop"})
    assert made.status == 201
    assert made.headers["Location"] == f"/v1/endpoints/{made.json['id']}"
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(receiver.got) == 1)
    headers, body = receiver.got[0]
    told = Webhook(made.json["secret"]).verify(body.decode(), headers)
    assert (told["type"], told["data"]["shipment"]["id"]) == ("shipment.in_transit", shipment_id)

    async def written() -> bool:
        attempts = await house.call("GET", f"/v1/endpoints/{made.json['id']}/attempts")
        return len(attempts.json["data"]) == 1

    await house.until(written)
    (attempt,) = (await house.call("GET", f"/v1/endpoints/{made.json['id']}/attempts")).json["data"]
    assert (attempt["status"], attempt["outcome"], attempt["message_id"]) == (200, "delivered", told["id"])
    message = (await house.call("GET", f"/v1/messages/{told['id']}")).json
    assert message["body"] == told
    assert [(one["endpoint_id"], one["state"]) for one in message["deliveries"]] == [(made.json["id"], "delivered")]


async def test_the_secret_is_shown_on_creation_and_on_request_and_nowhere_else(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    path = f"/v1/endpoints/{made['id']}"
    assert (await house.call("GET", f"{path}/secret")).json == {"secret": made["secret"]}
    for other in (path, "/v1/endpoints"):
        assert made["secret"].encode() not in (await house.call("GET", other)).body
    fresh = (await house.call("POST", f"{path}/rotate-secret")).json["secret"]
    assert fresh != made["secret"]
    assert (await house.call("GET", f"{path}/secret")).json == {"secret": fresh}
    await house.call("POST", f"{path}/test")
    signatures = receiver.got[-1][0]["webhook-signature"].split(" ")
    assert len(signatures) == 2  # the old one signs along
    for secret in (made["secret"], fresh):
        Webhook(secret).verify(receiver.got[-1][1].decode(), receiver.got[-1][0])


async def test_a_public_keys_signature_goes_beside_the_secrets_until_it_is_switched_off(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    path = f"/v1/endpoints/{made['id']}"
    shown = (await house.call("POST", f"{path}/public-key", {"on": True})).json["public_key"]
    await house.call("POST", f"{path}/test")
    headers, body = receiver.got[-1]
    shared, public = headers["webhook-signature"].split(" ")
    assert (shared[:3], public[:4]) == ("v1,", "v1a,")
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(shown.removeprefix("whpk_")))
    key.verify(base64.b64decode(public[4:]), content)
    Webhook(made["secret"]).verify(body.decode(), headers)
    assert (await house.call("POST", f"{path}/public-key", {"on": False})).json == {"public_key": None}
    await house.call("POST", f"{path}/test")
    assert receiver.got[-1][0]["webhook-signature"].count(",") == 1
    assert (await house.call("POST", f"{path}/public-key", {})).pointers == ["/on"]


async def test_a_public_key_is_shown_again_and_replaced_while_the_old_one_signs_along(house, receiver):
    path = "/v1/endpoints/" + (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json["id"]
    assert (await house.call("GET", f"{path}/public-key")).json == {"public_key": None}
    first = await house.call("POST", f"{path}/public-key", {"on": True})
    assert (await house.call("GET", f"{path}/public-key")).json == first.json
    second = await house.call("POST", f"{path}/public-key", {"on": True, "overlap_hours": 168})
    assert (await house.call("GET", f"{path}/public-key")).json == second.json != first.json
    await house.call("POST", f"{path}/test")
    headers, body = receiver.got[-1]
    signatures = [one[4:] for one in headers["webhook-signature"].split(" ") if one.startswith("v1a,")]
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for answer, signature in zip((second, first), signatures, strict=True):  # the newest first
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(answer.json["public_key"].removeprefix("whpk_")))
        key.verify(base64.b64decode(signature), content)
    await house.call("POST", f"{path}/public-key", {"on": True, "overlap_hours": 0})
    await house.call("POST", f"{path}/test")
    assert receiver.got[-1][0]["webhook-signature"].count("v1a,") == 1
    assert (await house.call("POST", f"{path}/public-key", {"on": True, "overlap_hours": 169})).status == 422


async def test_so_many_secrets_sign_along_that_their_signatures_fit_a_header(house, receiver):
    path = "/v1/endpoints/" + (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json["id"]
    answers = [await house.call("POST", f"{path}/rotate-secret") for _ in range(10)]
    assert [answer.status for answer in answers] == [200] * 9 + [422]
    assert answers[-1].pointers == ["/overlap_hours"]
    ended = await house.call("POST", f"{path}/rotate-secret", {"overlap_hours": 0})
    await house.call("POST", f"{path}/test")
    headers, body = receiver.got[-1]
    assert headers["webhook-signature"].count("v1,") == 1
    Webhook(ended.json["secret"]).verify(body.decode(), headers)


async def test_a_test_says_what_the_endpoint_answered(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    receiver.status = 418
    answer = await house.call("POST", f"/v1/endpoints/{made['id']}/test")
    assert answer.status == 200
    assert (answer.json["outcome"], answer.json["status"], answer.json["response"]) == ("status", 418, "thank you")


@pytest.mark.parametrize(
    ("wish", "pointer", "reason"),
    [
        (
            {"filter": {"carrier": "ups"}},
            "/filter/carrier",
            "no message holds 'carrier'; did you mean shipment.carrier?",
        ),
        (
            {"filter": {"shipmnt.carrier": "ups"}},
            "/filter/shipmnt.carrier",
            "no message holds 'shipmnt'; did you mean shipment?",
        ),
        (
            {"filter": {"shipment.carier": "ups"}},
            "/filter/shipment.carier",
            "shipment has no 'carier'; did you mean shipment.carrier?",
        ),
        ({"fields": ["shipment.id", "event.att"]}, "/fields/1", "event has no 'att'; did you mean event.at?"),
    ],
)
async def test_a_misspelt_path_is_refused_since_it_would_match_nothing_for_ever(house, receiver, wish, pointer, reason):
    answer = await house.call("POST", "/v1/endpoints", {"url": receiver.url} | wish)
    assert (answer.status, answer.json["errors"]) == (422, [{"pointer": pointer, "detail": reason}])
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    answer = await house.call("PATCH", f"/v1/endpoints/{made['id']}", wish)
    assert (answer.status, answer.json["errors"]) == (422, [{"pointer": pointer, "detail": reason}])


async def test_paths_to_whatever_messages_hold_are_taken(house, receiver):
    fields = [
        "shipment.metadata.gift",
        "event.place.city",
        "previous.status",
        "order.id",
        "rating.stars",
        "endpoint.id",
    ]
    made = await house.call("POST", "/v1/endpoints", {"url": receiver.url, "fields": fields})
    assert (made.status, made.json["fields"]) == (201, fields)


async def test_a_private_address_is_refused_with_who_could_let_it_through(house):
    answer = await house.call("POST", "/v1/endpoints", {"url": "https://10.0.0.1/hook"})
    assert answer.json["detail"] == (
        "/url: 10.0.0.1 is not a public address; who runs the gateway may let it through (GATEWAY_EGRESS_ALLOW)"
    )


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, "/url"),
        ({"url": "ftp://shop.example/"}, "/url"),
        ({"url": "http://10.0.0.1/hook"}, "/url"),
        ({"url": "https://169.254.169.254/latest"}, "/url"),
        ({"url": "https://[::1]/hook"}, "/url"),
        ({"url": "https://user:secret@shop.example/"}, "/url"),
        ({"url": "https://8.8.8.8:22/"}, "/url"),
        ({"url": "http://127.0.0.1:9/h", "event_types": ["shipment.*", "nonsense"]}, "/event_types/1"),
        ({"url": "http://127.0.0.1:9/h", "event_types": []}, "/event_types"),
        ({"url": "http://127.0.0.1:9/h", "filter": {"shipment..carrier": "ups"}}, "/filter"),
        ({"url": "http://127.0.0.1:9/h", "filter": {"shipment.carrier": {}}}, "/filter/shipment.carrier"),
        ({"url": "http://127.0.0.1:9/h", "ordering": "random"}, "/ordering"),
        ({"url": "http://127.0.0.1:9/h", "rate_per_second": 0}, "/rate_per_second"),
        ({"url": "http://127.0.0.1:9/h", "schedule": [-1.0]}, "/schedule"),
        ({"url": "http://127.0.0.1:9/h", "secret": "whsec_short"}, "/secret"),
        ({"url": "http://127.0.0.1:9/h", "secret": "secret"}, "/secret"),
        ({"url": "http://127.0.0.1:9/h", "colour": "red"}, "/colour"),
    ],
)
async def test_a_wrong_wish_is_named_by_its_field(house, wish, pointer):
    answer = await house.call("POST", "/v1/endpoints", wish)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert "whsec_short" not in answer.body.decode()


async def test_a_change_keeps_what_it_leaves_out(house, receiver):
    wish = {"url": receiver.url, "event_types": ["shipment.*"], "filter": {"shipment.carrier": ["ups"]}}
    made = (await house.call("POST", "/v1/endpoints", wish)).json
    path = f"/v1/endpoints/{made['id']}"
    changed = (await house.call("PATCH", path, {"ordering": "strict", "rate_per_second": 5})).json
    assert (changed["ordering"], changed["rate_per_second"]) == ("strict", 5.0)
    assert (changed["event_types"], changed["filter"]) == (["shipment.*"], {"shipment.carrier": ["ups"]})
    cleared = (await house.call("PATCH", path, {"event_types": None, "filter": None})).json
    assert (cleared["event_types"], cleared["filter"]) == (None, None)
    for wrong, pointer in (
        ({"url": "http://10.0.0.1/"}, "/url"),
        ({"secret": "x"}, "/secret"),
    ):
        refused = await house.call("PATCH", path, wrong)
        assert (refused.status, refused.pointers) == (422, [pointer])


async def test_a_deleted_endpoint_is_gone(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    path = f"/v1/endpoints/{made['id']}"
    assert (await house.call("DELETE", path)).status == 204
    reads = ("", "/secret", "/attempts", "/poll")
    for rest in reads:
        assert (await house.call("GET", path + rest)).status == 404, rest
    for rest in ("/test", "/rotate-secret", "/enable"):
        assert (await house.call("POST", path + rest)).status == 404, rest
    assert (await house.call("PATCH", path, {})).status == 404
    assert (await house.call("DELETE", path)).status == 404
    assert (await house.call("GET", "/v1/endpoints")).json["data"] == []


async def test_a_disabled_endpoint_can_be_enabled_from_now(house, receiver):
    receiver.status = 410
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")

    async def disabled() -> bool:
        return (await house.call("GET", f"/v1/endpoints/{made['id']}")).json["state"] == "disabled"

    await house.until(disabled)
    shown = (await house.call("GET", f"/v1/endpoints/{made['id']}")).json
    assert (shown["state_reason"], shown["lane"]["state"]) == ("gone", "disabled")
    told = (await house.call("GET", "/v1/messages?type=endpoint.paused")).json["data"]
    assert len(told) == 1
    endpoint = (await house.call("GET", f"/v1/messages/{told[0]['id']}")).json["body"]["data"]["endpoint"]
    assert (endpoint["id"], endpoint["state"], endpoint["reason"]) == (made["id"], "disabled", "gone")
    (waits, *_) = (await house.call("GET", "/v1/messages?type=shipment.in_transit")).json["data"]
    (there,) = [one for one in waits["deliveries"] if one["endpoint_id"] == made["id"]]
    assert (there["state"], there["next_at"], there["reason"]) == ("retrying", None, "the endpoint is disabled")
    enabled = await house.call("POST", f"/v1/endpoints/{made['id']}/enable", {"course": "from_now"})
    assert (enabled.status, enabled.json["state"]) == (200, "enabled")
    wrong = await house.call("POST", f"/v1/endpoints/{made['id']}/enable", {"course": "backwards"})
    assert (wrong.status, wrong.pointers) == (422, ["/course"])


async def test_messages_can_be_polled_by_cursor_without_gap(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["*"]})).json
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    seen, cursor = [], ""
    while True:
        page = (await house.call("GET", f"/v1/endpoints/{made['id']}/poll?limit=2{cursor}")).json
        if not page["data"]:
            break
        seen += [message["sequence"] for message in page["data"]]
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == [1, 2, 3, 4, 5, 6]
    assert page["next_cursor"] == "6"


async def test_messages_are_listed_newest_first_and_filtered(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.tell(account_id, "DEMO770044006", "PICKED_UP")
    everything = (await house.call("GET", "/v1/messages")).json["data"]
    assert [one["sequence"] for one in everything] == [4, 3, 2, 1]
    first = (await house.call("GET", "/v1/messages?limit=3")).json
    rest = (await house.call("GET", f"/v1/messages?limit=3&cursor={first['next_cursor']}")).json
    assert [one["sequence"] for one in first["data"] + rest["data"]] == [4, 3, 2, 1]
    assert rest["next_cursor"] is None
    of_one = (await house.call("GET", f"/v1/messages?shipment_id={shipment_id}&type=shipment.in_transit")).json["data"]
    assert [(one["shipment_id"], one["type"]) for one in of_one] == [(shipment_id, "shipment.in_transit")]
    assert all("body" not in one for one in everything)
    assert (await house.call("GET", "/v1/messages?type=shipment.in_transt")).pointers == ["?type"]


async def test_a_message_is_sent_again_on_request_under_the_same_id(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(receiver.got) == 1)
    message_id = receiver.got[0][0]["webhook-id"]
    answer = await house.call("POST", f"/v1/messages/{message_id}/resend")
    assert (answer.status, answer.json) == (202, {"endpoints": [made["id"]]})
    await house.until(lambda: len(receiver.got) == 2)
    assert receiver.got[1][0]["webhook-id"] == message_id
    assert receiver.got[1][1] == receiver.got[0][1]
    wrong = await house.call("POST", f"/v1/messages/{message_id}/resend", {"endpoint": "ep_of_nobody"})
    assert (wrong.status, wrong.pointers) == (422, ["/endpoint"])
    assert (await house.call("POST", "/v1/messages/msg_of_nobody/resend")).status == 404


async def test_a_replay_sends_a_stretch_once_more(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(receiver.got) == 1)

    async def passed() -> bool:
        return (await house.call("GET", f"/v1/endpoints/{made['id']}")).json["lane"]["behind"] == 0

    await house.until(passed)
    path = f"/v1/endpoints/{made['id']}/replay"
    answer = await house.call("POST", path, {"since": "2026-01-01T00:00:00Z", "event_types": ["shipment.in_transit"]})
    assert answer.status == 202
    await house.until(lambda: len(receiver.got) == 2)
    assert receiver.got[1][0]["webhook-id"] == receiver.got[0][0]["webhook-id"]
    for wish, pointer in (
        ({}, "/since"),
        ({"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "/until"),
        ({"since": "2026-01-02T00:00:00Z", "event_types": ["nonsense"]}, "/event_types/0"),
    ):
        wrong = await house.call("POST", path, wish)
        assert (wrong.status, wrong.pointers) == (422, [pointer])


async def test_attempts_are_walked_page_by_page(house, receiver):
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url})).json
    for _ in range(3):
        await house.call("POST", f"/v1/endpoints/{made['id']}/test")
        await asyncio.sleep(0.002)  # two attempts of one endpoint never share a millisecond
    path = f"/v1/endpoints/{made['id']}/attempts?limit=2"
    first = (await house.call("GET", path)).json
    rest = (await house.call("GET", f"{path}&cursor={first['next_cursor']}")).json
    assert len({one["message_id"] for one in first["data"] + rest["data"]}) == 3
    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (2, 1, None)
    for nonsense in ("nonsense", "MTph"):
        wrong = await house.call("GET", f"{path}&cursor={nonsense}")
        assert (wrong.status, wrong.pointers) == (422, ["?cursor"])


async def test_a_refused_endpoint_is_shown_as_paused_and_then_as_throttled(house, receiver):
    receiver.status = 429
    made = (await house.call("POST", "/v1/endpoints", {"url": receiver.url, "schedule": [0, 0, 0, 0]})).json
    assert made["lane"]["state"] == "active"
    path = f"/v1/endpoints/{made['id']}"
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")

    async def state():
        return (await house.call("GET", path)).json["lane"]["state"]

    async def paused():
        return await state() == "paused"

    await house.until(paused)
    receiver.status = 200

    async def throttled():
        lane = (await house.call("GET", path)).json["lane"]
        return lane["behind"] == 0 and lane["state"] in {"throttled", "recovering"} and lane["throttled_to"] >= 0.5

    await house.until(throttled)


async def test_who_watches_live_hears_at_once_that_an_endpoint_was_disabled(house, receiver):
    receiver.status = 410
    await house.call("POST", "/v1/endpoints", {"url": receiver.url, "event_types": ["shipment.in_transit"]})
    polled = (await house.call("POST", "/v1/endpoints", {"url": None, "event_types": ["endpoint.paused"]})).json
    waiting = asyncio.create_task(house.call("GET", f"/v1/endpoints/{polled['id']}/poll?wait=8"))
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    assert [one["data"]["endpoint"]["state"] for one in (await waiting).json["data"]] == ["disabled"]


async def test_only_the_wished_fields_are_sent_polled_and_signed(house, receiver):
    wish = {"url": receiver.url, "fields": ["shipment.tracking_number", "event.status"]}
    made = (
        await house.call("POST", "/v1/endpoints", wish | {"filter": {"shipment.carrier": {"starts_with": "de"}}})
    ).json
    assert made["fields"] == wish["fields"]
    await house.call("POST", "/v1/endpoints", wish | {"filter": {"shipment.carrier": {"starts_with": "ups"}}})
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.until(lambda: len(receiver.got) == 1)
    headers, body = receiver.got[0]
    Webhook(made["secret"]).verify(body, dict(headers))
    data = {"shipment": {"tracking_number": "DEMO100200302"}, "event": {"status": "in_transit"}}
    assert orjson.loads(body)["data"] == data
    polled = (await house.call("GET", f"/v1/endpoints/{made['id']}/poll")).json["data"]
    assert [one["data"] for one in polled] == [data]
    wrong = await house.call("PATCH", f"/v1/endpoints/{made['id']}", {"fields": ["a..b"]})
    assert (wrong.status, wrong.pointers) == (422, ["/fields/0"])
    assert (await house.call("PATCH", f"/v1/endpoints/{made['id']}", {"fields": None})).json["fields"] is None

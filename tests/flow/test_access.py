"""What an endpoint wants beside our signature: headers, a login, a token, a certificate, another vendor's proof."""

from __future__ import annotations

import base64
import hmac
import unicodedata

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flow.doors import Authority, door, token_server
from sqlalchemy import select

from webhooks.tables import Tables

SECRET = "a-secret-of-the-shop"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def settings(settings, authority):
    return settings.model_copy(update={"egress_authorities": str(authority.file)})


@pytest.fixture
async def shop():
    async with door() as one:
        yield one


@pytest.fixture
async def tokens():
    async with token_server() as one:
        yield one


async def made(house, url, **wish):
    answer = await house.call("POST", "/v1/endpoints", {"url": url, "event_types": ["shipment.in_transit"]} | wish)
    assert answer.status == 201, answer.body
    return answer.json


async def tell(house):
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")


async def attempts(house, endpoint, count=1):
    """Return an endpoint's attempts, the newest first, once there are so many."""
    found = []

    async def enough():
        found[:] = (await house.call("GET", f"/v1/endpoints/{endpoint['id']}/attempts")).json["data"]
        return len(found) >= count

    await house.until(enough)
    return found


async def everything_kept(house):
    """Return all that the database holds of endpoints and exchanges, as bytes."""
    rows = []
    for table in (Tables.endpoint, Tables.exchange, Tables.attempt, Tables.message):
        rows += await house.gateway.store.read(lambda conn, table=table: conn.execute(select(table)).all())
    return repr(rows).encode()


async def test_headers_go_with_every_message_and_are_shown_to_nobody(house, shop, logs):
    endpoint = await made(house, shop.url, headers={"X-Api-Key": SECRET, "X-Route": "blue 1"})
    path = f"/v1/endpoints/{endpoint['id']}"
    assert endpoint["headers"] == {"X-Api-Key": "***", "X-Route": "***"}
    shop.body, shop.headers = f"your key is {SECRET}", {"X-Echo": SECRET, "Set-Cookie": "session=1"}
    await tell(house)
    (attempt,) = await attempts(house, endpoint)
    assert (shop.got[0][0]["x-api-key"], shop.got[0][0]["x-route"]) == (SECRET, "blue 1")
    assert (attempt["request_headers"]["x-api-key"], attempt["response"]) == ("***", "your key is ***")
    assert ["X-Echo", "***"] in attempt["response_headers"]
    assert ["Set-Cookie", "***"] in attempt["response_headers"]
    changed = await house.call("PATCH", path, {"headers": {"X-Api-Key": "***", "X-Other": "2"}})
    assert changed.json["headers"] == {"X-Api-Key": "***", "X-Other": "***"}
    assert (await house.call("POST", f"{path}/test")).json["response"] == "your key is ***"
    assert shop.got[1][0]["x-api-key"] == SECRET
    assert "x-route" not in shop.got[1][0]
    support = await house.key_of("support")
    for seen in (await house.call("GET", path, key=support), await house.call("GET", f"{path}/attempts", key=support)):
        assert SECRET.encode() not in seen.body
    assert SECRET.encode() not in await everything_kept(house)
    assert SECRET not in logs.getvalue()
    assert (await house.call("PATCH", path, {"headers": None})).json["headers"] == {}


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({"headers": {"Content-Type": "text/plain"}}, "/headers/Content-Type"),
        ({"headers": {"host": "elsewhere"}}, "/headers/host"),
        ({"headers": {"Webhook-Id": "mine"}}, "/headers/Webhook-Id"),
        ({"headers": {"Proxy-Authorization": "x"}}, "/headers/Proxy-Authorization"),
        ({"headers": {"X Y": "1"}}, "/headers/X Y"),
        ({"headers": {"X-A": "1\r\nX-B: 2"}}, "/headers/X-A"),
        ({"headers": {"X-A": " 1"}}, "/headers/X-A"),
        ({"headers": {"X-A": "***"}}, "/headers/X-A"),
        ({"headers": {"X-A": "1", "x-a": "2"}}, "/headers/x-a"),
        ({"headers": {f"X-{n}": "1" for n in range(21)}}, "/headers"),
        ({"headers": {"Authorization": "x"}, "auth": {"kind": "bearer", "token": "t"}}, "/headers"),
        ({"auth": {"kind": "digest"}}, "/auth/kind"),
        ({"auth": {"kind": "bearer"}}, "/auth/token"),
        ({"auth": {"kind": "bearer", "token": "two words"}}, "/auth/token"),
        ({"auth": {"kind": "bearer", "token": "***"}}, "/auth/token"),
        ({"auth": {"kind": "bearer", "token": "t", "password": "p"}}, "/auth/password"),
        ({"auth": {"kind": "basic", "username": "a:b", "password": "p"}}, "/auth/username"),
        ({"auth": {"kind": "oauth2", "client_id": "a", "client_secret": "b"}}, "/auth/token_url"),
        (
            {"auth": {"kind": "oauth2", "token_url": "https://10.0.0.1/t", "client_id": "a", "client_secret": "b"}},
            "/auth/token_url",
        ),
        ({"signature_compat": "aftership"}, "/compat_secret"),
        ({"signature_compat": "shippo", "compat_secret": "x"}, "/signature_compat"),
        ({"compat_secret": "x"}, "/compat_secret"),
        ({"client_certificate": {"certificate": "x", "key": "y"}}, "/client_certificate/certificate"),
        ({"secret": "whsec_c2hvcnQ="}, "/secret"),
        ({"secret": "whsec_not base64"}, "/secret"),
        ({"secret": "not of the standard"}, "/secret"),
        ({"secret": ""}, "/secret"),
    ],
)
async def test_what_cannot_be_is_refused_by_the_name_of_its_field_without_repeating_a_secret(house, wish, pointer):
    answer = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/hook"} | wish)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert (await house.call("GET", "/v1/endpoints")).json["data"] == []


@pytest.mark.parametrize(
    ("auth", "sent", "shown"),
    [
        ({"kind": "bearer", "token": SECRET}, f"Bearer {SECRET}", {"kind": "bearer", "token": "***"}),
        (
            {"kind": "basic", "username": "gate", "password": SECRET},
            "Basic " + base64.b64encode(f"gate:{SECRET}".encode()).decode(),
            {"kind": "basic", "username": "gate", "password": "***"},
        ),
    ],
)
async def test_logins_are_sent_and_masked(house, shop, auth, sent, shown):
    endpoint = await made(house, shop.url, auth=auth)
    assert endpoint["auth"] == shown
    await tell(house)
    (attempt,) = await attempts(house, endpoint)
    assert shop.got[0][0]["authorization"] == sent
    assert attempt["request_headers"]["authorization"] == sent.partition(" ")[0] + " ***"
    kept = await everything_kept(house)
    assert SECRET.encode() not in kept
    assert sent.rpartition(" ")[2].encode() not in kept
    round_trip = await house.call("PATCH", f"/v1/endpoints/{endpoint['id']}", {"auth": shown})
    assert (round_trip.status, round_trip.json["auth"]) == (200, shown)
    assert (await house.call("POST", f"/v1/endpoints/{endpoint['id']}/test")).status == 200
    assert shop.got[1][0]["authorization"] == sent
    gone = await house.call("PATCH", f"/v1/endpoints/{endpoint['id']}", {"auth": None})
    assert gone.json["auth"] is None
    await house.call("POST", f"/v1/endpoints/{endpoint['id']}/test")
    assert "authorization" not in shop.got[2][0]


def oauth(tokens, **more):
    return {"kind": "oauth2", "token_url": tokens.url, "client_id": "gate way", "client_secret": SECRET} | more


async def test_a_token_is_asked_for_once_and_used_for_all(house, shop, tokens):
    tokens.on_token = lambda token: setattr(shop, "token", token)
    endpoint = await made(house, shop.url, auth=oauth(tokens, scope="hooks"), event_types=["*"])
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    await house.until(lambda: len(shop.got) >= 6)
    assert {got[0]["authorization"] for got in shop.got} == {"Bearer token-number-1"}
    form, login = tokens.asked[0]
    assert form == {"grant_type": "client_credentials", "scope": "hooks"}
    assert base64.b64decode(login.removeprefix("Basic ")).decode() == f"gate+way:{SECRET}"
    assert len(tokens.asked) == 1
    await attempts(house, endpoint, 6)
    kept = await everything_kept(house)
    assert SECRET.encode() not in kept
    assert b"token-number-1" not in kept
    moved = {"kind": "oauth2", "token_url": tokens.url + "/b", "client_id": "gate way", "client_secret": "***"}
    refused = await house.call("PATCH", f"/v1/endpoints/{endpoint['id']}", {"auth": moved})
    assert (refused.status, refused.pointers) == (422, ["/auth/client_secret"])


async def test_a_token_taken_back_is_renewed_once_and_the_message_arrives_at_once(house, shop, tokens):
    tokens.on_token = lambda token: setattr(shop, "token", token)
    endpoint = await made(house, shop.url, auth=oauth(tokens, client_auth="body", audience="https://shop.example"))
    path = f"/v1/endpoints/{endpoint['id']}"
    await tell(house)
    await house.until(lambda: len(shop.got) == 1)
    assert tokens.asked[0][0] == {
        "grant_type": "client_credentials",
        "audience": "https://shop.example",
        "client_id": "gate way",
        "client_secret": SECRET,
    }
    shop.token = "taken back"
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO770044006", "PICKED_UP")
    found = await attempts(house, endpoint, 3)
    assert [(one["number"], one["status"], one["outcome"]) for one in found] == [
        (1, 200, "delivered"),
        (0, 401, "status"),
        (1, 200, "delivered"),
    ]
    assert len(tokens.asked) == 2
    lane = (await house.call("GET", path)).json["lane"]
    assert (lane["retrying"], lane["failing_since"]) == (0, None)


async def test_requests_whose_token_is_taken_back_together_share_one_new_token(house, shop, tokens):
    tokens.on_token = lambda token: setattr(shop, "token", token)
    endpoint = await made(house, shop.url, auth=oauth(tokens), ordering="none")
    await tell(house)
    await house.until(lambda: len(shop.got) == 1)
    shop.token, shop.hangs = "taken back", 0.1  # all are under way before the first refusal
    account_id = await house.demo_account()
    for number in ("DEMO770044006", "DEMO100200351", "DEMO100200344"):
        await house.tell(account_id, number, "PICKED_UP")
    found = await attempts(house, endpoint, 7)
    assert [one["number"] for one in found if one["status"] == 200] == [1, 1, 1, 1]
    assert [one["number"] for one in found if one["status"] == 401] == [0, 0, 0]
    assert len(tokens.asked) == 2


async def test_an_endpoint_that_takes_no_token_at_all_is_charged_and_the_token_server_left_in_peace(
    house, shop, tokens
):
    shop.token = "never given"
    endpoint = await made(house, shop.url, auth=oauth(tokens), schedule=[0, 0, 0])
    await tell(house)
    found = await attempts(house, endpoint, 3)
    assert {(one["status"], one["outcome"]) for one in found} == {(401, "status")}
    assert len(shop.got) == len(tokens.asked) == 3
    assert all(one["number"] for one in found)


@pytest.mark.parametrize("trouble", ["down", "refuses", "nonsense"])
async def test_a_token_servers_trouble_is_told_and_not_charged_to_the_endpoint(house, shop, tokens, trouble):
    if trouble == "refuses":
        tokens.status = 401
    if trouble == "nonsense":
        tokens.more = {"access_token": 7}
    url = "http://127.0.0.1:9/token" if trouble == "down" else tokens.url
    endpoint = await made(house, shop.url, auth=oauth(tokens, token_url=url), schedule=[0, 86_400])
    await tell(house)
    attempt = (await attempts(house, endpoint, 2))[-1]
    told = {
        "down": "the token server could not be asked: connect",
        "refuses": "the token server answered 401 (invalid_client)",
        "nonsense": "the token server's answer holds no access_token",
    }[trouble]
    assert (attempt["outcome"], attempt["status"], attempt["response"]) == ("token", None, told)
    lane = (await house.call("GET", f"/v1/endpoints/{endpoint['id']}")).json["lane"]
    assert (lane["retrying"], lane["dead"], lane["failing_since"], lane["breaker"]) == (0, 0, None, "slow")
    assert shop.got == []
    tokens.status, tokens.more = 200, {}
    if trouble != "down":
        await house.until(lambda: len(shop.got) == 1)


async def test_an_endpoint_behind_client_certificates_is_shown_ours(house, authority):
    certificate, key = authority.sign("gateway.shop.example", days=7)
    async with door(authority.server(callers=True)) as shop:
        endpoint = await made(house, shop.url, client_certificate={"certificate": certificate, "key": key})
        assert endpoint["client_certificate"]["subject"] == "CN=gateway.shop.example"
        assert set(endpoint["client_certificate"]) == {"subject", "sha256", "ends_at"}
        await tell(house)
        (attempt,) = await attempts(house, endpoint)
        assert (attempt["outcome"], shop.got[0][2]) == ("delivered", "gateway.shop.example")
        assert attempt["tls"]["version"] == "TLSv1.3"
        assert attempt["tls"]["cipher"].startswith("TLS_")
        assert attempt["tls"]["certificate_ends_at"] is not None
        phases = attempt["phases"]
        assert min(phases["connect"], phases["tls"], phases["first_byte"]) >= 0
        parts = sum(phases[name] or 0 for name in ("dns", "connect", "tls", "first_byte"))
        assert parts <= phases["total"] + 1
        assert key.encode() not in await everything_kept(house)
        stranger = await made(house, shop.url)
        answer = (await house.call("POST", f"/v1/endpoints/{stranger['id']}/test")).json
        assert (answer["outcome"] in {"tls", "reset"}, answer["status"]) == (True, None)
        assert answer["request_headers"]["webhook-id"].startswith("msg_")
        assert (answer["response_headers"], answer["response"]) == ([], "")
        assert len(shop.got) == 1
        other = Authority(authority.file.parent, "Another authority").sign("gateway.shop.example")
        wrong = {"client_certificate": {"certificate": other[0], "key": other[1]}}
        await house.call("PATCH", f"/v1/endpoints/{stranger['id']}", wrong)
        answer = (await house.call("POST", f"/v1/endpoints/{stranger['id']}/test")).json
        assert (answer["outcome"] in {"tls", "reset"}, answer["status"]) == (True, None)


async def test_a_client_certificate_is_looked_at_before_it_is_taken(house, authority, shop):
    certificate, key = authority.sign("a.example")
    _, other_key = authority.sign("b.example")
    ended, ended_key = authority.sign("c.example", days=-1)
    weak = authority.sign("d.example", curve=ec.SECP192R1())
    for pair, pointer in (
        ((certificate, other_key), "/client_certificate/key"),
        ((certificate, "nonsense"), "/client_certificate/key"),
        ((ended, ended_key), "/client_certificate/certificate"),
        (weak, "/client_certificate"),
    ):
        wish = {"url": shop.url, "client_certificate": dict(zip(("certificate", "key"), pair, strict=True))}
        answer = await house.call("POST", "/v1/endpoints", wish)
        assert (answer.status, answer.pointers) == (422, [pointer])
        assert key.encode() not in answer.body


async def test_a_client_certificate_may_have_its_names_written_beside_it(house, authority):
    certificate, key = (f"friendlyName: Schlüssel\n{part}" for part in authority.sign("gateway.shop.example"))
    async with door(authority.server(callers=True)) as shop:
        endpoint = await made(house, shop.url, client_certificate={"certificate": certificate, "key": key})
        answer = await house.call("POST", f"/v1/endpoints/{endpoint['id']}/test")
        assert (answer.status, answer.json["outcome"]) == (200, "delivered")


async def test_an_unknown_authority_is_not_believed(house, tmp_path):
    async with door(Authority(tmp_path, "Nobody").server()) as shop:
        endpoint = await made(house, shop.url)
        answer = (await house.call("POST", f"/v1/endpoints/{endpoint['id']}/test")).json
        assert (answer["outcome"], shop.got) == ("tls", [])


@pytest.mark.parametrize("secret", [SECRET, "ﬁne secret"])
async def test_receivers_built_for_another_vendor_verify_what_we_send(house, shop, secret):
    first = await made(house, shop.url, signature_compat="aftership", compat_secret=secret)
    assert (first["signature_compat"], "compat_secret" in first) == ("aftership", False)
    await house.call("POST", f"/v1/endpoints/{first['id']}/test")
    headers, body, _ = shop.got[0]
    theirs = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    assert headers["aftership-hmac-sha256"] == theirs
    assert headers["webhook-signature"].startswith("v1,")
    changed = await house.call("PATCH", f"/v1/endpoints/{first['id']}", {"signature_compat": "easypost"})
    assert (changed.status, changed.pointers) == (422, ["/compat_secret"])
    wish = {"signature_compat": "easypost", "compat_secret": secret}
    assert (await house.call("PATCH", f"/v1/endpoints/{first['id']}", wish)).status == 200
    await house.call("POST", f"/v1/endpoints/{first['id']}/test")
    headers, body, _ = shop.got[1]
    key = unicodedata.normalize("NFKD", secret).encode()
    assert headers["x-hmac-signature"] == "hmac-sha256-hex=" + hmac.digest(key, body, "sha256").hex()
    assert "aftership-hmac-sha256" not in headers
    assert secret.encode() not in await everything_kept(house)


async def test_a_secret_brought_along_signs_and_one_brought_by_a_rotation_too(house, shop):
    secret = "whsec_" + base64.b64encode(b"k" * 24).decode()
    endpoint = await made(house, shop.url, secret=secret)
    assert endpoint["secret"] == secret
    other = "whsec_" + base64.b64encode(b"o" * 64).decode()
    path = f"/v1/endpoints/{endpoint['id']}/rotate-secret"
    assert (await house.call("POST", path, {"secret": other})).json == {"secret": other}
    wrong = await house.call("POST", path, {"secret": "whsec_c2hvcnQ="})
    assert (wrong.status, wrong.pointers) == (422, ["/secret"])
    assert b"c2hvcnQ" not in wrong.body


async def test_what_an_attempt_looked_like_is_shown_whole_and_only_to_its_merchant(house, shop):
    shop.status, shop.body = 500, "x" * 20_000
    endpoint = await made(house, shop.url, schedule=[0])
    await tell(house)
    (attempt,) = await attempts(house, endpoint)
    headers, body, _ = shop.got[0]
    assert attempt["request_headers"]["webhook-signature"] == headers["webhook-signature"]
    assert attempt["request_headers"]["webhook-id"] == orjson.loads(body)["id"]
    assert (attempt["response"], attempt["response_cut"]) == ("x" * 16_384, True)
    assert (attempt["ip"], attempt["tls"], attempt["phases"]["tls"]) == ("127.0.0.1", None, None)
    _, other = await house.merchant()
    assert (await house.call("GET", f"/v1/endpoints/{endpoint['id']}/attempts", key=other)).status == 404


async def test_exchanges_are_dropped_by_day_and_the_attempts_stay(house, shop):
    shop.status = 500
    endpoint = await made(house, shop.url, schedule=[0])
    await tell(house)
    await attempts(house, endpoint)
    day = 86_400_000

    def age(conn):
        kept = conn.execute(select(Tables.exchange)).mappings().one()
        rows = [dict(kept) | {"day": kept["day"] - 31, "at": kept["at"] - 31 * day - n} for n in range(4_500)]
        conn.execute(Tables.exchange.insert(), rows)

    await house.gateway.store.write(age)
    await house.gateway._keep_house()
    assert await house.gateway.store.read(lambda conn: len(conn.execute(select(Tables.exchange)).all())) == 1
    await house.gateway.store.write(lambda conn: conn.execute(Tables.exchange.delete()) and None)
    (attempt,) = await attempts(house, endpoint)
    shown = [attempt[name] for name in ("response", "request_headers", "response_headers", "phases", "tls")]
    assert shown == ["thank you", None, None, None, None]


def lets_in(authority, tokens):
    """Return what may let us in: the wish, the same with its secret masked, and where that is refused."""
    certificate, key = authority.sign("gateway.shop.example")
    return {
        "headers": ({"X-Api-Key": SECRET}, {"X-Api-Key": "***"}, "/headers/X-Api-Key"),
        "bearer": ({"kind": "bearer", "token": SECRET}, {"kind": "bearer", "token": "***"}, "/auth/token"),
        "basic": (
            {"kind": "basic", "username": "gate", "password": SECRET},
            {"kind": "basic", "username": "gate", "password": "***"},
            "/auth/password",
        ),
        "oauth2": (oauth(tokens), oauth(tokens, client_secret="***"), "/auth/client_secret"),
        "client_certificate": ({"certificate": certificate, "key": key}, None, ""),
    }


@pytest.mark.parametrize("kind", ["headers", "bearer", "basic", "oauth2", "client_certificate"])
async def test_what_lets_us_in_does_not_follow_an_address_to_another_origin(house, shop, tokens, authority, kind):
    tokens.on_token = lambda _token: None
    field = kind if kind in ("headers", "client_certificate") else "auth"
    wish, masked, pointer = lets_in(authority, tokens)[kind]
    endpoint = await made(house, shop.url, **{field: wish})
    path = f"/v1/endpoints/{endpoint['id']}"
    async with door() as elsewhere:

        async def moved(**more):
            answer = await house.call("PATCH", path, {"url": elsewhere.url} | more)
            assert SECRET.encode() not in answer.body
            return answer

        refused = await moved()
        assert (refused.status, refused.pointers) == (422, [f"/{field}"])
        assert "give it again" in refused.json["errors"][0]["detail"]
        if masked is not None:
            assert (await moved(**{field: masked})).pointers == [pointer]
        assert (await house.call("GET", path)).json["version"] == endpoint["version"]
        assert (await house.call("PATCH", path, {"url": shop.url + "/other?of=ours"})).status == 200
        assert (await house.call("PATCH", path, {"url": None})).status == 200  # a detour by no address at all
        assert (await moved()).pointers == [f"/{field}"]
        again = await moved(**{field: wish})
        assert (again.status, again.json["url"]) == (200, elsewhere.url)
        await house.call("POST", f"{path}/test")
        assert len(elsewhere.got) == 1
        dropped = await house.call("PATCH", path, {"url": shop.url, field: None})
        assert (dropped.status, dropped.json[field]) == (200, {} if field == "headers" else None)
        await house.call("POST", f"{path}/test")
        assert not {"x-api-key", "authorization"} & {name.lower() for name in shop.got[-1][0]}


async def test_what_only_signs_follows_an_address_to_another_origin(house, shop):
    endpoint = await made(house, shop.url, signature_compat="easypost", compat_secret=SECRET)
    path = f"/v1/endpoints/{endpoint['id']}"
    async with door() as elsewhere:
        assert (await house.call("PATCH", path, {"url": elsewhere.url})).status == 200
        await house.call("POST", f"{path}/test")
        assert elsewhere.got[0][0]["x-hmac-signature"]
    assert (await house.call("GET", f"{path}/secret")).json["secret"] == endpoint["secret"]

"""How a request proves its account: what is sent, what is shared, what is renewed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json

import httpx
import pytest
import respx

from connectors.auth import (
    Basic,
    Bearer,
    FilledBody,
    KeyAuth,
    OAuth2ClientCredentials,
    OAuth2Password,
    QueryKey,
    Signed,
    Together,
    TokenCache,
)
from connectors.client import HttpClient
from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.facts import Facts

BASE = "https://api.lime.example"
FACTS = Facts.model_validate(
    {
        "code": "lime",
        "name": "Lime",
        "website": "https://lime.example",
        "clock": {"kind": "utc"},
        "api": {"production": BASE, "test": "https://test.lime.example"},
    }
)


@pytest.fixture
def carrier():
    with respx.mock(using="httpx", assert_all_called=False) as mock:
        yield mock


async def asked(carrier, auth):
    route = carrier.post(url__startswith=f"{BASE}/x").respond(200)
    async with HttpClient(FACTS, auth) as client:
        await client.post("/x", content=b"<login/>", params={"a": "1"}, headers={"Content-Type": "text/xml"})
    return route.calls.last.request


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (KeyAuth("DHL-API-Key", "k1"), "dhl-api-key", "k1"),
        (Bearer("t1"), "authorization", "Bearer t1"),
        (Bearer("t1", scheme="Token"), "authorization", "Token t1"),
        (Basic("anna", "päss:word"), "authorization", "Basic YW5uYTpww6Rzczp3b3Jk"),
        (Together(KeyAuth("X-One", "1"), Basic("a", "b")), "x-one", "1"),
        (Together(KeyAuth("X-One", "1"), Basic("a", "b")), "authorization", "Basic YTpi"),
    ],
)
async def test_a_proof_stands_in_its_header(carrier, auth, header, value):
    assert (await asked(carrier, auth)).headers[header] == value


async def test_query_keys_join_the_query(carrier):
    request = await asked(carrier, QueryKey(user="u&1", password="p"))
    assert dict(request.url.params) == {"a": "1", "user": "u&1", "password": "p"}


async def test_a_signature_covers_method_path_query_and_body(carrier):
    def sign(method, path, body):
        return {"X-Sign": hmac.new(b"k", f"{method} {path} ".encode() + body, hashlib.sha256).hexdigest()}

    request = await asked(carrier, Signed(sign))
    assert request.headers["x-sign"] == hmac.new(b"k", b"POST /x?a=1 <login/>", hashlib.sha256).hexdigest()


async def test_a_body_is_filled_and_its_length_told_rightly(carrier):
    request = await asked(carrier, FilledBody(lambda body: body.replace(b"<login/>", b"<login>me</login>")))
    assert request.content == b"<login>me</login>"
    assert request.headers["content-length"] == "17"
    assert request.headers["content-type"] == "text/xml"


class Tokens:
    """A token server that hands out t1, t2, ... and an API that takes the newest only."""

    def __init__(self, mock, **answer):
        self.given, self.answer = 0, {"expires_in": 3600, **answer}
        self.route = mock.post(f"{BASE}/oauth/token").mock(side_effect=self.token)
        self.api = mock.get(f"{BASE}/x").mock(side_effect=self.ask)

    async def token(self, request):
        await asyncio.sleep(0)
        self.given += 1
        return httpx.Response(200, json={"access_token": f"t{self.given}", **self.answer})

    async def ask(self, request):
        await asyncio.sleep(0)
        return httpx.Response(200 if request.headers["authorization"] == f"Bearer t{self.given}" else 401)


def oauth(secret="s1", **options):
    options = {"cache": TokenCache(), **options}
    return OAuth2ClientCredentials("/oauth/token", "id1", secret, **options)


async def test_many_requests_at_once_fetch_one_token(carrier):
    server, cache = Tokens(carrier), TokenCache()
    async with HttpClient(FACTS, oauth(cache=cache)) as one, HttpClient(FACTS, oauth(cache=cache)) as two:
        await asyncio.gather(*(client.get("/x") for client in (one, two) * 10))
    assert server.given == 1
    assert server.api.call_count == 20


async def test_merchants_with_different_secrets_never_share_a_token(carrier):
    server, cache = Tokens(carrier), TokenCache()
    for secret in ("s1", "s2", "s2"):
        async with HttpClient(FACTS, oauth(secret, cache=cache)) as client:
            await client.get("/x")
    assert server.given == 2


@pytest.mark.parametrize(
    ("expires_in", "still_used", "renewed"),
    [(3600, 3539, 3541), ("14399", 14338, 14340), (100, 89, 91), (None, 269, 271), ("soon", 269, 271), (-1, 269, 271)],
)
async def test_a_token_is_renewed_ahead_of_its_end(carrier, expires_in, still_used, renewed):
    now = [0.0]
    server = Tokens(carrier, expires_in=expires_in)
    async with HttpClient(FACTS, oauth(clock=lambda: now[0])) as client:
        await client.get("/x")
        now[0] = still_used
        await client.get("/x")
        assert server.given == 1
        now[0] = renewed
        await client.get("/x")
        assert server.given == 2


async def test_a_token_that_the_api_refuses_is_renewed_once(carrier):
    server = Tokens(carrier)
    async with HttpClient(FACTS, oauth()) as client:
        await client.get("/x")
        server.given += 1  # the carrier forgot t1
        await client.get("/x")
        assert server.route.call_count == 2
        server.api.respond(401)
        with pytest.raises(Rejected):
            await client.get("/x")
        assert server.route.call_count == 3


async def test_many_refusals_at_once_renew_once(carrier):
    server = Tokens(carrier)
    async with HttpClient(FACTS, oauth()) as client:
        await client.get("/x")
        server.given += 1
        await asyncio.gather(*(client.get("/x") for _ in range(10)))
    assert server.route.call_count == 2


@pytest.mark.parametrize("style", ["basic", "form", "json"])
async def test_credentials_go_where_the_style_says(carrier, style):
    server = Tokens(carrier)
    auth = oauth(style=style, scope="track", fields={"audience": "a"}, headers={"X-Merchant": "m"})
    async with HttpClient(FACTS, auth) as client:
        await client.get("/x")
    request = server.route.calls.last.request
    assert request.headers["x-merchant"] == "m"
    body = json.loads(request.content) if style == "json" else dict(httpx.QueryParams(request.content.decode()))
    common = {"grant_type": "client_credentials", "scope": "track", "audience": "a"}
    if style == "basic":
        assert request.headers["authorization"] == "Basic aWQxOnMx"
        assert body == common
    else:
        assert "authorization" not in request.headers
        assert body == common | {"client_id": "id1", "client_secret": "s1"}


async def test_the_password_grant_names_the_person(carrier):
    server = Tokens(carrier)
    auth = OAuth2Password("/oauth/token", "id1", "s1", username="u", password="p", style="form", cache=TokenCache())
    async with HttpClient(FACTS, auth) as client:
        await client.get("/x")
    body = dict(httpx.QueryParams(server.route.calls.last.request.content.decode()))
    assert body == {
        "grant_type": "password",
        "username": "u",
        "password": "p",
        "client_id": "id1",
        "client_secret": "s1",
    }


async def test_a_token_may_go_in_another_header_beside_a_key(carrier):
    carrier.post(f"{BASE}/oauth/token").respond(200, json={"id_token": "t1"})
    route = carrier.get(f"{BASE}/x").respond(200)
    auth = oauth(token_field="id_token", header="X-Token", scheme="", beside=KeyAuth("X-Key", "k"))
    async with HttpClient(FACTS, auth) as client:
        await client.get("/x")
    sent = route.calls.last.request.headers
    assert (sent["x-token"], sent["x-key"]) == ("t1", "k")
    assert "authorization" not in sent


@pytest.mark.parametrize(
    ("token_url", "mode", "base_url", "asked_at"),
    [
        ("/t", "production", None, f"{BASE}/t"),
        ("/t", "test", None, "https://test.lime.example/t"),
        ("/t", "test", "http://127.0.0.1:9/lime", "http://127.0.0.1:9/lime/t"),
        ("https://id.lime.example/t", "production", None, "https://id.lime.example/t"),
        ("https://id.lime.example/t?a=1", "production", "http://127.0.0.1:9", "http://127.0.0.1:9/t?a=1"),
        ({"production": "/p", "test": "https://id.test.example/t"}, "test", None, "https://id.test.example/t"),
    ],
)
async def test_the_token_is_asked_for_where_the_account_lives(carrier, token_url, mode, base_url, asked_at):
    token = carrier.post(asked_at).respond(200, json={"access_token": "t1"})
    carrier.get(path__regex="/x$").respond(200)
    auth = OAuth2ClientCredentials(token_url, "id1", "s1", cache=TokenCache())
    async with HttpClient(FACTS, auth, mode=mode, base_url=base_url) as client:
        await client.get("/x")
    assert token.call_count == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Rejected), (401, Rejected), (403, Rejected), (404, Unavailable), (429, Unavailable), (503, Unavailable)],
)
async def test_the_token_servers_refusal_is_named_by_what_happens_next(carrier, status, error):
    carrier.post(f"{BASE}/oauth/token").respond(status, text="s1", headers={"Retry-After": "9"})
    api = carrier.get(f"{BASE}/x").respond(200)
    async with HttpClient(FACTS, oauth()) as client:
        with pytest.raises(error) as caught:
            await client.get("/x")
    assert not api.called
    assert "s1" not in str(caught.value)
    if error is Unavailable:
        assert caught.value.retry_after == 9.0


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"access_token":null}', b'{"access_token":""}', b'{"access_token":"a\\nb"}']
)
async def test_a_token_answer_without_a_token_is_unreadable(carrier, body):
    carrier.post(f"{BASE}/oauth/token").respond(200, content=body)
    async with HttpClient(FACTS, oauth()) as client:
        with pytest.raises(Unreadable, match="token"):
            await client.get("/x")


async def test_a_huge_token_answer_is_capped_too():
    endless = httpx.ByteStream(b" " * (FACTS.api.max_bytes + 1))
    wire = httpx.MockTransport(lambda request: httpx.Response(200, stream=endless))  # respx would read it ahead
    async with HttpClient(FACTS, oauth(), transport=wire) as client:
        with pytest.raises(Unreadable, match="larger than"):
            await client.get("/x")


async def test_a_refused_token_request_leaves_the_way_free_for_the_next(carrier):
    route = carrier.post(f"{BASE}/oauth/token")
    route.side_effect = [httpx.Response(401), httpx.Response(200, json={"access_token": "t1"})]
    carrier.get(f"{BASE}/x").respond(200)
    async with HttpClient(FACTS, oauth()) as client:
        with pytest.raises(Rejected):
            await client.get("/x")
        await client.get("/x")
    assert route.call_count == 2


def test_the_longest_unused_token_makes_room():
    cache = TokenCache(most=2)
    one, two = cache.slot(b"1"), cache.slot(b"2")
    assert cache.slot(b"1") is one
    cache.slot(b"3")
    assert cache.slot(b"1") is one
    assert cache.slot(b"2") is not two


def test_no_proof_shows_its_secret():
    for proof in (KeyAuth("K", "SWORDFISH"), Basic("a", "SWORDFISH"), QueryKey(k="SWORDFISH"), oauth("SWORDFISH")):
        assert "SWORDFISH" not in repr(proof)
        assert "SWORDFISH" not in str(proof)

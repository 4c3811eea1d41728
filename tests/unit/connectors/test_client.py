"""The one way to a carrier: what each answer means, what is tried again, what is never let through."""

from __future__ import annotations

import asyncio
import gzip
import logging
import zlib
from datetime import UTC, datetime
from email.utils import format_datetime

import aiohttp
import httpx
import pytest
import respx
from aiohttp import web

from connectors.auth import KeyAuth, QueryKey
from connectors.client import HttpClient, shared_transport
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from connectors.facts import Facts
from connectors.limits import Breaker, RateLimiter
from connectors.wire import retry_after

BASE = "https://api.lime.example/v1"


def facts(**api):
    api = {"production": BASE, "test": "https://test.lime.example", "timeout": 5, **api}
    return Facts.model_validate(
        {"code": "lime", "name": "Lime", "website": "https://lime.example", "clock": {"kind": "utc"}, "api": api}
    )


async def at_once(seconds):
    slept.append(seconds)


slept: list[float] = []


@pytest.fixture(autouse=True)
def _no_waits():
    slept.clear()


@pytest.fixture
def carrier():
    with respx.mock(using="httpx", assert_all_called=False) as mock:
        yield mock


@pytest.fixture
async def http():
    async with HttpClient(facts(), sleep=at_once) as client:
        yield client


async def test_an_answer_is_its_status_headers_and_bytes(carrier, http):
    carrier.get(f"{BASE}/track/A%201", params={"lang": "en"}).respond(
        200, headers={"X-Thing": "1", "Set-Cookie": "session=1"}, content=b" {} "
    )
    answer = await http.get("/track/A%201", params={"lang": "en"})
    assert (answer.status, answer.body) == (200, b" {} ")
    assert answer.headers["x-thing"] == "1"
    assert "set-cookie" not in answer.headers


async def test_posts_carry_json_forms_and_bytes(carrier, http):
    route = carrier.post(f"{BASE}/ask").respond(201)
    await http.post("/ask", json={"n": ["1"]}, expect=(201,))
    await http.post("/ask", form={"n": "1 2"}, expect=(201,))
    await http.post("/ask", content=b"<a/>", headers={"Content-Type": "text/xml"}, expect=(201,))
    sent = [(call.request.headers["content-type"], call.request.content) for call in route.calls]
    assert sent == [
        ("application/json", b'{"n":["1"]}'),
        ("application/x-www-form-urlencoded", b"n=1+2"),
        ("text/xml", b"<a/>"),
    ]


async def test_the_mode_picks_the_address_and_an_override_wins(carrier):
    carrier.get("https://test.lime.example/x").respond(200, content=b"test")
    carrier.get("http://127.0.0.1:9/lime/x").respond(200, content=b"here")
    async with HttpClient(facts(), mode="test") as client:
        assert (await client.get("/x")).body == b"test"
    async with HttpClient(facts(), mode="test", base_url="http://127.0.0.1:9/lime/") as client:
        assert (await client.get("/x")).body == b"here"


def test_a_carrier_without_an_address_is_told_at_once():
    with pytest.raises(ValueError, match="lime has no test address"):
        HttpClient(facts(test=""), mode="test")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (204, NotFound),
        (206, Unreadable),
        (302, Unavailable),
        (400, NotFound),
        (401, Rejected),
        (402, Rejected),
        (403, Rejected),
        (404, NotFound),
        (405, Unreadable),
        (408, Unavailable),
        (410, NotFound),
        (422, NotFound),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
        (599, Unavailable),
    ],
)
async def test_each_status_is_named_by_what_happens_next(carrier, http, status, error):
    carrier.get(f"{BASE}/x").respond(status, content=b"Jane Doe", headers={"Location": "https://evil.example/"})
    with pytest.raises(error) as caught:
        await http.get("/x")
    assert str(caught.value) == f"the carrier answered {status}"


async def test_an_expected_status_is_an_answer(carrier, http):
    carrier.get(f"{BASE}/x").respond(404, content=b"{}")
    assert (await http.get("/x", expect=(200, 404))).status == 404


async def test_a_redirect_is_not_followed(carrier, http):
    carrier.get(f"{BASE}/x").respond(307, headers={"Location": f"{BASE}/y"})
    other = carrier.get(f"{BASE}/y").respond(200)
    with pytest.raises(Unavailable):
        await http.get("/x")
    assert not other.called


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_the_wait_that_a_carrier_asks_for_is_kept(carrier, status):
    carrier.get(f"{BASE}/x").respond(status, headers={"Retry-After": "120"})
    async with HttpClient(facts()) as client:
        with pytest.raises(Unavailable) as caught:
            await client.get("/x")
    assert caught.value.retry_after == 120.0


async def test_after_a_429_nobody_of_the_account_goes_until_its_wait_is_over(carrier, http):
    route = carrier.get(f"{BASE}/x").respond(429, headers={"Retry-After": "60"})
    for _ in range(3):
        with pytest.raises(Unavailable) as caught:
            await http.get("/x")
        assert 59 < caught.value.retry_after <= 60
    assert route.call_count == 1


async def test_429_does_not_open_the_breaker_that_other_accounts_share(carrier):
    breaker = Breaker(threshold=1)
    carrier.get(f"{BASE}/x").respond(429)
    async with HttpClient(facts(), breaker=breaker) as client:
        with pytest.raises(Unavailable):
            await client.get("/x")
    assert breaker.state == "closed"


@pytest.mark.parametrize("trouble", [httpx.ConnectError, httpx.ReadTimeout, aiohttp.ClientPayloadError, OSError, 502])
async def test_passing_trouble_of_a_get_is_tried_three_times(carrier, http, trouble):
    route = carrier.get(f"{BASE}/x")
    troubles = [httpx.Response(trouble) if isinstance(trouble, int) else trouble("x")] * 3
    route.side_effect = [*troubles[:2], httpx.Response(200, content=b"ok")]
    assert (await http.get("/x")).body == b"ok"
    route.side_effect = troubles
    with pytest.raises(Unavailable):
        await http.get("/x")
    assert route.call_count == 6
    assert len(slept) == 4
    assert max(slept) < 3


async def test_a_short_retry_after_is_waited_out_and_a_long_one_is_not(carrier, http):
    route = carrier.get(f"{BASE}/x")
    route.side_effect = [httpx.Response(503, headers={"Retry-After": "2"}), httpx.Response(200)]
    await http.get("/x")
    assert slept == [2.0]
    route.side_effect = [httpx.Response(503, headers={"Retry-After": "3"})]
    with pytest.raises(Unavailable) as caught:
        await http.get("/x")
    assert caught.value.retry_after == 3.0


async def test_a_post_goes_once_unless_it_is_repeatable(carrier, http):
    route = carrier.post(f"{BASE}/x").respond(502)
    with pytest.raises(Unavailable):
        await http.post("/x", json={})
    assert route.call_count == 1
    with pytest.raises(Unavailable):
        await http.post("/x", json={}, repeatable=True)
    assert route.call_count == 4


@pytest.mark.parametrize("status", [404, 401, 500, 429])
async def test_answers_that_will_not_change_in_a_second_are_not_asked_for_again(carrier, http, status):
    route = carrier.get(f"{BASE}/x").respond(status)
    with pytest.raises((NotFound, Rejected, Unavailable)):
        await http.get("/x")
    assert route.call_count == 1


async def test_every_try_takes_a_turn_of_the_allowance(carrier):
    limiter = RateLimiter(per_day=2)
    route = carrier.get(f"{BASE}/x").respond(502)
    async with HttpClient(facts(), limiter=limiter, sleep=at_once) as client:
        with pytest.raises(Unavailable, match="used up"):
            await client.get("/x")
    assert route.call_count == 2


async def test_a_carrier_that_is_out_of_order_is_left_in_peace_then_found_again(carrier):
    now, told = [0.0], []
    breaker = Breaker(threshold=2, rest=30, clock=lambda: now[0], on_change=told.append)
    route = carrier.get(f"{BASE}/x").respond(500)
    async with HttpClient(facts(), breaker=breaker) as client:
        for _ in range(4):
            with pytest.raises(Unavailable) as caught:
                await client.get("/x")
        assert route.call_count == 2
        assert caught.value.retry_after == 30.0
        now[0] = 31.0
        route.respond(404)
        with pytest.raises(NotFound):
            await client.get("/x")
    assert told == ["open", "closed"]


async def test_a_call_given_up_by_us_says_nothing_about_the_carrier(carrier):
    breaker = Breaker(threshold=1)
    reached = asyncio.Event()

    async def hang(request):
        reached.set()
        await asyncio.Event().wait()

    carrier.get(f"{BASE}/x").mock(side_effect=hang)
    async with HttpClient(facts(), breaker=breaker) as client:
        call = asyncio.create_task(client.get("/x"))
        await reached.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert breaker.state == "closed"


async def test_neither_logs_nor_errors_tell_a_secret_a_query_or_a_body(carrier, caplog):
    caplog.set_level(logging.DEBUG)
    route = carrier.get(f"{BASE}/x")
    asked = {"number": "QN7"}
    async with HttpClient(facts(), QueryKey(apikey="SWORDFISH"), sleep=at_once) as client:
        for effect in (httpx.Response(200), httpx.Response(500, content=b"SWORDFISH"), httpx.ConnectError("SWORDFISH")):
            route.side_effect = [effect] * 3
            try:
                await client.get("/x", params=asked)
            except Unavailable as trouble:
                logging.getLogger("caller").exception("asking failed", exc_info=trouble)
    assert route.calls.last.request.url.params["apikey"] == "SWORDFISH"
    assert "no connection to the carrier: ConnectError" in caplog.text
    for unsaid in ("SWORDFISH", "QN7", "apikey"):
        assert unsaid not in caplog.text


async def test_a_path_is_never_an_address(http):
    for path in ("https://evil.example/", "evil.example", "@evil.example/"):
        with pytest.raises(ValueError, match="starts with a slash"):
            await http.get(path)


async def test_a_number_that_makes_no_address_is_not_found(http):
    with pytest.raises(NotFound):
        await http.get("/track/A\n1")


async def test_a_credential_that_no_header_can_carry_stops_the_account_without_being_told(server):
    async def never(_request):
        raise AssertionError

    key = KeyAuth("X-Key", "pasted-with-a-line-break\n")
    async with HttpClient(facts(), key, base_url=await server(never)) as client:
        with pytest.raises(Rejected, match="a character that no request can carry") as caught:
            await client.get("/track")
    assert "pasted" not in str(caught.value)


async def test_no_cookie_is_ever_sent_back(carrier, http):
    route = carrier.get(f"{BASE}/x").respond(200, headers={"Set-Cookie": "session=1; Path=/"})
    await http.get("/x")
    await http.get("/x")
    assert "cookie" not in route.calls.last.request.headers


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0.0),
        ("7", 7.0),
        (" 1.5 ", 1.5),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("²", None),
        ("999999999", 86_400.0),
        (format_datetime(datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC), usegmt=True), 30.0),
        (format_datetime(datetime(2026, 3, 1, 11, 0, tzinfo=UTC), usegmt=True), None),
        (format_datetime(datetime(2027, 3, 1, 11, 0, tzinfo=UTC), usegmt=True), 86_400.0),
        ("Sun, 01 Mar 2026 12:00:10 -0000", 10.0),
        ("Sun, 99 Mar 2026 12:00:10 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_nonsense_is_ignored(header, seconds):
    assert retry_after(header, datetime(2026, 3, 1, 12, 0, tzinfo=UTC)) == seconds


# From here on a real server on the loopback, because what is shown lies in the bytes on the wire.


@pytest.fixture
async def server():
    """Start a server whose answer to `/x` the test gives as a handler; returns its address."""
    runners = []

    async def start(handler):
        app = web.Application()
        app.router.add_route("*", "/x", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def answering(body, **headers):
    async def handler(request):
        return web.Response(body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})

    return handler


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 1000])
async def test_a_gzipped_answer_is_handed_over_unpacked(server, body):
    url = await server(answering(gzip.compress(body), Content_Encoding="gzip"))
    async with HttpClient(facts(max_bytes=1000), base_url=url) as client:
        answer = await client.get("/x")
    assert answer.body == body
    assert "content-encoding" not in answer.headers


async def test_a_bomb_costs_no_more_than_the_cap(server):
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    url = await server(answering(bomb, Content_Encoding="gzip"))
    async with HttpClient(facts(max_bytes=1000), base_url=url) as client:
        with pytest.raises(Unreadable, match="larger than 1000 bytes"):
            await client.get("/x")


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"x" * 1001, "identity", "larger than 1000 bytes"),
        (gzip.compress(b"x" * 900, mtime=0)[:-9], "gzip", "ends too early"),
        (gzip.compress(b"x", mtime=0) + b"more", "gzip", "goes on after its end"),
        (b"not gzip at all", "gzip", "damaged"),
        (b"whatever", "br", "not asked for"),
        (zlib.compress(b"x" * 900)[:-5], "deflate", "ends too early"),
    ],
    ids=["large", "cut-gzip", "gzip-and-more", "no-gzip", "brotli", "cut-deflate"],
)
async def test_a_body_that_is_not_what_it_says_is_unreadable(server, body, encoding, reason):
    url = await server(answering(body, Content_Encoding=encoding))
    async with HttpClient(facts(max_bytes=1000), base_url=url) as client:
        with pytest.raises(Unreadable, match=reason):
            await client.get("/x")


async def test_an_endless_trickle_ends_at_the_deadline(server):
    async def trickle(request):
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b".")
            await asyncio.sleep(0.01)

    url = await server(trickle)
    async with HttpClient(facts(timeout=0.2), base_url=url) as client:
        with pytest.raises(Unavailable, match=r"no whole answer within 0\.2 s"):
            await client.get("/x")


async def test_a_connection_cut_in_the_body_is_unavailable(server):
    async def cut(request):
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        request.transport.abort()
        return response

    url = await server(cut)
    async with HttpClient(facts(), base_url=url, sleep=at_once) as client:
        with pytest.raises(Unavailable, match="no connection to the carrier"):
            await client.get("/x")


async def test_accounts_over_one_transport_share_connections_but_no_cookie_or_key(server):
    seen = []

    async def handler(request):
        seen.append((request.query.get("key"), request.headers.get("Cookie"), request.headers.get("Authorization")))
        return web.Response(text="ok", headers={"Set-Cookie": "session=1; Path=/"})

    url = await server(handler)
    transport = shared_transport()
    for key in ("one", "two"):
        client = HttpClient(facts(), QueryKey(key=key), base_url=url, transport=transport)
        await client.get("/x")
        await client.get("/x")
        await client.aclose()
    await transport.aclose()
    assert seen == [("one", None, None)] * 2 + [("two", None, None)] * 2


async def test_a_closed_port_is_unavailable(unused_tcp_port):
    async with HttpClient(facts(), base_url=f"http://127.0.0.1:{unused_tcp_port}", sleep=at_once) as client:
        with pytest.raises(Unavailable, match="no connection to the carrier"):
            await client.get("/x")
    assert len(slept) == 2

"""A hostile receiver: whatever it answers, one bounded request, one plain outcome."""

from __future__ import annotations

import asyncio

import pytest
from faults.hostile import hostile
from faults.receiver import receiving
from yarl import URL

from webhooks.guard import Guard, read_ranges
from webhooks.outcome import Target
from webhooks.sender import MAX_RESPONSE, Sender


@pytest.fixture
async def receiver():
    async with receiving() as it:
        yield it


@pytest.fixture
async def sender():
    it = Sender(Guard(read_ranges(["127.0.0.0/8"])))
    yield it
    await it.close()


async def post(sender, url, deadline=5.0):
    return await sender.post(Target(URL(url), deadline), {"webhook-id": "msg_1"}, b"{}")


@pytest.mark.parametrize(
    ("answer", "kind", "status"),
    [
        (200, "delivered", 200),
        (204, "delivered", 204),
        ((301, {"location": "http://169.254.169.254/"}), "redirect", 301),
        ((308, {"location": "/hook"}), "redirect", 308),
        (404, "status", 404),
        (410, "gone", 410),
        (500, "status", 500),
        ("endless", "delivered", 200),
        ("huge", "delivered", 200),
        ("bomb", "delivered", 200),
        ("cut_body", "delivered", 200),
        ("reset", "reset", None),
        ("close", "reset", None),
        ("garbage", "protocol", None),
        ("many_headers", "protocol", None),
    ],
)
async def test_every_answer_has_one_plain_outcome_and_no_redirect_is_followed(receiver, sender, answer, kind, status):
    receiver.otherwise["/hook"] = answer
    outcome = await post(sender, receiver.url())
    assert (outcome.kind, outcome.status) == (kind, status)
    assert outcome.ip == "127.0.0.1"
    assert len(receiver.got) == 1
    assert len(outcome.response) <= 2_000
    assert all(character.isprintable() or character in "\n\t" for character in outcome.response)


async def test_an_answer_without_end_is_read_to_16_kb_and_cut(receiver, sender):
    receiver.otherwise["/hook"] = "endless"
    await post(sender, receiver.url())
    async with asyncio.timeout(10):
        while receiver.flying["/hook"]:  # noqa: ASYNC110 - until the receiver notices that nobody reads on
            await asyncio.sleep(0.01)
    assert receiver.bytes_sent < 16_000_000
    assert MAX_RESPONSE == 16_384


@pytest.mark.parametrize("answer", ["hang", "hang_in_body"])
async def test_one_deadline_covers_head_and_body(receiver, sender, answer):
    receiver.otherwise["/hook"] = answer
    outcome = await post(sender, receiver.url(), deadline=0.2)
    assert (outcome.kind, outcome.status) == ("timeout", None)
    assert 200 <= outcome.ms < 5_000


async def test_a_reused_connection_that_broke_is_tried_once_more_at_once(receiver, sender):
    receiver.plan["/hook"] = [200, "close"]
    assert (await post(sender, receiver.url())).before is None
    outcome = await post(sender, receiver.url())
    assert outcome.kind == "delivered"
    assert (outcome.before.kind, outcome.before.response) == ("reset", "reused connection")
    assert len(receiver.got) == 3


async def until_it_spoke_again(sender):
    idle = sender._session.connector._conns.values()
    async with asyncio.timeout(10):
        while not all(one.should_close for connections in idle for one, _ in connections):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_an_answer_that_nobody_asked_for_is_not_taken_for_that_of_the_next_request(sender, tmp_path):
    def bad(_path, number, _before):
        return number < 10

    async with hostile(tmp_path, bad) as receiver:
        target = Target(URL(receiver.url("/answers-again-later")), 5.0)
        kinds = []
        for number in range(1, 12):
            body = b'{"sequence":%d,"shipment_version":%d}' % (number, number)
            kinds.append((await sender.post(target, {"webhook-id": "msg_1"}, body)).kind)
            if number < 10:
                await until_it_spoke_again(sender)
        assert kinds == ["status"] * 9 + ["delivered"] * 2
        assert [one.number for one in receiver.history] == list(range(1, 12))


@pytest.mark.parametrize(
    ("trick", "status"),
    [
        ("204-with-a-body", 204),
        ("says-more-than-its-length", 200),
        ("broken-chunks", 200),
        ("a-chunk-without-end", 200),
    ],
)
async def test_what_is_wrong_behind_an_answer_s_head_does_not_make_it_a_failure(sender, tmp_path, trick, status):
    async with hostile(tmp_path, lambda _path, number, _before: number == 1) as receiver:
        target = Target(URL(receiver.url(f"/{trick}")), 5.0)
        for number in (1, 2):
            body = b'{"sequence":%d,"shipment_version":%d}' % (number, number)
            outcome = await sender.post(target, {"webhook-id": "msg_1"}, body)
            assert (outcome.kind, outcome.status) == ("delivered", status if number == 1 else 200)
            assert outcome.ms < 4_000  # nobody waits for the rest of what cannot be read
        assert [one.number for one in receiver.history] == [1, 2]


async def test_a_port_where_nobody_listens_is_the_endpoints_fault(receiver, sender):
    outcome = await post(sender, "http://127.0.0.1:1/")
    assert (outcome.kind, outcome.status) == ("connect", None)


async def test_plain_text_where_tls_is_spoken_is_named_so(receiver, sender):
    outcome = await post(sender, f"https://127.0.0.1:{receiver.port}/")
    assert outcome.kind == "tls"


async def test_a_forbidden_address_is_never_dialled(receiver):
    closed = Sender(Guard())
    try:
        for host in ("127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "127.1", "0x7f.0.0.1"):
            outcome = await post(closed, f"https://{host}:{receiver.port}/hook")
            assert outcome.kind in {"forbidden", "protocol"}, host
        assert (await post(closed, receiver.url())).response == "127.0.0.1 is not a public address"
    finally:
        await closed.close()
    assert receiver.got == []


async def test_retry_after_is_read_from_429_and_503_and_from_nothing_else(receiver, sender):
    receiver.plan["/hook"] = [(status, {"retry-after": "7"}) for status in (429, 503, 500, 200)]
    waits = [(await post(sender, receiver.url())).retry_after for _ in range(4)]
    assert waits == [7_000, 7_000, None, None]


async def test_no_environment_proxy_is_taken(receiver, sender, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert (await post(sender, receiver.url())).kind == "delivered"

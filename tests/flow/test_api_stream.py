"""The live stream: what happens is heard at once, and a line that broke goes on without a gap."""

import asyncio
from contextlib import asynccontextmanager

import orjson
import pytest

from gateway.api import stream as stream_module


class Listener:
    """Reads Server-Sent Events."""

    def __init__(self, response) -> None:
        self.response = response

    async def block(self) -> dict[str, str]:
        """Return the next event or comment."""
        lines: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self.response.content.readline(), 10)).decode()
            if line == "":
                raise EOFError
            if line == "\n":
                return lines
            name, _, value = line.rstrip("\n").partition(": ")
            lines[name or "comment"] = value

    async def event(self) -> tuple[int, str, dict]:
        while True:
            block = await self.block()
            if "data" in block:
                body = orjson.loads(block["data"])
                assert body["sequence"] == int(block["id"])
                assert body["type"] == block["event"]
                return int(block["id"]), block["event"], body


@asynccontextmanager
async def listening(house, query="", last=None, key=None, cookie=None):
    headers = {"Authorization": f"Bearer {key or house.key}"} if cookie is None else {"Cookie": cookie}
    if last is not None:
        headers["Last-Event-ID"] = str(last)
    async with house.session.get(f"{house.url}/v1/stream{query}", headers=headers) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert response.headers["X-Request-Id"]
        listener = Listener(response)
        assert "comment" in await listener.block()
        yield listener


async def test_what_happens_is_heard_as_it_was_logged(house):
    account_id = await house.demo_account()
    async with listening(house, "?types=*") as listener:
        await house.tell(account_id, "DEMO100200302", "PICKED_UP")
        first = await listener.event()
        second = await listener.event()
    assert [first[:2], second[:2]] == [(1, "shipment.event"), (2, "shipment.in_transit")]
    page = (await house.call("GET", "/v1/messages")).json["data"]
    message = (await house.call("GET", f"/v1/messages/{page[0]['id']}")).json
    assert message["body"] == second[2]


async def test_a_broken_line_goes_on_without_a_gap(house):
    account_id = await house.demo_account()
    async with listening(house, "?types=*") as listener:
        await house.tell(account_id, "DEMO100200302", "PICKED_UP")
        last, _, _ = await listener.event()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    async with listening(house, "?types=*", last=last) as listener:
        heard = [(await listener.event())[0] for _ in range(5)]
    assert heard == [2, 3, 4, 5, 6]
    async with listening(house, "?types=*&last_event_id=5") as listener:
        assert (await listener.event())[0] == 6


async def test_a_position_beyond_the_log_begins_at_its_end(house):
    account_id = await house.demo_account()
    async with listening(house, "?types=*", last=1_000) as listener:
        await house.tell(account_id, "DEMO100200302", "PICKED_UP")
        assert (await listener.event())[0] == 1


async def test_only_the_wanted_types_and_shipment_are_heard(house):
    account_id = await house.demo_account()
    wanted = await house.shipment("DEMO770044006")
    async with listening(house, f"?types=shipment.delivered,shipment.in_transit&shipment_id={wanted}") as listener:
        await house.tell(account_id, "DEMO100200302", "PICKED_UP", "DELIVERED")
        await house.tell(account_id, "DEMO770044006", "PICKED_UP", "DELIVERED")
        heard = [await listener.event(), await listener.event()]
    assert [(kind, body["data"]["shipment"]["id"]) for _, kind, body in heard] == [
        ("shipment.in_transit", wanted),
        ("shipment.delivered", wanted),
    ]


async def test_another_merchants_news_are_not_heard(house):
    _, other_key = await house.merchant()
    mine = await house.demo_account()
    theirs = await house.demo_account(other_key)
    async with listening(house, key=other_key, last=0) as listener:
        await house.tell(mine, "DEMO100200302", "PICKED_UP")
        await house.tell(theirs, "DEMO770044006", "PICKED_UP")
        _, _, body = await listener.event()
    assert body["data"]["shipment"]["tracking_number"] == "DEMO770044006"


@pytest.mark.parametrize(
    ("query", "last", "pointer"),
    [
        ("?types=nonsense", None, "?types"),
        ("?colour=red", None, "?colour"),
        ("?last_event_id=-1", None, "?last_event_id"),
        ("", "abc", "Last-Event-ID"),
        ("", "9" * 30, "Last-Event-ID"),
    ],
)
async def test_a_wrong_wish_is_refused_before_the_stream_begins(house, query, last, pointer):
    headers = {} if last is None else {"Last-Event-ID": last}
    answer = await house.call("GET", f"/v1/stream{query}", headers=headers)
    assert (answer.status, answer.pointers) == (422, [pointer])


async def test_silence_is_filled_with_heartbeats(house, monkeypatch):
    monkeypatch.setattr(stream_module, "HEARTBEAT", 0.0)
    async with listening(house) as listener:
        assert await listener.block() == {"comment": "still here"}


async def test_a_key_that_ends_ends_its_stream(house):
    made = (await house.call("POST", "/v1/keys", {"role": "support"})).json
    account_id = await house.demo_account()
    async with listening(house, "?types=*", key=made["key"]) as listener:
        await house.call("DELETE", f"/v1/keys/{made['id']}")
        with pytest.raises(EOFError):
            await listener.event()
        await house.tell(account_id, "DEMO100200302", "PICKED_UP")


async def test_a_stopping_gateway_ends_its_streams(house):
    async with listening(house) as listener:
        house.gateway.live.close()
        with pytest.raises(EOFError):
            await listener.event()

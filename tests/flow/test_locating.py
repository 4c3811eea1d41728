"""A courier who can be asked for is asked for while somebody watches: in the account's limits, by the one door."""

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import orjson
import pytest
from aiohttp import web
from flow.roads import DOOR, NUMBER, drive, position_push, watching
from sqlalchemy import func, select

from connectors.auth import Basic
from connectors.errors import Rejected
from gateway.lastmile import locating
from gateway.tables import Tables

DESTINATION = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}


class Tracker:
    """The demo carrier's answer to where a courier is, on loopback."""

    def __init__(self):
        self.asked = []
        self.status = 200

    async def answer(self, request):
        self.asked.append((request.headers.get("Demo-Key"), request.match_info["number"]))
        where = {"at": datetime.now(UTC).isoformat(), "latitude": 41.2, "longitude": -8.6, "stops_before": 1}
        body = orjson.dumps({"number": NUMBER, "position": where})
        return web.Response(status=self.status, body=body, content_type="application/json")


@pytest.fixture
async def tracker():
    made = Tracker()
    app = web.Application()
    app.router.add_get("/v1/parcels/{number}/position", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def parcel(house, tracker):
    """A parcel that is out for delivery at a carrier who can be asked; its account and id."""
    house.gateway.carriers._base_urls = {"demo": tracker.url}
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION)
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    return account_id, shipment_id


@asynccontextmanager
async def eyes_on(house, shipment_id):
    async with watching(house, f"/v1/shipments/{shipment_id}/position/stream") as eyes:
        yield eyes


async def seen(eyes):
    while True:
        told = await asyncio.wait_for(eyes.sees(), 5)
        if told["position"] is not None:
            return told["position"]


async def look_again(house, monkeypatch, seconds):
    """Let some seconds go by, and look."""
    now = time.monotonic() + seconds
    with monkeypatch.context() as later:
        later.setattr("gateway.lastmile.locating.time.monotonic", lambda: now)
        await house.gateway.locator.tick()
        await asyncio.gather(*house.gateway.locator._tasks)
    await house.read_all()


async def test_who_watches_sees_the_courier_that_was_asked_for(house, tracker, parcel):
    async with eyes_on(house, parcel[1]) as eyes:
        position = await seen(eyes)
    assert (position["latitude"], position["stops_before"]) == (41.2, 1)
    assert tracker.asked == [("the demo carrier's key", NUMBER)]
    shipment = (await house.call("GET", f"/v1/shipments/{parcel[1]}")).json
    assert shipment["status"] == "out_for_delivery"


async def test_bytes_of_places_are_not_kept(house, tracker, parcel):
    def payloads(conn):
        return conn.execute(select(func.count()).select_from(Tables.payload)).scalar_one()

    before = await house.gateway.store.read(payloads)
    async with eyes_on(house, parcel[1]) as eyes:
        await seen(eyes)
    assert await house.gateway.store.read(payloads) == before


async def test_nobody_is_asked_while_nobody_watches(house, tracker, parcel):
    await house.gateway.locator.tick()
    assert tracker.asked == []


async def test_many_who_watch_are_one_question_every_twenty_seconds(house, tracker, parcel, monkeypatch):
    async with eyes_on(house, parcel[1]) as one, eyes_on(house, parcel[1]) as other:
        await seen(one)
        await seen(other)
        await look_again(house, monkeypatch, 10)
        assert len(tracker.asked) == 1
        monkeypatch.setattr(locating, "_FRESH_MS", -60_000)
        await look_again(house, monkeypatch, 21)
        assert len(tracker.asked) == 2


async def test_a_position_just_pushed_saves_the_question(house, tracker, parcel):
    await drive(house, parcel[0], position_push(4_000, 2))
    async with eyes_on(house, parcel[1]) as eyes:
        await seen(eyes)
        await house.gateway.locator.tick()
    assert tracker.asked == []


@pytest.mark.parametrize("codes", [("PICKED_UP",), ("PICKED_UP", "OUT", "DELIVERED")])
async def test_a_courier_who_is_not_on_the_way_is_not_asked_for(house, tracker, codes):
    house.gateway.carriers._base_urls = {"demo": tracker.url}
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, NUMBER, *codes)
    async with eyes_on(house, shipment_id) as eyes:
        await eyes.sees()
        await house.gateway.locator.tick()
    assert tracker.asked == []


@pytest.mark.parametrize("refusal", [(404, 60), (401, 600)], ids=["nobody has it", "refused"])
async def test_a_refusal_slows_the_questions_and_stops_no_account(house, tracker, parcel, monkeypatch, refusal):
    tracker.status, wait = refusal
    async with eyes_on(house, parcel[1]) as eyes:
        await eyes.sees()
        await house.until(lambda: bool(tracker.asked) and not house.gateway.locator._under_way)
        for seconds, times in ((21, 1), (wait - 2, 1), (wait + 2, 2)):
            await look_again(house, monkeypatch, seconds)
            assert len(tracker.asked) == times
    (account,) = (await house.call("GET", "/v1/accounts")).json["data"]
    assert account["state"] == "active"


async def test_an_account_that_only_takes_pushes_cannot_ask_and_says_what_it_lacks(house):
    account = {"carrier": "onfleet", "secrets": {"webhook_secret": "00ff"}}
    account_id = (await house.call("POST", "/v1/accounts", account)).json["id"]
    with pytest.raises(Rejected, match="the account lacks api_key"):
        await house.gateway.carriers.client(house.merchant_id, "onfleet", account_id)
    both = {"secrets": {"webhook_secret": "00ff", "api_key": "k"}}
    assert (await house.call("PATCH", f"/v1/accounts/{account_id}", both)).status == 200
    client = await house.gateway.carriers.client(house.merchant_id, "onfleet", account_id)
    assert isinstance(client._client.auth, Basic)

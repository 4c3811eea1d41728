"""The demo's courier and shop: seen by the page, the map and the shop's own page while the story runs."""

import asyncio
import io
import re

import aiohttp
import pytest
from flow.test_demo import told

from gateway.commands.running import listen
from gateway.demo import story
from gateway.demo.lives import lives
from gateway.demo.story import play
from gateway.demo.telling import Teller


@pytest.fixture
def teller():
    return Teller(io.StringIO())


async def test_addresses_are_printed_and_lead_to_the_page_the_streets_and_the_shop(teller):
    stop = asyncio.Event()
    running = asyncio.create_task(play(listen("127.0.0.1", 0), None, stop, teller))
    while "LOCAL TIME" not in told(teller):
        assert not running.done(), told(teller)
        await asyncio.sleep(0.02)
    page = re.search(r"the recipient sees it at (\S+)", told(teller))[1]
    shop = re.search(r"The shop: (\S+)$", told(teller), re.MULTILINE)[1]
    hub = page.partition("/t/")[0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{hub}/demo/town.geojson") as answer:
            assert len((await answer.json(content_type="application/geo+json"))["features"]) == 14
        places = set()
        for _ in range(200):
            async with session.get(page.replace("/t/", "/v1/public/shipments/") + "/courier") as answer:
                seen = await answer.json()
            if seen["position"] is not None:
                places.add((seen["position"]["latitude"], seen["position"]["longitude"]))
            if places:
                break
            await asyncio.sleep(0.05)
        assert seen["precision"] == "blurred"  # others come first
        async with session.get(page) as answer:
            assert "&#34;tiles&#34;:&#34;/demo/town.geojson&#34;" in await answer.text()
        async with session.get(shop) as answer:
            text = await answer.text()
    assert text.count('mode="badge"') == len(lives().cast)
    assert page.rpartition("/")[2] in text
    stop.set()
    assert await running == 0


async def test_without_an_end_one_parcel_follows_the_other(teller, monkeypatch):
    monkeypatch.setattr(story.road, "_PACE", 1_000.0)
    monkeypatch.setattr(story.road, "_AT_THE_DOOR", 0.1)
    monkeypatch.setattr(story.road, "_BETWEEN", 0.1)
    stop = asyncio.Event()
    running = asyncio.create_task(play(listen("127.0.0.1", 0), None, stop, teller))
    while told(teller).count("On the road now: DEMO3002000") < 2:
        assert not running.done(), told(teller)
        await asyncio.sleep(0.05)
    stop.set()
    assert await running == 0

"""The demo as people see it: a courier drives through the town on the recipient's page, and the shop's page hears."""

import asyncio
import io
import re

from browser.conftest import serious, too_wide
from browser.test_tracking_page import keep
from flow.test_demo import told
from playwright.async_api import expect

from gateway.commands.running import listen
from gateway.demo.courier import Way
from gateway.demo.story import play
from gateway.demo.telling import Teller

PLACE = """(one) => {
    const street = document.querySelector(".leaflet-overlay-pane path:nth-of-type(4)").getBoundingClientRect();
    const here = one.getBoundingClientRect();
    const part = (at, start, size) => Math.round(((at - start) / size) * 1000);
    return [part(here.x, street.x, street.width), part(here.y, street.y, street.height)];
}"""
"""Where something is on the main street, in thousandths of it: the map moves and zooms along with the courier."""


async def test_the_courier_drives_along_drawn_streets_is_written_to_and_delivers_with_proof(phone, monkeypatch):
    monkeypatch.setattr(Way, "within", classmethod(lambda cls, _seconds: cls(600.0, 50.0, 1.5)))
    teller, stop = Teller(io.StringIO()), asyncio.Event()
    running = asyncio.create_task(play(listen("127.0.0.1", 0), None, stop, teller))
    while "LOCAL TIME" not in told(teller):
        assert not running.done(), told(teller)
        await asyncio.sleep(0.05)
    page = await phone(re.search(r"the recipient sees it at (\S+)", told(teller))[1])
    await page.wait_for_selector(".leaflet-overlay-pane path:nth-of-type(14)", state="attached")  # streets and grounds
    first = await page.wait_for_selector(".spot-courier")
    at, place = await first.get_attribute("data-at"), await first.evaluate(PLACE)
    await page.wait_for_selector(f".spot-courier:not([data-at='{at}'])")
    while await (await page.wait_for_selector(".spot-courier")).evaluate(PLACE) == place:
        await page.wait_for_timeout(100)
    await page.fill("#postcode", "6999-001")
    await page.click("#proof button")
    await page.wait_for_selector("#talk :text('The bell is broken, please knock.')")
    await page.wait_for_selector("#talk :text('I will knock, and I am nearly there.')")
    await keep(page, "demo-town-360")
    courier = await phone(re.search(r"Marta works with (\S+): act", told(teller))[1])
    await courier.wait_for_selector(".uttered :text('The bell is broken, please knock.')")
    await keep(courier, "demo-courier-360")
    await page.wait_for_selector("h1:has-text('Delivered')", timeout=60_000)
    await page.wait_for_selector(".spot-courier", state="detached")
    await page.wait_for_selector(".spot-door")
    await expect(page.locator(".spot-place")).to_have_count(0)  # nothing lies over the door
    await page.wait_for_selector("#proof .picture.signature img")
    await page.wait_for_selector("#rate :text('You gave 5 stars of 5.')")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, "demo-proof-360")
    shop = await phone(re.search(r"The shop: (\S+)$", told(teller), re.MULTILINE)[1])
    await shop.wait_for_selector("parcel-status[mode=timeline] .headline")
    await expect(shop.locator("parcel-status[mode=badge] .pill")).to_have_count(11)
    lines = [line for line in told(teller).splitlines() if "VAN-2001" in line]
    assert len([line for line in lines if "the courier is nearly there" in line]) == 1
    stop.set()
    assert await running == 0

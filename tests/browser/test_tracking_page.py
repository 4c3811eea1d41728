"""The recipient's page on a real phone-sized browser: seen, heard, used by keyboard, and read without a network."""

import gzip
import os
import re
import tomllib
from pathlib import Path

import pytest
from browser.conftest import DESK, serious, too_wide
from flow.roads import DOOR, NUMBER, drive, position_push
from flow.test_tracking_page import RECIPIENT, path_of
from playwright.async_api import expect

from gateway import texts as house_texts
from gateway.pages.statics import FOLDER
from gateway.texts import LANGUAGES

DESTINATION = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}


@pytest.fixture
async def parcel(house):
    """A parcel that is out for delivery, and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination=DESTINATION, recipient=RECIPIENT, order_number="A-77")
    await house.tell(account_id, NUMBER, "PICKED_UP", "SORTED", "SORTED", "OUT")
    await drive(house, account_id, position_push(4_000, 30, stops_before=2))
    return account_id, shipment_id, house.url + await path_of(house, shipment_id)


async def keep(page, name):
    """Keep a screenshot where somebody asked for them: `SCREENSHOTS=folder pytest tests/browser`."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_serious_finding_and_nothing_too_wide(phone, parcel, language, scheme):
    page = await phone(f"{parcel[2]}?lang={language}", scheme=scheme)
    await page.wait_for_selector(".spot-courier")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"tracking-{language}-{scheme}-360")


# A soft hyphen that shows is a box of its own, narrower than a letter and the next.
_CUT = """(words) => [...document.querySelectorAll(".step-words")].flatMap((place) => words.flatMap((text) => {
  place.firstChild.data = text;
  return [...text.matchAll(/[^\\s\\u00ad]+/g)].filter((word) => {
    const range = document.createRange();
    range.setStart(place.firstChild, word.index);
    range.setEnd(place.firstChild, word.index + word[0].length);
    return new Set([...range.getClientRects()].filter((one) => one.width > 6).map((one) => one.top)).size > 1;
  }).map((word) => word[0]);
}))"""


@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_step_is_cut_in_the_middle_of_a_word_on_a_small_phone(phone, parcel, language):
    page = await phone(f"{parcel[2]}?lang={language}")
    await page.wait_for_selector(".spot-courier")
    texts = tomllib.loads((Path(house_texts.__file__).parent / language / "page.toml").read_text("utf-8"))
    words = [text for name, text in texts["steps"].items() if name not in {"heading", "done", "now", "next"}]
    assert len(words) > 5
    assert await page.evaluate(_CUT, words) == []


async def test_on_a_desk_it_uses_the_width(phone, parcel):
    page = await phone(parcel[2], size=DESK)
    await page.wait_for_selector(".spot-courier")
    # nothing is empty between the map and what stands below it
    above, below = await page.locator("#map-card").bounding_box(), await page.locator("#history").bounding_box()
    assert 0 < below["y"] - above["y"] - above["height"] <= 24
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, "tracking-en-light-1280")


async def test_text_of_twice_the_size_still_fits(phone, parcel):
    page = await phone(parcel[2])
    await page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert await too_wide(page) == 0
    await keep(page, "tracking-en-zoomed-360")


async def test_without_scripts_everything_but_the_map_is_there(phone, parcel):
    page = await phone(parcel[2], scripts=False)
    await expect(page.locator("h1")).to_have_text("Your parcel is out for delivery")
    await expect(page.locator(".beside")).to_have_text("2 stops before you")
    await page.select_option("#lang", "de")
    await page.click(".languages button")
    await expect(page.locator("h1")).to_have_text("Ihr Paket ist in Zustellung")


async def test_the_courier_moves_and_the_page_hears_of_the_delivery(house, phone, parcel):
    account_id, _, url = parcel
    page = await phone(url)
    before = await page.get_attribute(".spot-courier", "data-at")
    await drive(house, account_id, position_push(3_000, 0, stops_before=1))
    await page.wait_for_selector(f".spot-courier:not([data-at='{before}'])")
    await house.tell(account_id, NUMBER, "PICKED_UP", "SORTED", "SORTED", "OUT", "DELIVERED")
    await page.wait_for_selector("h1:has-text('Delivered')")
    await page.wait_for_selector(".spot-courier", state="detached")
    await keep(page, "tracking-delivered-360")


async def test_a_wrong_postcode_by_keyboard_alone_is_said_where_it_was_typed(phone, parcel, faults):
    faults.expected.append("status of 422")
    page = await phone(parcel[2])
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("To the status")
    await page.keyboard.press("Enter")
    for _ in range(30):
        await page.keyboard.press("Tab")
        if await page.evaluate("() => document.activeElement.id") == "postcode":
            break
    await page.keyboard.type("1000-001")
    await page.keyboard.press("Enter")
    await expect(page.locator("[role=alert]")).to_have_text("That is not the postcode it goes to.")
    await expect(page.locator("#postcode")).to_have_attribute("aria-invalid", "true")
    await keep(page, "tracking-wrong-postcode-360")


async def test_offline_the_last_state_is_shown_and_said_to_be_old(phone, parcel, faults):
    faults.expected.append("ERR_INTERNET_DISCONNECTED")
    page = await phone(parcel[2])
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    await page.reload()  # now through the worker, which keeps it
    await page.wait_for_selector(".spot-courier")
    await page.context.set_offline(True)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Your parcel is out for delivery")
    await page.wait_for_selector("#offline:not([hidden])")


async def test_while_the_gateway_is_away_the_last_state_stays_and_the_page_is_live_again_after(
    house, phone, parcel, faults
):
    faults.expected += ["status of 50", "EventSource"]
    account_id, _, url = parcel
    page = await phone(url)
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    await page.reload()
    await page.wait_for_selector(".spot-courier")

    async def away(route):
        await route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")

    await page.context.route("**/t/**", away)
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Your parcel is out for delivery")
    await page.evaluate("() => window.dispatchEvent(new Event('online'))")
    await page.wait_for_selector("#offline:not([hidden])")
    await expect(page.locator("h1")).to_have_text("Your parcel is out for delivery")
    await page.context.unroute("**/t/**")
    await page.wait_for_selector("#offline", state="hidden")
    await house.tell(account_id, NUMBER, "PICKED_UP", "SORTED", "SORTED", "OUT", "DELIVERED")
    await page.wait_for_selector("h1:has-text('Delivered')")


async def test_a_phone_that_can_keep_nothing_shows_the_page_all_the_same(phone, parcel):
    page = await phone(parcel[2])
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    (worker,) = page.context.service_workers
    await worker.evaluate(
        "() => { Cache.prototype.put = () => Promise.reject(new DOMException('full', 'QuotaExceededError')) }"
    )
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Your parcel is out for delivery")
    await page.wait_for_selector(".spot-courier")


async def test_an_ended_link_is_said_kindly(house, phone, parcel, faults):
    faults.expected.append("status of 404")
    _, shipment_id, url = parcel
    await house.call("DELETE", f"/v1/shipments/{shipment_id}/tracking-link")
    page = await phone(url)
    await expect(page.locator("h1")).to_have_text("There is nothing to see here")
    assert await serious(page) == []
    await keep(page, "gone-360")


async def test_what_a_phone_loads_stays_small(house, parcel):
    """At most 150 kB packed, without tiles: the page and all it names, as sent."""
    html = (await house.call("GET", parcel[2].removeprefix(house.url), key=None)).body.decode()
    named = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', html))
    names = {address.split("/", 3)[3] for address in named} | {"map.js", "vendor/leaflet.js", "tracking-worker.js"}
    size = len(gzip.compress(html.encode())) + sum(len(gzip.compress((FOLDER / name).read_bytes())) for name in names)
    assert {"tracking.js", "tracking.css", "tokens.css"} <= names
    assert size <= 150_000

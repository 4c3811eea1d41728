"""Stars on a phone: by thumb, by keyboard, without scripts, in every language."""

import pytest
from browser.conftest import serious, too_wide
from browser.test_tracking_page import keep
from flow.roads import NUMBER
from flow.test_tracking_page import path_of
from playwright.async_api import expect

from gateway.texts import LANGUAGES


@pytest.fixture
async def delivered(house):
    """A delivered parcel, and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT", "DELIVERED")
    return shipment_id, house.url + await path_of(house, shipment_id)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_stars_are_chosen_sent_and_thanked_for_in_place(house, phone, delivered, language):
    shipment_id, url = delivered
    page = await phone(f"{url}?lang={language}", scheme="dark" if language == "de" else "light")
    await page.click(".stars label:nth-of-type(4)")
    filled = await page.evaluate(
        "() => [...document.querySelectorAll('.star')].map((one) => getComputedStyle(one, '::before').content)"
    )
    assert filled == ['"★"'] * 4 + ['"☆"']
    await page.click(".chip:has([value=friendly])")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"rating-{language}-360")
    await page.click("#rate button")
    await page.wait_for_selector("#rate .given")
    await expect(page.locator("#rate")).to_be_focused()
    await house.call("POST", f"/v1/shipments/{shipment_id}/rating/answer", {"text": "Thank you!"})
    await page.wait_for_selector("#rate .said")
    assert await serious(page) == []
    await keep(page, f"rating-{language}-given-360")


async def test_by_keyboard_alone(house, phone, delivered):
    shipment_id, url = delivered
    page = await phone(url)
    await page.focus(".stars input")
    for key in ("Space", "ArrowRight", "ArrowRight", "Tab", "Space"):
        await page.keyboard.press(key)
    await page.focus("#rate-words")
    await page.keyboard.type("Fine")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#rate .given")
    await expect(page.locator("#rate .given")).to_have_text("★★★☆☆ You gave 3 stars of 5. Thank you.")
    rating = (await house.call("GET", f"/v1/shipments/{shipment_id}/rating")).json
    assert (rating["reasons"], rating["text"]) == (["friendly"], "Fine")


async def test_without_scripts(phone, delivered):
    page = await phone(delivered[1], scripts=False)
    await page.check("[name=stars][value='5']", force=True)
    await page.click("#rate button")
    assert "You gave 5 stars of 5." in await page.inner_text("#rate")

"""Writing on a phone: ready answers, words, instructions; by keyboard, without scripts, in every language."""

import pytest
from browser.conftest import serious, too_wide
from browser.test_tracking_page import keep
from flow.roads import NUMBER
from flow.test_tracking_page import RECIPIENT, path_of
from playwright.async_api import expect

from gateway.texts import LANGUAGES


@pytest.fixture
async def parcel(house):
    """A parcel on its way, and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination={"country": "PT", "city": "Porto"}, recipient=RECIPIENT)
    await house.tell(account_id, NUMBER, "PICKED_UP")
    return account_id, shipment_id, house.url + await path_of(house, shipment_id)


async def answer(house, shipment_id, words):
    made = await house.call("POST", f"/v1/shipments/{shipment_id}/conversation", {"text": words})
    assert made.status == 201


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_conversation_is_readable_and_fits(house, phone, parcel, language):
    account_id, shipment_id, url = parcel
    page = await phone(f"{url}?lang={language}", scheme="dark" if language == "de" else "light")
    await page.click("#instruct summary")
    await page.click("#instruct .chip:has([value=gate_code])")
    await page.fill("#instruct-words", "4711#")
    await page.click("#instruct button[type=submit]")
    await page.wait_for_selector("#talk .said")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await page.wait_for_selector("#say .chip")
    await answer(
        house, shipment_id, "We told the courier. https://shop.example/a-rather-long-address-without-any-break"
    )
    await page.wait_for_selector("#talk .said:nth-child(2)")
    await page.click("#say .chip:has([value=be_right_there])")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"talk-{language}-360")
    await page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert await too_wide(page) == 0


async def test_by_keyboard_alone_and_the_focus_stays_in_the_field(house, phone, parcel):
    account_id, _shipment_id, url = parcel
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    page = await phone(url)
    await page.focus("#say [name=quick]")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Tab")
    await expect(page.locator("#words")).to_be_focused()
    await page.keyboard.type("4711")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#talk .said")
    await expect(page.locator("#talk .said-words")).to_have_text("The gate code is: 4711")
    await expect(page.locator("#words")).to_be_focused()
    await expect(page.locator("#words")).to_have_value("")


async def test_what_comes_in_is_seen_while_somebody_writes(house, phone, parcel):
    _, shipment_id, url = parcel
    page = await phone(url)
    await page.click("#say summary")
    await page.fill("#words", "When does it")
    await page.click("#say button[type=submit]")
    await page.wait_for_selector("#talk .said")
    await page.fill("#words", "And one more th")
    await answer(house, shipment_id, "Tomorrow.")
    await page.wait_for_selector("#talk .said:nth-child(2)")
    await expect(page.locator("#words")).to_have_value("And one more th")


async def test_a_problem_stands_beside_the_field_and_what_was_typed_stays(house, phone, parcel, faults):
    faults.expected.append("status of 422")
    account_id, _, url = parcel
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    page = await phone(url)
    await page.click("#say .chip:has([value=gate_code])")
    await page.click("#say button[type=submit]")
    await page.wait_for_selector("#say-problem")
    await expect(page.locator("#say-problem")).to_have_text("Write the code as well.")
    await expect(page.locator("#say [value=gate_code]")).to_be_checked()
    assert await serious(page) == []
    await keep(page, "talk-problem-360")


async def test_without_scripts_all_of_it_works(house, phone, parcel):
    account_id, _, url = parcel
    page = await phone(url, scripts=False)
    await page.click("#instruct summary")
    await page.click("#instruct .chip:has([value=leave_with_neighbour])")
    await page.click("#instruct button[type=submit]")
    assert page.url.split("?")[0] == url
    await expect(page.locator("#talk .said-words")).to_have_text("Please leave it with a neighbour")
    await house.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await page.reload()
    await page.fill("#words", "I am in the garden")
    await page.click("#say button[type=submit]")
    await expect(page.locator("#talk .said:nth-child(2) .said-words")).to_have_text("I am in the garden")

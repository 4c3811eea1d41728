"""Asking for news on a phone: by mail with a yes asked for, by this browser, without scripts, in every language."""

import orjson
import pytest
from browser.conftest import serious, too_wide
from browser.test_tracking_page import keep
from flow.people import MAIL, town
from flow.roads import NUMBER
from flow.test_tracking_page import path_of
from playwright.async_api import expect

from gateway.texts import LANGUAGES


@pytest.fixture
async def place(house):
    async with town(house) as one:
        yield one


@pytest.fixture
async def parcel(house, place):
    """A parcel on its way, and its page."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(destination={"country": "DE", "city": "Berlin"})
    await place.tell(account_id, NUMBER, "PICKED_UP")
    return account_id, shipment_id, house.url + await path_of(house, shipment_id)


async def wishes(house, shipment_id):
    return (await house.call("GET", f"/v1/shipments/{shipment_id}/subscriptions")).json["data"]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_news_are_asked_for_in_place_and_confirmed_first(house, phone, place, parcel, language):
    _, shipment_id, url = parcel
    page = await phone(f"{url}?lang={language}", scheme="dark" if language == "de" else "light")
    await page.click("#wish-kinds summary")
    await page.click("#wishes .chip:has([value=exception])")
    await page.fill("#wish-address", MAIL)
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"wishes-{language}-360")
    await page.click("#wishes .row button")
    await page.wait_for_selector("#wishes .thanks")
    await expect(page.locator("#wishes")).to_be_focused()
    (wish,) = await wishes(house, shipment_id)
    assert (wish["channel"], wish["state"], wish["language"]) == ("email", "pending", language)
    assert "exception" in wish["event_types"]
    assert "picked_up" not in wish["event_types"]
    await house.until(lambda: len(place.mail.to(MAIL)) == 1)
    await keep(page, f"wishes-{language}-asked-360")


async def test_a_wrong_number_is_said_and_what_was_chosen_stays(house, phone, parcel, faults):
    faults.expected.append("status of 422")
    _, shipment_id, url = parcel
    page = await phone(url)
    await page.click("#wish-kinds summary")
    await page.click("#wishes .chip:has([value=delivered])")
    await page.click("#wishes .chip:has([value=sms])")
    await page.fill("#wish-address", "12")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#wish-problem")
    await expect(page.locator("#wish-address")).to_have_value("12")
    await expect(page.locator("#wishes [value=sms]")).to_be_checked()
    assert not await page.is_checked("#wishes [value=delivered]")
    assert await serious(page) == []
    assert await wishes(house, shipment_id) == []


async def test_without_scripts(house, phone, place, parcel):
    _, shipment_id, url = parcel
    page = await phone(url, scripts=False)
    assert not await page.is_visible("#push-on")
    await page.check("#wishes [value=sms]", force=True)
    await page.fill("#wish-address", "0151 12345678")
    await page.click("#wishes .row button")
    assert "Please confirm it" in await page.inner_text("#wishes")
    await house.until(lambda: len(place.sms.texted) == 1)
    assert (await wishes(house, shipment_id))[0]["address"] == "+49•••••••••78"


SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  for (const until = Date.now() + 3000; Date.now() < until; ) {
    const [one] = await worker.getNotifications();
    if (one) return [one.title, one.body, one.lang, one.data.link];
    await new Promise((then) => setTimeout(then, 20));
  }
  return null;
}"""


async def test_this_browser_hears_of_it_and_a_tap_leads_to_the_page(house, phone, place, parcel):
    account_id, shipment_id, url = parcel
    browser = place.browser()
    page = await phone(url)
    # No browser can be told of another push service than its maker's, so it is given a subscription at ours.
    await page.evaluate(
        "(told) => { PushManager.prototype.subscribe = async () => ({ toJSON: () => told }) }",
        orjson.loads(browser.subscription),
    )
    await page.context.grant_permissions(["notifications"])
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    await page.click("#push-on")
    await page.wait_for_selector("#wishes .thanks")
    (wish,) = await wishes(house, shipment_id)
    assert (wish["channel"], wish["state"]) == ("push", "active")
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await house.until(lambda: len(browser.shown) == 1)
    line = await page.context.new_cdp_session(page)
    registrations = []
    line.on("ServiceWorker.workerRegistrationUpdated", lambda told: registrations.extend(told["registrations"]))
    await line.send("ServiceWorker.enable")
    await house.until(lambda: bool(registrations))
    sent = {"origin": house.url, "registrationId": registrations[0]["registrationId"]}
    told = None
    for _ in range(5):  # a worker that is just being stopped drops what is delivered to it, so it is delivered again
        await line.send("ServiceWorker.deliverPushMessage", sent | {"data": orjson.dumps(browser.shown[0]).decode()})
        told = await page.evaluate(SHOWN)
        if told is not None:
            break
    assert told == [browser.shown[0][name] for name in ("title", "body", "lang", "link")]


async def test_who_forbids_it_is_told_so(phone, parcel):
    page = await phone(parcel[2])
    await page.evaluate("() => { Notification.requestPermission = async () => 'denied' }")
    await page.click("#push-on")
    await page.wait_for_selector("#push-off:not([hidden])")
    await expect(page.locator("#push-off")).to_have_text("This browser does not allow messages from this page.")
    assert await serious(page) == []

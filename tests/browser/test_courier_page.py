"""The courier's page on a real phone-sized browser: by hand, by keyboard, and through a dead spot."""

import io

import pytest
from browser.conftest import serious, too_wide
from browser.test_tracking_page import keep
from flow.roads import DOOR
from flow.test_courier_page import Phone, act
from flow.test_runs import made, stop
from PIL import Image
from playwright.async_api import expect

from gateway.texts import LANGUAGES

ADDRESS = {"city": "Porto", "country": "PT", "latitude": DOOR[0], "longitude": DOOR[1]}
NOTE = "Ring twice, the bell is quiet"


@pytest.fixture
async def run(house):
    """A run of three stops; the first asks for all there is."""
    needs = {"needs": ["photo", "signature", "name", "pin", "id_check"], "pin": "4711", "min_age": 18}
    window = {"from": "2199-11-20T09:00:00+00:00", "to": "2199-11-20T11:00:00+00:00"}
    first = stop("VAN-1001", destination=ADDRESS, note=NOTE, window=window, **needs)
    other = {"name": "Berta Lima-Gonçalves", "street": "Travessa do Carmo 7", "city": "Porto", "country": "PT"}
    rest = [stop("VAN-1002", recipient=other), stop("VAN-1003", recipient=other | {"name": "Caio"}, needs=["photo"])]
    return Phone(house, await made(house, first, *rest))


def photo():
    out = io.BytesIO()
    Image.new("RGB", (3_000, 2_000), "#6688aa").save(out, "JPEG")
    return {"name": "door.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


async def opened(phone, run, **more):
    page = await phone(run.house.url + run.path, **more)
    await page.wait_for_selector("#page[data-ready]")
    return page


async def sign(page):
    box = await page.locator("#give-sign").bounding_box()
    await page.mouse.move(box["x"] + 30, box["y"] + 80)
    await page.mouse.down()
    for step in range(1, 12):
        await page.mouse.move(box["x"] + 30 + step * 20, box["y"] + 80 + (40 if step % 2 else -40))
    await page.mouse.up()


def card(page, run, at):
    return page.locator(f"[id='{run.stops[at]}']")


async def state(run, at):
    return (await run.shipment(at))["substatus"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_no_serious_finding_and_nothing_too_wide(phone, run, language, scheme):
    page = await opened(phone, run, scheme=scheme, locale=language)
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"courier-{language}-{scheme}-360")
    await card(page, run, 0).locator("[data-open=give]").click()
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, f"courier-give-{language}-{scheme}-360")


async def test_text_of_twice_the_size_still_fits(phone, run):
    page = await opened(phone, run)
    await page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert await too_wide(page) == 0
    await keep(page, "courier-zoomed-360")


async def test_without_scripts_the_list_can_be_read(phone, run):
    page = await phone(run.house.url + run.path, scripts=False)
    text = await page.inner_text("#page")
    assert NOTE in text
    assert "Without JavaScript the list can be read" in text
    await expect(page.locator(".stop button:visible")).to_have_count(0)


async def test_a_delivery_with_all_that_is_asked_for(phone, run, house):
    page = await opened(phone, run)
    await page.click("#load-all")
    await house.until(lambda: loaded(run))
    one = card(page, run, 0)
    await one.locator("[data-act=on_the_way]").click()
    await one.locator("[data-act=arrived]").click()
    await one.locator("[data-open=give]").click()
    await page.click("#give [type=submit]")
    missing = "Still missing: Photo, Signature, Name, PIN and Proof of identity"
    await expect(page.locator("#give .problem")).to_have_text(missing)
    await page.fill("#give-name", "A. Prado")
    await page.fill("#give-pin", "0000")
    await page.check("#give-id")
    await page.set_input_files("#give-photo", photo())
    await page.wait_for_selector("#give .taken:has-text('1 photo')")
    await sign(page)
    await keep(page, "courier-give-filled-360")
    await page.click("#give [type=submit]")
    await page.wait_for_selector(f"[id='{run.stops[0]}'] .problem:has-text('The PIN was wrong')")
    assert await state(run, 0) == "arrived_at_door"
    await keep(page, "courier-pin-wrong-360")
    await one.locator("[data-open=give]").click()
    await expect(page.locator("#give-name")).to_have_value("A. Prado")
    await expect(page.locator("#give .taken")).to_have_text("1 photo")
    await page.fill("#give-pin", "4711")
    await page.click("#give [type=submit]")
    await page.wait_for_selector("#progress:has-text('1 of 3 stops done')")
    await house.until(lambda: substatus_is(run, 0, "signed"))
    shipment = await run.shipment()
    assert sorted(one["kind"] for one in shipment["proofs"]) == ["id_check", "name", "photo", "pin", "signature"]
    files = (await house.call("GET", f"/v1/shipments/{run.shipments[0]}/proofs")).json["data"]
    picture = next(row for row in files if row["kind"] == "photo" and row["id"] in str(shipment["proofs"]))
    body = (await house.call("GET", f"/v1/shipments/{run.shipments[0]}/proofs/{picture['id']}")).body
    assert Image.open(io.BytesIO(body)).size == (1_600, 1_067)
    await expect(page.locator(f"[id='{run.stops[1]}']:focus-within")).to_have_count(1)
    await keep(page, "courier-delivered-360")


async def loaded(run):
    return [await state(run, at) for at in range(3)] == ["loaded"] * 3


async def substatus_is(run, at, wanted):
    return await state(run, at) == wanted


async def test_what_is_not_possible_takes_a_word_why(phone, run, house):
    page = await opened(phone, run)
    await card(page, run, 2).locator("[data-open=give]").click()
    await page.select_option("#give-to", "safe_place")
    await page.check("#give-cannot")
    await page.click("#give [type=submit]")
    await expect(page.locator("#give .problem")).to_have_text("Say in the note why it is not possible.")
    await page.fill("#give-note", "The camera is broken")
    await page.click("#give [type=submit]")
    await house.until(lambda: substatus_is(run, 2, "to_safe_place"))
    assert (await run.events(2))[-1]["extra"] == {"note": "The camera is broken", "unmet": ["photo"]}


async def test_through_a_dead_spot_everything_is_kept_and_sent_once(phone, run, house, faults):
    faults.expected += ["ERR_INTERNET_DISCONNECTED", "Failed to load resource"]
    page = await opened(phone, run)
    await page.evaluate("async () => { await navigator.serviceWorker.ready }")
    await page.reload()  # now through the worker, which keeps the list
    await page.wait_for_selector("#page[data-ready]")
    await page.context.set_offline(True)
    await card(page, run, 1).locator("[data-act=on_the_way]").click()
    await card(page, run, 2).locator("[data-open=give]").click()
    await page.select_option("#give-to", "neighbour")
    await page.fill("#give-name", "B. Costa")
    await page.set_input_files("#give-photo", photo())
    await page.wait_for_selector("#give .taken:has-text('1 photo')")
    await page.click("#give [type=submit]")
    await page.wait_for_selector("#waiting:has-text('2 entries wait to be sent')")
    await page.wait_for_selector("#offline:not([hidden])")
    await keep(page, "courier-offline-360")
    assert await serious(page) == []
    await page.reload()  # the phone is put away, and taken out again in the dead spot
    await page.wait_for_selector("#waiting:has-text('2 entries wait to be sent')")
    await expect(card(page, run, 2)).to_have_attribute("data-state", "delivered")
    assert await run.events(2) == []
    await page.context.set_offline(False)
    await page.wait_for_selector("#waiting", state="hidden")
    await page.wait_for_selector("#offline", state="hidden")
    await house.until(lambda: substatus_is(run, 2, "to_neighbour"))
    await house.until(lambda: substatus_is(run, 1, "on_route"))
    assert len(await run.events(2)) == 1
    (file,) = (await house.call("GET", f"/v1/shipments/{run.shipments[2]}/proofs")).json["data"]
    assert (file["kind"], file["state"]) == ("photo", "kept")


async def test_by_keyboard_alone_a_parcel_is_noted_as_not_delivered(phone, run, house):
    page = await opened(phone, run)
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("To the stops")
    await page.keyboard.press("Enter")
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await page.evaluate("() => document.activeElement.dataset.open") == "fail":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#fail[open]")
    await expect(page.locator("#fail:focus-within")).to_have_count(1)
    await page.focus("#fail-reason")
    await page.keyboard.press("ArrowDown")
    await page.focus("#fail [type=submit]")
    await page.keyboard.press("Enter")
    await house.until(lambda: substatus_is(run, 0, "business_closed"))
    await page.wait_for_selector("#fail", state="hidden")
    await keep(page, "courier-failed-360")


async def test_the_position_is_shared_while_the_courier_wants_it(phone, run, house):
    page = await opened(phone, run)
    await page.context.grant_permissions(["geolocation"])
    await page.context.set_geolocation({"latitude": 41.16, "longitude": -8.61, "accuracy": 12})
    await card(page, run, 0).locator("[data-act=on_the_way]").click()
    await page.click("#share")
    await page.wait_for_selector("#share[aria-pressed=true]")

    async def seen():
        told = (await house.call("GET", f"/v1/shipments/{run.shipments[0]}/position")).json["position"]
        return told is not None and told["latitude"] == 41.16 and told["stops_before"] == 0

    await house.until(seen)
    await page.click("#share")
    await expect(page.locator("#share")).to_have_attribute("aria-pressed", "false")


async def test_a_phone_that_does_not_tell_its_position_says_so(phone, run):
    page = await opened(phone, run)
    await page.context.clear_permissions()
    await page.click("#share")
    await page.wait_for_selector("#share-problem:has-text('does not tell its position')")
    await expect(page.locator("#share")).to_have_attribute("aria-pressed", "false")


async def test_an_ended_link_is_said_kindly(phone, run, faults):
    faults.expected.append("status of 404")
    run_id = (await run.house.call("GET", "/v1/runs")).json["data"][0]["id"]
    await run.house.call("DELETE", f"/v1/runs/{run_id}/link")
    page = await phone(run.house.url + run.path)
    await expect(page.locator("h1")).to_have_text("There is nothing to see here")
    assert await serious(page) == []


async def test_a_delivery_that_comes_back_leaves_the_stop_as_it_was(phone, run, house):
    page = await opened(phone, run)
    await card(page, run, 0).locator("[data-act=on_the_way]").click()
    await house.until(lambda: substatus_is(run, 0, "on_route"))
    await page.reload()  # the phone knows the stop only from the page now
    await page.wait_for_selector("#page[data-ready]")
    await card(page, run, 0).locator("[data-open=give]").click()
    await page.check("#give-cannot")
    await page.fill("#give-note", "no camera")
    await page.fill("#give-pin", "0000")
    await page.click("#give [type=submit]")
    await page.wait_for_selector(f"[id='{run.stops[0]}'] .problem:has-text('The PIN was wrong')")
    await expect(card(page, run, 0)).to_have_attribute("data-state", "on_the_way")
    await expect(card(page, run, 0).locator("[data-open=give]")).to_be_visible()


async def test_a_stop_delivered_by_another_phone_is_not_opened_again(phone, run, house):
    page = await opened(phone, run)
    await run.send(act(run.stops[1], "delivered", to="mailbox"))
    await card(page, run, 1).locator("[data-act=loaded]").click()
    await page.wait_for_selector("#waiting", state="hidden")
    await page.evaluate("() => window.dispatchEvent(new Event('online'))")
    await page.wait_for_selector(f"[id='{run.stops[1]}'][data-state=delivered]")
    assert not await card(page, run, 1).locator("[data-open=give]").is_visible()


@pytest.mark.parametrize("old", [False, True])
async def test_half_a_sign_holds_up_nothing_that_was_done(phone, run, house, faults, old):
    faults.expected.append("Failed to load resource")
    page = await opened(phone, run)
    if old:
        await page.evaluate("() => { delete String.prototype.toWellFormed }")
    await page.context.set_offline(True)
    await card(page, run, 1).locator("[data-open=fail]").click()
    await page.evaluate("() => { document.querySelector('#fail-note').value = 'closed \\ud83d' }")
    await page.click("#fail [type=submit]")
    await card(page, run, 2).locator("[data-act=loaded]").click()
    await page.wait_for_selector("#waiting:has-text('2 entries wait to be sent')")
    await page.context.set_offline(False)
    await page.wait_for_selector("#waiting", state="hidden", timeout=20_000)
    await house.until(lambda: substatus_is(run, 2, "loaded"))
    if old:
        assert "could not be read" in await card(page, run, 1).locator(".problem").inner_text()
    else:
        assert (await run.events(1))[-1]["extra"]["note"] == "closed \ufffd"

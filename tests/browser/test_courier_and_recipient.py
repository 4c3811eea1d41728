"""Two phones at once: what the courier does on one is seen on the recipient's, and words go both ways."""

from browser.conftest import serious, too_wide
from browser.test_courier_page import ADDRESS, card, opened, photo, sign
from browser.test_tracking_page import keep
from flow.test_courier_page import Phone
from flow.test_runs import made, stop
from flow.test_tracking_page import path_of


async def test_the_recipient_sees_the_courier_come_hears_and_gets_the_proofs(phone, house):
    told = await made(house, stop("VAN-1001", destination=ADDRESS, needs=["photo", "signature"]))
    run = Phone(house, told)
    courier = await opened(phone, run)
    recipient = await phone(house.url + await path_of(house, run.shipments[0]))
    await courier.context.grant_permissions(["geolocation"])
    await courier.context.set_geolocation({"latitude": 41.1521, "longitude": -8.6112, "accuracy": 9})
    await card(courier, run, 0).locator("[data-act=on_the_way]").click()
    await courier.click("#share")
    await recipient.wait_for_selector(".spot-courier")
    assert "Rui" in await recipient.inner_text("#courier")

    await recipient.fill("#words", "The bell is broken")
    await recipient.click("#say button[type=submit]")
    await recipient.wait_for_selector("#talk :text('The bell is broken')")
    await courier.reload()
    await courier.wait_for_selector(".uttered :text('The bell is broken')")
    await courier.fill(".say input", "I will knock")
    await courier.keyboard.press("Enter")
    await recipient.wait_for_selector("#talk :text('I will knock')")
    assert await serious(courier) == []
    assert await too_wide(courier) == 0
    await keep(courier, "courier-talk-360")

    await card(courier, run, 0).locator("[data-open=give]").click()
    await courier.set_input_files("#give-photo", photo())
    await courier.wait_for_selector("#give .taken:has-text('1 photo')")
    await sign(courier)
    await courier.click("#give [type=submit]")
    await recipient.wait_for_selector("h1:has-text('Delivered')")
    await recipient.wait_for_selector(".spot-courier", state="detached")
    await recipient.fill("#postcode", "4050-262")
    await recipient.press("#postcode", "Enter")
    await recipient.wait_for_selector("figure.photo img")
    for kind in ("photo", "signature"):
        shown = recipient.locator(f"figure.{kind} img")
        await shown.scroll_into_view_if_needed()
        await house.until(lambda shown=shown: loaded(shown))
    await keep(recipient, "tracking-proofs-360")
    assert await serious(recipient) == []


async def loaded(picture):
    width: int = await picture.evaluate("image => image.naturalWidth")
    return width > 0

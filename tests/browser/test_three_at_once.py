"""A courier, a recipient and the desk, each at their own screen: what one does the others see."""

from datetime import UTC, datetime

from browser.conftest import DESK, serious
from browser.test_courier_page import ADDRESS, card, opened, photo, sign
from browser.test_tracking_page import keep
from flow.roads import DOOR
from flow.test_console_doors import PASSWORD
from flow.test_courier_page import Phone
from flow.test_runs import made, stop
from flow.test_tracking_page import path_of


async def test_a_delivery_as_all_three_see_it(phone, house):
    told = await made(house, stop("VAN-1001", destination=ADDRESS, needs=["photo", "signature"]))
    run = Phone(house, told)
    invited = (await house.call("POST", "/v1/people/invitations", {"email": "ana@shop.example"})).json["url"]
    desk = await phone(house.url + invited.removeprefix("https://hub.example"), size=DESK)
    await desk.fill("#name", "Ana")
    await desk.fill("#password", PASSWORD)
    await desk.click("button[type=submit]")
    await desk.wait_for_selector(".top nav")
    await desk.goto(f"{house.url}/console/shipments/{run.shipments[0]}")
    courier = await opened(phone, run)
    recipient = await phone(house.url + await path_of(house, run.shipments[0]))

    await card(courier, run, 0).locator("[data-act=on_the_way]").click()
    await desk.wait_for_selector(".entry.events")
    await recipient.wait_for_selector("#words")
    await recipient.fill("#words", "The bell is broken")
    await recipient.click("#say button[type=submit]")
    await desk.wait_for_selector(".entry.talk:has-text('The bell is broken')")
    await desk.fill("textarea[name=text]", "We told the courier")
    await desk.click("text=Send >> nth=-1")
    await recipient.wait_for_selector("#talk :text('We told the courier')")
    here = {"at": datetime.now(UTC).isoformat(), "latitude": DOOR[0], "longitude": DOOR[1], "accuracy": 8}
    await run.send(positions=[here])
    await desk.goto(f"{house.url}/console/fleet")
    await desk.wait_for_selector(".work:has-text('VAN-1001'):has-text('0 of 1 stop done, seen just now')")
    await keep(desk, "desk-fleet-1280")
    await desk.click(".spot-courier")
    await desk.wait_for_selector("h1:has-text('Rui')")
    await desk.wait_for_selector(".work:has-text('VAN-1001'):has-text('on the way')")
    await desk.wait_for_selector(".map .spot-courier")
    await keep(desk, "desk-run-1280")
    assert await serious(desk) == []
    await desk.goto(f"{house.url}/console/shipments/{run.shipments[0]}")

    await card(courier, run, 0).locator("[data-open=give]").click()
    await courier.set_input_files("#give-photo", photo())
    await courier.wait_for_selector("#give .taken:has-text('1 photo')")
    await sign(courier)
    await courier.click("#give [type=submit]")
    await recipient.wait_for_selector("h1:has-text('Delivered')")
    await recipient.click(".stars label:nth-of-type(2)")
    await recipient.click("#rate button")
    await recipient.wait_for_selector("#rate .given")
    await desk.reload()
    await desk.wait_for_selector("h2:has-text('Rated 2 of 5')")
    await desk.wait_for_selector("text=Proof sheet for a claim")
    assert await serious(desk) == []
    await keep(desk, "desk-as-third-1280")
    await desk.goto(f"{house.url}/console/desk")
    await desk.click(".queues a:has-text('Low rating'):has-text('1')")
    await desk.wait_for_selector("[aria-label='2 of 5 stars']")

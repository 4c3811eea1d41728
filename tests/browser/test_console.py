"""An agent's and a merchant's day at the console, in a real browser: by mouse, by keyboard, two at once."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser.conftest import DESK, PHONE, serious, too_wide
from flow.conftest import demo_push
from flow.test_console_doors import PASSWORD
from flow.test_desk import troubled  # noqa: F401 - a fixture
from flow.test_runs import made as a_run
from flow.test_runs import stop
from playwright.async_api import expect

from gateway.clock import now_ms
from gateway.staff import people
from gateway.tables import Tables
from normalizer.codes import COLUMNS, read_codes

DEAF = """() => {
  const real = window.fetch;
  window.fetch = (path, more) =>
    more?.method === "GET" && `${path}`.includes("/desk/") && !window.look ? new Promise(() => {}) : real(path, more);
}"""
ANA = {
    "name": "Ana Prado",
    "email": "ana@prado.example",
    "phone": "+351 912 345 678",
    "postal_code": "4050-262",
    "country": "PT",
}


CONSENT = {"how": "checkout", "at": "2026-11-01T10:00:00Z", "wording": "Tell me about my parcel"}
PAGES = (
    "endpoints",
    "setup",
    "setup/shops",
    "setup/imports",
    "setup/keys",
    "setup/channels",
    "setup/templates",
    "setup/look",
    "people",
    "me",
    "ratings",
    "insights",
    "conversations",
    "fleet",
    "carriers",
)


async def keep(page, name, **more):
    """Keep a screenshot where somebody asked for them."""
    if folder := os.environ.get("SCREENSHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png", **more)


@pytest.fixture
def settings(settings):
    """As elsewhere, but reached without TLS: the browser shall send the session's cookie."""
    return settings.model_copy(update={"public_url": ""})


async def sign_in(house, phone, email, role="merchant", name="Ana", **more):
    """Sign somebody in through the door, as they do."""
    made = await house.call("POST", "/v1/people/invitations", {"email": email, "role": role})
    page = await phone(house.url + made.json["url"], size=DESK, **more)
    await page.fill("#name", name)
    await page.fill("#password", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_selector(".top nav")
    return page


async def test_the_door(house, phone):
    made = await house.call("POST", "/v1/people/invitations", {"email": "ana@shop.example", "role": "merchant"})
    page = await phone(house.url + made.json["url"])
    assert await serious(page) == []
    await keep(page, "console-invitation-360")
    edges = [await page.locator(f".sign-in {one}").first.bounding_box() for one in ("h1", "label", "input", "button")]
    assert len({edge["x"] for edge in edges}) == 1
    await page.fill("#name", "Ana")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".top")
    await page.wait_for_load_state("networkidle")  # what is still asked would be refused once signed out
    await page.click("text=Menu")
    await page.click("text=Sign out")
    await page.wait_for_selector("text=You are signed out.")
    assert await serious(page) == []
    await page.fill("#email", "ana@shop.example")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".top")


async def test_an_order_without_a_parcel_is_found_by_its_number(house, phone):
    made = await house.call("POST", "/v1/orders", {"order_number": "B-2001"})
    page = await sign_in(house, phone, "ana@shop.example")
    await page.keyboard.press("/")
    await page.keyboard.type("B-2001")
    await page.wait_for_selector("h1:has-text('1 order for')")
    assert await serious(page) == []
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"**/console/orders/{made.json['id']}")
    await page.wait_for_selector("text=No parcel yet.")
    await page.click("text=Cancel the order")
    await page.click("dialog button.danger")
    await page.wait_for_selector(".lead:has-text('Cancelled by the shop')")
    assert await serious(page) == []
    await house.call("POST", "/v1/orders", {"order_number": "#1001"})
    for typed, number in (("b-2001", "B-2001"), ("1001", "#1001")):
        await page.fill("#find", typed)
        await page.wait_for_selector(f"[data-row] .number:has-text('{number}')")
    await page.fill("#find", "B-2002")
    await page.wait_for_selector("h1:has-text('Nothing for')")


async def test_orders_stand_with_their_parcels_and_what_is_pasted_is_understood(house, phone):
    """An order with parcels, one with none and a return, and a parcel of no order: each once, by keyboard."""
    await house.call("POST", "/v1/orders", {"order_number": "#1001", "recipient": ANA})
    await house.shipment("DEMO100200302", order_number="#1001")
    await house.shipment("DEMO100200310", order_number="#1001", direction="return")
    bare = (await house.call("POST", "/v1/orders", {"order_number": "#1002", "recipient": ANA})).json["id"]
    await house.call("POST", f"/v1/orders/{bare}/returns", {"id": "RMA-5"})
    await house.shipment("DEMO100200351", recipient=ANA)
    await house.gateway.search.tick()
    page = await sign_in(house, phone, "ana@shop.example")
    await page.keyboard.press("/")
    await page.keyboard.type("Ana P")
    await expect(page.locator("h1")).to_have_text("2 orders, 2 shipments for “Ana P”")
    lines = page.locator("[data-row] a")
    await expect(lines).to_have_text(
        [
            re.compile("^Order #1002"),
            re.compile("^Order #1001"),
            re.compile("^DEMO100200302 "),
            re.compile("^Return DEMO100200310 "),
            re.compile("^DEMO100200351 "),
        ]
    )
    await expect(page.locator("[data-row]").first).to_contain_text("No parcel yet")
    await expect(page.locator("[data-row]").first).to_contain_text("Return RMA-5")
    await expect(page.get_by_role("list", name="Parcels of order #1001").locator("[data-row]")).to_have_count(2)
    await page.keyboard.press("ArrowDown")
    for at in range(5):
        await expect(lines.nth(at)).to_be_focused()
        await page.keyboard.press("j")
    for name, size in (("1280", DESK), ("360", PHONE)):
        await page.set_viewport_size(size)
        assert await too_wide(page) == 0
        assert await serious(page) == []
        await keep(page, f"console-search-orders-{name}", full_page=True)
    await page.set_viewport_size(DESK)
    await paste(page, "DEMO100200351\n#1002\nhttps://carrier.example/t?n=DEMO100200302\nDEMO404")
    await expect(page.locator("h1")).to_have_text("3 of 4 found")
    await expect(page.locator("#main")).to_contain_text("Not found: DEMO404")
    await expect(lines).to_have_text(
        [re.compile("^DEMO100200351 "), re.compile("^Order #1002"), re.compile("^DEMO100200302 Order #1001")]
    )
    for name, size in (("1280", DESK), ("360", PHONE)):
        await page.set_viewport_size(size)
        assert await too_wide(page) == 0
        assert await serious(page) == []
        await keep(page, f"console-search-list-{name}", full_page=True)


async def test_too_many_numbers_are_refused_in_plain_words(house, phone, faults):
    faults.expected.append("status of 422")
    page = await sign_in(house, phone, "ana@shop.example")
    await paste(page, "\n".join(f"A-{number}" for number in range(51)))
    await expect(page.get_by_role("alert")).to_have_text("Ask for at most 50 numbers at once; these are 51.")
    await keep(page, "console-search-too-many")


async def paste(page, text):
    """Paste into the search box in place of what stands there."""
    await page.locator("#find").focus()
    await page.evaluate(
        """text => {
            const box = document.querySelector("#find"), clipboardData = new DataTransfer();
            box.select();
            clipboardData.setData("text", text);
            box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }""",
        text,
    )


async def test_find_by_phone_open_understand_and_act(house, phone):
    account_id = await house.demo_account()
    await house.shipment(recipient=ANA, order_number="A-77")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    await house.gateway.search.tick()
    page = await sign_in(house, phone, "ana@shop.example")
    await page.keyboard.press("/")
    await page.keyboard.type("912 345 678")
    await page.wait_for_selector("text=1 shipment for")
    await keep(page, "console-search-1280")
    assert await serious(page) == []
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".shipment h1:has-text('DEMO100200302')")
    await page.wait_for_selector(".entry.events >> nth=2")
    assert "Ana Prado" in await page.inner_text(".facts")
    kinds = await page.locator("fieldset:has-text('Scans')").bounding_box()
    assert kinds["height"] < 40, "the kinds of entries stand in one line"
    assert await serious(page) == []
    await keep(page, "console-shipment-1280")
    await page.click("text=carrier's bytes >> nth=0")
    await page.wait_for_selector("dialog pre:has-text('PICKED_UP')")
    await page.keyboard.press("Escape")
    await page.click("text=Add a note")
    await page.fill("dialog textarea", "Called Ana")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector(".entry.notes:has-text('Called Ana')")
    await page.click("button[aria-label='Send shipment.delivered again']")
    await page.wait_for_selector("text=No endpoint wants it")
    (one,) = (await house.call("GET", "/v1/shipments")).json["data"]
    wish = {"channel": "email", "address": "ana@prado.example", "consent": CONSENT}
    made = await house.call("POST", f"/v1/shipments/{one['id']}/subscriptions", wish)
    assert made.status == 201, made.body
    await page.reload()
    await page.wait_for_selector("h2:has-text('Who hears of it')")
    assert await serious(page) == []


async def test_the_story_tells_what_the_recipient_was_told_and_what_is_hidden_is_counted(house, phone):
    account_id = await house.demo_account()
    await house.call("POST", "/v1/channels", {"channel": "console", "label": "mine"})
    shipment_id = await house.shipment(destination={"country": "DE", "city": "Berlin"})
    for channel, address in (("console", "Ana Prado"), ("sms", "+4915112345678")):
        wish = {"channel": channel, "address": address, "consent": CONSENT, "quiet_hours": None}
        made = await house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)
        assert made.status == 201, made.body
    path = f"/v1/shipments/{shipment_id}/notices"
    started = datetime.now(UTC) - timedelta(hours=3)
    await house.push(account_id, demo_push("DEMO100200302", "PICKED_UP", "OUT", start=started.isoformat()))
    await house.read_all()

    async def settled():
        return {one["state"] for one in (await house.call("GET", path)).json["data"]} == {"sent", "skipped"}

    await house.until(settled)
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{shipment_id}")
    await page.wait_for_selector(".entry.notices >> nth=1")
    said = " ".join(await page.locator(".entry.notices").all_inner_texts())
    assert "SMS to +49•••••••••78: out for delivery" in said
    assert "not sent: there is no account to send by this channel" in said
    assert "Ana Prado" not in said
    assert await serious(page) == []
    await keep(page, "console-notices-1280", full_page=True)
    await page.uncheck("label:has-text('Notices 2') input")
    await page.wait_for_selector(".entry.notices", state="detached")
    for kind in ("Scans 2", "Messages"):
        await page.uncheck(f"label:has-text('{kind}') input")
    await page.wait_for_selector(".story-none:has-text('Nothing of the kinds ticked above')")
    assert await serious(page) == []


async def test_a_return_is_started_and_understood(house, phone):
    account_id = await house.demo_account()
    await house.call("POST", "/v1/orders", {"order_number": "A-77"})
    shipment_id = await house.shipment(order_number="A-77")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{shipment_id}")
    await page.click("text=Start a return")
    await page.fill("dialog input[name=reason]", "Too small")
    await page.fill("dialog input[name=tracking_number]", "DEMO100200351")
    await page.fill("dialog input[name=carrier]", "demo")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector("text=The return is started")
    await page.click("text=Order A-77")
    await page.wait_for_selector("h2:has-text('Returns')")
    for said in ("Too small", "Return DEMO100200351", re.compile("The whole journey.*Handed over", re.DOTALL)):
        await expect(page.locator("main")).to_contain_text(said)
    for step, then in (("It arrived", "Return received"), ("It is checked", "Return checked")):
        await page.click(f".work button:has-text('{step}')")
        await page.wait_for_selector(f".work:has-text('{then}')")
    await page.click(".work button:has-text('Money refunded')")
    await page.wait_for_selector(".lead:has-text('Money refunded')")
    assert await serious(page) == []
    await keep(page, "console-order-1280")


async def test_an_unlisted_code_gets_its_meaning_and_the_row_to_add_is_one(house, phone):
    account_id = await house.demo_account()
    await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP", 'ODD, "X"')
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/setup")
    await page.click("button:has-text('Codes')")
    await page.wait_for_selector("dialog label:has-text('1 time')")
    await page.select_option("dialog select", "exception/customs_held")
    await page.click("dialog button[type=submit]")
    row = await page.inner_text("dialog pre")
    (meaning,) = read_codes([",".join(COLUMNS), row]).values()
    assert (meaning.status, meaning.substatus) == ("exception", "customs_held")
    told = (await house.call("GET", f"/v1/accounts/{account_id}/codes")).json
    assert [(one["status"], one["substatus"]) for one in told["data"]] == [("exception", "customs_held")]


async def test_an_event_by_hand_says_what_happened_in_detail(house, phone):
    shipment_id = await house.shipment()
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{shipment_id}")
    await page.click("text=Add an event")
    await expect(page.locator("dialog option[value^='unknown']")).to_have_count(0)
    await page.select_option("dialog select", "attempt_failed/no_access")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector(".entry .chip:has-text('by hand')")
    one = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json
    assert (one["status"], one["substatus"]) == ("attempt_failed", "no_access")


async def test_a_carrier_is_corrected(house, phone):
    await house.shipment()
    (one,) = (await house.call("GET", "/v1/shipments")).json["data"]
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{one['id']}")
    await page.click("text=Correct")
    await page.select_option("dialog select", "ups")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector(".shipment-head:has-text('ups')")
    assert (await house.call("GET", f"/v1/shipments/{one['id']}")).json["carrier"] == "ups"


async def test_two_agents_correct_a_shipment_and_neither_overwrites_the_other(house, phone, faults):
    faults.expected.append("status of 409")
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    path = f"/v1/shipments/{shipment_id}"
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{shipment_id}")
    await page.click("text=Correct")
    await page.select_option("dialog select", "ups")
    await house.call("PATCH", path, {"carrier": "onfleet", "order_number": "A-1"})
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector(".tell:has-text('Somebody corrected this a moment ago')")
    await page.wait_for_selector(".shipment-head:has-text('onfleet')")
    await expect(page.locator("dialog")).to_have_count(0)
    assert (await house.call("GET", path)).json["carrier"] == "onfleet"
    # News of the carrier meanwhile stand in nobody's way.
    await page.click("text=Correct")
    await page.select_option("dialog select", "demo")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector("dialog", state="detached")
    await page.wait_for_selector(".shipment-head p:text-matches('^Shipment · Demo Carrier')")
    await page.click("text=Correct")
    await page.fill("dialog input[name=order_number]", "A-2")
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector("dialog", state="detached")
    one = (await house.call("GET", path)).json
    assert (one["carrier"], one["order_number"], one["status"]) == ("demo", "A-2", "in_transit")


async def test_a_queue_is_worked_by_keyboard_and_two_agents_do_not_overwrite_each_other(house, phone, troubled, faults):  # noqa: F811
    faults.expected.append("status of 409")
    ana = await sign_in(house, phone, "ana@shop.example")
    bo = await sign_in(house, phone, "bo@shop.example", "support", "Bo")
    for page in (ana, bo):
        await page.goto(f"{house.url}/console/desk?queue=stalled")
        await page.wait_for_selector("[data-row] >> nth=1")
    assert "Demo Carrier" in await ana.inner_text("[data-row] >> nth=0")
    assert await serious(ana) == []
    await ana.keyboard.press("j")
    await ana.wait_for_selector(".beside .shipment-head")
    await keep(ana, "console-desk-1280")
    # Bo's list must not hear of it by itself before he acts: his view is stopped from looking.
    await bo.evaluate(DEAF)
    await ana.keyboard.press("e")
    await ana.wait_for_selector("text=It is yours")
    await bo.keyboard.press("j")
    await bo.evaluate("() => { window.look = true }")
    await bo.keyboard.press("e")
    await bo.wait_for_selector("text=Ana changed this a moment ago")
    stalled = (await house.call("GET", "/v1/desk/work?queue=stalled")).json["data"]
    (kept,) = [one for one in stalled if one["handling"]["assignee"]]
    assert kept["handling"]["version"] == 1


async def test_the_list_keeps_its_place_and_hears_what_colleagues_do(house, phone):
    numbers = [f"DEMO1002{index:05}" for index in range(45)]

    def stall(conn):
        for index, id_ in enumerate(ids):
            row = {"merchant_id": house.merchant_id, "shipment_id": id_, "kind": "stalled", "since": index * 1000}
            conn.execute(Tables.trouble.insert().values(**row))

    ids = [await house.shipment(number) for number in numbers]
    await house.gateway.store.write(stall)
    bo = await sign_in(house, phone, "bo@shop.example", "support", "Bo")
    ana = await sign_in(house, phone, "ana@shop.example")
    for page in (ana, bo):
        await page.goto(f"{house.url}/console/desk?queue=stalled")
        await page.wait_for_selector("[data-row] >> nth=39")
    await ana.click("text=Show more")
    await ana.wait_for_selector("[data-row] >> nth=44")
    await ana.check(f"[data-row='{ids[44]}'] input")
    await bo.keyboard.press("j")
    await bo.keyboard.press("e")
    await bo.wait_for_selector("text=It is yours")
    await ana.wait_for_selector(f"[data-row='{ids[0]}'] .chip:has-text('Bo')")
    await expect(ana.locator("[data-row]")).to_have_count(45)
    for _ in range(3):
        await ana.keyboard.press("j")
    await ana.wait_for_selector(f"[data-row='{ids[2]}'].chosen")
    await ana.keyboard.press("s")
    await ana.wait_for_selector(f"[data-row='{ids[2]}']", state="detached")
    await ana.keyboard.press("j")
    await ana.wait_for_selector(f"[data-row='{ids[3]}'].chosen")
    # Acts on many can be undone: what was Bo's is Bo's again, what was nobody's is nobody's.
    for id_ in ids[:2]:
        await ana.check(f"[data-row='{id_}'] input")
    await ana.click(".list-head >> text=Take")
    await ana.wait_for_selector(f"[data-row='{ids[1]}'] .chip:has-text('yours')")
    await ana.click("text=Undo")
    await ana.wait_for_selector(f"[data-row='{ids[0]}'] .chip:has-text('Bo')")
    await ana.wait_for_selector(f"[data-row='{ids[1]}'] .chip", state="detached")
    await ana.check(f"[data-row='{ids[44]}'] input")
    # What has left the list is marked no more.
    await house.call("PUT", f"/v1/shipments/{ids[44]}/handling", {"snoozed_until": "2199-01-01T00:00:00Z"})
    await ana.wait_for_selector(f"[data-row='{ids[44]}']", state="detached")
    await expect(ana.locator("text=1 marked")).to_have_count(0)


async def test_the_list_is_live_again_after_the_gateway_was_away(house, phone, faults):
    faults.expected.append("status of 502")
    page = await sign_in(house, phone, "ana@shop.example")
    asked = []

    async def away(route):
        asked.append(route.request.url)
        await route.fulfill(status=502, content_type="text/html", body="<h1>Bad gateway</h1>")

    await page.route("**/v1/stream*", away)
    await page.goto(f"{house.url}/console/desk?queue=stalled")
    await house.until(lambda: bool(asked))
    id_ = await house.shipment("DEMO100200302")
    row = {"merchant_id": house.merchant_id, "shipment_id": id_, "kind": "stalled", "since": 1000}
    await house.gateway.store.write(lambda conn: conn.execute(Tables.trouble.insert().values(**row)))
    await page.unroute("**/v1/stream*")
    await page.wait_for_selector(f"[data-row='{id_}']")


async def test_an_endpoint_is_added_its_secret_rotated_and_a_stretch_sent_again(house, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    await page.click(".top nav >> text=Endpoints")
    await page.fill("input[name=url]", f"{house.url}/healthz")
    await page.click("text=Add >> nth=-1")
    await page.wait_for_selector("dialog .number:has-text('whsec_')")
    await page.keyboard.press("Escape")
    assert await serious(page) == []
    await page.click(".work a")
    await page.wait_for_selector("text=Rotate the secret")
    (endpoint,) = (await house.call("GET", "/v1/endpoints")).json["data"]
    secret = (await house.call("GET", f"/v1/endpoints/{endpoint['id']}/secret")).json["secret"]
    await page.click("text=Code that verifies")
    for language, said in (
        ("Python", "from standardwebhooks import Webhook"),
        ("JavaScript", 'import { Webhook } from "standardwebhooks";'),
        ("PHP", r"new \StandardWebhooks\Webhook("),
        ("Go", "standardwebhooks.NewWebhook("),
    ):
        code = await page.inner_text(f"pre[aria-label='{language}']")
        assert said in code
        assert '"whsec_…"' in code.replace("'", '"')
    assert secret not in await page.content()
    assert await serious(page) == []
    await page.click("text=Rotate the secret")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector("dialog[aria-label='The new secret'] .number")
    await page.keyboard.press("Escape")
    await page.click("text=Send a stretch again")
    await page.click("dialog button[type=submit]")
    await page.wait_for_selector("#replays progress")
    await keep(page, "console-endpoint-1280")
    assert await serious(page) == []


async def test_on_a_phone_the_menu_folds_and_works_by_keyboard(house, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    menu, desk = page.locator(".top .menu-button"), page.locator(".top nav >> text=Desk")
    await expect(desk).to_be_visible()
    await expect(menu).to_be_hidden()
    await page.set_viewport_size(PHONE)
    await expect(menu).to_have_attribute("aria-expanded", "false")
    for hidden in (desk, page.locator("text=Sign out")):
        await expect(hidden).to_be_hidden()
    head = await page.locator(".top").bounding_box()
    assert head["height"] < 70, "the folded head is one line"
    await menu.focus()
    await page.keyboard.press("Enter")
    await expect(menu).to_have_attribute("aria-expanded", "true")
    await expect(menu).to_have_attribute("aria-controls", await page.locator(".menu:has(nav)").get_attribute("id"))
    await expect(page.locator("text=Sign out")).to_be_visible()
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, "console-menu-360")
    await page.keyboard.press("Tab")
    await expect(desk).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(menu).to_be_focused()
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await expect(desk).to_be_hidden()
    # Whoever has chosen sees the page, and so does who goes on past the menu.
    await page.keyboard.press("Space")
    await page.click(".top nav >> text=Ratings")
    await expect(page.locator("main h1")).to_have_text("Low ratings nobody answered")
    await expect(menu).to_have_attribute("aria-expanded", "false")
    await menu.click()
    await page.locator("text=Sign out").focus()
    await page.keyboard.press("Tab")
    await expect(menu).to_have_attribute("aria-expanded", "false")


async def test_what_was_done_is_told_in_plain_words(house, phone):
    shipment_id = await house.shipment()
    made = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/hooks"})
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/shipments/{shipment_id}")
    await page.click("text=Take it")
    await page.wait_for_selector("text=It is yours")
    await page.goto(f"{house.url}/console/endpoints/{made.json['id']}")
    await page.click("text=Delete")
    await page.click("dialog button.danger")
    await page.wait_for_url("**/console/shipments/*")
    await page.goto(f"{house.url}/console/people")
    log = page.locator(".log")
    deleted = f"Ana deleted the endpoint {made.json['id']} (gone)"
    for said in (deleted, "Ana changed who takes care of the parcel DEMO100200302", "Ana accepted an invitation"):
        await expect(log.locator("li", has_text=said)).to_have_count(1)
    await expect(log).not_to_contain_text("/v1/")
    assert await serious(page) == []
    await keep(page, "console-log-1280", full_page=True)
    await page.check("text=Show the calls")
    await expect(log).to_contain_text(f"PUT /v1/shipments/{{shipment_id}}/handling {shipment_id}")
    assert await serious(page) == []
    await page.set_viewport_size(PHONE)
    assert await too_wide(page) == 0
    await keep(page, "console-log-360")
    await log.locator("a").first.click()
    await page.wait_for_selector(".shipment h1:has-text('DEMO100200302')")


async def copied(page, what):
    """Copy what a dialog shows. It lies in the clipboard, and is nowhere said beside where it is shown."""
    text = await page.inner_text("dialog .copyable .number")
    await page.evaluate("(text) => navigator.clipboard.writeText(text)", "nothing yet")
    await page.click("dialog .copyable button")
    await expect(page.locator(".tell")).to_have_text(f"The {what} is copied")
    await expect(page.locator("dialog .copyable button")).to_have_accessible_name(f"Copy the {what}")
    assert await page.evaluate("() => navigator.clipboard.readText()") == text
    assert text not in await page.inner_text(".tell")
    await page.keyboard.press("Escape")
    await page.wait_for_selector("dialog", state="detached")


async def test_what_is_secret_is_copied_and_not_said(house, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=house.url)
    await page.goto(f"{house.url}/console/endpoints")
    await page.fill("input[name=url]", f"{house.url}/healthz")
    await page.click("form button:text-is('Add')")
    await copied(page, "secret")
    await page.click(".work a")
    await page.click("text=Show the secret")
    await copied(page, "secret")
    await page.click("text=Rotate the secret")
    await page.click("dialog button[type=submit]:text-is('Rotate')")
    await page.wait_for_selector("dialog[aria-label='The new secret'] .copyable")
    await copied(page, "secret")
    await page.goto(f"{house.url}/console/setup/keys")
    await page.click("text='Make'")
    await copied(page, "key")
    await page.goto(f"{house.url}/console/me")
    await page.click("text=Set it up")
    await copied(page, "secret")
    await page.goto(f"{house.url}/console/people")
    await page.fill("input[name=email]", "bo@shop.example")
    await page.click("form button:text-is('Invite')")
    await copied(page, "link")


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_every_page_reads_well_and_asks_for_nothing_in_vain(house, phone, troubled, faults, size):  # noqa: F811
    account_id = await house.demo_account()
    ways = {
        "lost": ("PICKED_UP", "LOST"),
        "damaged": ("PICKED_UP", "DAMAGED"),
        "exception": ("PICKED_UP", "REFUSED"),
        "delivered": ("PICKED_UP", "OUT", "DELIVERED"),
        "returned": ("PICKED_UP", "OUT", "REFUSED", "RETURNING", "RETURNED"),
    }
    ids = {}
    for index, (name, codes) in enumerate(ways.items()):
        ids[name] = await house.shipment(f"DEMO30020000{index}", recipient=ANA, destination={"country": "PT"})
        await house.tell(account_id, f"DEMO30020000{index}", *codes)
    order = await house.call("POST", "/v1/orders", {"order_number": "A-77"})
    endpoint = await house.call("POST", "/v1/endpoints", {"url": "https://shop.example/hooks"})
    courier = await a_run(house, stop("VAN-1001"))
    queues = [f"desk?queue={queue}" for queue in ("stalled", "lost", "damaged", "carrier_exception", "mine", "snoozed")]
    of_one = [f"orders/{order.json['id']}", f"endpoints/{endpoint.json['id']}", f"runs/{courier['id']}"]
    shipments = [f"shipments/{id_}" for id_ in (troubled[0], *ids.values(), courier["stops"][0]["shipment_id"])]
    page = await sign_in(house, phone, "ana@shop.example")
    await page.set_viewport_size(size)
    for path in (*queues, "search?q=DEMO1002", *shipments, *of_one, *PAGES):
        await page.goto(f"{house.url}/console/{path}")
        await page.wait_for_selector("main h1")
        await page.wait_for_load_state("networkidle")  # what is asked once the page stands
        assert faults.unexpected == [], path
        assert await serious(page) == [], path
        assert await too_wide(page) == 0, path
        said = (await page.inner_text("body")).split()
        assert not {"null", "undefined", "NaN", "[object"} & set(said), path
        name = next((name for name, id_ in ids.items() if path.endswith(id_)), re.sub(r"\W", "-", path)[:24])
        await keep(page, f"console-{name}-{size['width']}", full_page=True)


async def test_a_page_that_cannot_be_shown_says_so_and_is_tried_again(house, phone, faults):
    faults.expected.append("status of 503")
    page = await sign_in(house, phone, "ana@shop.example")
    busy = {"status": 503, "content_type": "application/problem+json", "body": '{"title": "Busy"}'}
    await page.route("**/v1/people", lambda route: route.fulfill(**busy))
    await page.click(".top nav >> text=People")
    await page.wait_for_selector("h1:has-text('It cannot be shown')")
    assert "Busy" in await page.inner_text("main")
    await page.unroute("**/v1/people")
    await page.click("text=Try again")
    await page.wait_for_selector("h1:has-text('People')")


async def test_an_operator_sees_connectors_and_no_parcels(house, phone):
    made = await house.gateway.store.write(
        lambda conn: people.invite(conn, "", "op@hub.example", "operator", by="", now=now_ms())
    )
    account_id = await house.demo_account()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    page = await phone(f"{house.url}/console/invitation/{made.token}", size=DESK)
    await page.fill("#name", "Olga")
    await page.fill("#password", PASSWORD)
    await page.click("button[type=submit]")
    await page.wait_for_selector("td:has-text('Demo Carrier')")
    assert await page.query_selector("#find") is None
    assert await serious(page) == []
    await keep(page, "console-operator-1280")


async def test_a_merchant_says_how_far_an_arrival_moves_before_recipients_hear_of_it(house, phone):
    await house.call("PUT", "/v1/last-mile", {"arriving": {"minutes": 10}, "rating": {"ask": True, "hours": 5}})
    page = await sign_in(house, phone, "ana@shop.example")
    await page.goto(f"{house.url}/console/setup/channels")
    field = page.get_by_label("Minutes it must have moved")
    await expect(field).to_have_value("60")
    await field.focus()
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type("25")
    await page.keyboard.press("Enter")
    await expect(page.locator(".tell")).to_have_text("Saved")
    assert await serious(page) == []
    for width in (1280, 360):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await keep(page, f"console-arrival-{width}")
    kept = (await house.call("GET", "/v1/last-mile")).json
    assert (kept["arrival"], kept["arriving"]["minutes"], kept["rating"]["hours"]) == ({"moved_minutes": 25}, 10, 5)
    support = await sign_in(house, phone, "bo@shop.example", "support", "Bo")
    await support.goto(f"{house.url}/console/setup/channels")
    await expect(support.locator("main")).to_contain_text("once it lies 25 minutes from the one they were told last")
    await expect(support.get_by_role("button", name="Save")).to_have_count(0)

"""An agent's day by keyboard alone, in a real browser: no mouse, and the focus is seen at every stop."""

import pytest
from browser.conftest import DESK
from flow.test_console_doors import PASSWORD, person
from playwright.async_api import expect

from gateway.tables import Tables

ANA = {"name": "Ana Prado", "phone": "+351 912 345 678", "postal_code": "4050-262", "country": "PT"}
CLICKED = """(() => {
  window.clicked = new Set();
  const real = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...more) {
    const pressed = ["click", "mousedown", "pointerdown", "dblclick"].includes(type);
    if (pressed && this instanceof Element) window.clicked.add(this);
    return real.call(this, type, ...more);
  };
})()"""
FOCUS = """() => {
  const at = document.activeElement;
  const style = getComputedStyle(at);
  const ring = style.boxShadow !== "none" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0);
  const text = at.closest("label")?.innerText ?? at.labels?.[0]?.innerText ?? at.innerText ?? "";
  const label = at.getAttribute("aria-label") ?? text;
  return { tag: at.tagName, label: label.trim(), seen: at !== document.body && at.matches(":focus-visible") && ring };
}"""
ABLE = "a[href], button:not(:disabled), input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
NEVER_REACHED = f"""() => [...document.querySelectorAll("{ABLE}")]
  .filter((one) => one.getClientRects().length && !window.reached.has(one)).map((one) => one.outerHTML.slice(0, 120))"""
BY_MOUSE_ALONE = """() => [...window.clicked]
  .filter((one) => one.isConnected && one.getClientRects().length && one.tabIndex < 0)
  .map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def settings(settings):
    """As elsewhere, but reached without TLS: the browser shall send the session's cookie."""
    return settings.model_copy(update={"public_url": ""})


async def focus(page):
    """What has the focus; it must be seen."""
    at = await page.evaluate(FOCUS)
    assert at["seen"], at
    return at


async def tab_to(page, label, *, back=False):
    """Press Tab until something of that label has the focus, which is seen at every stop."""
    for _ in range(80):
        await page.keyboard.press("Shift+Tab" if back else "Tab")
        at = await page.evaluate(FOCUS)
        if at["tag"] == "BODY":
            continue  # the browser's own bar lies between the last stop and the first
        assert at["seen"], at
        if at["label"].startswith(label):
            return
    pytest.fail(f"Tab never comes to {label}")


async def nothing_needs_a_mouse(page):
    """Everything that can be pressed is one of the stops of Tab."""
    await page.evaluate("() => { window.reached = new Set() }")
    for _ in range(150):
        await page.keyboard.press("Tab")
        again = await page.evaluate(
            "() => window.reached.has(document.activeElement) || !window.reached.add(document.activeElement)"
        )
        if again:
            break
    assert await page.evaluate(NEVER_REACHED) == []
    assert await page.evaluate(BY_MOUSE_ALONE) == []


async def sign_in(page):
    """Sign in at the door."""
    keys = page.keyboard
    await page.wait_for_function("() => document.activeElement.type === 'email'")  # the browser's own time to go there
    await keys.type("ana@shop.example")
    await tab_to(page, "Password")
    await keys.type(PASSWORD)
    await keys.press("Enter")
    await page.wait_for_selector(".list h1")


async def find_and_read(page):
    """Find a shipment by phone, open it, read what its carrier sent."""
    keys = page.keyboard
    await keys.press("/")
    assert (await focus(page))["label"] == "Find a shipment or order"
    await keys.type("912 345 678")
    await page.wait_for_selector("text=1 shipment for")
    await keys.press("ArrowDown")
    assert (await focus(page))["label"].startswith("DEMO100200302")
    await keys.press("Enter")
    await page.wait_for_selector(".entry.events >> nth=2")
    await page.wait_for_function("() => document.activeElement.id === 'main'")
    await focus(page)
    await nothing_needs_a_mouse(page)
    await tab_to(page, "carrier's bytes")
    await keys.press("Enter")
    await page.wait_for_selector("dialog pre:has-text('DELIVERED')")
    await focus(page)
    await keys.press("Escape")
    await page.wait_for_selector("dialog", state="detached")
    assert (await focus(page))["label"] == "carrier's bytes"


async def note_and_send_again(page):
    """Write a note and send a message again; the focus comes back to where it was."""
    keys = page.keyboard
    await tab_to(page, "Add a note", back=True)
    await keys.press("Enter")
    await tab_to(page, "Only your desk reads this")
    await keys.type("Called Ana")
    await tab_to(page, "Keep")
    await keys.press("Enter")
    await page.wait_for_selector(".entry.notes:has-text('Called Ana')")
    assert (await focus(page))["label"] == "Add a note"
    await tab_to(page, "Send shipment.delivered again")
    await keys.press("Space")
    await page.wait_for_selector("text=No endpoint wants it")
    await page.wait_for_function("() => document.activeElement.ariaLabel === 'Send shipment.delivered again'")
    await focus(page)


async def look_up_the_keys(page):
    """Open the list of keys and close it."""
    keys = page.keyboard
    await keys.press("?")
    await page.wait_for_selector("dialog[aria-label=Keys]")
    assert (await focus(page))["label"] == "Close"
    for said in ("take all that are marked", "undo"):
        await expect(page.locator("dialog")).to_contain_text(said)
    await keys.press("Enter")
    await page.wait_for_selector("dialog", state="detached")
    assert (await focus(page))["label"] == "Send shipment.delivered again"


async def work_the_desk(page, ids):
    """Go up and down, look into a shipment, take one, let one sleep and have it back."""
    keys = page.keyboard
    await keys.press("g")
    await keys.press("d")
    await page.wait_for_selector(f"[data-row='{ids[0]}']")
    await keys.press("j")
    await keys.press("j")
    await page.wait_for_selector(f"[data-row='{ids[1]}'].chosen")
    assert (await focus(page))["label"].startswith("DEMO100200000")
    await keys.press("k")
    await page.wait_for_selector(f"[data-row='{ids[0]}'].chosen")
    await page.wait_for_selector(".beside .shipment-head")
    await keys.press("Enter")
    await page.wait_for_function("() => document.activeElement.matches('.beside')")
    await focus(page)
    await tab_to(page, "Add a note")
    await nothing_needs_a_mouse(page)
    await keys.press("j")
    await page.wait_for_selector(f"[data-row='{ids[1]}'].chosen")
    await keys.press("e")
    await page.wait_for_selector(f"[data-row='{ids[1]}'] .chip:has-text('yours')")
    assert (await focus(page))["label"].startswith("DEMO100200000")
    await keys.press("s")
    await page.wait_for_selector(f"[data-row='{ids[1]}']", state="detached")
    assert (await focus(page))["label"].startswith("DEMO100200001")
    await keys.press("u")
    await page.wait_for_selector(f"[data-row='{ids[1]}']")


async def act_on_several(page, house, ids):
    """Mark several and take them, and undo it; mark one in its box and let it sleep by the button."""
    keys = page.keyboard
    for _ in range(2):
        await keys.press("j")
        await keys.press("x")
    await page.wait_for_selector("text=2 marked")
    await keys.press("E")
    await page.wait_for_selector("text=2 done")
    assert await taken(house) == 2
    await keys.press("u")
    await page.wait_for_selector(".tell p", state="detached")
    await house.until(lambda: only_one_is_taken(house))
    await focus(page)
    await tab_to(page, "Mark DEMO100200001", back=True)
    await keys.press("Space")
    await page.wait_for_selector("text=1 marked")
    assert (await focus(page))["label"] == "Mark DEMO100200001"
    await tab_to(page, "Sleep until tomorrow", back=True)
    await keys.press("Enter")
    await page.wait_for_selector(f"[data-row='{ids[2]}']", state="detached")
    await focus(page)


async def sign_out(page):
    """Sign out by the button."""
    keys = page.keyboard
    await tab_to(page, "Sign out", back=True)
    await keys.press("Enter")
    await page.wait_for_selector("text=You are signed out.")
    assert (await focus(page))["label"] == "E-mail"


async def taken(house):
    """How many of the stalled are somebody's."""
    waiting = (await house.call("GET", "/v1/desk/work?queue=stalled")).json["data"]
    return sum(one["handling"]["assignee"] is not None for one in waiting)


async def only_one_is_taken(house):
    """Tell whether all but one are nobody's again."""
    return await taken(house) == 1


async def test_an_agents_day_needs_no_mouse(house, phone, faults):
    faults.expected.append("status of 401")  # what is still asked while signing out
    await person(house, name="Bo", role="support")
    account_id = await house.demo_account()
    ids = [await house.shipment("DEMO100200302", recipient=ANA)]
    ids += [await house.shipment(f"DEMO1002{index:05}") for index in range(4)]

    def stall(conn):
        for index, id_ in enumerate(ids):
            row = {"merchant_id": house.merchant_id, "shipment_id": id_, "kind": "stalled", "since": index * 1000}
            conn.execute(Tables.trouble.insert().values(**row))

    await house.tell(account_id, "DEMO100200302", "PICKED_UP", "OUT", "DELIVERED")
    await house.gateway.store.write(stall)
    await house.gateway.search.tick()
    page = await phone(f"{house.url}/console/sign-in", size=DESK)
    await page.add_init_script(CLICKED)
    await sign_in(page)
    await page.wait_for_selector("[data-row] >> nth=4")
    await find_and_read(page)
    await note_and_send_again(page)
    await look_up_the_keys(page)
    await work_the_desk(page, ids)
    await act_on_several(page, house, ids)
    await sign_out(page)


async def test_the_way_past_the_head_keeps_what_was_marked(house, phone):
    await person(house)
    page = await phone(f"{house.url}/console/sign-in", size=DESK)
    await sign_in(page)
    await page.evaluate("() => { document.querySelector('.list h1').dataset.same = 'yes' }")
    await tab_to(page, "To the page")
    await page.keyboard.press("Enter")
    await page.wait_for_function("() => document.activeElement.id === 'main'")
    await expect(page.locator(".list h1[data-same]")).to_have_count(1)

"""`<parcel-status>` on a shop's page: another origin, a strict content policy, a real browser."""

import gzip
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from browser.conftest import DESK, serious, too_wide
from browser.test_tracking_page import keep
from flow.roads import NUMBER
from flow.test_storefront import RECIPIENT
from flow.test_who_sees import leaks, plant
from playwright.async_api import expect

from gateway.demo.shop import Ordered, SampleShop
from gateway.storefront import element
from gateway.texts import LANGUAGES, speech

A_MINUTE_LATER = """() => {
    const now = Date.now();
    Date.now = () => now + 61_000;
    document.dispatchEvent(new Event("visibilitychange"));
}"""
DOCS = Path(__file__).parents[2] / "docs" / "storefront.md"


@pytest.fixture
async def shop(house):
    """A shop with one parcel that is out for delivery; its key is good on its own pages alone."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment(recipient=RECIPIENT, order_number="A-77")
    await house.tell(account_id, NUMBER, "LABEL", "PICKED_UP", "SORTED", "DEPOT", "OUT")
    url = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["tracking_url"]
    async with SampleShop(house.url) as made:
        made.key = await key_for(house, made.origin)
        made.live = Ordered("DEMO", url)
        made.orders = [made.live]
        made.account_id = account_id
        yield made


async def key_for(house, origin):
    return (await house.call("POST", "/v1/keys", {"role": "storefront", "origins": [origin]})).json["key"]


@asynccontextmanager
async def serving(pages, policy="", host="127.0.0.1"):
    """Serve a page, that at `/`, on an origin of its own."""

    async def show(_request):
        headers = {"Content-Security-Policy": policy} if policy else {}
        return web.Response(text=pages["/"], content_type="text/html", headers=headers)

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://{host}:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_badge_timeline_and_form_stand_on_a_strict_page_of_another_origin(phone, shop, scheme):
    page = await phone(shop.origin, scheme=scheme)
    await page.wait_for_selector("parcel-status[mode=badge] .pill")
    await page.wait_for_selector("parcel-status[mode=timeline] .headline")
    await expect(page.locator("parcel-status[mode=badge] .pill")).to_have_text("Out for delivery")
    await expect(page.locator("parcel-status[mode=timeline] .headline")).to_have_text("Your parcel is out for delivery")
    await expect(page.locator("parcel-status[mode=timeline] summary")).to_have_text("2 older entries")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    assert await page.context.cookies() == []
    await keep(page, f"storefront-{scheme}-360")


async def test_on_a_desk(phone, shop):
    page = await phone(shop.origin, size=DESK)
    await page.wait_for_selector("parcel-status[mode=timeline] .headline")
    await keep(page, "storefront-light-1280")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_speaks_the_page_s_language_or_its_own(house, phone, shop, language):
    html = shop.page().replace('<html lang="en">', f'<html lang="{language}" dir="{speech(language).direction}">')
    shop.page = lambda: html
    page = await phone(shop.origin, locale="en-GB")
    pill = page.locator("parcel-status[mode=badge] .pill")
    await expect(pill).to_have_text(speech(language).status("out_for_delivery"))
    await page.wait_for_selector("parcel-status[mode=timeline] .headline")
    await expect(page.locator("parcel-status[mode=lookup] button")).to_have_text(speech(language).say("element.find"))
    card = page.locator("parcel-status[mode=timeline] .card")
    await expect(card).to_have_attribute("dir", speech(language).direction)
    assert await too_wide(page) == 0
    await keep(page, f"storefront-{language}-360")


async def test_status_has_the_shape_the_word_and_the_colour_of_the_tracking_page(house, phone, shop):
    page = await phone(f"{house.url}/t/{shop.live.token}")
    shapes = "(one) => [...one.querySelectorAll('path')].map((path) => path.getAttribute('d'))"
    paint = "(one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]"
    theirs = await page.eval_on_selector(".sign", shapes), await page.eval_on_selector(".sign", paint)
    headline = await page.inner_text("h1")
    embedding = await phone(shop.origin)
    await embedding.wait_for_selector("parcel-status[mode=timeline] .sign")
    sign = embedding.locator("parcel-status[mode=timeline] .sign")
    assert (await sign.evaluate(shapes), await sign.evaluate(paint)) == theirs
    await expect(embedding.locator("parcel-status[mode=timeline] .headline")).to_have_text(headline)
    pill = embedding.locator("parcel-status[mode=badge] .pill")
    assert (await pill.evaluate(shapes), await pill.evaluate(paint)) == theirs


async def test_without_scripts_the_link_to_the_tracking_page_is_there(phone, shop):
    page = await phone(shop.origin, scripts=False)
    link = page.locator("parcel-status[mode=badge] a")
    await expect(link).to_have_text("Track DEMO")
    await expect(link).to_have_attribute("href", shop.live.url)


async def test_the_form_finds_a_parcel_by_keyboard_alone_and_says_what_is_wrong(phone, shop, faults):
    faults.expected.append("status of 404")
    page = await phone(shop.origin)
    form = page.locator("parcel-status[mode=lookup]")
    await form.locator("#number").focus()
    await page.keyboard.type("A-77")
    await page.keyboard.press("Tab")
    await page.keyboard.type("1000-001")
    await page.keyboard.press("Enter")
    alert = form.locator("[role=alert]")
    await alert.filter(has_text="We found no parcel").wait_for()
    await expect(form.locator("#proof")).to_have_attribute("aria-invalid", "true")
    assert await serious(page) == []
    await keep(page, "storefront-lookup-wrong-360")
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("ana.prado@mail.example")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await form.locator(".headline").wait_for()
    await expect(form.locator(".headline")).to_have_text("Your parcel is out for delivery")
    await expect(alert).to_have_text("")
    await page.wait_for_function("() => document.activeElement.shadowRoot.activeElement.className === 'parcels'")
    assert await serious(page) == []
    await keep(page, "storefront-lookup-found-360")


async def test_news_come_while_somebody_looks_and_what_was_opened_stays_open(house, phone, shop):
    page = await phone(shop.origin)
    await page.evaluate("() => addEventListener('parcel-status', (event) => { window.heard = event.detail })")
    summary = page.locator("parcel-status[mode=timeline] summary")
    await summary.click()
    codes = ("LABEL", "PICKED_UP", "SORTED", "DEPOT", "OUT", "DELIVERED")
    await house.tell(shop.account_id, NUMBER, *codes)
    await page.evaluate(A_MINUTE_LATER)
    await page.wait_for_selector("parcel-status[mode=badge] .pill.tone-good")
    await page.wait_for_selector("parcel-status[mode=timeline] .headline:has-text('Delivered')")
    timeline = page.locator("parcel-status[mode=timeline]")
    await expect(timeline.locator("details")).to_have_attribute("open", "")
    await page.wait_for_function("() => window.heard.status === 'delivered'")
    await expect(timeline.locator("[aria-live]")).to_have_text(re.compile("^Delivered"))


async def test_a_page_of_a_foreign_origin_gets_nothing_but_the_link(house, phone, shop, faults):
    faults.expected += ["CORS", "Failed to load resource", "net::ERR_FAILED"]
    html = shop.page()
    for host in ("localhost", "127.0.0.1"):
        async with serving({"/": html}, host=host) as foreign:
            page = await phone(foreign)
            await house.until(lambda foreign=foreign: any(foreign in line and "CORS" in line for line in faults.said))
            await expect(page.locator("parcel-status[mode=badge] a")).to_have_text("Track DEMO")
            await expect(page.locator(".pill, .headline")).to_have_count(0)
            read = """async ([url, key]) => {
                try { return (await fetch(url, { headers: { Authorization: `Bearer ${key}` } })).status }
                catch { return "refused" }
            }"""
            facts = f"number={NUMBER}&postal_code=4050-262"
            for path in (f"/v1/public/shipments/{shop.live.token}", f"/v1/public/lookup?{facts}"):
                assert await page.evaluate(read, [house.url + path, shop.key]) == "refused"
            plain = "async (url) => { try { return (await fetch(url)).status } catch { return 'refused' } }"
            assert await page.evaluate(plain, f"{house.url}/v1/public/shipments/{shop.live.token}") == "refused"


async def test_colours_are_the_page_s_own_where_it_sets_them(phone, shop):
    page = await phone(shop.origin)
    button = page.locator("parcel-status[mode=lookup] button")
    assert await button.evaluate("(one) => getComputedStyle(one).backgroundColor") == "rgb(138, 75, 18)"


async def test_text_of_twice_the_size_still_fits(phone, shop):
    page = await phone(shop.origin)
    await page.wait_for_selector("parcel-status[mode=timeline] .headline")
    await page.evaluate("() => { document.documentElement.style.fontSize = '200%' }")
    assert await too_wide(page) == 0
    await keep(page, "storefront-zoomed-360")


def test_the_script_is_small_and_holds_no_cookie_and_no_markup():
    packed = element.script().packed
    assert len(packed) <= 15_000
    text = gzip.decompress(packed).decode()
    for word in ("cookie", "localStorage", "innerHTML", "eval(", "insertAdjacentHTML", "__WORDS__", "__LOOK__"):
        assert word not in text


def snippets(language):
    """The code blocks of a language in the storefront's documentation."""
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)


async def test_the_html_to_copy_works_as_it_stands(house, phone, shop):
    (html,) = snippets("html")
    for example, ours in (
        ("https://hub.example.com", house.url),
        ("TOKEN", shop.live.token),
        ("NUMBER", NUMBER),
        ("POSTCODE", "4050-262"),
    ):
        assert example in html
        html = html.replace(example, ours)
    policy = re.search(r"```http\nContent-Security-Policy: (.*?)\n```", DOCS.read_text("utf-8"), re.DOTALL)[1]
    policy = policy.replace("https://hub.example.com", house.url)
    pages = {}
    async with serving(pages, policy) as origin:
        key = await key_for(house, origin)
        pages["/"] = f'<!doctype html><html lang="en"><title>x</title>{html.replace("KEY", key)}'
        page = await phone(origin)
        await page.wait_for_selector("parcel-status[mode=badge] .pill")
        for at in range(2):
            await page.locator("parcel-status[mode=timeline]").nth(at).locator(".headline").wait_for()
        await page.wait_for_selector("parcel-status[mode=lookup] button")


async def test_the_element_shows_nothing_a_storefront_may_not_see(house, phone):
    shipment_id, token = await plant(house)
    async with SampleShop(house.url) as made:
        made.key = await key_for(house, made.origin)
        made.live = Ordered("DEMO", f"{house.url}/t/{token}")
        made.orders = [made.live]
        page = await phone(made.origin)
        form = page.locator("parcel-status[mode=lookup]")
        await form.locator("#number").fill(NUMBER)
        await form.locator("#proof").fill("4050-262")
        await form.locator("button").click()
        await form.locator(".headline").wait_for()
        await page.wait_for_selector("parcel-status[mode=timeline] .headline")
        elements = await page.locator("parcel-status").all()
        shown = "".join([await one.evaluate("(one) => one.shadowRoot.innerHTML") for one in elements])
        assert shown.count(NUMBER) == 2
        assert leaks("storefront", shown) == []
        assert shipment_id not in shown

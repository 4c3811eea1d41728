"""Shops at the console, in a real browser: connected, set up, changed, disconnected, and what is seen of each."""

import base64
import hmac

import pytest
from browser.conftest import DESK, PHONE, serious, too_wide
from browser.test_console import keep, settings, sign_in  # noqa: F401 - settings is a fixture
from browser.test_keyboard import CLICKED, focus, nothing_needs_a_mouse, tab_to
from flow.test_shops import SECRET, push, sample, settled, shop_of
from playwright.async_api import expect

SHOPS = "main [data-shop]"


async def opened(house, page):
    """Open the shops at the set-up."""
    await page.goto(f"{house.url}/console/setup/shops")
    await expect(page.locator("main h1")).to_have_text("Shops")


async def the_shop(house):
    """The one shop there is."""
    (one,) = (await house.call("GET", "/v1/shops")).json["data"]
    return one


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_shop_reads_well_whatever_its_state(house, phone, size, scheme):
    page = await sign_in(house, phone, "ana@shop.example", scheme=scheme)
    await page.set_viewport_size(size)
    await opened(house, page)
    await expect(page.locator("main .empty")).to_contain_text("No shop yet. Once one is connected")
    await page.locator("main details summary").click()
    await keep(page, f"shops-empty-{scheme}-{size['width']}", full_page=True)
    assert await serious(page) == []
    works = await shop_of(house, label="Main shop")
    await push(house, works, "shopify", "order-created")
    refused = await shop_of(house, label="Second shop", order_prefix="B-")
    path = f"/shops/shopify/push/{refused}"
    assert (await house.call("POST", path, data=b"{}", key=None)).status == 401
    broken = await shop_of(house)
    await push(house, broken, "shopify", "order-created", change=lambda order: order.pop("name"))
    await shop_of(house, "woocommerce")
    await page.reload()
    await expect(page.locator(SHOPS)).to_have_count(4)
    words = await page.locator(f"{SHOPS} .status").all_inner_texts()
    assert [one.split("\n")[-1] for one in words] == ["works", "refused", "not understood", "nothing came yet"]
    await expect(page.locator(SHOPS).nth(0).locator("dd").first).to_have_text("1")
    await expect(page.locator(SHOPS).nth(1)).to_contain_text(
        "was refused: the header x-shopify-hmac-sha256 is missing. Most often the shop signs with another secret"
    )
    await expect(page.locator(SHOPS).nth(2)).to_contain_text("1 push kept and not taken: the field 'name' is missing")
    await keep(page, f"shops-{scheme}-{size['width']}", full_page=True)
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await page.get_by_role("button", name="Steps in the shop for Second shop").click()
    await expect(page.locator("dialog .number")).to_have_text(f"{house.url}{path}")
    await keep(page, f"shops-steps-{scheme}-{size['width']}")
    assert await serious(page) == []
    assert await too_wide(page) == 0


async def test_a_shop_is_connected_by_keyboard_with_what_the_page_gives_and_its_order_shows(house, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.add_init_script(CLICKED)
    await opened(house, page)
    keys = page.keyboard
    await tab_to(page, "Kind of shop")
    await keys.type("Woo")
    await tab_to(page, "Name of yours")
    await keys.type("Hats")
    await tab_to(page, "Secret of the webhook")
    await tab_to(page, "Connect")
    await keys.press("Enter")
    await expect(page.locator("dialog h2")).to_have_text("Hats: what to do in the shop")
    made = await the_shop(house)
    address, secret = await page.locator("dialog .number").all_inner_texts()
    assert address == f"{house.url}{made['push_url']}"
    assert len(base64.b64decode(secret, validate=True)) == 32
    await expect(page.locator("dialog ol li")).to_have_count(3)
    await tab_to(page, "Copy the address")
    await keys.press("Enter")
    assert await page.evaluate("() => navigator.clipboard.readText()") == address
    await tab_to(page, "Copy the secret")
    await keys.press("Enter")
    assert await page.evaluate("() => navigator.clipboard.readText()") == secret
    assert await serious(page) == []
    await keys.press("Escape")
    await page.wait_for_selector("dialog", state="detached")
    await focus(page)
    assert secret not in await page.content()
    await expect(page.locator(SHOPS)).to_contain_text("nothing came yet")
    one = sample("woocommerce", "order-created")
    headers = dict(one.exchanges[0][0].headers)
    headers["x-wc-webhook-signature"] = base64.b64encode(hmac.digest(secret.encode(), one.body, "sha256")).decode()
    pushed = await house.call("POST", made["push_url"], data=one.body, headers=headers, key=None)
    assert pushed.status == 200
    await settled(house)
    # The page looks again by itself.
    await expect(page.locator(SHOPS)).to_contain_text("works")
    await expect(page.locator(SHOPS).locator("dd").first).to_have_text("1")
    await nothing_needs_a_mouse(page)


async def test_what_is_wrong_is_said_by_the_name_of_its_field(house, phone, faults):
    faults.expected.append("status of 422")
    page = await sign_in(house, phone, "ana@shop.example")
    await opened(house, page)
    await page.select_option("#shop-choice", "generic")
    secret = page.get_by_label("Signing secret")
    assert (await secret.input_value()).startswith("whsec_")
    await secret.fill("whsec_no base64!")
    await page.get_by_role("button", name="Connect").click()
    await expect(page.locator(".problem")).to_have_text("Signing secret: is not base64 after `whsec_`")
    assert (await house.call("GET", "/v1/shops")).json["data"] == []


async def test_a_shop_is_changed_given_a_new_secret_and_disconnected(house, phone):
    secrets = {"signing_secret": SECRET, "domain": "example.myshopify.com", "access_token": "shpat_written"}
    account_id = await shop_of(house, label="Main shop", secrets=secrets)
    await push(house, account_id, "shopify", "order-created")
    page = await sign_in(house, phone, "ana@shop.example")
    await opened(house, page)
    await page.get_by_role("button", name="Change Main shop").click()
    await page.get_by_label("Name of yours").last.fill("Shirts")
    await page.get_by_label("Prefix of its order numbers").last.fill("S-")
    await page.get_by_label("Tell the shop no longer").check()
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator(SHOPS)).to_contain_text("Shirts")
    one = await the_shop(house)
    assert (one["label"], one["order_prefix"], one["writes_back"]) == ("Shirts", "S-", False)
    await page.get_by_role("button", name="New secret for Shirts").click()
    await page.locator("dialog input").fill("another secret")
    await expect(page.get_by_label("The old one still counts for")).to_have_value("24")
    await page.get_by_role("button", name="Set the secret").click()
    await expect(page.locator(".tell")).to_contain_text("The new secret is set")
    await expect(page.locator(SHOPS)).to_contain_text("Old secret counts until")
    before = sample("shopify", "order-created")
    headers = dict(before.exchanges[0][0].headers)
    old = await house.call("POST", f"/shops/shopify/push/{account_id}", data=before.body, headers=headers, key=None)
    assert old.status == 200
    await page.get_by_role("button", name="End the old secret of Shirts").click()
    await page.get_by_role("button", name="End the old secret", exact=True).click()
    await expect(page.locator(SHOPS)).not_to_contain_text("Old secret counts until")
    refused = await house.call("POST", f"/shops/shopify/push/{account_id}", data=before.body, headers=headers, key=None)
    assert refused.status == 401
    await page.reload()
    await expect(page.locator(SHOPS)).to_contain_text("was refused: the signature is not this body's.")
    await page.get_by_role("button", name="Disconnect Shirts").click()
    await expect(page.locator("dialog")).to_contain_text("1 order of it stays.")
    await page.get_by_role("button", name="Keep it as it is").click()
    await expect(page.locator(SHOPS)).to_have_count(1)
    await page.get_by_role("button", name="Disconnect Shirts").click()
    await page.get_by_role("button", name="Disconnect the shop").click()
    await expect(page.locator("main .empty")).to_contain_text("No shop yet")
    assert (await house.call("GET", "/v1/shops")).json["data"] == []
    assert len((await house.call("GET", "/v1/orders")).json["data"]) == 1


async def test_support_sees_how_a_shop_fares_and_no_button(house, phone):
    account_id = await shop_of(house, label="Main shop")
    await push(house, account_id, "shopify", "order-created")
    page = await sign_in(house, phone, "bo@shop.example", "support", "Bo")
    await opened(house, page)
    await expect(page.locator(SHOPS)).to_contain_text("works")
    await expect(page.locator("main button")).to_have_count(0)
    await expect(page.locator("main form")).to_have_count(0)
    assert account_id + "/" not in await page.content()
    assert "/shops/shopify/push" not in await page.content()

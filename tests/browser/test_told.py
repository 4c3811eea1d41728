"""What the console tells of refused pushes, old secrets, files' names and carriers' clocks, in a real browser."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from browser.conftest import DESK, PHONE, serious, too_wide
from browser.test_console import keep, settings, sign_in  # noqa: F401 - settings is a fixture
from browser.test_keyboard import CLICKED, nothing_needs_a_mouse
from flow.test_imports import CSV, ORDERS, finished
from flow.test_shops import push, shop_of
from playwright.async_api import expect


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_refusals_old_secrets_and_files_read_well(house, phone, size):
    account_id = await house.demo_account()
    refused = await house.call("POST", f"/carriers/demo/push/{account_id}", data=b"{}", key=None)
    assert refused.status == 401
    shop_id = await shop_of(house, label="Main shop")
    await push(house, shop_id, "shopify", "order-created")
    await house.call("PATCH", f"/v1/shops/{shop_id}", {"secrets": {"signing_secret": "another"}})
    for name in ("orders of november.csv", "a-very-long-name-without-any-blank-" * 4 + ".csv"):
        made = await house.call("POST", f"/v1/orders/import?filename={name}", data=ORDERS.encode(), headers=dict(CSV))
        await finished(house, made.json["id"])
    page = await sign_in(house, phone, "ana@shop.example")
    await page.add_init_script(CLICKED)
    await page.set_viewport_size(size)
    for part, words in (
        ("accounts", ": the header demo-signature is missing"),
        ("shops", "Old secret counts until"),
        ("imports", "orders of november.csv"),
    ):
        await page.goto(f"{house.url}/console/setup/{part}")
        await expect(page.locator("main")).to_contain_text(words)
        await keep(page, f"told-{part}-{size['width']}", full_page=True)
        assert await serious(page) == []
        assert await too_wide(page) == 0
        if part != "imports":  # its closed list of columns holds a table: tests/browser/test_imports.py
            await nothing_needs_a_mouse(page)
    await page.locator("main a", has_text="orders of november.csv").click()
    await expect(page.locator("main dl")).to_contain_text("orders of november.csv")
    await page.goto(f"{house.url}/console/setup/shops")
    await page.get_by_role("button", name="New secret for Main shop").click()
    await expect(page.get_by_label("The old one still counts for")).to_have_value("24")
    await keep(page, f"told-new-secret-{size['width']}")
    assert await serious(page) == []


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
async def test_a_scan_dated_ahead_says_so_and_what_its_carrier_told(house, phone, faults, size):
    faults.expected.append("status of 404")  # nobody has rated it yet
    account_id = await house.demo_account()
    ahead = (datetime.now(UTC) + timedelta(days=300)).replace(microsecond=0)
    scan = {"id": "1", "at": ahead.isoformat(), "code": "DELIVERED", "text": "Handed over"}
    body = orjson.dumps({"parcels": [{"number": "DEMO100200302", "scans": [scan]}]})
    assert (await house.push(account_id, body)).status == 200
    await house.read_all()
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    page = await sign_in(house, phone, "ana@shop.example")
    await page.set_viewport_size(size)
    await page.goto(f"{house.url}/console/shipments/{shipment['id']}")
    await expect(page.locator("main")).to_contain_text(f"dated {ahead:%Y-%m-%d %H:%M} UTC by the carrier")
    await keep(page, f"told-ahead-{size['width']}", full_page=True)
    assert await serious(page) == []
    assert await too_wide(page) == 0

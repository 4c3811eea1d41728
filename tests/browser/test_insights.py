"""Insights at the console, in a real browser: asked, read, narrowed, saved as a file, on a desk and on a phone."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from functools import partial

import pytest
from browser.conftest import DESK, PHONE, serious, too_wide
from browser.test_console import keep, settings, sign_in  # noqa: F401 - settings is a fixture
from flow.test_insights import TODAY, Trade, count, hours, parcel, window
from playwright.async_api import expect

from gateway import shipments
from gateway.ratings import ratings
from gateway.ratings.ratings import Rating

LANES = (
    ("PT", "4050-262", "Express", 30),
    ("ES", "28001", "Express", 52),
    ("DE", "10115", "Saver", 75),
    ("FR", "75001", "=Special", 49),
)


def rate(house, id_, said, conn):
    row = shipments.get(conn, house.merchant_id, id_)
    ratings.rate(conn, house.gateway.vault, row, said, row["updated_at"])


@pytest.fixture
async def trade(house):
    """A month of parcels to four countries, with promises kept and missed, and some stars."""
    made = Trade(house, await house.demo_account(), house.key)
    lives, first = [], []
    for lane, (country, postal_code, service, took) in enumerate(LANES):
        for index in range(30 - 6 * lane):
            name, begun = f"P{lane}-{index}", TODAY - hours(24 * (4 + index % 14))
            promised = {"promised": window(begun, begun + hours(took + 2 - index % 5))} if index % 4 else {}
            ids = await made.register(name, destination={"country": country, "postal_code": postal_code}, **promised)
            first.append(ids[0])
            origin = {"place": {"country": "DE"}}
            scans = (
                (begun, "PICKED_UP"),
                (begun + hours(took - 5), "OUT"),
                (begun + hours(took + index % 7), "DELIVERED"),
            )
            lives.append(parcel(name, *scans, service=service, **origin))
    await made.push(*lives)
    for index, id_ in enumerate(first[:12]):
        said = Rating(stars=2, reasons=("late", "did_not_ring")) if index % 3 == 0 else Rating(stars=5)
        await house.gateway.store.write(partial(rate, house, id_, said))
    await count(house)
    return made


async def read(download):
    path = await download.path()
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))


async def opened(page, where=""):
    await page.goto(page.url.split("/console")[0] + f"/console/insights{where}")
    await page.wait_for_selector(".stack[aria-busy=false]")


async def test_insights_are_read_narrowed_and_saved(house, trade, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    await page.click("nav >> text=Insights")
    await page.wait_for_selector(".stack[aria-busy=false]")
    assert [await one.inner_text() for one in await page.query_selector_all(".insight h2")] == [
        "On time",
        "Time on the way",
        "How good arrivals were foretold",
        "Satisfaction",
    ]
    assert "Demo Carrier" in await page.inner_text(".insight >> nth=0")
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await keep(page, "console-insights-1280")
    await page.select_option("#insights-by", "lane")
    await page.press("#insights-by", "Enter")
    await page.focus("#insights-by")
    await page.click("form.filters button[type=submit]")
    await page.wait_for_selector(".insight th:has-text('to Portugal')")
    assert "by=lane" in page.url
    rows = await page.query_selector_all(".insight >> nth=0 >> tbody tr")
    assert [(await (await row.query_selector("th")).inner_text()) for row in rows] == [
        "to Portugal",
        "to Spain",
        "to Germany",
        "to France",
    ]
    await keep(page, "console-insights-lanes-1280", full_page=True)
    await page.fill("#insights-destination_country", "es")
    await page.press("#insights-destination_country", "Enter")
    await page.wait_for_function("() => document.querySelectorAll('.insight tbody')[0]?.rows.length === 1")
    assert "destination_country=ES" in page.url
    await page.click("text=90 days")
    await page.wait_for_selector(".stack[aria-busy=false]")
    assert "destination_country=ES" in page.url


async def test_a_file_holds_every_group_and_no_formula(house, trade, phone):
    page = await sign_in(house, phone, "ana@shop.example")
    await opened(page, "?by=service")
    async with page.expect_download() as saving:
        await page.click("[aria-label='Time on the way as a CSV file']")
    download = await saving.value
    assert download.suggested_filename.startswith("transit-times-")
    rows = await read(download)
    assert [row["service"] for row in rows] == ["Express", "Saver", "'=Special"]
    assert [row["arrived"] for row in rows] == ["54", "18", "12"]
    assert float(rows[0]["transit_hours.p50"]) > 30
    async with page.expect_download() as saving:
        await page.click("[aria-label='How good arrivals were foretold as a CSV file']")
    rows = await read(await saving.value)
    assert rows[0]["ours.24.told"] == "0"


async def test_where_nothing_arrived_it_says_so_and_what_to_do(house, phone, faults):
    faults.expected.append("status of 422")  # days that end before they begin
    page = await sign_in(house, phone, "ana@shop.example", role="support", name="Sam")
    await opened(page)
    assert "Nothing arrived in these days" in await page.inner_text("main")
    assert await serious(page) == []
    await keep(page, "console-insights-empty-1280")
    today = datetime.now(UTC).date().isoformat()
    await expect(page.locator("#insights-to")).to_have_value(today)
    await opened(page, "?from=2026-11-20&to=2026-11-10")
    assert "lies after the last day" in await page.inner_text("main .problem")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_works_on_a_phone(house, trade, phone, scheme):
    page = await sign_in(house, phone, "ana@shop.example", scheme=scheme)
    await page.set_viewport_size(PHONE)
    await opened(page)
    assert await too_wide(page) == 0
    assert await serious(page) == []
    await keep(page, f"console-insights-360-{scheme}", full_page=True)
    await page.set_viewport_size(DESK)
    await keep(page, f"console-insights-1280-{scheme}", full_page=True)

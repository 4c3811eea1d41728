"""Files at the console, in a real browser: chosen, sent, watched, and what was refused of them."""

import csv
import io

import pytest
from browser.conftest import DESK, PHONE, serious, too_wide
from browser.test_console import keep, settings, sign_in  # noqa: F401 - settings is a fixture
from browser.test_keyboard import CLICKED, focus, nothing_needs_a_mouse, tab_to
from flow.test_imports import ORDERS, finished, take
from playwright.async_api import expect

IMPORTS = "main ul[aria-label=Imports] [data-row]"
DROP = """([name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  for (const type of ["dragover", "drop"]) {
    const told = { dataTransfer: carried, cancelable: true, bubbles: true };
    document.querySelector(".drop").dispatchEvent(new DragEvent(type, told));
  }
}"""


async def opened(house, page):
    """Open the imports at the set-up."""
    await page.goto(f"{house.url}/console/setup/imports")
    await expect(page.locator("main h1")).to_have_text("Import a file")


def file(name, text):
    """A file as somebody chooses it."""
    return {"name": name, "mimeType": "", "buffer": text.encode()}


async def facts(page):
    """The figures of an import."""
    pairs = "all => all.map((one) => [one.innerText, one.nextElementSibling.innerText])"
    return dict(await page.locator(".facts dt").evaluate_all(pairs))  # in one go: they are drawn anew as it goes on


@pytest.mark.parametrize("size", [PHONE, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_file_is_chosen_and_each_mistake_is_named(house, phone, size, scheme):
    page = await sign_in(house, phone, "ana@shop.example", scheme=scheme)
    await page.set_viewport_size(size)
    await opened(house, page)
    await expect(page.locator("main .empty")).to_have_text("No file was imported yet.")
    await page.locator("summary").click()
    await expect(page.locator("main td").first).to_have_text("order_number")
    card = await page.locator("main .card").first.bounding_box()
    chooser = await page.locator("#import-file").bounding_box()
    assert chooser["x"] + chooser["width"] < card["x"] + card["width"]
    await keep(page, f"imports-{scheme}-{size['width']}", full_page=True)
    assert await serious(page) == []
    assert await too_wide(page) == 0
    await page.set_input_files("#import-file", [file("orders.CSV", ORDERS)])
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.locator("main h1")).to_have_text("Import of 3 orders")
    await expect(page.locator("main .status")).to_contain_text("done, 1 refused")
    told = await facts(page)
    assert [told[name] for name in ("Looked at", "New", "Known before", "Refused")] == ["3 of 3", "2", "0", "1"]
    (row,) = await page.locator("main tbody tr").all()
    line, field, wrong = await row.locator("td").all_inner_texts()
    assert (line, field) == ("4", "placed_at")
    assert "yesterday" not in wrong
    await keep(page, f"imports-one-{scheme}-{size['width']}", full_page=True)
    assert await serious(page) == []
    assert await too_wide(page) == 0
    async with page.expect_download() as saved:
        await page.get_by_text("All of it as a file").click()
    rows = list(csv.reader(io.StringIO((await (await saved.value).path()).read_text("utf-8"))))
    assert rows == [["line", "field", "reason"], ["4", "placed_at", wrong]]
    await page.get_by_text("All imports").click()
    await expect(page.locator(IMPORTS)).to_contain_text("3 orders")
    await expect(page.locator(IMPORTS)).to_contain_text("orders.CSV")
    await keep(page, f"imports-so-far-{scheme}-{size['width']}", full_page=True)
    assert await serious(page) == []
    assert await too_wide(page) == 0


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_the_sample_is_taken_home_and_can_be_imported_as_it_is(house, phone, form):
    page = await sign_in(house, phone, "bo@shop.example", "support", "Bo")
    await opened(house, page)
    await page.select_option("#import-kind", "shipments")
    async with page.expect_download() as saved:
        await page.get_by_role("link", name=f"shipments.{form}").click()
    taken_home = await saved.value
    assert taken_home.suggested_filename == f"shipments.{form}"
    text = (await taken_home.path()).read_text("utf-8")
    await page.evaluate(DROP, [taken_home.suggested_filename, text])
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.locator("main h1")).to_have_text("Import of 2 shipments")
    await expect(page.locator("main .status")).to_contain_text("done")
    assert len((await house.call("GET", "/v1/shipments")).json["data"]) == 2


async def test_a_running_import_is_found_again_and_goes_on_before_ones_eyes(house, phone):
    await house.gateway.importer._one_at_a_time.acquire()  # nothing goes on by itself for now
    import_id = await take(house, "shipments", "tracking_number\n" + "ABC\n" * 250)
    page = await sign_in(house, phone, "ana@shop.example")
    await opened(house, page)
    await expect(page.locator(IMPORTS)).to_contain_text("0 of 250 looked at")
    await page.locator(IMPORTS).locator("a").click()
    await expect(page.locator("main h1")).to_have_text("Import of 250 shipments")
    await expect(page.locator("main .status")).to_contain_text("under way")
    assert (await facts(page))["Looked at"] == "0 of 250"
    await page.click(".top nav >> text=Desk")
    await page.wait_for_selector(".list h1")
    await page.go_back()
    await expect(page.locator("main h1")).to_have_text("Import of 250 shipments")
    await house.gateway.importer.go_on(house.merchant_id, import_id)
    await expect(page.locator("main dd").first).to_have_text("100 of 250")
    await expect(page.locator("main progress")).to_have_attribute("value", "100")
    await expect(page.locator("main tbody tr")).to_have_count(100)
    house.gateway.importer._one_at_a_time.release()
    await expect(page.locator("main .status")).to_contain_text("done, 250 refused")
    await expect(page.get_by_text("You may leave this page")).to_have_count(0)
    for rows in (200, 250):
        await page.get_by_role("button", name="Show more").click()
        await expect(page.locator("main tbody tr")).to_have_count(rows)
    await expect(page.get_by_role("button", name="Show more")).to_have_count(0)


async def test_what_cannot_be_sent_is_said_beside_the_file(house, phone, faults):
    faults.expected += ["status of 422", "ERR_INTERNET_DISCONNECTED"]
    page = await sign_in(house, phone, "ana@shop.example")
    await opened(house, page)
    submit = page.get_by_role("button", name="Import", exact=True)
    for chosen, said in (
        ([], "The file: choose one first."),
        (
            [file("orders.xlsx", "x")],
            "The file: orders.xlsx ends in neither .csv nor .ndjson. Save it as one of these.",
        ),
        ([file("orders.csv", "")], "The file: orders.csv is empty."),
        (
            [file("orders.csv", "x" * 20_100_000)],
            "The file: orders.csv has 20.1 MB, at most 20 MB are taken. Split it.",
        ),
    ):
        await page.set_input_files("#import-file", chosen)
        await submit.click()
        await expect(page.locator(".problem")).to_have_text(said)
    await page.set_input_files("#import-file", [file("orders.csv", "colour\nred\n")])
    await submit.click()
    await expect(page.locator(".problem")).to_contain_text(
        "has the column 'colour', and orders have none of that name; they have order_number"
    )
    await page.context.set_offline(True)
    await submit.click()
    await expect(page.locator(".problem")).to_have_text("The gateway cannot be reached. Are you offline?")
    await page.context.set_offline(False)
    assert (await house.call("GET", "/v1/imports")).json["data"] == []


async def test_a_file_is_imported_without_a_mouse(house, phone):
    await finished(house, await take(house, "orders", ORDERS))
    page = await sign_in(house, phone, "ana@shop.example")
    await page.add_init_script(CLICKED)
    await opened(house, page)
    keys = page.keyboard
    await tab_to(page, "What is in it")
    await tab_to(page, "orders.csv")
    await tab_to(page, "The file")
    await page.set_input_files("#import-file", [file("orders.csv", ORDERS)])
    await tab_to(page, "Import")
    await keys.press("Enter")
    await expect(page.locator("main h1")).to_have_text("Import of 3 orders")  # the list has a status of its own
    await expect(page.locator("main .status")).to_contain_text("done, 1 refused")
    await page.wait_for_function("() => document.activeElement.id === 'main'")
    await focus(page)
    await nothing_needs_a_mouse(page)
    assert (await facts(page))["Known before"] == "2"

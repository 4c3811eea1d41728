"""The search: new and changed shipments are found, by their own merchant alone, and the index tells no word."""

import pytest
from plans import plan_of
from sqlalchemy import text

from gateway.db import is_postgres
from gateway.search import index

pytestmark = pytest.mark.both_databases

ANA = {
    "name": "Ana Prado",
    "email": "ana@prado.example",
    "phone": "+351 912 345 678",
    "postal_code": "4050-262",
    "country": "PT",
}


async def ask(house, question, key=""):
    await house.gateway.search.tick()
    return [
        one["tracking_number"] for one in (await house.call("GET", f"/v1/search?q={question}", key=key)).json["data"]
    ]


@pytest.fixture
async def parcels(house):
    await house.shipment("DEMO100200302", recipient=ANA, order_number="A-77")
    await house.shipment("DEMO100200351", recipient=ANA | {"name": "Ana Silva", "phone": "+351 912 000 111"})


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("DEMO1002", ["DEMO100200351", "DEMO100200302"]),
        ("demo 1002 0030 2", ["DEMO100200302"]),
        ("0302", ["DEMO100200302"]),
        ("A-77", ["DEMO100200302"]),
        ("ana", ["DEMO100200351", "DEMO100200302"]),
        ("ana%20sil", ["DEMO100200351"]),
        ("ana%40prado.example", ["DEMO100200351", "DEMO100200302"]),
        ("%2B351912345678", ["DEMO100200302"]),
        ("912 345 6", ["DEMO100200302"]),
        ("4050262", ["DEMO100200351", "DEMO100200302"]),
        ("nobody", []),
    ],
)
async def test_shipments_are_found_as_one_types(house, parcels, question, found):
    assert await ask(house, question) == found


async def test_a_correction_is_found_and_what_it_was_before_no_more(house, parcels):
    (shipment,) = (await house.call("GET", "/v1/shipments?order_number=A-77")).json["data"]
    await ask(house, "ana")
    change = {"order_number": "B-99", "recipient": {"name": "Bela Costa"}}
    assert (await house.call("PATCH", f"/v1/shipments/{shipment['id']}", change)).status == 200
    assert await ask(house, "bela") == ["DEMO100200302"]
    assert await ask(house, "B-99") == ["DEMO100200302"]
    assert await ask(house, "A-77") == []
    assert await ask(house, "prado") == []
    assert await ask(house, "ana") == ["DEMO100200351"]


async def test_another_merchant_finds_nothing_of_it(house, parcels):
    _, other = await house.merchant()
    assert await ask(house, "ana", key=other) == []


async def test_results_are_shown_by_role(house, parcels):
    await house.gateway.search.tick()
    support = await house.call("GET", "/v1/search?q=prado", key=await house.key_of("support"))
    assert support.json["data"][0]["recipient"]["name"] == "Ana Prado"
    for role in ("storefront", "operator"):
        refused = await house.call(
            "GET", "/v1/search?q=ana", key=await house.key_of(role), headers={"Origin": "https://shop.example"}
        )
        assert refused.status == 403


@pytest.mark.parametrize("query", ["", "?q=", "?q=ab", "?q=%2B%2B%2B", "?q=ana&limit=0", "?q=ana&limit=51"])
async def test_a_question_that_asks_nothing_is_refused(house, query):
    assert (await house.call("GET", f"/v1/search{query}")).status == 422


@pytest.mark.parametrize(
    "odd", ['"', "a*b OR c", "NEAR(ana prado)", "col:ana", "%00%00%00", "é" * 50, "(((((", "ana'--"]
)
async def test_what_is_typed_is_never_syntax(house, parcels, odd):
    await house.gateway.search.tick()
    assert (await house.call("GET", "/v1/search?q=abc" + odd)).status == 200


async def test_the_index_tells_nobodys_name(house, parcels):
    await house.gateway.search.tick()
    kept_in = "search_index" if is_postgres(house.gateway.store.url) else "search_index_data"
    for name in (kept_in, "search_entry"):
        rows = await house.gateway.store.read(lambda conn, name=name: conn.execute(text(f"select * from {name}")).all())
        assert rows
        assert b"prado" not in repr(rows).lower().encode()


async def test_taking_up_twice_enters_nothing_twice(house, parcels):
    await house.gateway.search.tick()

    def entries(conn):
        return conn.execute(text("select max(number), count(*) from search_entry")).one()

    before = await house.gateway.store.read(entries)
    await house.gateway.store.write(
        lambda conn: conn.execute(text("insert into search_due select merchant_id, id from shipment")).rowcount
    )
    await house.gateway.search.tick()
    assert await house.gateway.store.read(entries) == before


@pytest.mark.sqlite_only
async def test_taking_up_walks_indexes_and_never_a_whole_table(house, parcels):
    marks = index.Marks("k" * 40)
    steps, asked = await house.gateway.store.write(
        lambda conn: plan_of(conn, lambda: index.take(conn, marks, lambda _row: None))
    )
    walked = [step for step in steps if step.startswith("SCAN")]
    assert asked == 5
    assert all("search_due" in step or "search_entry_number" in step for step in walked), walked


@pytest.mark.sqlite_only
async def test_a_question_looks_entries_up_by_number_and_walks_none_of_a_merchants(house, parcels):
    """A page's fifty entries among a million of one merchant: the planner must not begin at the merchant."""
    await house.gateway.search.tick()

    def look(conn):
        merchant = conn.execute(text("select merchant_id from shipment limit 1")).scalar_one()
        return plan_of(conn, lambda: index._rows(conn, merchant, range(1, 51)))

    steps, asked = await house.gateway.store.read(look)
    assert asked == 1
    assert [step for step in steps if "search_entry" in step] == [
        "SEARCH search_entry USING INDEX sqlite_autoindex_search_entry_2 (number=?)"
    ]

"""The search: new and changed shipments are found, by their own merchant alone, and the index tells no word."""

from urllib.parse import quote

import pytest
from alembic import command
from plans import plan_of
from sqlalchemy import text

from gateway import schema
from gateway.app import Gateway
from gateway.db import connected, is_postgres
from gateway.search import finding, index

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
        ("Prado A", ["DEMO100200302"]),
        ("s ana", ["DEMO100200351"]),
        ("ana q", []),
        ("ANA%40PRADO.Example", ["DEMO100200351", "DEMO100200302"]),
        ("00351 912 345678", ["DEMO100200302"]),
        ("https://demo.example/track?lang=en%26n=DEMO100200302%26y=2026", ["DEMO100200302"]),
        ("demo.example/DEMO100200302", ["DEMO100200302"]),
        ("DEMO100%E2%80%8B200302", ["DEMO100200302"]),
        ("%23A-77", ["DEMO100200302"]),
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
    assert asked == 5, steps
    assert all("search_due" in step or "search_entry_number" in step for step in walked), walked


@pytest.mark.sqlite_only
async def test_a_question_looks_entries_up_by_number_and_walks_none_of_a_merchants(house, parcels):
    """A page's fifty entries among a million of one merchant: the planner must not begin at the merchant."""
    await house.gateway.search.tick()

    def look(conn):
        merchant = conn.execute(text("select merchant_id from shipment limit 1")).scalar_one()
        return plan_of(conn, lambda: finding.subjects_of(conn, merchant, range(1, 51)))

    steps, asked = await house.gateway.store.read(look)
    assert asked == 2
    assert all(step.startswith("SEARCH") for step in steps), steps
    assert [step for step in steps if "search_entry" in step] == [
        "SEARCH search_entry USING INDEX sqlite_autoindex_search_entry_2 (number=?)"
    ]


async def found(house, question, key=""):
    """Return what is found: the numbers of orders and of shipments."""
    await house.gateway.search.tick()
    answer = await house.call("GET", f"/v1/search?q={quote(question)}", key=key)
    assert answer.status == 200, answer.body
    told = answer.json
    return [one["order_number"] for one in told["orders"]], [one["tracking_number"] for one in told["data"]]


@pytest.mark.parametrize(
    "question",
    ["#1001", "1001", "Ana P", "prado", "ana@prado.example", "+351 912345678", "912 345", "4050-262", "RMA-5", "porto"],
)
async def test_an_order_without_a_parcel_is_found_as_a_shipment_is(house, question):
    order = {"order_number": "#1001", "recipient": ANA, "destination": {"city": "Porto", "country": "PT"}}
    made = await house.call("POST", "/v1/orders", order)
    assert (await house.call("POST", f"/v1/orders/{made.json['id']}/returns", {"id": "RMA-5"})).status == 201
    await house.call("POST", "/v1/orders", {"order_number": "#2002", "recipient": {"name": "Bela Costa"}})
    assert await found(house, question) == (["#1001"], [])


async def test_an_order_of_a_few_letters_is_found_at_once_and_before_those_that_begin_so(house):
    for number in ("7", "70001", "#70002"):
        await house.call("POST", "/v1/orders", {"order_number": number})
    assert (await house.call("GET", "/v1/search?q=%237")).json["orders"][0]["order_number"] == "7"
    await house.call("POST", "/v1/orders", {"order_number": "700"})
    await house.call("POST", "/v1/orders", {"order_number": "70003"})
    orders, _ = await found(house, "700")
    assert orders == ["700", "70003", "#70002", "70001"]


async def test_whom_an_order_forgets_it_is_not_found_by(house):
    made = await house.call("POST", "/v1/orders", {"order_number": "#1001", "recipient": ANA})
    assert await found(house, "prado") == (["#1001"], [])
    change = {"recipient": None}
    assert (await house.call("PATCH", f"/v1/orders/{made.json['id']}", change)).status == 200
    assert await found(house, "prado") == ([], [])
    assert await found(house, "1001") == (["#1001"], [])


async def test_another_merchant_finds_no_order_and_no_page_of_it(house, parcels):
    await house.call("POST", "/v1/orders", {"order_number": "#1001", "recipient": ANA})
    (shipment,) = (await house.call("GET", "/v1/search?q=A-77")).json["data"]
    _, other = await house.merchant()
    for question in ("1001", "prado", "4050-262", shipment["tracking_url"], "DEMO100200302"):
        assert await found(house, question) != ([], [])
        assert await found(house, question, key=other) == ([], [])


async def test_the_address_of_a_tracking_page_finds_its_parcel_also_once_it_is_revoked(house, parcels):
    (shipment,) = (await house.call("GET", "/v1/search?q=DEMO100200302")).json["data"]
    assert await found(house, shipment["tracking_url"]) == ([], ["DEMO100200302"])
    assert (await house.call("DELETE", f"/v1/shipments/{shipment['id']}/tracking-link")).status == 204
    assert await found(house, shipment["tracking_url"] + "?lang=de") == ([], ["DEMO100200302"])
    assert await found(house, "https://hub.example/t/" + "A1" * 12) == ([], [])


async def test_of_several_numbers_each_is_found_or_said_not_found(house, parcels):
    await house.call("POST", "/v1/orders", {"order_number": "#1001"})
    await house.gateway.search.tick()
    text = "demo 100200302\n1001, A-77;DEMO1002003\nANA@prado.example\nhttps://demo.example/p/DEMO100200351"
    told = (await house.call("GET", f"/v1/search?q={quote(text)}")).json
    parcels_by_id = {one["id"]: one["tracking_number"] for one in told["data"]}
    assert [(one["text"], [parcels_by_id[id_] for id_ in one["shipments"]]) for one in told["asked"]] == [
        ("demo 100200302", ["DEMO100200302"]),
        ("1001", []),
        ("A-77", ["DEMO100200302"]),
        ("DEMO1002003", []),
        ("ANA@prado.example", ["DEMO100200351", "DEMO100200302"]),
        ("https://demo.example/p/DEMO100200351", ["DEMO100200351"]),
    ]
    assert [len(one["orders"]) for one in told["asked"]] == [0, 1, 0, 0, 0, 0]
    assert [one["order_number"] for one in told["orders"]] == ["#1001"]


async def test_too_many_numbers_are_refused_in_words_for_people(house):
    refused = await house.call("GET", f"/v1/search?q={quote(','.join(f'A-{number}' for number in range(60)))}")
    assert refused.status == 422
    assert refused.json["detail"] == "ask for at most 50 numbers at once; these are 60"
    assert refused.pointers == ["?q"]


async def test_a_number_that_begins_like_many_is_found_while_it_is_typed(house):
    """The shipper's number begins all of a merchant's parcels' numbers: newer ones must not hide an older one."""
    wanted = [{"tracking_number": f"DEMO90000{number:04d}", "carrier": "demo"} for number in range(150)]
    assert (await house.call("POST", "/v1/shipments/batch", {"shipments": wanted})).status < 300
    _, numbers = await found(house, "DEMO90000001")
    assert sorted(numbers) == [f"DEMO90000{number:04d}" for number in range(10, 20)]


async def test_what_was_there_before_the_upgrade_is_found_after_it(house, parcels):
    await house.call("POST", "/v1/orders", {"order_number": "#1001", "recipient": ANA})
    assert await found(house, "prado") == (["#1001"], ["DEMO100200302"])

    def back(conn):
        config = schema._config()
        config.attributes["connection"] = conn
        command.downgrade(config, "0023")
        conn.commit()

    url = house.gateway.store.url
    await house.gateway.stop()
    connected(url, back)
    schema.migrate(url)
    gateway = Gateway(house.gateway.settings)
    await gateway.start()
    await gateway.search.tick()
    seen = await gateway.search.find(house.merchant_id, "prado a", 20)
    assert [row["order_number"] for row, _ in seen.rows.values()] == ["#1001", "A-77"]
    await gateway.stop()


async def test_numbers_with_many_parcels_hide_none_of_the_others(house):
    for order in range(50):
        wanted = [
            {"tracking_number": f"DEMO9{order:02d}00{number:04d}", "carrier": "demo", "order_number": f"B-{order}"}
            for number in range(6)
        ]
        assert (await house.call("POST", "/v1/shipments/batch", {"shipments": wanted})).status < 300
    told = (await house.call("GET", f"/v1/search?q={quote(','.join(f'B-{order}' for order in range(50)))}")).json
    assert [len(one["shipments"]) for one in told["asked"]] == [5] * 50

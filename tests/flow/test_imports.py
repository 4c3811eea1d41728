"""Files of orders and shipments: taken in line by line, with progress, twice if need be, and no line harms another."""

from __future__ import annotations

import csv
import io
from datetime import datetime

import orjson
import pytest
from sqlalchemy import select, update

from gateway.imports import store
from gateway.imports.files import COLUMNS
from gateway.imports.importer import Importer
from gateway.imports.tables import Imports

pytestmark = pytest.mark.both_databases

CSV = {"Content-Type": "text/csv; charset=utf-8"}
NDJSON = {"Content-Type": "application/x-ndjson"}
ORDERS = """order_number,placed_at,recipient.name,recipient.email,line.sku,line.quantity
A-1,2026-11-01T08:00:00Z,Ines Example,ines@example.org,shirt,2
A-1,,,,socks,1
A-2,yesterday,Ulla Muster,,hat,1
A-3,2026-11-01T09:00:00Z,,,hat,1
"""


async def take(house, kind, body, headers=CSV, key=""):
    answer = await house.call("POST", f"/v1/{kind}/import", data=body.encode(), headers=dict(headers), key=key)
    assert answer.status == 202, answer.body
    assert answer.headers["Location"] == f"/v1/imports/{answer.json['id']}"
    return answer.json["id"]


async def finished(house, import_id):
    async def over():
        return (await house.call("GET", f"/v1/imports/{import_id}")).json["state"] == "finished"

    await house.until(over)
    return (await house.call("GET", f"/v1/imports/{import_id}")).json


async def lines(house, import_id, query=""):
    return (await house.call("GET", f"/v1/imports/{import_id}/lines{query}")).json["data"]


def counts(done):
    return [done[name] for name in ("total", "done", "created", "known", "refused")]


async def test_a_file_of_orders_is_taken_in_and_a_bad_line_harms_no_other(house):
    import_id = await take(house, "orders", ORDERS)
    done = await finished(house, import_id)
    assert counts(done) == [3, 3, 2, 0, 1]
    told = await lines(house, import_id)
    assert [(one["line"], one["status"]) for one in told] == [(2, 201), (3, 201), (4, 422), (5, 201)]
    assert told[0]["id"] == told[1]["id"]
    assert told[2]["problem"]["errors"][0]["pointer"] == "/placed_at"
    assert await lines(house, import_id, "?refused=true") == [told[2]]
    order = (await house.call("GET", f"/v1/orders/{told[0]['id']}")).json
    assert [(line["id"], line["quantity"]) for line in order["lines"]] == [("shirt", 2), ("socks", 1)]
    assert order["recipient"] == {"name": "Ines Example", "email": "ines@example.org"}
    messages = (await house.call("GET", "/v1/messages")).json["data"]
    assert [one["type"] for one in messages] == ["order.ordered", "order.ordered"]


async def test_the_same_file_again_makes_nothing_again(house):
    first = await finished(house, await take(house, "orders", ORDERS))
    again = await finished(house, await take(house, "orders", ORDERS))
    assert counts(first) == [3, 3, 2, 0, 1]
    assert counts(again) == [3, 3, 0, 2, 1]
    assert len((await house.call("GET", "/v1/orders")).json["data"]) == 2
    listed = (await house.call("GET", "/v1/imports")).json["data"]
    assert [counts(one) for one in listed] == [counts(again), counts(first)]


async def test_a_file_of_shipments_joins_its_orders(house):
    await house.call("POST", "/v1/orders", {"order_number": "A-1"})
    wishes = [{"tracking_number": f"N{index}", "carrier": "demo", "order_number": "A-1"} for index in range(250)]
    wishes[7] = {"tracking_number": "ABC"}
    wishes[9]["account"] = "acc_of_nobody"
    import_id = await take(house, "shipments", "\n".join(orjson.dumps(one).decode() for one in wishes), NDJSON)
    assert counts(await finished(house, import_id)) == [250, 250, 248, 0, 2]
    refused = await lines(house, import_id, "?refused=true")
    assert [(one["line"], one["problem"]["type"]) for one in refused] == [
        (8, "/problems/carrier-unclear"),
        (10, "/problems/validation"),
    ]
    (order,) = (await house.call("GET", "/v1/orders")).json["data"]
    assert len(order["shipments"]) == 248
    page = (await house.call("GET", f"/v1/imports/{import_id}/lines?limit=200")).json
    rest = (await house.call("GET", f"/v1/imports/{import_id}/lines?limit=200&cursor={page['next_cursor']}")).json
    assert [one["line"] for one in page["data"] + rest["data"]] == list(range(1, 251))
    assert rest["next_cursor"] is None


async def test_the_file_is_sealed_and_dropped_when_it_is_done_and_nobody_reads_it_in_a_result(house, logs):
    import_id = await take(house, "orders", ORDERS.replace("Ulla Muster,", "Ulla Muster,very-secret"))
    await finished(house, import_id)
    row = await house.gateway.store.read(lambda conn: conn.execute(select(Imports.job)).mappings().one())
    assert row["body"] is None
    kept = await house.gateway.store.read(lambda conn: conn.execute(select(Imports.line)).all())
    for never in ("Ulla", "very-secret", "yesterday"):
        assert never not in logs.getvalue() + str(kept)


async def test_an_import_goes_on_where_a_crash_left_it(house):
    merchant_id, gateway = house.merchant_id, house.gateway
    wishes = "\n".join(orjson.dumps({"order_number": f"A-{index}"}).decode() for index in range(250))
    gateway.take_in = lambda: None
    import_id = await take(house, "orders", wishes, NDJSON)
    fallen = Importer(gateway.store, gateway.vault, gateway.links, gateway.tell, lambda: None)
    assert (await fallen.go_on(merchant_id, import_id))["done"] == 100
    after = Importer(gateway.store, gateway.vault, gateway.links, gateway.tell, lambda: None)
    await after.tick()
    await fallen.go_on(merchant_id, import_id)
    done = (await house.call("GET", f"/v1/imports/{import_id}")).json
    assert counts(done) == [250, 250, 250, 0, 0]
    messages = await house.gateway.store.read(
        lambda conn: conn.exec_driver_sql("select count(*), count(distinct id) from message").one()
    )
    assert tuple(messages) == (250, 250)


async def test_one_import_that_cannot_be_read_stops_no_other(house, logs):
    house.gateway.take_in = lambda: None
    broken = await take(house, "orders", ORDERS)
    await house.gateway.store.write(
        lambda conn: conn.execute(update(Imports.job).where(Imports.job.c.id == broken).values(body=b"broken"))
    )
    _, other = await house.merchant()
    fine = await take(house, "orders", ORDERS, key=other)
    await house.gateway.importer.tick()
    state = (await house.call("GET", f"/v1/imports/{fine}", key=other)).json["state"]
    assert state == "finished"
    assert "import_failed" in logs.getvalue()


async def test_what_cannot_be_taken_is_said_at_once(house):
    for headers, body, status in (
        (CSV, "colour\nred\n", 422),
        (CSV, "order_number\n", 422),
        ({"Content-Type": "application/json"}, "{}", 415),
        (CSV, "", 400),
    ):
        answer = await house.call("POST", "/v1/orders/import", data=body.encode(), headers=dict(headers))
        assert answer.status == status, answer.body
    house.gateway.take_in = lambda: None
    for _ in range(5):
        await take(house, "orders", ORDERS)
    answer = await house.call("POST", "/v1/orders/import", data=ORDERS.encode(), headers=dict(CSV))
    assert (answer.status, answer.json["type"]) == (409, "/problems/conflict")


async def test_the_same_request_with_its_key_is_taken_in_once(house):
    headers = CSV | {"Idempotency-Key": "file-1"}
    first = await house.call("POST", "/v1/orders/import", data=ORDERS.encode(), headers=dict(headers))
    again = await house.call("POST", "/v1/orders/import", data=ORDERS.encode(), headers=dict(headers))
    assert first.json["id"] == again.json["id"]
    assert len((await house.call("GET", "/v1/imports")).json["data"]) == 1


async def test_what_was_taken_in_long_ago_is_forgotten_with_its_lines(house):
    done = await finished(house, await take(house, "orders", ORDERS))
    at = int(datetime.fromisoformat(done["finished_at"]).timestamp() * 1000)
    await house.gateway.store.write(lambda conn: store.drop_before(conn, at))
    assert len(await lines(house, done["id"])) == 4
    await house.gateway.store.write(lambda conn: store.drop_before(conn, at + 1_000))
    assert (await house.call("GET", f"/v1/imports/{done['id']}")).status == 404


@pytest.mark.parametrize("kind", ["orders", "shipments"])
@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_the_sample_of_a_file_is_taken_in_whole_and_has_known_columns_only(house, kind, form):
    sample = await house.call("GET", f"/v1/imports/sample?kind={kind}&form={form}")
    assert sample.headers["Content-Disposition"] == f'attachment; filename="{kind}.{form}"'
    headers = {"Content-Type": sample.headers["Content-Type"]}
    done = await finished(house, await take(house, kind, sample.body.decode(), headers))
    assert (done["form"], counts(done)) == (form, [2, 2, 2, 0, 0])


async def test_the_api_says_which_columns_there_are(house):
    orders, shipments = (await house.call("GET", "/v1/imports/kinds")).json["data"]
    assert (orders["kind"], shipments["kind"]) == ("orders", "shipments")
    assert [one["name"] for one in orders["columns"]] == [*COLUMNS["orders"], "metadata.<name>"]
    assert [one["name"] for one in shipments["columns"] if one["required"]] == ["tracking_number"]
    assert all(one["help"] for one in orders["columns"] + shipments["columns"])
    assert (orders["most_bytes"], orders["most_lines"]) == (20_000_000, 200_000)


async def test_what_was_refused_is_a_file_with_line_field_and_reason(house):
    wrong = (
        "order_number,placed_at,line.sku,line.quantity\n"
        "A-1,2026-11-01T08:00:00Z,shirt,2\nA-2,yesterday,hat,none\nA-3,,hat,0\nA-3,,hat,1\n"
    )
    import_id = await take(house, "orders", wrong)
    await finished(house, import_id)
    answer = await house.call("GET", f"/v1/imports/{import_id}/refused")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{import_id}-refused.csv"'
    told = list(csv.reader(io.StringIO(answer.body.decode())))
    assert told[0] == ["line", "field", "reason"]
    assert [row[:2] for row in told[1:]] == [["3", "line.quantity"], ["4", "line.quantity"], ["5", "line.quantity"]]
    evil = '{"order_number": "A-9", "=1+1": 1}\n{"order_number": "A-10", "lines": [{"quantity": 0}]}\n['
    import_id = await take(house, "orders", evil, NDJSON)
    await finished(house, import_id)
    told = list(csv.reader(io.StringIO((await house.call("GET", f"/v1/imports/{import_id}/refused")).body.decode())))
    assert [row[:2] for row in told[1:]] == [["1", "'=1+1"], ["2", "lines.0.quantity"], ["3", ""]]
    assert told[3][2] == "is not JSON"


async def test_a_long_list_of_refusals_is_sent_piece_by_piece(house):
    import_id = await take(house, "shipments", "tracking_number\n" + "ABC\n" * 1_200)
    assert counts(await finished(house, import_id)) == [1_200, 1_200, 0, 0, 1_200]
    rows = (await house.call("GET", f"/v1/imports/{import_id}/refused")).body.decode().splitlines()
    assert [row.split(",")[0] for row in rows[1:]] == [str(line) for line in range(2, 1_202)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("?filename=orders.csv", "orders.csv"),
        ("", ""),
        ("?filename=", ""),
        ("?filename=C:%5CUsers%5Cines%5Corders.csv", "orders.csv"),
        ("?filename=/home/ines/orders%202.csv", "orders 2.csv"),
        ("?filename=../../etc/passwd", "passwd"),
        ("?filename=ab%E2%80%AEvsc.csv%0A", "abvsc.csv"),
        ("?filename=B%C3%BCcher.csv", "Bücher.csv"),
        ("?filename=" + "x" * 300 + ".csv", "x" * 95 + "….csv"),
    ],
)
async def test_a_file_s_name_is_kept_without_its_path_and_not_too_long(house, sent, kept):
    answer = await house.call("POST", f"/v1/orders/import{sent}", data=ORDERS.encode(), headers=dict(CSV))
    assert (answer.status, answer.json["filename"]) == (202, kept), answer.body
    assert (await finished(house, answer.json["id"]))["filename"] == kept
    assert (await house.call("GET", "/v1/imports")).json["data"][0]["filename"] == kept

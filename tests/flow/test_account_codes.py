"""A merchant names the codes of its account's carrier: from then on, and by a replay for what was read before."""

import orjson
import pytest
from aiohttp import web
from sqlalchemy import select

from gateway.inbox import NewPayload, kept_of
from gateway.own_codes import OwnCodes
from gateway.replay import replay
from gateway.tables import Tables

TOKEN = "a word between us"
OUT = {"code": "V4", "status": "out_for_delivery", "substatus": "on_route"}
IN_VAN = {"code": "V4", "text": "Im Wagen"}


def demo_push(number, *codes):
    scans = [
        {"id": code, "at": f"2026-11-03T{9 + hour:02}:00:00+01:00", "code": code} for hour, code in enumerate(codes)
    ]
    return orjson.dumps({"parcels": [{"number": number, "scans": scans}]})


@pytest.fixture
async def heard(house):
    """What an endpoint of the merchant's is sent: (type, status, substatus) each."""
    got = []

    async def take(request):
        told = orjson.loads(await request.read())
        state = told["data"]["shipment"]
        got.append((told["type"], state["status"], state["substatus"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    assert (await house.call("POST", "/v1/endpoints", {"url": url})).status == 201
    yield got
    await runner.cleanup()


async def account(house, key=""):
    wish = {"carrier": "generic", "secrets": {"token": TOKEN}}
    made = await house.call("POST", "/v1/accounts", wish, key=key)
    assert made.status == 201, made.body
    return made.json["id"]


async def push(house, account_id, number, *events):
    """Let a carrier without a connector tell: an hour for each event."""
    told = [{"at": f"2026-11-05T{8 + hour:02}:00:00Z"} | event for hour, event in enumerate(events)]
    body = {"shipments": [{"number": number, "events": told}]}
    path = f"/carriers/generic/push/{account_id}"
    answer = await house.call("POST", path, body, key=None, headers={"X-Gateway-Token": TOKEN})
    assert answer.status == 200, answer.body
    await house.read_all()


async def name(house, account_id, *rows, key=""):
    return await house.call("PUT", f"/v1/accounts/{account_id}/codes", {"codes": list(rows)}, key=key)


async def codes_of(house, account_id, key=""):
    return await house.call("GET", f"/v1/accounts/{account_id}/codes", key=key)


async def read_again(house):
    async for _, _, entries in replay(house.gateway.store, carrier="generic"):
        house.gateway.tell(entries)


async def shipment(house, number="KF-1", key=""):
    (found,) = (await house.call("GET", f"/v1/shipments?tracking_number={number}", key=key)).json["data"]
    return found


async def events(house, number="KF-1", key=""):
    shipment_id = (await shipment(house, number, key))["id"]
    return (await house.call("GET", f"/v1/shipments/{shipment_id}/events", key=key)).json["data"]


async def test_a_code_named_and_a_replay_tell_the_status_once(house, heard):
    account_id = await account(house)
    await push(house, account_id, "KF-1", IN_VAN, IN_VAN)
    before = (await codes_of(house, account_id)).json
    assert before["data"] == []
    (unlisted,) = before["unlisted"]
    assert unlisted.pop("last_at").endswith("Z")
    assert unlisted == {"code": "V4", "count": 2, "example": "Im Wagen"}
    assert (await shipment(house))["status"] == "pending"

    answer = await name(house, account_id, OUT | {"note": "in the van"})
    assert answer.status == 200, answer.body
    assert answer.json == {"data": [OUT | {"moves": "tells", "note": "in the van"}], "unlisted": []}
    assert (await codes_of(house, account_id)).json == answer.json
    assert (await shipment(house))["status"] == "pending"

    await read_again(house)
    assert (await shipment(house))["status"] == "out_for_delivery"
    kept = await events(house)
    assert [(one["status"], one["code"], one["basis"]) for one in kept] == [("out_for_delivery", "V4", "code")] * 2
    await read_again(house)
    await push(house, account_id, "KF-1", IN_VAN, IN_VAN)
    await push(house, account_id, "KF-1", IN_VAN, IN_VAN, {"status": "delivered"})
    await house.until(lambda: "shipment.delivered" in [type_ for type_, _, _ in heard])
    assert heard == [
        ("shipment.out_for_delivery", "out_for_delivery", "on_route"),
        ("shipment.delivered", "delivered", "other"),
    ]


async def test_what_is_pushed_after_a_code_was_named_or_renamed_has_its_meaning_at_once(house):
    account_id = await account(house)
    await push(house, account_id, "KF-1", {"code": "V4"})
    await name(house, account_id, OUT)
    await push(house, account_id, "KF-2", {"code": "V4"})
    await name(house, account_id, {"code": "V4", "status": "in_transit", "substatus": "other"})
    await push(house, account_id, "KF-3", {"code": "V4"})
    await name(house, account_id)
    await push(house, account_id, "KF-4", {"code": "V4"})
    states = [(await shipment(house, f"KF-{number}"))["status"] for number in (1, 2, 3, 4)]
    assert states == ["pending", "out_for_delivery", "in_transit", "pending"]


async def test_an_own_row_comes_before_the_carriers_table_and_before_a_status_sent_along(house):
    account_id = await account(house)
    await push(house, account_id, "KF-1", {"status": "in_transit", "code": "V4"})
    assert (await shipment(house))["status"] == "in_transit"
    await name(house, account_id, OUT)
    await read_again(house)
    assert (await shipment(house))["status"] == "out_for_delivery"
    (event,) = await events(house)
    assert (event["code"], event["codes"]) == ("V4", ["status/in_transit/other", "V4"])


async def test_a_code_that_only_informs_leaves_the_status_alone(house):
    account_id = await account(house)
    await name(house, account_id, OUT | {"moves": "informs"})
    await push(house, account_id, "KF-1", {"status": "in_transit"}, {"code": "V4"})
    assert (await shipment(house))["status"] == "in_transit"
    assert {one["status"] for one in await events(house)} == {"in_transit", "out_for_delivery"}


async def test_rows_taken_away_and_a_replay_leave_the_code_without_a_meaning_again(house):
    account_id = await account(house)
    await name(house, account_id, OUT)
    await push(house, account_id, "KF-1", {"code": "V4"})
    assert (await shipment(house))["status"] == "out_for_delivery"
    assert (await name(house, account_id)).json["data"] == []
    await read_again(house)
    (event,) = await events(house)
    assert (event["status"], event["substatus"], event["basis"]) == ("unknown", "unlisted_code", "none")


@pytest.mark.parametrize("named", [True, False])
async def test_a_polled_answer_is_read_with_its_accounts_own_codes_too(house, named):
    account_id = await house.demo_account()
    await house.shipment("DEMO100200302")
    if named:
        await name(house, account_id, OUT)
    polled = NewPayload(
        merchant_id=house.merchant_id,
        carrier="demo",
        account_id=account_id,
        source="poll",
        received_at=1_793_700_000_000,
        body=demo_push("DEMO100200302", "PICKED_UP", "V4"),
        numbers=("DEMO100200302",),
    )
    await house.gateway.inbox.keep(polled)
    await house.read_all()
    status = (await shipment(house, "DEMO100200302"))["status"]
    assert status == ("out_for_delivery" if named else "in_transit")


async def test_another_account_of_the_same_merchant_keeps_its_own_meaning(house):
    first, second = await account(house), await account(house)
    await name(house, first, OUT)
    await push(house, second, "KF-1", {"code": "V4"})
    assert (await shipment(house))["status"] == "pending"
    assert (await codes_of(house, second)).json["data"] == []
    assert [one["code"] for one in (await codes_of(house, second)).json["unlisted"]] == ["V4"]


async def test_another_merchant_neither_sees_nor_sets_nor_gets_these_codes(house):
    account_id = await account(house)
    await name(house, account_id, OUT)
    await push(house, account_id, "KF-1", {"code": "Z9", "text": "nur bei uns"})
    _, stranger = await house.merchant()
    theirs = await account(house, key=stranger)
    assert (await codes_of(house, account_id, key=stranger)).status == 404
    assert (await name(house, account_id, key=stranger)).status == 404
    assert (await codes_of(house, theirs, key=stranger)).json == {"data": [], "unlisted": []}
    await push(house, theirs, "KF-1", {"code": "V4"})
    await read_again(house)
    assert (await shipment(house, key=stranger))["status"] == "pending"
    assert [one["code"] for one in (await codes_of(house, account_id)).json["data"]] == ["V4"]
    assert [one["code"] for one in (await codes_of(house, account_id)).json["unlisted"]] == ["Z9"]


async def test_support_reads_and_only_the_merchant_writes(house):
    account_id = await account(house)
    support = await house.key_of("support")
    assert (await codes_of(house, account_id, key=support)).status == 200
    assert (await name(house, account_id, OUT, key=support)).status == 403
    for role in ("storefront", "operator"):
        headers = {"Origin": "https://shop.example"}
        path = f"/v1/accounts/{account_id}/codes"
        assert (await house.call("GET", path, key=await house.key_of(role), headers=headers)).status == 403
    assert (await codes_of(house, account_id)).json["data"] == []


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ({"code": "Q", "status": "teleported", "substatus": "other"}, "/codes/1/status"),
        ({"code": "Q", "status": "delivered", "substatus": "on_route"}, "/codes/1/substatus"),
        (OUT | {"code": "Q", "moves": "shouts"}, "/codes/1/moves"),
        (OUT | {"code": ""}, "/codes/1/code"),
        (OUT | {"code": "Q\u0000"}, "/codes/1/code"),
        (OUT | {"code": "Q", "note": "n" * 201}, "/codes/1/note"),
        ({"code": "Q", "status": "delivered"}, "/codes/1/substatus"),
        (OUT | {"code": "Q", "colour": "red"}, "/codes/1/colour"),
        (OUT, "/codes/1/code"),
    ],
)
async def test_a_wrong_row_is_named_with_its_field_and_changes_nothing(house, row, pointer):
    account_id = await account(house)
    await name(house, account_id, {"code": "OLD", "status": "delivered", "substatus": "other"})
    answer = await name(house, account_id, OUT, row)
    assert (answer.status, answer.json["type"]) == (422, "/problems/validation")
    assert answer.pointers == [pointer]
    assert [one["code"] for one in (await codes_of(house, account_id)).json["data"]] == ["OLD"]


async def test_two_thousand_rows_are_taken_and_one_more_is_not(house):
    account_id = await account(house)
    rows = [OUT | {"code": f"C{index:04}"} for index in range(2_001)]
    answer = await name(house, account_id, *rows)
    assert (answer.status, answer.pointers) == (422, ["/codes"])
    answer = await name(house, account_id, *rows[:-1])
    assert [one["code"] for one in answer.json["data"]] == [row["code"] for row in rows[:-1]]


async def test_a_deleted_accounts_codes_cannot_be_seen_but_still_explain_what_it_brought(house):
    account_id = await account(house)
    await name(house, account_id, OUT)
    await push(house, account_id, "KF-1", {"code": "V4"})
    assert (await house.call("DELETE", f"/v1/accounts/{account_id}")).status == 204
    assert (await codes_of(house, account_id)).status == 404
    assert (await name(house, account_id)).status == 404
    await read_again(house)
    assert (await shipment(house))["status"] == "out_for_delivery"


async def test_what_another_process_changed_is_seen_within_seconds_and_reading_costs_little(house):
    """One process answers the API, another reads: it looks at the rows' time, and rests where there are none."""
    now = 1_000.0
    account_id = await account(house)
    await push(house, account_id, "KF-1", {"code": "V4"})
    batch = await house.gateway.store.read(all_kept)
    key = (house.merchant_id, account_id)
    asked = []

    class Watched:
        async def read(self, work):
            asked.append(work)
            return await house.gateway.store.read(work)

    reader = OwnCodes(Watched(), lambda: now)
    assert [await reader.of(batch), await reader.of(batch), len(asked)] == [{}, {}, 1]
    await name(house, account_id, OUT)
    assert await reader.of(batch) == {}
    now += 2
    first = await reader.of(batch)
    assert [(code, one.status, one.substatus) for code, one in first[key].items()] == [
        ("V4", "out_for_delivery", "on_route")
    ]
    assert (await reader.of(batch) == first, len(asked)) == (True, 3)
    now += 2
    assert (await reader.of(batch))[key] is first[key]
    await name(house, account_id, OUT | {"code": "V5"})
    now += 2
    assert list((await reader.of(batch))[key]) == ["V5"]
    await name(house, account_id)
    now += 2
    assert await reader.of(batch) == {}


def all_kept(conn):
    return [kept_of(row) for row in conn.execute(select(Tables.payload)).mappings()]

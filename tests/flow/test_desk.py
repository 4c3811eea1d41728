"""The desk: queues that count, work that is taken once, notes only the desk reads, bytes as the carrier sent them."""

import pytest
from flow.test_api_stream import listening
from flow.test_console_doors import as_person, person
from plans import plan_of

from gateway.api import desk as desk_calls
from gateway.desk import work as desk
from gateway.desk.tables import DeskTables
from gateway.tables import Tables

pytestmark = pytest.mark.both_databases

DAY = 86_400_000


@pytest.fixture
async def troubled(house):
    """Two parcels that stalled, one of them also misses its promise."""
    ids = [await house.shipment(number) for number in ("DEMO100200302", "DEMO100200351")]
    rows = [(ids[0], "stalled", 5), (ids[1], "stalled", 3), (ids[1], "promise_missed", 4)]

    def work(conn):
        for id_, kind, since in rows:
            row = {"merchant_id": house.merchant_id, "shipment_id": id_, "kind": kind, "since": since * DAY}
            conn.execute(Tables.trouble.insert().values(**row))

    await house.gateway.store.write(work)
    return ids


async def counts(house):
    told = (await house.call("GET", "/v1/desk/queues")).json["counts"]
    return {queue: count for queue, count in told.items() if count}


async def work(house, query, key=""):
    page = (await house.call("GET", f"/v1/desk/work?{query}", key=key)).json
    return [one["shipment"]["tracking_number"] for one in page["data"]], page["next_cursor"]


async def test_queues_count_and_list_what_waits_longest_first(house, troubled):
    assert await counts(house) == {"stalled": 2, "promise_missed": 1}
    assert await work(house, "queue=stalled") == (["DEMO100200351", "DEMO100200302"], None)
    first, cursor = await work(house, "queue=stalled&limit=1")
    assert first == ["DEMO100200351"]
    assert await work(house, f"queue=stalled&limit=1&cursor={cursor}") == (["DEMO100200302"], None)
    assert await work(house, "queue=stalled&carrier=ups") == ([], None)
    assert (await house.call("GET", "/v1/desk/work?queue=lunch")).pointers == ["?queue"]
    assert (await house.call("GET", "/v1/desk/work?queue=stalled&cursor=x")).pointers == ["?cursor"]


async def test_what_sleeps_is_out_of_the_queues_until_it_wakes(house, troubled):
    path = f"/v1/shipments/{troubled[0]}/handling"
    asleep = await house.call("PUT", path, {"snoozed_until": "2199-01-01T00:00:00Z"})
    assert asleep.json["snoozed_until"] == "2199-01-01T00:00:00Z"
    assert await counts(house) == {"stalled": 1, "promise_missed": 1, "snoozed": 1}
    assert (await work(house, "queue=snoozed"))[0] == ["DEMO100200302"]
    assert (await house.call("PUT", path, {"awake": True})).json["version"] == 2
    assert await counts(house) == {"stalled": 2, "promise_missed": 1}


async def test_two_agents_cannot_take_the_same_work_unseen(house, troubled):
    ana = await person(house)
    bo = await person(house, "bo@shop.example", "support", "Bo")
    path = f"/v1/shipments/{troubled[0]}/handling"
    taken = await as_person(house, ana, "PUT", path, {"assignee": "me", "version": 0})
    assert (taken.status, taken.json["version"]) == (200, 1)
    late = await as_person(house, bo, "PUT", path, {"assignee": "me", "version": 0})
    assert (late.status, late.json["type"]) == (409, "/problems/conflict")
    assert late.json["handling"] == taken.json
    assert (await as_person(house, bo, "PUT", path, {"assignee": "me", "version": 1})).json["version"] == 2
    mine = (await as_person(house, bo, "GET", "/v1/desk/work?queue=mine")).json["data"]
    assert [one["shipment"]["id"] for one in mine] == [troubled[0]]
    assert (await as_person(house, ana, "GET", "/v1/desk/queues")).json["counts"]["mine"] == 0
    free = (await as_person(house, ana, "GET", "/v1/desk/work?queue=stalled&assignee=none")).json["data"]
    assert [one["shipment"]["id"] for one in free] == [troubled[1]]


async def test_many_are_handled_at_once_and_a_stranger_harms_none(house, troubled):
    cookie = await person(house)
    done = await as_person(
        house, cookie, "POST", "/v1/desk/handling", {"shipment_ids": [*troubled, "shp_nobody"], "assignee": "me"}
    )
    assert [("handling" in one, "problem" in one) for one in done.json["data"]] == [
        (True, False),
        (True, False),
        (False, True),
    ]
    assert (await as_person(house, cookie, "GET", "/v1/desk/queues")).json["counts"]["mine"] == 2


async def test_many_leave_alone_what_somebody_else_changed_meanwhile(house, troubled):
    ana = await person(house)
    bo = await person(house, "bo@shop.example", "support", "Bo")
    await as_person(house, bo, "PUT", f"/v1/shipments/{troubled[0]}/handling", {"assignee": "me"})
    wish = {"shipment_ids": troubled, "assignee": "me", "versions": dict.fromkeys(troubled, 0)}
    late, taken = (await as_person(house, ana, "POST", "/v1/desk/handling", wish)).json["data"]
    assert (late["problem"]["type"], late["handling"]["version"]) == ("/problems/conflict", 1)
    assert taken["handling"]["version"] == 1
    assert (await as_person(house, bo, "GET", "/v1/desk/queues")).json["counts"]["mine"] == 1
    wish = {"shipment_ids": troubled, "assignee": "none", "version": 1}
    assert (await as_person(house, ana, "POST", "/v1/desk/handling", wish)).pointers == ["/version"]


async def test_colleagues_hear_of_it_at_once_and_merchants_systems_do_not(house, troubled):
    cookie = await person(house)
    async with listening(house, "?types=*") as systems, listening(house, "?types=*", cookie=cookie) as console:
        path = f"/v1/shipments/{troubled[0]}"
        await house.call("PUT", f"{path}/handling", {"snoozed_until": "2199-01-01T00:00:00Z"})
        heard = await console.block()
        assert heard == {"event": "desk.changed", "data": f'{{"shipment_ids":["{troubled[0]}"]}}'}
        await house.call("POST", f"{path}/notes", {"text": "She called"})
        assert (await console.block())["event"] == "desk.changed"
        await house.call("POST", f"{path}/events", {"status": "in_transit", "at": "2026-11-20T08:00:00Z"})
        assert (await systems.event())[1].startswith("shipment.")


@pytest.mark.parametrize(
    ("wish", "pointer"),
    [
        ({}, ""),
        ({"assignee": "per_nobody"}, "/assignee"),
        ({"assignee": "me"}, "/assignee"),
        ({"snoozed_until": "soon"}, "/snoozed_until"),
    ],
)
async def test_what_cannot_be_changed_names_its_field(house, troubled, wish, pointer):
    refused = await house.call("PUT", f"/v1/shipments/{troubled[0]}/handling", wish)
    assert (refused.status, refused.pointers) == (422, [pointer])


async def test_a_long_queue_is_taken_away_whole(house, troubled, monkeypatch):
    monkeypatch.setattr(desk_calls, "_AT_ONCE", 1)
    table = await house.call("GET", "/v1/desk/work?queue=stalled&format=csv")
    assert [line.split(",")[1] for line in table.body.decode().splitlines()[1:]] == ["DEMO100200351", "DEMO100200302"]
    assert (await house.call("GET", "/v1/desk/work?queue=stalled&format=csv&cursor=x")).pointers == ["?cursor"]


async def test_the_queue_can_be_taken_away_as_a_table_that_is_no_formula(house, troubled):
    await house.call("PATCH", f"/v1/shipments/{troubled[0]}", {"order_number": "=1+1"})
    table = await house.call("GET", "/v1/desk/work?queue=stalled&format=csv")
    assert table.headers["Content-Type"].startswith("text/csv")
    lines = table.body.decode().splitlines()
    assert lines[0].startswith("since,tracking_number,carrier")
    assert [line.split(",")[1] for line in lines[1:]] == ["DEMO100200351", "DEMO100200302"]
    assert "'=1+1" in lines[2]


async def test_notes_are_the_desks_and_sealed(house, troubled):
    cookie = await person(house)
    path = f"/v1/shipments/{troubled[0]}/notes"
    made = await as_person(house, cookie, "POST", path, {"text": "Called Ana, she waits at home"})
    assert (made.status, made.json["person"]) == (201, "Ana")
    assert [one["text"] for one in (await house.call("GET", path)).json["data"]] == ["Called Ana, she waits at home"]
    rows = await house.gateway.store.read(lambda conn: conn.execute(DeskTables.note.select()).all())
    assert b"waits" not in repr(rows).encode()
    assert "Called" not in (await house.call("GET", f"/v1/shipments/{troubled[0]}")).body.decode()
    assert (await house.call("POST", path, {"text": " "})).pointers == ["/text"]


async def test_the_carriers_bytes_stand_behind_each_event(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    (event,) = (await house.call("GET", f"/v1/shipments/{shipment_id}/events")).json["data"]
    kept = (await house.call("GET", f"/v1/payloads/{event['payload_id']}")).json
    assert (kept["carrier"], kept["source"], kept["state"]) == ("demo", "push", "read")
    assert "PICKED_UP" in kept["body"]
    assert "word-of-the-merchant" not in repr(kept)


async def test_saved_lists_are_ones_own(house):
    ana, bo = await person(house), await person(house, "bo@shop.example", "support", "Bo")
    made = await as_person(
        house, ana, "POST", "/v1/desk/filters", {"name": "Stuck at UPS", "query": "queue=stalled&carrier=ups"}
    )
    assert (await as_person(house, ana, "GET", "/v1/desk/filters")).json["data"] == [made.json]
    assert (await as_person(house, bo, "GET", "/v1/desk/filters")).json["data"] == []
    assert (await as_person(house, bo, "DELETE", f"/v1/desk/filters/{made.json['id']}")).status == 404
    assert (await as_person(house, ana, "DELETE", f"/v1/desk/filters/{made.json['id']}")).status == 204


async def test_operators_see_how_connectors_fare_and_nobodys_data(house):
    account_id = await house.demo_account()
    await house.shipment(recipient={"name": "Ana Prado"})
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    await house.push(account_id, b"{}")
    await house.read_all()
    told = await house.call("GET", "/v1/health/connectors", key=await house.key_of("operator"))
    (demo,) = told.json["data"]
    assert (demo["carrier"], demo["accounts_active"], demo["payloads_today"], demo["unreadable_today"]) == (
        "demo",
        1,
        2,
        1,
    )
    assert demo["pushed_at"] is not None
    assert "Prado" not in told.body.decode()
    assert "DEMO1002" not in told.body.decode()


async def test_merchants_see_how_their_own_connectors_fare_and_nobody_elses(house):
    account_id = await house.demo_account()
    await house.shipment()
    await house.tell(account_id, "DEMO100200302", "PICKED_UP")
    _, others = await house.merchant()
    assert (await house.call("GET", "/v1/health/connectors", key=others)).json["data"] == []
    (demo,) = (await house.call("GET", "/v1/health/connectors")).json["data"]
    assert (demo["accounts_active"], demo["shipments"], demo["payloads_today"]) == (1, 1, 1)


async def test_a_resting_account_and_a_used_limit_are_seen(house):
    access = house.gateway.carriers
    account_id = await house.demo_account()
    await house.call("PATCH", f"/v1/accounts/{account_id}", {"limits": {"per_second": 5, "per_day": 4}})
    opened = await access.opened(house.merchant_id, "demo", account_id)
    await opened.client._limiter.wait()
    for _ in range(5):
        opened.client._breaker.failed()
    for key in ("", await house.key_of("operator")):
        (demo,) = (await house.call("GET", "/v1/health/connectors", key=key)).json["data"]
        assert (demo["breakers_open"], demo["limit_used"]) == (1, 0.25)
    assert access.resting("mer_x") == {}


@pytest.mark.sqlite_only
async def test_the_queues_are_counted_and_listed_by_index(house, troubled):
    stalled = desk.Work(queue="stalled", person_id="per_1")

    def look(conn):
        counted = plan_of(conn, lambda: desk.counts(conn, house.merchant_id, "per_1", DAY))
        listed = plan_of(conn, lambda: desk.page(conn, house.merchant_id, stalled, after=None, limit=50, now=DAY))
        return counted.steps + listed.steps

    steps = await house.gateway.store.read(look)
    assert any("shipment_trouble_kind" in step for step in steps), steps
    assert [step for step in steps if step.startswith("SCAN")] == []

"""Trouble finds us: told once, shown with its since-when, found by kind, and over when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flow.conftest import demo_push
from sqlalchemy import select

from gateway import watching
from gateway.clock import now_ms
from gateway.tables import Tables

pytestmark = pytest.mark.both_databases

DAY = 86_400_000
SETTLED = 0.001
"""Somewhat more than a minute, in days."""


async def told(house):
    messages = (await house.call("GET", "/v1/messages?limit=200")).json["data"]
    kinds = (
        "carrier_exception",
        "stalled",
        "not_handed_over",
        "customs_stuck",
        "attempts_failed",
        "promise_",
        "not_understood",
        "lost",
        "damaged",
    )
    return [one["type"] for one in reversed(messages) if one["type"].removeprefix("shipment.").startswith(kinds)]


async def found(house, query):
    return [one["id"] for one in (await house.call("GET", f"/v1/shipments?{query}")).json["data"]]


async def look(house, *, days=0.0):
    """Look as if so many days had passed."""
    now = now_ms() + int(days * DAY)
    looked, entries = await house.gateway.store.write(lambda conn: watching.look(conn, now))
    house.gateway.tell(entries)
    return looked


async def scan(house, account_id, *codes, hours_ago=0.0, number="DEMO100200302"):
    start = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat(timespec="seconds")
    assert (await house.push(account_id, demo_push(number, *codes, start=start))).status == 200
    await house.read_all()


async def kinds(house, shipment_id):
    return [one["kind"] for one in (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["trouble"]]


async def test_a_silent_parcel_is_stalled_once_and_until_it_moves(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await scan(house, account_id, "PICKED_UP", hours_ago=3)
    assert await look(house) == 0
    assert await kinds(house, shipment_id) == []
    assert await look(house, days=4) == 1
    assert await kinds(house, shipment_id) == ["stalled"]
    assert await look(house, days=5) == 0
    assert await found(house, "trouble=stalled") == await found(house, "trouble=any") == [shipment_id]
    assert await found(house, "stalled=true") == [shipment_id]
    assert await found(house, "trouble=customs_stuck,promise_missed") == []
    await scan(house, account_id, "OUT", hours_ago=1)
    assert await kinds(house, shipment_id) == []
    assert await found(house, "trouble=any") == []
    assert await found(house, "stalled=false") == [shipment_id]
    assert await told(house) == ["shipment.stalled"]
    message = (await house.call("GET", "/v1/messages?type=shipment.stalled")).json["data"][0]
    body = (await house.call("GET", f"/v1/messages/{message['id']}")).json["body"]
    assert [one["kind"] for one in body["data"]["shipment"]["trouble"]] == ["stalled"]


async def test_what_is_in_trouble_already_when_it_is_read_is_told_once_its_history_is_there(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await scan(house, account_id, "PICKED_UP", hours_ago=100)
    assert await told(house) == []
    assert await kinds(house, shipment_id) == ["stalled"]
    assert await look(house) == 0
    assert await look(house, days=SETTLED) == 1
    assert await told(house) == ["shipment.stalled"]
    since = (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["trouble"][0]["since"]
    assert timedelta(hours=27) < datetime.now(UTC) - datetime.fromisoformat(since) < timedelta(hours=29)
    await scan(house, account_id, "DEPOT", hours_ago=90)
    await look(house, days=1)
    assert await told(house) == ["shipment.stalled"]
    assert await kinds(house, shipment_id) == ["stalled"]


async def test_a_label_nobody_hands_over_is_found_by_time_alone(house):
    shipment_id = await house.shipment()
    assert await look(house, days=2) == 0
    assert await look(house, days=3.1) == 1
    assert await kinds(house, shipment_id) == ["not_handed_over"]
    assert await found(house, "stalled=true") == [shipment_id]
    assert await told(house) == ["shipment.not_handed_over"]


async def test_a_promise_given_later_is_watched_and_one_moved_is_kept(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await scan(house, account_id, "PICKED_UP")
    yesterday = {"to": (datetime.now(UTC) - timedelta(days=1)).isoformat()}
    tomorrow = {"to": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
    await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"promised": yesterday})
    await look(house)
    assert await kinds(house, shipment_id) == ["promise_missed"]
    await house.call("PATCH", f"/v1/shipments/{shipment_id}", {"promised": tomorrow})
    await look(house)
    assert await kinds(house, shipment_id) == []
    await look(house, days=1.1)
    assert await told(house) == ["shipment.promise_missed", "shipment.promise_missed"]


async def test_a_parcel_that_is_stopped_or_delivered_is_in_no_trouble(house):
    account_id = await house.demo_account()
    one, two = await house.shipment(), await house.shipment("DEMO770044006")
    await scan(house, account_id, "PICKED_UP", hours_ago=100)
    await scan(house, account_id, "PICKED_UP", hours_ago=100, number="DEMO770044006")
    await look(house, days=SETTLED)
    assert sorted(await found(house, "trouble=stalled")) == sorted([one, two])
    await house.call("DELETE", f"/v1/shipments/{one}")
    await look(house)
    assert await found(house, "trouble=stalled") == [two]
    await scan(house, account_id, "DELIVERED", number="DEMO770044006")
    assert await found(house, "trouble=any") == []
    rows = await house.gateway.store.read(lambda conn: conn.execute(select(Tables.trouble)).all())
    assert rows == []


async def test_a_code_without_a_row_as_the_last_word_is_told(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await scan(house, account_id, "PICKED_UP", "STRANGE-CODE", hours_ago=3)
    await look(house, days=SETTLED)
    assert await kinds(house, shipment_id) == ["not_understood"]
    await scan(house, account_id, "OUT")
    assert await kinds(house, shipment_id) == []
    assert await told(house) == ["shipment.not_understood"]


async def test_a_lost_and_a_damaged_parcel_and_any_other_exception_are_found_at_once_and_told_by_their_name(house):
    account_id = await house.demo_account()
    numbers = {"LOST": "DEMO100200302", "DAMAGED": "DEMO770044006", "REFUSED": "DEMO100200351"}
    ids = {code: await house.shipment(number) for code, number in numbers.items()}
    for code, number in numbers.items():
        await scan(house, account_id, "PICKED_UP", code, hours_ago=3, number=number)
    names = {"LOST": "lost", "DAMAGED": "damaged", "REFUSED": "carrier_exception"}
    for code, kind in names.items():
        assert await kinds(house, ids[code]) == [kind]
        assert await found(house, f"trouble={kind}") == [ids[code]]
        (waiting,) = (await house.call("GET", f"/v1/desk/work?queue={kind}")).json["data"]
        assert waiting["shipment"]["id"] == ids[code]
        assert waiting["since"] == waiting["shipment"]["status_since"]
    assert await told(house) == []
    await look(house, days=SETTLED)
    await look(house, days=SETTLED)
    assert sorted(await told(house)) == ["shipment.carrier_exception", "shipment.damaged", "shipment.lost"]
    counted = (await house.call("GET", "/v1/desk/queues")).json["counts"]
    assert {kind: counted[kind] for kind in names.values()} == dict.fromkeys(names.values(), 1)
    for number in numbers.values():
        await scan(house, account_id, "DEPOT", number=number)
    assert [await kinds(house, ids[code]) for code in names] == [[], ["damaged"], []]
    assert len(await told(house)) == 3


async def test_a_delay_is_trouble_only_once_it_lasts(house):
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    await scan(house, account_id, "WEATHER")
    await look(house, days=0.9)
    assert await kinds(house, shipment_id) == []
    await look(house, days=1.1)
    assert await kinds(house, shipment_id) == ["carrier_exception"]
    assert await told(house) == ["shipment.carrier_exception"]


async def test_another_merchant_s_trouble_is_nobody_else_s(house):
    account_id = await house.demo_account()
    await house.shipment()
    await scan(house, account_id, "PICKED_UP", hours_ago=100)
    await look(house, days=SETTLED)
    _, stranger = await house.merchant()
    assert (await house.call("GET", "/v1/shipments?trouble=any", key=stranger)).json["data"] == []


async def test_an_unknown_kind_of_trouble_is_named(house):
    answer = await house.call("GET", "/v1/shipments?trouble=sadness")
    assert (answer.status, answer.pointers[0][:8]) == (422, "?trouble")

"""Carriers are asked when it is time, within limits, and every answer leads to the right next step."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import orjson
import pytest
from flow.loopback import ACCOUNT, DAY, HOUR, MERCHANT, NUMBER, OTHERS, Carrier, House, open_house, soon
from sqlalchemy import select, update
from structlog.testing import capture_logs

from gateway import accounts, due, housekeeping, metrics, shipments
from gateway.carriers import CarrierAccess
from gateway.clock import now_ms
from gateway.history import event_bodies
from gateway.tables import Tables
from normalizer import render
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

pytestmark = pytest.mark.both_databases


@pytest.fixture
async def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def house(database: str, carrier: Carrier) -> AsyncIterator[House]:
    async with open_house(database, carrier) as made:
        yield made


async def test_a_due_shipment_is_asked_for_and_its_answer_goes_the_whole_way(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert carrier.asked == [NUMBER]
    assert (row["status"], row["poll_failures"], row["version"]) == ("in_transit", 0, 1)
    assert "shipment.in_transit" in house.told
    assert row["next_poll_at"] > now_ms() + HOUR
    await house.poll()
    assert carrier.asked == [NUMBER]


async def test_an_answer_equal_to_the_last_one_is_not_kept_twice(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.poll()
    await house.make_due()
    await house.poll()
    assert len(carrier.asked) == 2
    assert await house.payloads() == 1


async def test_shipments_of_one_account_share_a_call_up_to_the_carriers_batch(house: House, carrier: Carrier) -> None:
    numbers = [f"DEMO{number:09}" for number in range(45)]
    await house.register(*numbers)
    await house.poll()
    assert sorted(len(asked.split(",")) for asked in carrier.asked) == [5, 20, 20]
    assert sorted(",".join(carrier.asked).split(",")) == numbers


@pytest.mark.parametrize("how", ["404", "inside a 200"])
async def test_a_number_the_carrier_does_not_know_yet_is_asked_for_again_and_slower(
    house: House, carrier: Carrier, how: str
) -> None:
    if how == "404":
        carrier.status = 404
    else:
        carrier.unknown = [NUMBER]
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["status"], row["substatus"], row["not_found"]) == ("pending", "not_found", 1)
    assert soon(row["next_poll_at"], HOUR // 4)
    await house.make_due()
    await house.poll()
    row = await house.row()
    assert row["not_found"] == 2
    assert soon(row["next_poll_at"], HOUR // 2)
    assert house.told == []


async def test_a_carrier_that_says_when_is_asked_then(house: House, carrier: Carrier) -> None:
    carrier.status, carrier.headers = 429, {"Retry-After": "7200"}
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["status"], row["poll_failures"]) == ("pending", 1)
    assert soon(row["next_poll_at"], 2 * HOUR)


async def test_refused_credentials_stop_the_account_and_tell_its_owner_once(house: House, carrier: Carrier) -> None:
    carrier.status = 401
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    account = await house.store.read(lambda conn: conn.execute(select(Tables.account)).mappings().one())
    assert (account["state"], account["state_reason"]) == ("rejected", "the carrier answered 401")
    assert house.told == ["account.rejected"]
    asked = len(carrier.asked)
    await house.make_due()
    await house.poll()
    assert len(carrier.asked) == asked
    body = await house.store.read(lambda conn: conn.execute(select(WebhookTables.message.c.body)).scalar_one())
    assert b"key-of-the-merchant" not in body
    assert orjson.loads(body)["data"]["account"] == {"id": ACCOUNT, "carrier": "demo"}


async def test_a_refusal_of_old_credentials_does_not_stop_an_account_mended_meanwhile(
    house: House, carrier: Carrier
) -> None:
    async def mend() -> None:
        later = now_ms() + 1
        await house.store.write(lambda conn: accounts.change(conn, MERCHANT, ACCOUNT, later, label="mended"))

    carrier.status, carrier.while_asked = 401, mend
    await house.register(NUMBER)
    await house.poll()
    state = await house.store.read(lambda conn: conn.execute(select(Tables.account.c.state)).scalar_one())
    assert (state, house.told) == ("active", [])
    assert soon((await house.row())["next_poll_at"], HOUR // 60)


async def test_who_was_made_due_while_the_carrier_was_asked_is_asked_again(house: House, carrier: Carrier) -> None:
    carrier.status, carrier.while_asked = 401, house.make_due
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["next_poll_at"], row["poll_failures"]) == (1, 0)


async def test_what_the_wrong_carrier_does_not_know_is_not_said_of_the_right_one(
    house: House, carrier: Carrier
) -> None:
    async def correct() -> None:
        def work(conn: Connection) -> None:
            row = conn.execute(select(Tables.shipment)).mappings().one()
            shipments.start_afresh(conn, row, "dhl-unified", now_ms())

        await house.store.write(work)

    carrier.status, carrier.while_asked = 404, correct
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["carrier"], row["substatus"], row["not_found"]) == ("dhl-unified", "registered", 0)


async def test_one_poisoned_parcel_in_a_batch_costs_that_parcel_alone(house: House, carrier: Carrier) -> None:
    carrier.poisoned = {OTHERS[0]}
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    payload = await house.store.read(lambda conn: conn.execute(select(Tables.payload)).mappings().one())
    assert payload["state"] == "unreadable"
    s = Tables.shipment.c
    rows = await house.store.read(lambda conn: conn.execute(select(s.tracking_number, s.status)).all())
    assert dict(map(tuple, rows)) == {NUMBER: "in_transit", OTHERS[0]: "pending", OTHERS[1]: "in_transit"}


async def test_a_call_with_room_asks_along_for_those_who_are_due_soon(house: House, carrier: Carrier) -> None:
    soon_due, later, under_way, told_to_wait = "DEMO100200351", "DEMO000000001", "DEMO000000002", "DEMO000000003"
    await house.register(NUMBER, soon_due, later, under_way, told_to_wait)
    now = now_ms()
    times = {
        soon_due: now + HOUR // 4,
        later: now + HOUR,
        under_way: now + due.CLAIM_MS - 1000,
        told_to_wait: now + HOUR // 4,
    }

    def set_times(conn: Connection) -> None:
        s = Tables.shipment.c
        for number, at in times.items():
            failures = int(number == told_to_wait)
            statement = update(Tables.shipment).where(s.tracking_number == number)
            conn.execute(statement.values(next_poll_at=at, poll_failures=failures))

    await house.store.write(set_times)
    await house.poll()
    assert carrier.asked == [f"{NUMBER},{soon_due}"]


async def test_a_batch_refused_as_a_whole_is_asked_one_by_one(house: House, carrier: Carrier) -> None:
    carrier.spoils = {OTHERS[0]}
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    assert max(carrier.asked, key=len) == ",".join((NUMBER, *OTHERS))
    assert sorted(carrier.asked[1:]) == sorted((NUMBER, *OTHERS))
    s = Tables.shipment.c
    rows = await house.store.read(lambda conn: conn.execute(select(s.tracking_number, s.status, s.not_found)).all())
    found = {number: (status, not_found) for number, status, not_found in rows}
    assert found == {NUMBER: ("in_transit", 0), OTHERS[0]: ("pending", 1), OTHERS[1]: ("in_transit", 0)}


async def test_a_claim_lost_in_a_crash_is_due_again(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    carrier.status = 500
    await house.poller.tick()
    claimed = (await house.row())["next_poll_at"]
    assert claimed - now_ms() <= 300_000
    await house.poll()


async def test_a_shipment_without_an_account_is_not_asked_with_anybody_elses(house: House, carrier: Carrier) -> None:
    await house.register()
    now = now_ms()
    new = [shipments.NewShipment(carrier="demo", tracking_number=NUMBER, next_poll_at=now - 1)]
    await house.store.write(lambda conn: shipments.create(conn, MERCHANT, new, now))
    await house.poll()
    assert carrier.asked == []
    assert (await house.row())["poll_failures"] == 1


def today_utc() -> int:
    return now_ms() // DAY


async def usage(house: House) -> tuple[int | None, int | None]:
    a = Tables.account.c
    return await house.store.read(lambda conn: tuple(conn.execute(select(a.used_today, a.used_on)).one()))


async def test_an_accounts_own_limit_holds_for_all_its_shipments_together(house: House, carrier: Carrier) -> None:
    await house.add_account(per_day=2)
    await house.add(*[f"DEMO{number:09}" for number in range(45)])
    await house.poll()
    assert len(carrier.asked) == 2
    s = Tables.shipment.c
    left = await house.store.read(
        lambda conn: conn.execute(select(s.next_poll_at).where(s.poll_failures == 1)).scalars().all()
    )
    assert len(left) in (5, 20)
    assert all(soon(at, (today_utc() + 1) * DAY - now_ms()) for at in left)


async def test_what_was_asked_today_outlives_a_change_of_the_account_and_a_restart(
    house: House, carrier: Carrier
) -> None:
    await house.add_account(per_day=3)
    await house.add(NUMBER)
    for label in ("one", "two"):
        await house.make_due()
        await house.poll()
        changed = update(Tables.account).values(label=label, changed_at=Tables.account.c.changed_at + 1)
        await house.store.write(lambda conn, changed=changed: conn.execute(changed).rowcount)
    assert await usage(house) == (None, None)
    await house.access.note_usage()
    assert await usage(house) == (2, today_utc())
    again = CarrierAccess(house.store, house.vault, house.access._base_urls, house.tell)
    house.poller._access = again
    for _ in range(2):
        await house.make_due()
        await house.poll()
    assert len(carrier.asked) == 3
    await again.close()
    assert await usage(house) == (3, today_utc())


async def test_yesterdays_calls_do_not_count_today(house: House, carrier: Carrier) -> None:
    await house.add_account(per_day=1, used_today=1, used_on=today_utc() - 1)
    await house.add(NUMBER)
    await house.poll()
    assert carrier.asked == [NUMBER]


async def test_a_new_limit_holds_at_once_and_keeps_the_count(house: House, carrier: Carrier) -> None:
    await house.add_account(per_day=1)
    await house.add(NUMBER)
    for limit in (1, 1, 2, 2):
        changed = update(Tables.account).values(per_day=limit, changed_at=Tables.account.c.changed_at + 1)
        await house.store.write(lambda conn, changed=changed: conn.execute(changed).rowcount)
        await house.make_due()
        await house.poll()
    assert len(carrier.asked) == 2


async def test_one_accounts_trouble_is_not_anothers_and_is_said_once_at_both_ends(
    house: House, carrier: Carrier
) -> None:
    await house.add_account()
    await house.add_account("acc_2")
    await house.add(NUMBER)
    with capture_logs() as logs:
        carrier.status = 500
        gone = metrics.carriers_gone("demo")._value
        before = gone.get()
        for _ in range(7):
            await house.make_due()
            await house.poll()
        assert (len(carrier.asked), gone.get()) == (5, before + 1)
        carrier.status = 200
        await house.add(OTHERS[0], account_id="acc_2")
        await house.poll()
        assert carrier.asked[5:] == [OTHERS[0]]
        breaker = house.access._breakers[MERCHANT, "demo", ACCOUNT]
        breaker._open_until = 0.0  # its rest is over
        await house.make_due()
        await house.poll()
        assert (NUMBER in carrier.asked[6:], gone.get()) == (True, before)
    said = [line["event"] for line in logs]
    assert (said.count("carrier_gone"), said.count("carrier_back")) == (1, 1)


async def test_a_mountain_of_one_account_leaves_room_for_another(house: House) -> None:
    await house.add_account()
    await house.add_account("acc_2")
    await house.add(*[f"DEMO{number:09}" for number in range(700)])
    await house.add(*OTHERS, account_id="acc_2", next_poll_at=now_ms() - 1)

    def claims(conn: Connection) -> list[dict[str | None, int]]:
        counts = []
        busy: dict[tuple[str, str, str | None], int] = {}
        for _ in range(2):
            groups = due.claim(conn, now_ms(), 40, busy)
            counts.append(dict(Counter(group[0].account_id for group in groups)))
            busy = dict(Counter(group[0].account for group in groups))
        return counts

    assert await house.store.write(claims) == [{ACCOUNT: due.MOST_OF_AN_ACCOUNT, "acc_2": 1}, {}]


async def test_everything_due_is_asked_for_however_much_it_is(house: House, carrier: Carrier) -> None:
    await house.register(*[f"DEMO{number:09}" for number in range(700)])
    await house.poll()
    assert sorted(len(asked.split(",")) for asked in carrier.asked) == [20] * 35


async def test_on_the_promised_day_a_parcel_is_asked_for_more_often(house: House) -> None:
    promised = {"from": None, "to": render.millis_instant(now_ms() + HOUR)}
    await house.register(NUMBER, promised=promised)
    for _ in range(2):  # the second answer says nothing new
        await house.make_due()
        await house.poll()
        assert soon((await house.row())["next_poll_at"], HOUR // 2)


async def test_polls_keep_back_while_pushes_come_and_return_when_they_fall_silent(house: House) -> None:
    await house.register(NUMBER)
    await house.poll()
    for silent_for, wait in ((35 * HOUR, 12 * HOUR), (37 * HOUR, 2 * HOUR)):
        await house.set(pushed_at=now_ms() - silent_for, last_event_at=now_ms(), next_poll_at=1)
        await house.poll()
        assert soon((await house.row())["next_poll_at"], wait)


async def test_an_expired_parcel_is_asked_for_on_request_and_goes_on_with_the_first_news(
    house: House, carrier: Carrier
) -> None:
    await house.register(NUMBER)
    await house.poll()
    await house.set(updated_at=now_ms() - 46 * DAY)
    await house.store.write(lambda conn: housekeeping.expire(conn, now_ms() - 1000))
    row = await house.row()
    assert (row["status"], row["next_poll_at"]) == ("expired", None)
    await house.make_due()  # what a refresh does
    await house.poll()
    row = await house.row()
    assert (row["status"], row["next_poll_at"], len(carrier.asked)) == ("expired", None, 2)
    at = render.millis_instant(now_ms())
    carrier.scans = [*carrier.scans, {"id": "s2", "at": at, "code": "SORTED", "text": "Found again"}]
    await house.make_due()
    await house.poll()
    row = await house.row()
    assert row["status"] == "in_transit"
    assert soon(row["next_poll_at"], 2 * HOUR)


async def test_a_journey_that_ended_long_before_the_registration_is_an_earlier_parcels(
    house: House, carrier: Carrier
) -> None:
    def scan(days: float, code: str) -> dict[str, str]:
        at = render.millis_instant(now_ms() - int(days * DAY))
        return {"id": f"s{days}", "at": str(at), "code": code, "text": code}

    carrier.scans = [scan(95, "PICKED_UP"), scan(90, "DELIVERED")]
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["status"], row["last_event_at"], house.told) == ("pending", None, [])
    carrier.scans = [*carrier.scans, scan(1, "PICKED_UP")]
    await house.make_due()
    await house.poll()
    row = await house.row()
    assert (row["status"], house.told) == ("in_transit", ["shipment.event", "shipment.in_transit"])
    bodies = await house.store.read(lambda conn: event_bodies(conn, row))
    assert [orjson.loads(body)["earlier_parcel"] for body in bodies] == [True, True, False]


async def test_a_parcel_registered_late_with_its_ship_date_keeps_its_journey(house: House, carrier: Carrier) -> None:
    at = now_ms() - 90 * DAY
    carrier.scans = [{"id": "s1", "at": render.millis_instant(at), "code": "DELIVERED", "text": "Handed over"}]
    ship_date = str(render.millis_instant(at - DAY))[:10]
    await house.register(NUMBER, ship_date=ship_date)
    await house.poll()
    assert (await house.document())["status"] == "delivered"

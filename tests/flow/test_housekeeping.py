"""What time does by itself: old things go, silent shipments expire."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select, update

from gateway import housekeeping, shipments
from gateway.cadence import SILENCE_ENDS
from gateway.db import GroupStore, open_store
from gateway.inbox import Inbox, NewPayload
from gateway.settings import load
from gateway.tables import Tables
from webhooks import log, retention
from webhooks.log import Draft
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection, Table

pytestmark = pytest.mark.both_databases

NOW = 1_795_000_000_000
DAY = 86_400_000
SETTINGS = load(environment={})


@pytest.fixture
async def store(database: str) -> AsyncIterator[GroupStore]:
    store = open_store(database)
    store.start()
    yield store
    await store.close()


def count(table: Table):
    return lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one()


def drafts(at: int, *names: str) -> list[Draft]:
    return [
        Draft(id=name, type="shipment.event", shipment_id="shp_1", shipment_version=1, created_at=at, data=b"{}")
        for name in names
    ]


async def test_messages_go_with_their_attempts_and_the_log_goes_on_from_its_head(store: GroupStore) -> None:
    def fill(conn: Connection) -> None:
        log.append(conn, "mer_1", drafts(NOW - 100 * DAY, "a", "b", "c"))
        log.append(conn, "mer_1", drafts(NOW, "d"))
        log.append(conn, "mer_2", drafts(NOW, "e"))
        row = {"merchant_id": "mer_1", "endpoint_id": "end_1", "at": NOW, "number": 1, "outcome": "delivered", "ms": 1}
        attempts = [row | {"sequence": one, "response": ""} for one in (1, 2, 3, 4)]
        conn.execute(WebhookTables.attempt.insert(), attempts)

    await store.write(fill)
    await housekeeping.drop_old(store, SETTINGS, NOW)
    m = WebhookTables.message.c
    left = await store.read(lambda conn: conn.execute(select(m.merchant_id, m.sequence).order_by(m.merchant_id)).all())
    assert [tuple(one) for one in left] == [("mer_1", 4), ("mer_2", 1)]
    assert await store.read(count(WebhookTables.attempt)) == 1
    appended = await store.write(lambda conn: log.append(conn, "mer_1", drafts(NOW, "f")))
    assert appended[0].sequence == 5


async def test_a_long_log_is_dropped_in_pieces(store: GroupStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE", 2)
    await store.write(lambda conn: log.append(conn, "mer_1", drafts(NOW - 100 * DAY, *"abcde")))
    await store.write(lambda conn: log.append(conn, "mer_1", drafts(NOW, "f")))
    more = [await store.write(lambda conn: retention.drop_before(conn, "mer_1", NOW - DAY)) for _ in range(4)]
    assert more == [True, True, False, False]
    assert await store.read(count(WebhookTables.message)) == 1


async def test_where_couriers_were_is_told_for_a_day_and_the_rest_of_the_log_stays(store: GroupStore) -> None:
    def places(at: int, *names: str) -> list[Draft]:
        return [replace(draft, type="courier.position") for draft in drafts(at, *names)]

    def fill(conn: Connection) -> None:
        log.append(conn, "mer_1", [*drafts(NOW - 30 * 3_600_000, "a"), *places(NOW - 30 * 3_600_000, *"bcdefgh")])
        log.append(conn, "mer_1", [*drafts(NOW - 25 * 3_600_000, "i"), *places(NOW - 3_600_000, "j")])
        log.append(conn, "mer_1", drafts(NOW, "k"))

    await store.write(fill)
    await housekeeping.drop_old(store, SETTINGS, NOW)
    await housekeeping.drop_old(store, SETTINGS, NOW)
    m = WebhookTables.message.c
    left = await store.read(lambda conn: conn.execute(select(m.id).order_by(m.sequence)).scalars().all())
    assert list(left) == ["a", "i", "j", "k"]

    def found(conn: Connection) -> list[int]:
        ages = (40, 26, 24, 0.5, -1)
        return [log.sequence_at(conn, "mer_1", NOW - int(hours * 3_600_000)) for hours in ages]

    assert [await store.read(found)] == [[0, 1, 9, 10, 11]]


async def test_old_payloads_go_but_never_one_nobody_has_read(store: GroupStore) -> None:
    inbox = Inbox(store, lambda _kept: None, 100)
    old = NOW - 200 * DAY
    ids = [
        await inbox.keep(
            NewPayload(merchant_id="m", carrier="demo", account_id=None, source="push", received_at=at, body=b"{}")
        )
        for at in (old, old, NOW)
    ]
    p = Tables.payload.c
    await store.write(
        lambda conn: conn.execute(update(Tables.payload).where(p.id != ids[0]).values(state="read")).rowcount
    )
    await housekeeping.drop_old(store, SETTINGS, NOW)
    left = await store.read(lambda conn: conn.execute(select(p.id).order_by(p.id)).scalars().all())
    assert list(left) == [ids[0], ids[2]]


async def test_a_silent_shipment_expires_once_and_its_merchant_is_told(store: GroupStore) -> None:
    silent = NOW - SILENCE_ENDS - DAY
    new = [shipments.NewShipment(carrier="demo", tracking_number=name, next_poll_at=NOW) for name in ("A", "B")]
    await store.write(lambda conn: shipments.create(conn, "mer_1", new, silent))
    s = Tables.shipment.c
    young = update(Tables.shipment).where(s.tracking_number == "B").values(updated_at=NOW - DAY)
    await store.write(lambda conn: conn.execute(young).rowcount)
    told = await store.write(lambda conn: housekeeping.expire(conn, NOW))
    assert [entry.type for entry in told["mer_1"]] == ["shipment.event", "shipment.expired"]
    rows = await store.read(
        lambda conn: conn.execute(select(s.tracking_number, s.status, s.substatus, s.next_poll_at)).all()
    )
    assert sorted(map(tuple, rows)) == [("A", "expired", "no_scan", None), ("B", "pending", "registered", NOW)]
    assert await store.write(lambda conn: housekeeping.expire(conn, NOW + DAY)) == {}


async def test_a_number_no_carrier_ever_knew_expires_when_nobody_asks_for_it_any_more(store: GroupStore) -> None:
    new = [shipments.NewShipment(carrier="demo", tracking_number=name) for name in ("A", "B", "C")]
    await store.write(lambda conn: shipments.create(conn, "mer_1", new, NOW - SILENCE_ENDS - DAY))
    s = Tables.shipment.c
    asked_until_now = {"updated_at": NOW - DAY, "not_found": 80}  # each of its carrier's answers is a change

    def last_answers(conn: Connection) -> None:
        conn.execute(update(Tables.shipment).where(s.tracking_number == "A").values(asked_until_now))
        soon = asked_until_now | {"next_poll_at": NOW + DAY}
        conn.execute(update(Tables.shipment).where(s.tracking_number == "B").values(soon))
        young = asked_until_now | {"created_at": NOW - 2 * DAY}
        conn.execute(update(Tables.shipment).where(s.tracking_number == "C").values(young))

    await store.write(last_answers)
    await store.write(lambda conn: housekeeping.expire(conn, NOW))
    rows = await store.read(lambda conn: conn.execute(select(s.tracking_number, s.status, s.substatus)).all())
    assert sorted(map(tuple, rows)) == [
        ("A", "expired", "no_scan"),
        ("B", "pending", "registered"),
        ("C", "pending", "registered"),
    ]

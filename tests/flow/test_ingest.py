"""From kept bytes to a folded shipment and its messages, on a real database."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from sqlalchemy import select, update

from connectors import connector
from gateway import ingest, shipments
from gateway.db import GroupStore, LogFull, StoreAway, open_store
from gateway.history import event_bodies
from gateway.inbox import Inbox, NewPayload
from gateway.ingest import Ingest
from gateway.replay import replay
from gateway.tables import Tables
from normalizer.codes import CodeTable, Meaning
from normalizer.model import Status
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Connection

pytestmark = pytest.mark.both_databases

MERCHANT = "mer_1"
NUMBER = "7700112233"
RECEIVED = 1_795_000_000_000

LIFE = [
    ("2026-03-02T10:00:00+01:00", "pre-transit", "Label made"),
    ("2026-03-02T18:00:00+01:00", "transit", "Taken over"),
    ("2026-03-03T06:00:00+01:00", "transit", "Sorted"),
    ("2026-03-04T08:00:00+01:00", "failure", "Nobody opened"),
    ("2026-03-05T09:00:00+01:00", "delivered", "Handed over"),
]


def body(*events: tuple[str, str, str], number: str = NUMBER, **more: Any) -> bytes:
    listed = [
        {
            "timestamp": at,
            "statusCode": code,
            "description": text,
            "location": {"address": {"addressLocality": "Bonn", "countryCode": "DE"}},
        }
        for at, code, text in events
    ]
    shipment = {"id": number, "service": "express", "status": listed[0], "events": listed} | more
    return orjson.dumps({"shipments": [shipment]})


class House:
    """The inbox, the ingest and their database."""

    def __init__(self, store: GroupStore, most_waiting: int = 1000) -> None:
        self.store = store
        self.told: list[str] = []
        self.ingest = Ingest(store, lambda entries: self.told.extend(e.id for es in entries.values() for e in es))
        self.inbox = Inbox(store, self.ingest.take, most_waiting)
        self.ingest.on_read = self._read
        self.seen = asyncio.Event()

    def _read(self, count: int) -> None:
        self.inbox.waiting -= count
        self.seen.set()

    async def keep(self, payload: bytes, **more: Any) -> str:
        given = {"source": "push", "account_id": "acc_1", "carrier": "dhl-unified", "merchant_id": MERCHANT}
        return await self.inbox.keep(NewPayload(**{**given, "received_at": RECEIVED, "body": payload, **more}))

    async def settle(self) -> None:
        while self.inbox.waiting:
            self.seen.clear()
            await asyncio.wait_for(self.seen.wait(), 20)

    async def shipment(self, number: str = NUMBER) -> dict[str, Any]:
        def find(conn: Connection) -> dict[str, Any]:
            row = conn.execute(select(Tables.shipment).where(Tables.shipment.c.tracking_number == number)).mappings()
            return shipments.document(row.one())

        return await self.store.read(find)

    async def messages(self) -> list[tuple[str, str]]:
        m = WebhookTables.message.c
        return await self.store.read(
            lambda conn: [(row.type, row.id) for row in conn.execute(select(m.type, m.id).order_by(m.sequence))]
        )


@pytest.fixture
async def house(database: str) -> AsyncIterator[House]:
    store = open_store(database)
    store.start()
    house = House(store)
    house.ingest.start()
    yield house
    await house.ingest.stop()
    await store.close()


def statuses(messages: list[tuple[str, str]]) -> list[str]:
    skipped = ("shipment.event", "shipment.eta_changed", "shipment.proof_added")
    return [kind.removeprefix("shipment.") for kind, _ in messages if kind not in skipped]


async def test_a_push_for_an_unregistered_number_registers_it_for_the_accounts_merchant(house: House) -> None:
    await house.keep(body(*LIFE[:2]))
    await house.settle()
    shipment = await house.shipment()
    assert (shipment["status"], shipment["account"], shipment["version"]) == ("in_transit", "acc_1", 1)
    assert shipment["milestones"]["info_received_at"] == "2026-03-02T09:00:00Z"
    assert shipment["milestones"]["shipped_at"] == "2026-03-02T17:00:00Z"
    assert statuses(await house.messages()) == ["info_received", "in_transit"]
    assert house.told == [id_ for _, id_ in await house.messages()]


async def test_the_same_bytes_twice_change_nothing_and_tell_nothing(house: House) -> None:
    await house.keep(body(*LIFE))
    await house.settle()
    before, told = await house.shipment(), await house.messages()
    await house.keep(body(*LIFE))
    await house.settle()
    assert await house.shipment() == before
    assert await house.messages() == told


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_and_any_split_end_in_the_same_shipment_and_the_same_messages(house: House, seed: int) -> None:
    await house.keep(body(*LIFE, number="7700000001"))
    chance = random.Random(seed)
    parts = [[event] for event in LIFE] + [chance.sample(LIFE, 2) for _ in range(3)]
    chance.shuffle(parts)
    for part in parts:
        await house.keep(body(*part))
        if chance.random() < 0.5:
            await house.settle()
    await house.settle()
    whole, split = await house.shipment("7700000001"), await house.shipment()
    own = {"id", "tracking_number", "version", "created_at", "updated_at", "extra"}
    assert {k: v for k, v in split.items() if k not in own} == {k: v for k, v in whole.items() if k not in own}

    def told_of(conn: Connection) -> dict[str, list[str]]:
        m = WebhookTables.message.c
        told: dict[str, list[str]] = {}
        for shipment_id, kind in conn.execute(select(m.shipment_id, m.type)):
            told.setdefault(shipment_id, []).append(kind)
        return told

    told = await house.store.read(told_of)
    assert sorted(told[split["id"]]) == sorted(told[whole["id"]])


async def test_messages_carry_the_shipment_the_event_and_what_was_before(house: House) -> None:
    await house.keep(body(*LIFE))
    await house.settle()
    m = WebhookTables.message.c
    bodies = await house.store.read(
        lambda conn: [orjson.loads(row.body) for row in conn.execute(select(m.body).order_by(m.sequence))]
    )
    delivered = next(one for one in bodies if one["type"] == "shipment.delivered")
    assert delivered["data"]["previous"] == {"status": "exception"}
    assert delivered["data"]["event"]["status"] == "delivered"
    assert delivered["data"]["shipment"]["status"] == "delivered"
    assert delivered["data"]["event"]["shipment_id"] == delivered["data"]["shipment"]["id"]
    assert delivered["api_version"] == "2026-11-01"
    assert [one["sequence"] for one in bodies] == list(range(1, len(bodies) + 1))
    events = [one["data"]["event"]["at"] for one in bodies if one["type"] == "shipment.event"]
    assert events == sorted(events)
    assert len(events) == len(LIFE)


async def test_a_promise_that_moves_is_told_once_with_before_and_after(house: House) -> None:
    first = {"estimatedTimeOfDelivery": "2026-03-05T12:00:00+01:00"}
    await house.keep(body(*LIFE[:2], **first))
    await house.settle()
    later = {"estimatedTimeOfDelivery": "2026-03-06T12:00:00+01:00"}
    await house.keep(body(*LIFE[:2], **later), received_at=RECEIVED + 1000)
    await house.keep(body(*LIFE[:2], **first), received_at=RECEIVED - 1000)
    await house.settle()
    shipment = await house.shipment()
    moved = [kind for kind, _ in await house.messages() if kind == "shipment.eta_changed"]
    assert len(moved) == 2
    assert "2026-03-06T11:00:00Z" in shipment["eta"].values()


async def test_unreadable_bytes_are_kept_with_the_reason_and_harm_no_other(house: House) -> None:
    bad = await house.keep(body(*LIFE)[:-40])
    good = await house.keep(body(*LIFE))
    await house.settle()
    p = Tables.payload.c
    states = await house.store.read(
        lambda conn: {row.id: (row.state, row.reason) for row in conn.execute(select(p.id, p.state, p.reason))}
    )
    assert states[good] == ("read", "")
    assert states[bad][0] == "unreadable"
    assert "not JSON" in states[bad][1]
    assert (await house.shipment())["status"] == "delivered"


async def test_what_was_kept_before_a_crash_is_read_after_the_next_start(house: House) -> None:
    await house.ingest.stop()
    house.inbox._hand_over = lambda _kept: None
    await house.keep(body(*LIFE))
    again = House(house.store)
    await again.inbox.open()
    assert again.inbox.waiting == 1
    again.ingest.start()
    await again.settle()
    assert (await again.shipment())["status"] == "delivered"
    await again.ingest.stop()


async def test_no_payload_is_set_aside_because_the_database_was_away(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes back in the middle of the batch: what failed before is read again, and not marked unreadable."""
    monkeypatch.setattr(ingest, "_LOOK_AGAIN", 0.05)
    await house.ingest.stop()
    for number in range(3):
        await house.keep(body(*LIFE, number=f"304050701{number}"))
    read, left = house.store.read, {"write": 2, "read": 1}

    def away(name: str, real: Any) -> Any:
        async def call(work: Any) -> Any:
            if left[name]:
                left[name] -= 1
                raise StoreAway("the database is away")
            return await real(work)

        return call

    for name in left:
        monkeypatch.setattr(house.store, name, away(name, getattr(house.store, name)))
    house.ingest = Ingest(house.store, lambda _entries: None)
    house.ingest.on_read = house._read
    house.ingest.start()
    await house.settle()
    assert left == {"write": 0, "read": 0}
    states = await read(lambda conn: conn.execute(select(Tables.payload.c.state)).scalars().all())
    assert states == ["read"] * 3


async def test_a_full_inbox_refuses_before_it_accepts(house: House) -> None:
    full = House(house.store, most_waiting=2)
    full.inbox._hand_over = lambda _kept: None
    await full.keep(b"1")
    await full.keep(b"2")
    with pytest.raises(LogFull):
        await full.keep(b"3")
    waiting = await house.store.read(lambda conn: len(conn.execute(select(Tables.payload.c.id)).all()))
    assert waiting == 2


@pytest.fixture
def without_a_row() -> Iterator[None]:
    """The carrier's table as it was before somebody added a row."""
    dhl = connector("dhl-unified")
    whole = dhl.codes
    kept = {code: meaning for code, meaning in whole.codes.items() if code != "transit"}
    dhl.codes = CodeTable(kept, whole.phrases)
    yield
    dhl.codes = whole


async def test_a_row_added_to_the_table_and_a_replay_give_old_events_their_meaning(
    house: House, without_a_row: None
) -> None:
    await house.keep(body(*LIFE[:3]))
    await house.settle()
    assert (await house.shipment())["status"] == "info_received"
    codes = Tables.unlisted_code.c
    unlisted = await house.store.read(
        lambda conn: [tuple(row) for row in conn.execute(select(codes.carrier, codes.code, codes.count, codes.example))]
    )
    assert unlisted == [("dhl-unified", "transit", 2, "Sorted")]
    dhl = connector("dhl-unified")
    dhl.codes = CodeTable({**dhl.codes.codes, "transit": Meaning(Status.IN_TRANSIT, "other")})
    counts = [(payloads, events) async for payloads, events, _ in replay(house.store)]
    assert counts == [(1, 2)]
    shipment = await house.shipment()
    assert shipment["status"] == "in_transit"
    assert shipment["milestones"]["shipped_at"] == "2026-03-02T17:00:00Z"
    assert statuses(await house.messages()) == ["info_received", "in_transit"]
    assert [(payloads, events) async for payloads, events, _ in replay(house.store)] == [(1, 0)]


async def test_a_stopped_shipment_takes_no_more_news(house: House) -> None:
    await house.keep(body(*LIFE[:2]))
    await house.settle()
    await house.store.write(lambda conn: conn.execute(update(Tables.shipment).values(tracking=False)).rowcount)
    await house.keep(body(*LIFE))
    await house.settle()
    assert (await house.shipment())["status"] == "in_transit"


async def test_merchants_with_the_same_number_never_share_a_shipment(house: House) -> None:
    await house.keep(body(*LIFE))
    await house.keep(body(*LIFE[:1]), merchant_id="mer_2")
    await house.settle()
    s = Tables.shipment.c
    found = await house.store.read(
        lambda conn: {row.merchant_id: row.status for row in conn.execute(select(s.merchant_id, s.status))}
    )
    assert found == {"mer_1": "delivered", "mer_2": "info_received"}


HOUR = 3_600_000
LATER = "2027-03-05T09:00:00+01:00"
"""A year too late: long after `RECEIVED`."""


async def events_of(house: House, number: str = NUMBER) -> list[dict[str, Any]]:
    def find(conn: Connection) -> list[dict[str, Any]]:
        row = conn.execute(select(Tables.shipment).where(Tables.shipment.c.tracking_number == number)).mappings().one()
        return [orjson.loads(one) for one in event_bodies(conn, row)]

    return await house.store.read(find)


async def test_a_scan_dated_far_ahead_stands_where_it_came_and_true_ones_after_it_count(house: House) -> None:
    await house.keep(body(*LIFE[:2], (LATER, "failure", "Held")))
    await house.settle()
    held = await house.shipment()
    assert (held["status"], held["status_since"]) == ("exception", "2026-11-18T11:06:40Z")
    assert held["last_event_at"] == "2026-11-18T11:06:40Z"
    await house.keep(body(("2026-11-19T09:00:00+01:00", "delivered", "Handed over")), received_at=RECEIVED + 24 * HOUR)
    await house.settle()
    done = await house.shipment()
    assert (done["status"], done["delivered_at"]) == ("delivered", "2026-11-19T08:00:00Z")
    odd = (await events_of(house))[2]
    assert (odd["at"], odd["time_basis"], odd["told_time"]) == (
        "2026-11-18T11:06:40Z",
        "received",
        "2027-03-05T08:00:00Z",
    )
    assert (odd["local_time"], odd["utc_offset"]) == ("2026-11-18T12:06:40", "+01:00")
    assert statuses(await house.messages()) == ["info_received", "in_transit", "exception", "delivered"]
    ahead = Tables.clock_ahead.c
    found = await house.store.read(
        lambda conn: [tuple(row) for row in conn.execute(select(ahead.carrier, ahead.count))]
    )
    assert found == [("dhl-unified", 1)]
    assert sum(counts[1] for counts in [one async for one in replay(house.store)]) == 0
    assert await house.shipment() == done


@pytest.mark.parametrize("seed", range(6))
async def test_a_scan_dated_ahead_and_told_again_ends_the_same_in_any_order(house: House, seed: int) -> None:
    """Its first receipt rules, whichever telling is read first, and in however many parts."""
    told = [
        (RECEIVED, LIFE[:2]),
        (RECEIVED + 1 * HOUR, [(LATER, "failure", "Held"), ("2027-03-06T09:00:00+01:00", "transit", "Sorted")]),
        (RECEIVED + 2 * HOUR, [("2026-11-18T14:00:00+01:00", "transit", "Freed")]),
        (RECEIVED + 3 * HOUR, [(LATER, "failure", "Held")]),
        (RECEIVED + 9_000 * HOUR, [(LATER, "failure", "Held")]),
    ]
    parts = [*told, *told[:3]]
    random.Random(seed).shuffle(parts)
    for at, events in parts:
        await house.keep(body(*events), received_at=at)
        await house.settle()
    shipment = await house.shipment()
    assert (shipment["status"], shipment["status_since"]) == ("in_transit", "2026-11-18T12:06:40Z")
    assert [(one["text"], one["at"]) for one in await events_of(house)][2:] == [
        ("Held", "2026-11-18T12:06:40Z"),
        ("Sorted", "2026-11-18T12:06:40Z"),
        ("Freed", "2026-11-18T13:00:00Z"),
    ]


async def test_a_replay_sets_right_what_was_stored_as_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was kept before anybody looked at the receipt: years ahead."""
    with monkeypatch.context() as before:
        before.setattr(ingest, "believed", lambda event: event)
        await house.keep(body(*LIFE[:2], (LATER, "failure", "Held")))
        await house.keep(body(("2026-11-18T09:00:00+01:00", "delivered", "Handed over")), received_at=RECEIVED + 1)
        await house.settle()
    assert (await house.shipment())["last_event_at"] == "2027-03-05T08:00:00Z"
    async for _ in replay(house.store):
        pass
    assert [one["text"] for one in await events_of(house)][2:] == ["Handed over", "Held"]
    assert (await house.shipment())["last_event_at"] == "2026-11-18T11:06:40Z"


async def test_a_new_meaning_found_in_a_later_telling_leaves_a_scan_at_its_first_receipt(
    house: House, without_a_row: None
) -> None:
    """The first telling is long dropped when the code gets its row; by the second the told time has come."""
    first = await house.keep(body((LATER, "transit", "Sorted")))
    await house.keep(body((LATER, "transit", "Sorted")), received_at=RECEIVED + 9_000 * HOUR)
    await house.settle()
    p = Tables.payload.c
    await house.store.write(lambda conn: conn.execute(Tables.payload.delete().where(p.id == first)).rowcount)
    dhl = connector("dhl-unified")
    dhl.codes = CodeTable({**dhl.codes.codes, "transit": Meaning(Status.IN_TRANSIT, "other")})
    async for _ in replay(house.store):
        pass
    assert (await house.shipment())["status_since"] == "2026-11-18T11:06:40Z"
    (only,) = await events_of(house)
    assert (only["at"], only["told_time"]) == ("2026-11-18T11:06:40Z", "2027-03-05T08:00:00Z")

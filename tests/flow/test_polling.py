"""Carriers are asked when it is time, within limits, and every answer leads to the right next step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiohttp import web
from sqlalchemy import select, update

from gateway import schema, shipments
from gateway.carriers import CarrierAccess, secrets_purpose
from gateway.db import SqliteStore
from gateway.inbox import Inbox
from gateway.ingest import Ingest
from gateway.polling import Poller
from gateway.tables import Tables
from gateway.vault import Vault
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

MERCHANT, ACCOUNT = "mer_1", "acc_1"
NUMBER = "DEMO100200302"
OTHERS = ("DEMO770044006", "DEMO100200351")
HOUR = 3_600_000


class Carrier:
    """A carrier's API on loopback that answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.unknown: list[str] = []
        self.scans: Any = [{"id": "s1", "at": "2026-03-02T10:00:00+01:00", "code": "SORTED", "text": "Sorted"}]
        self.poisoned: set[str] = set()

    async def answer(self, request: web.Request) -> web.Response:
        numbers = request.query["numbers"].split(",")
        self.asked.append(request.query["numbers"])
        parcels = [
            {"number": number, "scans": "none" if number in self.poisoned else self.scans}
            for number in numbers
            if number not in self.unknown
        ]
        body = orjson.dumps({"parcels": parcels, "unknown": [one for one in numbers if one in self.unknown]})
        if self.status != 200:
            body = b"{}"
        return web.Response(status=self.status, body=body, content_type="application/json", headers=self.headers)


class House:
    """A poller and all behind it."""

    def __init__(self, store: SqliteStore, address: str) -> None:
        self.store = store
        self.vault = Vault("k" * 40)
        self.told: list[str] = []

        def tell(entries: Any) -> None:
            self.told.extend(entry.type for theirs in entries.values() for entry in theirs)

        self.ingest = Ingest(store, tell)
        self.inbox = Inbox(store, self.ingest.take, 1000)
        self.access = CarrierAccess(store, self.vault, {"demo": address}, tell)
        self.poller = Poller(store, self.inbox, self.access, tell, concurrency=8)
        self.ingest.on_read = lambda count: setattr(self.inbox, "waiting", self.inbox.waiting - count)

    async def register(self, *numbers: str) -> None:
        now = time.time_ns() // 1_000_000
        secrets = self.vault.seal(MERCHANT, secrets_purpose(ACCOUNT), orjson.dumps({"api_key": "key-of-the-merchant"}))

        def work(conn: Connection) -> None:
            row = {"merchant_id": MERCHANT, "id": ACCOUNT, "carrier": "demo", "label": "", "mode": "production"}
            row |= {"secrets": secrets, "state": "active", "state_reason": ""}
            row |= {"state_at": now, "created_at": now, "changed_at": now}
            conn.execute(Tables.account.insert(), [row])
            new = [
                shipments.NewShipment(carrier="demo", tracking_number=number, account_id=ACCOUNT, next_poll_at=now - 1)
                for number in numbers
            ]
            shipments.create(conn, MERCHANT, new, now)

        await self.store.write(work)

    async def poll(self) -> None:
        """Ask whoever is due, and read what came."""
        await self.poller.tick()
        while self.poller._calls or self.inbox.waiting:
            await self.store.read(lambda _conn: None)

    async def make_due(self) -> None:
        await self.store.write(lambda conn: conn.execute(update(Tables.shipment).values(next_poll_at=1)).rowcount)

    async def row(self) -> RowMapping:
        return await self.store.read(lambda conn: conn.execute(select(Tables.shipment)).mappings().first())

    async def payloads(self) -> int:
        return await self.store.read(lambda conn: len(conn.execute(select(Tables.payload.c.id)).all()))


@pytest.fixture
async def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def house(tmp_path: Path, carrier: Carrier) -> AsyncIterator[House]:
    app = web.Application()
    app.router.add_get("/v1/parcels", carrier.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    url = f"sqlite:///{tmp_path}/g.db"
    schema.migrate(url)
    store = SqliteStore(url)
    store.start()
    house = House(store, f"http://127.0.0.1:{port}")
    house.ingest.start()
    yield house
    await house.poller.stop()
    await house.ingest.stop()
    await house.access.close()
    await store.close()
    await runner.cleanup()


def soon(at: int | None, wait: int) -> bool:
    """Whether an instant is that far from now, give or take a minute."""
    return at is not None and abs(at - (time.time_ns() // 1_000_000 + wait)) < 60_000


async def test_a_due_shipment_is_asked_for_and_its_answer_goes_the_whole_way(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert carrier.asked == [NUMBER]
    assert (row["status"], row["poll_failures"], row["version"]) == ("in_transit", 0, 1)
    assert "shipment.in_transit" in house.told
    assert row["next_poll_at"] > time.time_ns() // 1_000_000 + HOUR
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


async def test_one_poisoned_parcel_in_a_batch_costs_that_parcel_alone(house: House, carrier: Carrier) -> None:
    carrier.poisoned = {OTHERS[0]}
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    payload = await house.store.read(lambda conn: conn.execute(select(Tables.payload)).mappings().one())
    assert payload["state"] == "unreadable"
    s = Tables.shipment.c
    rows = await house.store.read(lambda conn: conn.execute(select(s.tracking_number, s.status)).all())
    assert dict(map(tuple, rows)) == {NUMBER: "in_transit", OTHERS[0]: "pending", OTHERS[1]: "in_transit"}


async def test_a_claim_lost_in_a_crash_is_due_again(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    carrier.status = 500
    await house.poller.tick()
    claimed = (await house.row())["next_poll_at"]
    assert claimed - time.time_ns() // 1_000_000 <= 300_000
    await house.poll()


async def test_a_shipment_without_an_account_is_not_asked_with_anybody_elses(house: House, carrier: Carrier) -> None:
    await house.register()
    now = time.time_ns() // 1_000_000
    new = [shipments.NewShipment(carrier="demo", tracking_number=NUMBER, next_poll_at=now - 1)]
    await house.store.write(lambda conn: shipments.create(conn, MERCHANT, new, now))
    await house.poll()
    assert carrier.asked == []
    assert (await house.row())["poll_failures"] == 1

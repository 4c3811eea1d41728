"""The asking side of a gateway against a carrier on loopback: poller, subscriber, inbox, ingest and their database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web
from sqlalchemy import select, update

from gateway import shipments
from gateway.carriers import CarrierAccess, secrets_purpose
from gateway.clock import now_ms
from gateway.db import open_store
from gateway.inbox import Inbox
from gateway.ingest import Ingest
from gateway.polling import Poller
from gateway.subscribing import Subscriber
from gateway.tables import Tables
from gateway.vault import Vault
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Store

MERCHANT, ACCOUNT = "mer_1", "acc_1"
NUMBER = "DEMO100200302"
OTHERS = ("DEMO770044006", "DEMO100200351")
HOUR = 3_600_000
DAY = 24 * HOUR


class Carrier:
    """A carrier's API on loopback that answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.unknown: list[str] = []
        self.scans: Any = [{"id": "s1", "at": "2026-03-02T10:00:00+01:00", "code": "SORTED", "text": "Sorted"}]
        self.poisoned: set[str] = set()
        self.while_asked: Callable[[], Awaitable[None]] | None = None
        """What happens between a question and its answer, once."""
        self.spoils: set[str] = set()
        """Numbers for which a whole question is refused."""
        self.elsewhere: dict[str, list[dict[str, Any]]] = {}
        """Number -> events the other carrier, `dhl-unified`, knows ..."""
        self.told_elsewhere: dict[str, dict[str, Any]] = {}
        """... and what it says of the whole parcel."""
        self.asked_elsewhere: list[str] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.subscription_status = 200
        self.refused: dict[str, str] = {}
        self.until = ""

    async def answer(self, request: web.Request) -> web.Response:
        numbers = request.query["numbers"].split(",")
        self.asked.append(request.query["numbers"])
        if self.while_asked is not None:
            meanwhile, self.while_asked = self.while_asked, None
            await meanwhile()
        parcels = [
            {"number": number, "scans": "none" if number in self.poisoned else self.scans}
            for number in numbers
            if number not in self.unknown
        ]
        body = orjson.dumps({"parcels": parcels, "unknown": [one for one in numbers if one in self.unknown]})
        if self.spoils & set(numbers):
            return web.Response(status=400)
        if self.status != 200:
            body = b"{}"
        return web.Response(status=self.status, body=body, content_type="application/json", headers=self.headers)

    async def answer_elsewhere(self, request: web.Request) -> web.Response:
        number = request.query["trackingNumber"]
        self.asked_elsewhere.append(number)
        if number not in self.elsewhere:
            return web.Response(status=404, body=b"{}")
        parcel = {"id": number, "service": "express", "events": self.elsewhere[number]}
        return web.json_response({"shipments": [parcel | self.told_elsewhere.get(number, {})]})

    async def subscribe(self, request: web.Request) -> web.Response:
        wanted = await request.json()
        self.subscriptions.append(wanted)
        if self.subscription_status != 200 or self.poisoned & set(wanted["numbers"]):
            return web.Response(status=self.subscription_status if self.subscription_status != 200 else 422, body=b"{}")
        accepted = [one for one in wanted["numbers"] if one not in self.refused]
        refused = {one: why for one, why in self.refused.items() if one in wanted["numbers"]}
        return web.json_response({"id": "sub-1", "accepted": accepted, "refused": refused, "until": self.until})


class House:
    """A poller and all behind it."""

    def __init__(self, store: Store, address: str) -> None:
        self.store = store
        self.vault = Vault("k" * 40)
        self.told: list[str] = []

        def tell(entries: Any) -> None:
            self.told.extend(entry.type for theirs in entries.values() for entry in theirs)

        self.ingest = Ingest(store, tell)
        self.inbox = Inbox(store, self.ingest.take, 1000)
        self.tell = tell
        self.access = CarrierAccess(store, self.vault, {"demo": address, "dhl-unified": address + "/dhl"}, tell)
        self.poller = Poller(store, self.inbox, self.access, tell, concurrency=8)
        self.subscriber = Subscriber(store, self.access, "https://hub.example/", self.poller.wake)
        self.ingest.on_read = lambda count: setattr(self.inbox, "waiting", self.inbox.waiting - count)

    async def add_account(self, account_id: str = ACCOUNT, carrier: str = "demo", **columns: Any) -> None:
        now = now_ms()
        secrets = self.vault.seal(
            MERCHANT,
            secrets_purpose(account_id),
            orjson.dumps({"api_key": "key-of-the-merchant", "signing_secret": "word-of-the-merchant"}),
        )
        row = {"merchant_id": MERCHANT, "id": account_id, "carrier": carrier, "label": "", "mode": "production"}
        row |= {"secrets": secrets, "state": "active", "state_reason": ""}
        row |= {"state_at": now, "created_at": now, "changed_at": now} | columns

        def work(conn: Connection) -> None:
            conn.execute(Tables.account.insert(), [row])

        await self.store.write(work)

    async def add(self, *numbers: str, **known: Any) -> None:
        """Register parcels that are due at once."""
        now = now_ms()
        known = {"carrier": "demo", "account_id": ACCOUNT, "next_poll_at": now - 1} | known
        new = [shipments.NewShipment(tracking_number=number, **known) for number in numbers]
        await self.store.write(lambda conn: shipments.create(conn, MERCHANT, new, now))

    async def register(self, *numbers: str, **known: Any) -> None:
        """Register parcels with the account they are asked with."""
        await self.add_account()
        await self.add(*numbers, **known)

    async def poll(self) -> None:
        """Ask whoever is due, and read what came."""
        await self.poller.tick()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing is under way."""
        while self.poller._calls or self.inbox.waiting:
            await self.store.read(lambda _conn: None)

    async def subscribe(self) -> None:
        """Ask for what is due to be pushed, and see through what follows."""
        await self.subscriber.tick()
        await self.subscriber.settle()
        await self.quiet()

    async def make_due(self) -> None:
        await self.set(next_poll_at=1)

    async def set(self, **columns: Any) -> None:
        """Change columns of all shipments: how a test lets time pass."""
        await self.store.write(lambda conn: conn.execute(update(Tables.shipment).values(columns)).rowcount)

    async def row(self, number: str | None = None) -> RowMapping:
        """The only shipment, or the one of a number."""
        s = Tables.shipment
        wanted = select(s) if number is None else select(s).where(s.c.tracking_number == number)
        return await self.store.read(lambda conn: conn.execute(wanted).mappings().one())

    async def document(self, number: str | None = None) -> dict[str, Any]:
        """The shipment as merchants see it."""
        return shipments.document(await self.row(number))

    async def bodies(self, kind: str) -> list[dict[str, Any]]:
        """The `data` of all messages of a type, in order."""
        m = WebhookTables.message.c
        wanted = select(m.body).where(m.type == kind).order_by(m.sequence)
        return await self.store.read(lambda conn: [orjson.loads(one)["data"] for one in conn.execute(wanted).scalars()])

    async def payloads(self) -> int:
        return await self.store.read(lambda conn: len(conn.execute(select(Tables.payload.c.id)).all()))


@asynccontextmanager
async def open_house(database: str, carrier: Carrier) -> AsyncIterator[House]:
    """A house whose carriers answer as `carrier` is told to."""
    app = web.Application()
    app.router.add_get("/v1/parcels", carrier.answer)
    app.router.add_post("/v1/subscriptions", carrier.subscribe)
    app.router.add_get("/dhl/track/shipments", carrier.answer_elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    store = open_store(database)
    store.start()
    house = House(store, f"http://127.0.0.1:{runner.addresses[0][1]}")
    house.ingest.start()
    yield house
    await house.subscriber.stop()
    await house.poller.stop()
    await house.ingest.stop()
    await house.access.close()
    await store.close()
    await runner.cleanup()


def soon(at: int | None, wait: int) -> bool:
    """Whether an instant is that far from now, give or take a minute."""
    return at is not None and abs(at - (now_ms() + wait)) < 60_000

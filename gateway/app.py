"""The whole, composed: one process with the roles it is given. Nothing else knows how the parts meet."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from gateway import alerts, housekeeping, metrics, schema, shipments, watching
from gateway.carriers import CarrierAccess
from gateway.clock import now_ms
from gateway.db import NotNow, is_postgres, open_store
from gateway.imports.importer import Importer
from gateway.inbox import Inbox
from gateway.ingest import Ingest
from gateway.insights.counting import TAKE_EVERY as COUNT_EVERY
from gateway.insights.counting import Counting
from gateway.lastmile import locating
from gateway.lastmile.positions import LOOK_EVERY, Positions
from gateway.live import Live
from gateway.pages.links import Links
from gateway.people.doors import Doors
from gateway.people.postroom import PostRoom
from gateway.people.subjects import MESSAGES
from gateway.people.tickets import Tickets
from gateway.people.writing import Writer
from gateway.polling import Poller
from gateway.proofs import fetching
from gateway.proofs.keeper import Keeper
from gateway.proofs.links import ProofLinks
from gateway.proofs.places import open_place
from gateway.runs.links import RunLinks
from gateway.search.finding import Search
from gateway.search.index import TAKE_EVERY as SEARCH_EVERY
from gateway.shops.reader import ShopReader
from gateway.shops.teller import EVERY as SHOPS_EVERY
from gateway.shops.teller import ShopTeller
from gateway.subscribing import Subscriber
from gateway.talk.relay import Relay
from gateway.trouble import LOOK_SECONDS as LOOK_FOR_TROUBLE_SECONDS
from gateway.trouble import MOST_AT_ONCE
from gateway.vault import Vault, secret_key
from webhooks.channels.outside import Outside
from webhooks.dispatcher import Dispatcher
from webhooks.egress import read_proxy
from webhooks.guard import ANYWHERE, Guard
from webhooks.sender import Sender
from webhooks.tls import Trust

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.settings import Settings
    from webhooks.log import Entry

log: structlog.stdlib.BoundLogger = structlog.get_logger()
_SETTLED = 120.0
"""Seconds after which a start is over."""
_CLOCK_EVERY = 1.0
"""Seconds between two looks whether the clock on the wall was set."""


class Gateway:
    """Holds what the HTTP calls, the jobs and the lanes share. `start` and `stop` are called once each."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.started_at = time.time()
        self.store = open_store(settings.database, owner=True)
        self.taken = asyncio.Event()
        """Set when the database belongs to another gateway: this one must end, whatever it has in hand."""
        self.vault = Vault(secret_key(settings))
        self.live = Live()
        self.positions = Positions(self.store)
        self.links = Links(secret_key(settings), settings.public_url, settings.tracking_link_days, self.store)
        self.run_links = RunLinks(secret_key(settings), settings.public_url)
        self.tickets = Tickets(secret_key(settings), settings.public_url)
        self.doors = Doors(settings.egress_allow, sys.stdout if settings.log_format == "console" else None)
        self.writer = Writer(
            self.store, self.vault, self.links, self.tickets, public_url=settings.public_url, clock=now_ms
        )
        self.postroom = PostRoom(self.store, self.vault, self.doors, write=self.writer.write, tell=self.tell)
        self.guard = Guard(allow=settings.egress_allow)
        self.alerts = alerts.Alerts(self.store, settings)
        self.dispatcher: Dispatcher
        self.ingest = Ingest(self.store, self.tell)
        self.inbox = Inbox(self.store, self.ingest.take, settings.inbox_most_waiting)
        self.ingest.on_read = self._read
        self.ingest.on_seen = self.positions.tell
        self.carriers = CarrierAccess(self.store, self.vault, settings.carrier_base_urls, self.tell)
        self.proofs = Keeper(self.store, self.vault, open_place(settings.proof_store, settings.database))
        self.proof_links = ProofLinks(secret_key(settings))
        self.fetcher = fetching.Fetcher(
            self.store, self.carriers, self.proofs, lambda key: self.positions.say(key, "changed")
        )
        self.locator = locating.Locator(self.store, self.inbox, self.carriers, self.positions)
        self.positions.on_watched = self.locator.watched
        self.poller = Poller(self.store, self.inbox, self.carriers, self.tell, settings.poll_concurrency)
        self.search = Search(
            self.store, secret_key(settings), lambda row: shipments.recipient(self.vault, row), self.links.find
        )
        self.counting = Counting(self.store, settings.keep_insight_days)
        self.subscriber = Subscriber(self.store, self.carriers, settings.public_url, self.poller.wake)
        self.importer = Importer(self.store, self.vault, self.links, self.tell, self._ask_carriers)
        self.shops = ShopReader(self.store, self.vault, self.links, self.tell, self._ask_carriers)
        self.shop_teller = ShopTeller(self.store, self.vault, settings.carrier_base_urls)
        self.relay = Relay(
            self.store,
            self.vault,
            self.carriers,
            self.doors,
            public_url=settings.public_url,
            said=partial(self.positions.say, event="talk"),
        )
        self._mail: Outside | None = None
        self._scheduler = AsyncIOScheduler(timezone="UTC")

    async def start(self) -> None:
        """Bring the schema up to date and start this process's roles."""
        if not is_postgres(self.settings.database):  # there a migration is the operator's own step
            await asyncio.to_thread(schema.migrate, self.settings.database)
        loop = asyncio.get_running_loop()
        self.store.on_taken = lambda: loop.call_soon_threadsafe(self.taken.set)
        await asyncio.to_thread(self.store.start)
        await self.inbox.open()
        roles = self.settings.roles
        self._sender = Sender(
            self.guard, Trust(self.settings.egress_authorities), read_proxy(self.settings.egress_proxy)
        )
        self.dispatcher = Dispatcher(self.store, self.vault, self._sender, told=self.tell, beside=self.alerts.follow)
        if "dispatch" in roles:
            await self.dispatcher.start()
            self._open_mail()
            await self.postroom.start()
            self.relay.start()
        if "ingest" in roles:
            self.ingest.start()
        if "poll" in roles:
            self._every(self.poller.tick, self.settings.poll_every_seconds)
            self._every(self.subscriber.tick, self.settings.poll_every_seconds)
            self._every(self.carriers.note_usage, 60)
            self._every(self.fetcher.tick, fetching.LOOK_EVERY)
            self._every(self.shop_teller.tick, SHOPS_EVERY)
        if "ingest" in roles:
            self._every(self.importer.tick, 2)
            self._every(self.shops.tick, 2)
            self._every(self._watch, LOOK_FOR_TROUBLE_SECONDS)
            self._every(self.search.tick, SEARCH_EVERY)
            self._every(self.counting.tick, COUNT_EVERY)
        self._every(self._measure, 5)
        self._every(self.positions.look, LOOK_EVERY)
        self._every(self.locator.tick, locating.LOOK_EVERY)
        self._every(self._keep_house, 3600)
        self._later(self._keep_house, _SETTLED)  # who is started anew more often than hourly grows old, too
        self._scheduler.start()
        self._clock = asyncio.create_task(self._follow_the_clock(), name="clock")
        log.info("started", roles=roles, database=self.store.name)

    async def stop(self) -> None:
        """Stop in the order of the way: no new questions, no new readings, no new sends, then the database."""
        if self._scheduler.running:
            self._clock.cancel()
            self._scheduler.shutdown(wait=False)
        self.live.close()
        self.positions.close()
        await self.locator.stop()
        await self.subscriber.stop()
        await self.poller.stop()
        await self.ingest.stop()
        if "dispatch" in self.settings.roles:
            await self.relay.stop()
            await self.postroom.stop()
            with suppress(NotNow):  # results that cannot be written now are sent again by the next process
                await self.dispatcher.stop()
        await self.doors.close()
        await self._sender.close()
        await self._close_mail()
        await self.carriers.close()
        await self.proofs.close()
        await self.shop_teller.close()
        await self.store.close()
        log.info("stopped")

    def _open_mail(self) -> None:
        if self.alerts.on:
            # The operator named the mail server, so it may stand in a private network.
            self._mail = Outside(ANYWHERE)
            self.alerts.open(self._mail)
            self._every(self.alerts.tick, alerts.LOOK_EVERY)

    async def _close_mail(self) -> None:
        await self.alerts.close()
        if self._mail is not None:
            await self._mail.close()

    def tell(self, entries: dict[str, list[Entry]]) -> None:
        """Hand new messages to the lanes and wake whoever watches. Called after their commit."""
        for merchant_id, theirs in entries.items():
            if "dispatch" in self.settings.roles:
                self.dispatcher.hint(merchant_id, theirs)
                self._pass_on(theirs)
                if any(entry.type in MESSAGES for entry in theirs):
                    self.postroom.hint(merchant_id)
            self.live.tell(merchant_id)
            self.positions.hint(theirs)
            for entry in theirs:
                metrics.messages(entry.type).inc()

    def take_in(self) -> None:
        """Begin with a new import at once, where this process does so."""
        self._now(self.importer.tick)

    def read_shops(self) -> None:
        """Read what a shop has just sent, where this process does so."""
        self._now(self.shops.tick)

    def _now(self, work: Callable[[], Awaitable[None]]) -> None:
        if "ingest" in self.settings.roles and self._scheduler.running:
            self._scheduler.add_job(_patient(work), id=work.__qualname__, replace_existing=True, misfire_grace_time=60)

    def _ask_carriers(self) -> None:
        if "poll" in self.settings.roles:
            self.poller.wake()

    def _pass_on(self, entries: list[Entry]) -> None:
        """Let couriers hear what was said to them."""
        for entry in entries:
            if entry.type == "conversation.message":
                self.relay.wake()
            elif entry.type == "shipment.out_for_delivery" and entry.shipment_id is not None:
                self.relay.depart(entry.merchant_id, entry.shipment_id)

    def _read(self, payloads: int) -> None:
        self.inbox.waiting = max(0, self.inbox.waiting - payloads)

    def _every(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._scheduler.add_job(
            _patient(work), "interval", seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=60
        )

    def _later(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._scheduler.add_job(_patient(work), "date", run_date=at, misfire_grace_time=None)

    async def _follow_the_clock(self) -> None:
        """Start jobs anew when the clock was set back: they would wait until its time comes again."""
        while True:
            await asyncio.sleep(_CLOCK_EVERY)
            now = datetime.now(UTC)
            every = [job for job in self._scheduler.get_jobs() if isinstance(job.trigger, IntervalTrigger)]
            late = [job for job in every if job.next_run_time - now > job.trigger.interval + timedelta(seconds=1)]
            if late:
                log.warning("clock_set_back", jobs=len(late))
            for job in late:
                job.modify(next_run_time=now)

    async def _measure(self) -> None:
        metrics.INBOX_WAITING.set(self.inbox.waiting)
        metrics.STORE_WAITING.set(self.store.waiting)

    async def _watch(self) -> None:
        looked = MOST_AT_ONCE
        while looked == MOST_AT_ONCE:
            now = now_ms()
            looked, entries = await self.store.write(partial(watching.look, now=now))
            self.tell(entries)

    async def _keep_house(self) -> None:
        now = now_ms()
        while expired := await self.store.write(lambda conn: housekeeping.expire(conn, now)):
            self.tell(expired)
        await housekeeping.drop_old(self.store, self.settings, now)
        await self.proofs.drop_old(now, self.settings.keep_proof_days)


def _patient(work: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Return work whose end by the scheduler, or for a database that takes nothing now, is no error."""

    async def done() -> None:
        with suppress(asyncio.CancelledError):
            try:
                await work()
            except NotNow as trouble:  # what is due stays due: the next time finds it
                log.warning("job_waits", job=work.__qualname__, reason=str(trouble))

    return done

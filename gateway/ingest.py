"""Ingest: kept payloads are read, normalised, stored, folded and told, a batch and one transaction at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import bindparam, delete, update

from connectors import UnknownCarrier, capabilities, connector
from connectors.base import Payload
from connectors.errors import Unreadable
from gateway import metrics, own_codes, shipments
from gateway.apply import Applied, apply
from gateway.clock import now_ms
from gateway.db import NotNow
from gateway.inbox import Kept, waiting_after
from gateway.proofs.store import named
from gateway.reading import Read, read
from gateway.refold import News
from gateway.tables import Tables
from normalizer import details
from normalizer.ahead import believed
from normalizer.numbers import normal_number
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from gateway.lastmile.moving import Seen
    from gateway.steps import Key
    from normalizer.codes import Meaning
    from normalizer.model import Event
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_IN_A_BATCH = 50
MOST_IN_MEMORY = 5_000
_LOOK_AGAIN = 1.0
"""Seconds after a failed batch, and between looks for what memory did not hold."""


class Ingest:
    """Reads what the inbox keeps. Payloads are handed over in memory; what does not fit is found on disk again."""

    def __init__(self, store: Store, tell: Callable[[dict[str, list[Entry]]], None]) -> None:
        self._store = store
        self._tell = tell
        self._queue: deque[Kept] = deque()
        self._news = asyncio.Event()
        self._overflowed = True
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ingest")
        self._stopping = False
        self.on_read: Callable[[int], None] = lambda _count: None
        self.on_seen: Callable[[list[Seen]], None] = lambda _seen: None
        self.own_codes = own_codes.OwnCodes(store)

    def start(self) -> None:
        """Begin with what an earlier run left unread."""
        self._task = asyncio.create_task(self._run(), name="ingest")

    async def stop(self) -> None:
        """Finish the batch under way; the rest waits on disk."""
        self._stopping = True
        self._news.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    def take(self, kept: list[Kept]) -> None:
        """Take over payloads that are on disk."""
        if len(self._queue) + len(kept) > MOST_IN_MEMORY:
            self._overflowed = True
        else:
            self._queue.extend(kept)
        self._news.set()

    @property
    def idle(self) -> bool:
        """Whether nothing waits in memory."""
        return not self._queue and not self._overflowed and not self._news.is_set()

    async def add_events(self, merchant_id: str, events: Iterable[tuple[str, Event]]) -> None:
        """Take events that come from no payload: a merchant's own. They go the same way from here."""
        news: dict[Key, News] = defaultdict(News)
        for shipment_id, event in events:
            news[merchant_id, shipment_id].events[event.id] = event
        now = now_ms()
        applied = await self._store.write(lambda conn: apply(conn, news, can_poll, now))
        self.on_seen(applied.seen)
        self._tell(applied.entries)

    async def _run(self) -> None:
        while not self._stopping:
            try:
                batch = await self._next_batch()
            except NotNow as trouble:
                await self._wait_for_the_database(trouble)
                continue
            if not batch:
                self._news.clear()
                if not self._queue and not self._overflowed and not self._stopping:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._news.wait(), 30)
                continue
            try:
                await self._digest(batch)
            except NotNow as trouble:
                await self._wait_for_the_database(trouble)
            except Exception:
                log.exception("ingest_failed", payloads=len(batch))
                await self._one_by_one(batch)

    async def _next_batch(self) -> list[Kept]:
        if self._queue:
            return [self._queue.popleft() for _ in range(min(len(self._queue), MOST_IN_A_BATCH))]
        if not self._overflowed:
            return []
        self._overflowed = False
        found = await self._store.read(lambda conn: waiting_after(conn, "", MOST_IN_A_BATCH))
        if len(found) == MOST_IN_A_BATCH:
            self._overflowed = True
        held = {kept.id for kept in self._queue}
        return [kept for kept in found if kept.id not in held]

    async def _wait_for_the_database(self, trouble: NotNow) -> None:
        """Wait a moment; what could not be stored stands on disk as kept and is found again."""
        self._overflowed = True
        log.warning("ingest_waits", reason=str(trouble))
        await asyncio.sleep(_LOOK_AGAIN)

    async def _digest(self, batch: Sequence[Kept]) -> None:
        loop = asyncio.get_running_loop()
        own = await self.own_codes.of(batch)
        readings = await loop.run_in_executor(self._thread, read_all, batch, own)
        now = now_ms()
        applied = await self._store.write(lambda conn: settle(conn, readings, now))
        self.on_seen(applied.seen)
        self._tell(applied.entries)
        self.on_read(len(batch))
        _count(readings, applied, now)

    async def _one_by_one(self, batch: Sequence[Kept]) -> None:
        """Find out which payload made its batch fail, and set it aside so that it harms no other."""
        for kept in batch:
            try:
                await self._digest([kept])
            except NotNow as trouble:
                await self._wait_for_the_database(trouble)
                return
            except Exception as trouble:
                log.exception("payload_set_aside", payload=kept.id, carrier=kept.payload.carrier)
                row = _mark(kept, Read(trouble=Unreadable(f"it could not be stored: {type(trouble).__name__}")))
                try:
                    await self._store.write(partial(_mark_all, rows=[row]))
                    self.on_read(1)
                except Exception:
                    log.exception("database_fails")
                    self._overflowed = True  # the payload stands on disk as kept and is found again
                    await asyncio.sleep(_LOOK_AGAIN)


def read_all(
    batch: Sequence[Kept], own: Mapping[own_codes.Key, own_codes.Own] | None = None
) -> list[tuple[Kept, Read]]:
    """Read and normalise payloads, each by its account's own codes first.

    Never raises for what a carrier sent or for a connector that is gone.
    """
    if not own:
        return [(kept, _read(kept)) for kept in batch]
    return [(kept, _read(kept, own.get((kept.payload.merchant_id, kept.payload.account_id or "")))) for kept in batch]


def _read(kept: Kept, own: Mapping[str, Meaning] | None = None) -> Read:
    payload = kept.payload
    try:
        by = connector(payload.carrier)
    except UnknownCarrier:
        return Read(trouble=Unreadable(f"there is no connector {payload.carrier!r} any more"))
    reading = read(
        by,
        Payload(
            carrier=payload.carrier,
            body=payload.body,
            source=payload.source,
            received_at=datetime.fromtimestamp(payload.received_at / 1000, UTC),
            numbers=payload.numbers,
            headers=payload.headers,
            id=kept.id,
        ),
        own,
    )
    reading.events = [believed(event) for event in reading.events]
    return reading


def settle(conn: Connection, readings: Sequence[tuple[Kept, Read]], now: int, *, revise: bool = False) -> Applied:
    """Apply readings and mark their payloads, in the caller's transaction; `revise` as in `apply`."""
    news: dict[Key, News] = defaultdict(News)
    owners = _Owners(conn, now)
    owners.learn(readings)
    for kept, reading in readings:
        _collect(news, owners, kept, reading)
    applied = apply(conn, news, can_poll, now, revise=revise)
    only_places = [(kept, reading) for kept, reading in readings if reading.only_positions]
    _mark_all(conn, [_mark(kept, reading) for kept, reading in readings if not reading.only_positions])
    if only_places:  # where a courier was is a person's business: once taken over, such bytes are not kept
        _DROP(conn, [_key(kept) for kept, _ in only_places])
    return applied


def _collect(news: dict[Key, News], owners: _Owners, kept: Kept, reading: Read) -> None:
    payload = kept.payload
    for event in reading.events:
        key = owners.of(payload.merchant_id, payload.carrier, event.tracking_number, payload.numbers)
        if key is not None:
            _take_event(news[key], event, kept)
    for detail in reading.details:
        key = owners.of(payload.merchant_id, payload.carrier, detail.number, payload.numbers)
        if key is not None and (fields := details.said(detail)):
            news[key].said.append((payload.received_at, fields))
            news[key].proofs += named(detail.proofs or (), kept.id)
    for position in reading.positions:
        key = owners.of(payload.merchant_id, payload.carrier, position.number, payload.numbers)
        if key is not None and ((old := news[key].position) is None or old.at < position.at):
            news[key].position = position
    for missing in reading.missing:
        key = owners.of(payload.merchant_id, payload.carrier, missing.number, payload.numbers)
        if key is not None:
            news[key].missing = True


def _take_event(one: News, event: Event, kept: Kept) -> None:
    known = one.events.setdefault(event.id, event)
    if event.told_time is not None and known.received_at > event.received_at:
        one.events[event.id] = event
    if event.proofs:
        one.proofs += named(event.proofs, kept.id)
    if kept.payload.source == "push":
        one.pushed_at = max(one.pushed_at or 0, kept.payload.received_at)


class _Owners:
    """Whose shipment a number is. A push for a number nobody registered registers it: the merchant owns the account."""

    def __init__(self, conn: Connection, now: int) -> None:
        self._conn = conn
        self._now = now
        self._known: dict[tuple[str, str, str], str] = {}

    def learn(self, readings: Sequence[tuple[Kept, Read]]) -> None:
        wanted: dict[str, set[tuple[str, str]]] = defaultdict(set)
        pushed: dict[str, dict[tuple[str, str], tuple[str, str | None]]] = defaultdict(dict)
        for kept, reading in readings:
            payload = kept.payload
            said = [event.tracking_number for event in reading.events]
            said += [detail.number for detail in reading.details]
            if payload.source == "push":
                for number in said:
                    pushed_key = (payload.carrier, normal_number(number))
                    pushed[payload.merchant_id].setdefault(pushed_key, (number, payload.account_id))
            said += [position.number for position in reading.positions]
            said += [missing.number for missing in reading.missing]
            said += payload.numbers
            wanted[payload.merchant_id].update((payload.carrier, normal_number(number)) for number in said)
        for merchant_id, numbers in wanted.items():
            found = shipments.find(self._conn, merchant_id, numbers)
            new = [
                shipments.NewShipment(
                    carrier=carrier, tracking_number=number, account_id=account_id, carrier_set_by="push"
                )
                for (carrier, key), (number, account_id) in pushed[merchant_id].items()
                if (carrier, key) not in found
            ]
            if new:
                made = shipments.create(self._conn, merchant_id, new, self._now)
                found |= {
                    (one.carrier, normal_number(one.tracking_number)): id_
                    for one, (id_, _) in zip(new, made, strict=True)
                }
            for (carrier, key), id_ in found.items():
                self._known[merchant_id, carrier, key] = id_

    def of(self, merchant_id: str, carrier: str, number: str, asked: Sequence[str]) -> Key | None:
        """Return the shipment; an answer about a piece belongs to the one number that was asked."""
        found = self._known.get((merchant_id, carrier, normal_number(number)))
        if found is None and len(asked) == 1:
            found = self._known.get((merchant_id, carrier, normal_number(asked[0])))
        return None if found is None else (merchant_id, found)


def _mark(kept: Kept, reading: Read) -> dict[str, Any]:
    trouble = reading.trouble
    return _key(kept) | {
        "state": "read" if trouble is None else "unreadable",
        "reason": "" if trouble is None else str(trouble),
    }


def _key(kept: Kept) -> dict[str, str]:
    return {"key_merchant": kept.payload.merchant_id, "key_id": kept.id}


def _mark_all(conn: Connection, rows: list[dict[str, Any]]) -> None:
    if rows:
        _MARK(conn, rows)


def _count(readings: Sequence[tuple[Kept, Read]], applied: Applied, now: int) -> None:
    """Count what is committed, and say once what could not be read."""
    for kept, reading in readings:
        carrier, trouble = kept.payload.carrier, reading.trouble
        metrics.payloads(carrier, "read" if trouble is None else "unreadable").inc()
        metrics.ingest_lag(carrier).observe(max(now - kept.payload.received_at, 0) / 1000)
        for count, _ in reading.unlisted.values():
            metrics.unlisted(carrier).inc(count)
        if trouble is not None:
            log.warning("payload_unreadable", payload=kept.id, carrier=carrier, reason=str(trouble))
    for (carrier, status), count in applied.new_events.items():
        metrics.events(carrier, status).inc(count)
    for carrier, count in applied.ahead.items():
        metrics.ahead(carrier).inc(count)


_MARK = Many.running(
    update(Tables.payload)
    .where(Tables.payload.c.merchant_id == bindparam("key_merchant"), Tables.payload.c.id == bindparam("key_id"))
    .values(state=bindparam("state"), reason=bindparam("reason")),
    (),
)

_DROP = Many.running(
    delete(Tables.payload).where(
        Tables.payload.c.merchant_id == bindparam("key_merchant"), Tables.payload.c.id == bindparam("key_id")
    ),
    (),
)


@cache
def can_poll(carrier: str) -> bool:
    """Whether a carrier can be asked; a connector that is gone cannot."""
    try:
        return "polls" in capabilities(connector(carrier))
    except UnknownCarrier:
        return False

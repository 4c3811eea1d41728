"""Polling: whoever is due is asked, in batches, within the account's limits; the answer goes to the inbox.

What is due is a column (`next_poll_at`); a tick only looks. A claim moves the column ahead, so a crash costs a delay
and never a parcel.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import bindparam, select, update

from connectors import connector
from connectors.base import Polls
from connectors.errors import CarrierError, NotFound, Rejected, Unavailable
from gateway import cadence, metrics
from gateway.apply import News, apply
from gateway.inbox import NewPayload, digest_of
from gateway.ingest import can_poll
from gateway.tables import Tables
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from connectors.client import Answer
    from gateway.carriers import CarrierAccess
    from gateway.db import SqliteStore
    from gateway.inbox import Inbox
    from webhooks.log import Entry

log: structlog.stdlib.BoundLogger = structlog.get_logger()

CLAIM_MS = 120_000
"""A claim lasts longer than any call with its tries, so nobody is asked about twice at once."""
_CLAIM_MOST = 500
_PER_ACCOUNT = 4
"""Calls of one account under way at once: a carrier that hangs holds no more than these."""
_REJECTED_WAIT_MS = 6 * 3_600_000


@dataclass(frozen=True, slots=True)
class Due:
    """A shipment whose carrier is to be asked now."""

    merchant_id: str
    id: str
    carrier: str
    tracking_number: str
    account_id: str | None
    status: str
    created_at: int
    last_event_at: int | None
    poll_failures: int
    not_found: int
    poll_digest: bytes | None
    pushed_at: int | None


class Poller:
    """Asks carriers. `tick` is called by the scheduler and by whoever made a shipment due right now."""

    def __init__(
        self,
        store: SqliteStore,
        inbox: Inbox,
        access: CarrierAccess,
        tell: Callable[[dict[str, list[Entry]]], None],
        concurrency: int,
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._access = access
        self._tell = tell
        self._slots = asyncio.Semaphore(concurrency)
        self._account_slots: dict[tuple[str, str, str | None], asyncio.Semaphore] = {}
        self._ticking = asyncio.Lock()
        self._calls: set[asyncio.Task[None]] = set()
        self._most = concurrency * 4
        self._stopping = False

    def wake(self) -> None:
        """Look for due shipments now, without waiting for the next tick."""
        if not self._stopping:
            self._spawn(self.tick())

    async def tick(self) -> None:
        """Claim what is due and start asking. Does nothing while enough is under way."""
        async with self._ticking:
            room = self._most - len(self._calls)
            if room <= 0 or self._stopping:
                return
            now = _now()
            if not await self._store.read(lambda conn: _any_due(conn, now)):
                return
            due = await self._store.write(lambda conn: _claim(conn, now, _CLAIM_MOST))
            for group in _groups(due):
                self._spawn(self._ask(group))

    async def stop(self) -> None:
        """Let the calls under way finish, for a while; what does not is due again after its claim."""
        self._stopping = True
        if self._calls:
            _, late = await asyncio.wait(self._calls, timeout=10)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _ask(self, group: Sequence[Due]) -> None:
        first = group[0]
        key = (first.merchant_id, first.carrier, first.account_id)
        slot = self._account_slots.setdefault(key, asyncio.Semaphore(_PER_ACCOUNT))
        async with slot, self._slots:
            started = _now()
            numbers = tuple(due.tracking_number for due in group)
            try:
                by = connector(first.carrier)
                if not isinstance(by, Polls):
                    raise Rejected("this carrier cannot be asked")  # noqa: TRY301 - ends this group alike
                client = await self._access.client(first.merchant_id, first.carrier, first.account_id)
                answer = await by.poll(client, numbers)
            except CarrierError as trouble:
                await self._note_trouble(group, trouble, started)
            except Exception:
                log.exception("poll_failed", carrier=first.carrier)
                await self._note_trouble(group, Unavailable("a fault of our own"), started)
            else:
                metrics.poll_seconds(first.carrier).observe((_now() - started) / 1000)
                await self._note_answer(group, numbers, answer)

    async def _note_answer(self, group: Sequence[Due], numbers: tuple[str, ...], answer: Answer) -> None:
        now = _now()
        first = group[0]
        digest = digest_of(answer.body)
        metrics.polls(first.carrier, "answered").inc()
        same = all(due.poll_digest == digest for due in group)
        rows = []
        for due in group:
            # The same answer again: a number that was unknown still is, and nobody will read it a second time.
            not_found = due.not_found + 1 if same and due.not_found else due.not_found
            next_at = cadence.next_poll(_asked(due, not_found=not_found), now)
            rows.append(_after(due, now, digest=digest, not_found=not_found, next_poll_at=next_at))
        payload = NewPayload(
            merchant_id=first.merchant_id,
            carrier=first.carrier,
            account_id=first.account_id,
            source="poll",
            received_at=now,
            body=answer.body,
            numbers=numbers,
            headers={name: value for name, value in answer.headers.items() if name == "content-type"},
        )
        await self._inbox.keep_with(None if same else payload, lambda conn: _update(conn, rows))

    async def _note_trouble(self, group: Sequence[Due], trouble: CarrierError, started: int) -> None:
        now = _now()
        first = group[0]
        metrics.polls(first.carrier, type(trouble).__name__.lower()).inc()
        metrics.poll_seconds(first.carrier).observe((now - started) / 1000)
        if isinstance(trouble, NotFound):
            news = {(due.merchant_id, due.id): News(missing=True) for due in group}
            rows = [
                _after(due, now, next_poll_at=cadence.next_poll(_asked(due, not_found=due.not_found + 1), now))
                for due in group
            ]

            def missing(conn: Connection) -> dict[str, list[Entry]]:
                _update(conn, rows)
                return apply(conn, news, can_poll, now).entries

            self._tell(await self._store.write(missing))
            return
        if isinstance(trouble, Rejected):
            await self._access.rejected(first.merchant_id, first.carrier, first.account_id, str(trouble))
            rows = [
                _after(due, now, failures=due.poll_failures + 1, next_poll_at=now + _REJECTED_WAIT_MS) for due in group
            ]
        else:
            wait = trouble.retry_after if isinstance(trouble, Unavailable) else None
            rows = []
            for due in group:
                asked = _asked(due, failures=due.poll_failures + 1, retry_after=wait)
                next_at = cadence.next_poll(asked, now)
                rows.append(_after(due, now, failures=due.poll_failures + 1, next_poll_at=next_at))
        log.debug("poll_trouble", carrier=first.carrier, kind=type(trouble).__name__, ms=now - started)
        await self._store.write(lambda conn: _update(conn, rows))


def _asked(
    due: Due, *, failures: int = 0, not_found: int | None = None, retry_after: float | None = None
) -> cadence.Asked:
    return cadence.Asked(
        status=Status(due.status),
        created_at=due.created_at,
        last_news_at=due.last_event_at or due.created_at,
        not_found=due.not_found if not_found is None else not_found,
        failures=failures,
        retry_after_ms=None if retry_after is None else int(retry_after * 1000),
        pushed=due.pushed_at is not None,
    )


def _after(
    due: Due,
    now: int,
    *,
    next_poll_at: int | None,
    failures: int = 0,
    digest: bytes | None = None,
    not_found: int | None = None,
) -> dict[str, Any]:
    return {
        "key_merchant": due.merchant_id,
        "key_id": due.id,
        "polled_at": now,
        "poll_failures": failures,
        "not_found": due.not_found if not_found is None else not_found,
        "poll_digest": digest if digest is not None else due.poll_digest,
        "next_poll_at": next_poll_at,
    }


_UPDATE = (
    update(Tables.shipment)
    .where(
        Tables.shipment.c.merchant_id == bindparam("key_merchant"),
        Tables.shipment.c.id == bindparam("key_id"),
        Tables.shipment.c.tracking.is_(True),
    )
    .values(
        {name: bindparam(name) for name in ("polled_at", "poll_failures", "not_found", "poll_digest", "next_poll_at")}
    )
)


def _update(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(_UPDATE, rows)


def _any_due(conn: Connection, now: int) -> bool:
    c = Tables.shipment.c
    due = select(c.id).where(c.next_poll_at.is_not(None), c.next_poll_at <= now).limit(1)
    return conn.execute(due).first() is not None


_COLUMNS = tuple(getattr(Tables.shipment.c, name) for name in Due.__dataclass_fields__)


def _claim(conn: Connection, now: int, most: int) -> list[Due]:
    c = Tables.shipment.c
    chosen = (
        select(*_COLUMNS).where(c.next_poll_at.is_not(None), c.next_poll_at <= now).order_by(c.next_poll_at).limit(most)
    )
    due = [Due(*row) for row in conn.execute(chosen)]
    if due:
        claimed = (
            update(Tables.shipment)
            .where(c.merchant_id == bindparam("key_merchant"), c.id == bindparam("key_id"))
            .values(next_poll_at=now + CLAIM_MS)
        )
        conn.execute(claimed, [{"key_merchant": one.merchant_id, "key_id": one.id} for one in due])
    return due


def _groups(due: Sequence[Due]) -> Iterator[list[Due]]:
    """Group what one call can ask about: one account, at most the carrier's batch."""
    by_account: dict[tuple[str, str, str | None], list[Due]] = defaultdict(list)
    for one in due:
        by_account[one.merchant_id, one.carrier, one.account_id].append(one)
    for (_, carrier, _), theirs in by_account.items():
        size = connector(carrier).facts.api.batch if can_poll(carrier) else len(theirs)
        for start in range(0, len(theirs), size):
            yield theirs[start : start + size]


def _now() -> int:
    return time.time_ns() // 1_000_000

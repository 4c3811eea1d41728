"""Carriers that can be asked where a courier is are asked while somebody watches, and only then.

The answer goes by the one door, as any poll's does; bytes that tell a place and nothing else are dropped once read.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import and_, select

from connectors import UnknownCarrier, connector
from connectors.base import Locates
from connectors.errors import CarrierError, NotFound, Rejected, Unavailable
from gateway.beside import tell_trouble
from gateway.clock import now_ms
from gateway.inbox import NewPayload
from gateway.steps import by_merchant
from gateway.tables import Tables
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, RowMapping

    from gateway.carriers import CarrierAccess
    from gateway.inbox import Inbox
    from gateway.lastmile.positions import Positions
    from gateway.steps import Key
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY = 5.0
EVERY = 20.0
"""Seconds between two questions about one courier."""
NOBODY_YET = 60.0
"""Seconds to wait where the carrier says that no courier has the parcel, or is in trouble ..."""
TURNED_AWAY = 600.0
"""... and where it refuses the account this service. The account is not stopped for it: it may still track."""
_AT_ONCE = 8
_FRESH_MS = 15_000
"""A position that was pushed so lately saves the question."""
_OUT = Status.OUT_FOR_DELIVERY.value


class Locator:
    """Asks where watched couriers are, in each account's limits. Used from the event loop only."""

    def __init__(self, store: Store, inbox: Inbox, access: CarrierAccess, positions: Positions) -> None:
        self._store = store
        self._inbox = inbox
        self._access = access
        self._positions = positions
        self._due: dict[Key, float] = {}
        self._under_way: set[Key] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._stopping = False

    def watched(self, merchant_id: str, shipment_id: str) -> None:
        """Ask soon: somebody began to watch."""
        if not self._stopping and (merchant_id, shipment_id) not in self._due:
            self._spawn(self.tick())

    async def tick(self) -> None:
        """Ask about those that are watched and due."""
        now = time.monotonic()
        watched = set(self._positions.watched)
        self._due = {key: at for key, at in self._due.items() if key in watched}
        due = [key for key in watched if self._due.get(key, 0.0) <= now and key not in self._under_way]
        if not due or self._stopping:
            return
        for key in due:
            self._due[key] = now + EVERY
        wall = now_ms()
        for row in await self._store.read(lambda conn: _under_way(conn, due, wall - _FRESH_MS)):
            self._spawn(self._ask(row))

    async def stop(self) -> None:
        """End the questions under way: nobody watches any more."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _spawn(self, work: object) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)  # type: ignore[arg-type]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(tell_trouble)

    async def _ask(self, row: RowMapping) -> None:
        key = (row["merchant_id"], row["id"])
        if key in self._under_way:
            return
        self._under_way.add(key)
        try:
            async with self._slots:
                await self._locate(row)
        except CarrierError as trouble:
            self._due[key] = time.monotonic() + _wait(trouble)
        except Exception:
            log.exception("locating_failed", carrier=row["carrier"])
            self._due[key] = time.monotonic() + NOBODY_YET
        finally:
            self._under_way.discard(key)

    async def _locate(self, row: RowMapping) -> None:
        by = connector(row["carrier"])
        assert isinstance(by, Locates)  # noqa: S101 - others were left out when they were looked for
        client = await self._access.client(row["merchant_id"], row["carrier"], row["account_id"])
        answer = await by.locate(client, row["tracking_number"])
        payload = NewPayload(
            merchant_id=row["merchant_id"],
            carrier=row["carrier"],
            account_id=row["account_id"],
            source="poll",
            received_at=now_ms(),
            body=answer.body,
            numbers=(row["tracking_number"],),
            headers={name: value for name, value in answer.headers.items() if name == "content-type"},
        )
        await self._inbox.keep(payload)


def _wait(trouble: CarrierError) -> float:
    if isinstance(trouble, Rejected):
        return TURNED_AWAY
    if isinstance(trouble, Unavailable) and trouble.retry_after is not None:
        return max(NOBODY_YET, trouble.retry_after)
    return NOBODY_YET if isinstance(trouble, NotFound | Unavailable) else TURNED_AWAY


def _under_way(conn: Connection, keys: Iterable[Key], fresh_since: int) -> list[RowMapping]:
    """Return the shipments of these that are out for delivery, can be located, and were not heard of just now."""
    s, p = Tables.shipment.c, Tables.position.c
    found: list[RowMapping] = []
    for merchant_id, ids in by_merchant(keys):
        statement = (
            select(s.merchant_id, s.id, s.carrier, s.tracking_number, s.account_id, p.at)
            .outerjoin(Tables.position, and_(p.merchant_id == s.merchant_id, p.shipment_id == s.id))
            .where(s.merchant_id == merchant_id, s.id.in_(ids), s.status == _OUT, s.tracking.is_(True))
        )
        found += [
            row
            for row in conn.execute(statement).mappings()
            if (row["at"] is None or row["at"] < fresh_since) and _can_be_located(row["carrier"])
        ]
    return found


def _can_be_located(carrier: str) -> bool:
    try:
        return isinstance(connector(carrier), Locates)
    except UnknownCarrier:
        return False

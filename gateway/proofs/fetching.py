"""Proofs are fetched: due ones are asked of their carriers, or taken out of the payload that encloses them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from sqlalchemy import select

from connectors import UnknownCarrier, connector
from connectors.base import Payload, Proves
from connectors.errors import CarrierError, NotFound, Unavailable, Unreadable
from gateway.clock import now_ms
from gateway.proofs import store
from gateway.proofs.content import BadProof
from gateway.proofs.places import PlaceTrouble
from gateway.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import RowMapping

    from gateway.carriers import CarrierAccess
    from gateway.proofs.keeper import Keeper
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

LOOK_EVERY = 5.0
_AT_ONCE = 4
_MOST = 40
_MINUTE = 60_000
_NOT_YET = (30 * _MINUTE, 6 * 60 * _MINUTE, 24 * 60 * _MINUTE, 72 * 60 * _MINUTE)
"""A proof often comes to the carrier's archive hours after the scan that names it."""
_AGAIN = (_MINUTE, 5 * _MINUTE, 30 * _MINUTE, 2 * 60 * _MINUTE, 6 * 60 * _MINUTE, 24 * 60 * _MINUTE, 72 * 60 * _MINUTE)


class Fetcher:
    """Fetches proofs, each account's within its own limits. `tick` is called by the scheduler."""

    def __init__(
        self, db: Store, access: CarrierAccess, keeper: Keeper, tell: Callable[[tuple[str, str]], None]
    ) -> None:
        self._db = db
        self._access = access
        self._keeper = keeper
        self._tell = tell
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def tick(self) -> None:
        """Fetch what is due. A crash in the middle costs a delay: what was claimed falls due again."""
        now = now_ms()
        if rows := await self._db.write(partial(store.claim, now=now, most=_MOST)):
            await asyncio.gather(*(self._fetch(row) for row in rows))

    async def _fetch(self, row: RowMapping) -> None:
        async with self._slots:
            key = (row["merchant_id"], row["shipment_id"])
            one = store.Named(row["kind"], row["reference"], row["payload_id"])
            try:
                body = await self._bytes(row)
                await self._keeper.keep(*key, one, body, now_ms())
            except (CarrierError, BadProof, PlaceTrouble) as trouble:
                await self._note(row, trouble)
            except Exception:
                log.exception("proof_failed", carrier=row["carrier"])
                await self._note(row, Unavailable("a fault of our own"))
            else:
                self._tell(key)

    async def _bytes(self, row: RowMapping) -> bytes:
        try:
            by = connector(row["carrier"])
        except UnknownCarrier:
            raise NotFound("there is no connector for this carrier any more") from None
        if row["payload_id"] is not None:
            kept = await self._db.read(lambda conn: _payload(conn, row["merchant_id"], row["payload_id"]))
            body = None if kept is None else by.enclosed(_read(kept), row["kind"], row["reference"] or None)
            if body is None:
                raise Unreadable("the payload does not enclose it")
            return body
        if not isinstance(by, Proves):
            raise Unreadable("this carrier's proofs cannot be asked for")
        client = await self._access.client(row["merchant_id"], row["carrier"], row["account_id"])
        return (await by.prove(client, row["tracking_number"], row["reference"] or None)).body

    async def _note(self, row: RowMapping, trouble: Exception) -> None:
        values = _after(row["tries"], trouble, now_ms())
        log.info("proof_not_fetched", carrier=row["carrier"], state=values["state"], reason=values["reason"])
        await self._db.write(partial(store.settle, row=row, **values))


def _after(tries: int, trouble: Exception, now: int) -> dict[str, Any]:
    """Return what becomes of a proof that could not be had; `tries` counts those before this one.

    An account is not stopped for it: a carrier that lets it track may still not let it fetch proofs.
    """
    if isinstance(trouble, NotFound | Unavailable | PlaceTrouble):
        waits = _NOT_YET if isinstance(trouble, NotFound) else _AGAIN
        if tries < len(waits):
            wait = waits[tries]
            if isinstance(trouble, Unavailable) and trouble.retry_after is not None:
                wait = max(wait, int(trouble.retry_after * 1000))
            return {"state": "wanted", "reason": str(trouble), "due_at": now + wait}
        return {"state": "absent", "reason": str(trouble), "due_at": None}
    return {"state": "refused", "reason": str(trouble), "due_at": None}


def _payload(conn: Any, merchant_id: str, payload_id: str) -> Mapping[Any, Any] | None:
    c = Tables.payload.c
    found: Mapping[Any, Any] | None = (
        conn.execute(select(Tables.payload).where(c.merchant_id == merchant_id, c.id == payload_id)).mappings().first()
    )
    return found


def _read(row: Mapping[Any, Any]) -> Payload:
    return Payload(
        carrier=row["carrier"],
        body=row["body"],
        source=row["source"],
        received_at=datetime.fromtimestamp(row["received_at"] / 1000, UTC),
        numbers=tuple(orjson.loads(row["numbers"])),
        headers=orjson.loads(row["headers"]),
        id=row["id"],
    )

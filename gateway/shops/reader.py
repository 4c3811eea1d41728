"""Reads what shops sent, the oldest first, each push in a transaction of its own with what it brings about."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog

from connectors.errors import Unreadable
from connectors.shops import UnknownShop, shop
from gateway import metrics
from gateway.clock import now_ms
from gateway.shops import accounts, inbox
from gateway.shops.taking import NumberTaken, Taken, Taker, WaitsForOrder

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from connectors.shops.base import ShopReading
    from gateway.pages.links import Links
    from gateway.vault import Vault
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_AT_ONCE = 100


class ShopReader:
    """Reads what waits. What fails on our side is tried again at the next tick."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        links: Links,
        tell: Callable[[dict[str, list[Entry]]], None],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._vault = vault
        self._taker = Taker(vault, links)
        self._tell = tell
        self._wake = wake
        self._one_at_a_time = asyncio.Lock()

    async def tick(self) -> None:
        """Read what waits, until nothing does. A push that comes first waits for its order and is read after it."""
        async with self._one_at_a_time:
            after = ""
            while rows := await self._store.read(partial(inbox.next_kept, after=after, limit=_AT_ONCE)):
                woke = False
                for row in rows:
                    try:
                        woke |= await self._read(row)
                    except Exception:
                        log.exception("shop_push_failed", push=row["id"])
                after = "" if woke else rows[-1]["id"]

    async def _read(self, row: RowMapping) -> bool:
        """Read one push; return whether others may have been waiting for it."""
        try:
            reading = shop(row["shop"]).read(inbox.payload(self._vault, row))
        except UnknownShop:
            await self._store.write(lambda conn: inbox.mark(conn, row, "unreadable", "there is no such shop any more"))
            return False
        now = now_ms()
        try:
            taken = await self._store.write(partial(self._take, row=row, reading=reading, now=now))
        except WaitsForOrder as waits:
            shop_order = waits.shop_order
            await self._store.write(lambda conn: inbox.mark(conn, row, "waiting", waits_for=shop_order))
            metrics.payloads(row["shop"], "waiting").inc()
            return False
        except NumberTaken:
            trouble = Unreadable("the order number is another shop's: give this one an order_prefix")
            await self._store.write(lambda conn: inbox.mark(conn, row, "unreadable", str(trouble)))
            reading.trouble = trouble
            taken = Taken()
        self._tell(taken.entries)
        if taken.asks:
            self._wake()
        metrics.payloads(row["shop"], "read" if reading.trouble is None else "unreadable").inc()
        if reading.trouble is not None:
            log.warning("shop_push_unreadable", push=row["id"], shop=row["shop"], reason=str(reading.trouble))
        return bool(taken.entries)

    def _take(self, conn: Connection, row: RowMapping, reading: ShopReading, now: int) -> Taken:
        account = accounts.get(conn, row["merchant_id"], row["account_id"])
        if account is None:
            inbox.mark(conn, row, "unreadable", "the shop's account was deleted")
            return Taken()
        taken = self._taker.take(conn, account, reading.said, now)
        if reading.trouble is None:
            inbox.mark(conn, row, "read")
        else:
            inbox.mark(conn, row, "unreadable", str(reading.trouble))
        return taken

"""Shops are told what becomes of their parcels: each account is one more reader of its merchant's log.

A cursor says how far a shop was told. It moves after the shop has answered, so a crash may tell one status twice and
loses none; trouble stops this account's cursor and nobody else's.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import select, update

from connectors.client import HttpClient, shared_transport
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from connectors.shops import UnknownShop, shop
from connectors.shops.base import ParcelNews, WritesBack
from gateway.cadence import backoff
from gateway.clock import now_ms
from gateway.shops import accounts
from gateway.shops.tables import Shops
from webhooks import log as message_log
from webhooks.matching import STATUS_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

EVERY = 5.0
"""Seconds between two looks at the logs."""
_AT_ONCE = 200
_A, _F = Shops.account.c, Shops.fulfilment.c


class ShopTeller:
    """Tells shops. `base_urls` replaces a shop's own address, for simulators."""

    def __init__(self, store: Store, vault: Vault, base_urls: Mapping[str, str]) -> None:
        self._store = store
        self._vault = vault
        self._base_urls = base_urls
        self._transport = shared_transport(connections=20)

    async def tick(self) -> None:
        """Tell every shop what it was not told yet."""
        now = now_ms()
        rows = await self._store.read(partial(_due, now=now))
        await asyncio.gather(*(self._account(row, now) for row in rows))

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def _account(self, row: RowMapping, now: int) -> None:
        try:
            await self._tell(row)
        except Unavailable as trouble:
            failures = row["tell_failures"] + 1
            wait = max(backoff(failures), int((trouble.retry_after or 0) * 1000))
            await self._note(row, tell_at=now + wait, tell_failures=failures, told_trouble=str(trouble))
        except Rejected as trouble:
            log.warning("shop_rejected", shop=row["shop"], account=row["id"], reason=str(trouble))
            await self._note(row, tell_at=None, told_trouble=str(trouble))
        except Exception:
            log.exception("shop_teller_failed", account=row["id"])

    async def _tell(self, row: RowMapping) -> None:
        try:
            of = shop(row["shop"])
        except UnknownShop:
            return
        account = accounts.opened(self._vault, row)
        if not isinstance(of, WritesBack) or not of.writes(account.secrets):
            await self._note(row, tell_at=None)
            return
        if row["told_until"] is None:  # it begins with what happens from now on
            head = await self._store.read(partial(message_log.head, merchant_id=row["merchant_id"]))
            await self._note(row, told_until=head)
            return
        entries, fulfilments = await self._store.read(partial(_news, row=row))
        if not entries:
            return
        address = self._base_urls.get(row["shop"]) or of.address(account.secrets)
        async with HttpClient(of.facts, of.auth(account.secrets), base_url=address, transport=self._transport) as http:
            for entry in entries:
                news = _of_entry(entry, fulfilments)
                if news is not None and of.word(news.status, news.substatus) is not None:
                    await self._write(of, http, news)
                    await self._note(row, told_until=entry.sequence, tell_failures=0, told_trouble="")
        await self._note(row, told_until=entries[-1].sequence)

    async def _write(self, of: WritesBack, http: HttpClient, news: ParcelNews) -> None:
        try:
            await of.write_back(http, news)
        except (NotFound, Unreadable) as trouble:  # of this parcel alone: the next one may fare better
            log.warning("shop_not_told", reason=str(trouble))

    async def _note(self, row: RowMapping, **values: object) -> None:
        def work(conn: Connection) -> None:
            mine = (_A.merchant_id == row["merchant_id"], _A.id == row["id"], _A.changed_at == row["changed_at"])
            conn.execute(update(Shops.account).where(*mine).values(**values))

        await self._store.write(work)


def _due(conn: Connection, now: int) -> list[RowMapping]:
    statement = select(Shops.account).where(_A.state == "active", _A.tell_at <= now)
    return list(conn.execute(statement).mappings())


def _news(conn: Connection, row: RowMapping) -> tuple[list[Entry], dict[str, str]]:
    """Return what comes after an account's cursor, and the fulfilments of its shipments there."""
    merchant_id = row["merchant_id"]
    want = message_log.Want(merchant_id, row["told_until"], message_log.head(conn, merchant_id), _AT_ONCE)
    entries = message_log.read_many(conn, [want])[want]
    ids = {entry.shipment_id for entry in entries if entry.type in STATUS_TYPES}
    statement = select(_F.shipment_id, _F.fulfilment).where(
        _F.merchant_id == merchant_id, _F.account_id == row["id"], _F.shipment_id.in_(ids)
    )
    return entries, {row.shipment_id: row.fulfilment for row in conn.execute(statement)}


def _of_entry(entry: Entry, fulfilments: Mapping[str, str]) -> ParcelNews | None:
    """Return what a message tells a shop; a status told late is behind the parcel and is not."""
    fulfilment = fulfilments.get(entry.shipment_id or "")
    if fulfilment is None or entry.type not in STATUS_TYPES:
        return None
    shipment, event = entry.data()["shipment"], entry.data()["event"] or {}
    if entry.type != f"shipment.{shipment['status']}":
        return None
    return ParcelNews(
        fulfilment=fulfilment, status=shipment["status"], substatus=shipment["substatus"], at=event.get("at")
    )

"""Replay: read kept payloads again, after a code table or a connector was mended. Only real changes speak."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway import own_codes
from gateway.clock import now_ms
from gateway.ids import first_id
from gateway.inbox import Kept, kept_of
from gateway.ingest import read_all, settle
from gateway.tables import Tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy import Connection

    from webhooks.log import Entry
    from webhooks.store import Store

_BATCH = 200


def _page(
    conn: Connection, carrier: str | None, after: str, *, only_unreadable: bool
) -> tuple[list[Kept], dict[own_codes.Key, own_codes.Own]]:
    c = Tables.payload.c
    statement = select(Tables.payload).where(c.id > after).order_by(c.id).limit(_BATCH)
    if carrier is not None:
        statement = statement.where(c.carrier == carrier)
    if only_unreadable:
        statement = statement.where(c.state == "unreadable")
    page = [kept_of(row) for row in conn.execute(statement).mappings()]
    return page, own_codes.load(conn, own_codes.accounts_of(page))


async def replay(
    store: Store, *, carrier: str | None = None, since: int | None = None, only_unreadable: bool = False
) -> AsyncIterator[tuple[int, int, dict[str, list[Entry]]]]:
    """Read kept payloads again, oldest first; yield (payloads read, new events, new log entries) for each batch.

    `since` in epoch milliseconds. Ids are made from content, so what is known already changes nothing.
    """
    after = "" if since is None else first_id("pay", since)
    while True:
        page, own = await store.read(partial(_page, carrier=carrier, after=after, only_unreadable=only_unreadable))
        if not page:
            return
        readings = read_all(page, own)
        now = now_ms()
        applied = await store.write(lambda conn, readings=readings, now=now: settle(conn, readings, now, revise=True))  # type: ignore[misc]
        after = page[-1].id
        yield len(page), applied.new_events.total(), applied.entries

"""Own codes: what a merchant says the codes of one of its accounts mean. They come before the carrier's table."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, tuple_

from gateway.tables import Tables
from normalizer.codes import Meaning
from normalizer.model import Status
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.inbox import Kept
    from webhooks.store import Store

MOST = 2_000
"""Rows of one account, and codes without a row shown beside them."""

_FRESH_SECONDS = 2.0
_MOST_REMEMBERED = 1_000

Key = tuple[str, str]
"""(merchant, account id)."""
Own = dict[str, Meaning]


def listed(conn: Connection, merchant_id: str, account_id: str) -> list[RowMapping]:
    """Return an account's rows by code."""
    table = Tables.account_code
    statement = select(table).where(table.c.merchant_id == merchant_id, table.c.account_id == account_id)
    return list(conn.execute(statement.order_by(table.c.code)).mappings())


def replace(
    conn: Connection, merchant_id: str, account_id: str, rows: Sequence[Mapping[str, Any]], now: int
) -> list[RowMapping]:
    """Put these rows in place of all that an account has; return them as they stand."""
    c = Tables.account_code.c
    mine = (c.merchant_id == merchant_id, c.account_id == account_id)
    before = conn.execute(select(func.max(c.changed_at)).where(*mine)).scalar_one()
    # What was read is told from what stands by this time: it rises even where the clock does not.
    at = now if before is None else max(now, before + 1)
    conn.execute(delete(Tables.account_code).where(*mine))
    if rows:
        _INSERT(conn, [{"merchant_id": merchant_id, "account_id": account_id, "changed_at": at, **row} for row in rows])
    return listed(conn, merchant_id, account_id)


_INSERT = Many.inserting(Tables.account_code)


def unlisted(conn: Connection, merchant_id: str, account_id: str, carrier: str) -> list[RowMapping]:
    """Return the codes of a carrier that a merchant got and this account has no row for, the most frequent first."""
    c, own = Tables.unlisted_code.c, Tables.account_code.c
    named = select(own.code).where(own.merchant_id == merchant_id, own.account_id == account_id)
    statement = (
        select(c.code, c.count, c.example, c.last_at)
        .where(c.merchant_id == merchant_id, c.carrier == carrier, c.code.not_in(named))
        .order_by(c.count.desc(), c.code)
        .limit(MOST)
    )
    return list(conn.execute(statement).mappings())


def accounts_of(batch: Sequence[Kept]) -> set[Key]:
    """Return the accounts that payloads came by."""
    return {(one.payload.merchant_id, one.payload.account_id) for one in batch if one.payload.account_id is not None}


def load(conn: Connection, keys: Collection[Key]) -> dict[Key, Own]:
    """Return the own codes of those accounts that have any."""
    if not keys:
        return {}
    c = Tables.account_code.c
    statement = select(c.merchant_id, c.account_id, c.code, c.status, c.substatus, c.moves)
    found: dict[Key, Own] = {}
    for merchant_id, account_id, code, status, substatus, moves in conn.execute(statement.where(_among(keys))):
        found.setdefault((merchant_id, account_id), {})[code] = Meaning(Status(status), substatus, moves)
    return found


def _among(keys: Collection[Key]) -> Any:
    c = Tables.account_code.c
    return tuple_(c.merchant_id, c.account_id).in_(sorted(keys))


class OwnCodes:
    """Own codes for ingest, kept between batches. What another process changed is seen within seconds.

    `clock` tells seconds.
    """

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[Key, tuple[float, int | None, Own]] = {}
        """Key -> when it was looked at, the rows' time (None: it has no rows), the rows."""
        self._looked = float("-inf")
        self._any = False
        self._changes = 0
        """How often we were told of a change: what was looked up meanwhile is not kept."""

    async def of(self, batch: Sequence[Kept]) -> Mapping[Key, Own]:
        """Return the own codes of the accounts a batch came by. Where no account has any, the database rests."""
        now, changes = self._clock(), self._changes
        if now - self._looked >= _FRESH_SECONDS:
            self._any = await self._store.read(_are_any)
            if changes == self._changes:
                self._looked = now
        if not self._any:
            self._known.clear()
            return {}
        wanted = accounts_of(batch)
        known = {key: self._known[key] for key in wanted if key in self._known}
        stale = [key for key in wanted if key not in known or now - known[key][0] >= _FRESH_SECONDS]
        if stale:
            before = {key: known[key][1] for key in stale if key in known}
            versions, changed = await self._store.read(lambda conn: _changed(conn, stale, before))
            for key in stale:
                known[key] = (now, versions.get(key), changed[key] if key in changed else known[key][2])
            if changes == self._changes:
                if len(self._known) >= _MOST_REMEMBERED:
                    self._known.clear()
                self._known |= known
        return {key: own for key, (_, _, own) in known.items() if own}

    def forget(self, merchant_id: str, account_id: str) -> None:
        """Look an account's codes up afresh next time: they were changed."""
        self._known.pop((merchant_id, account_id), None)
        self._looked = float("-inf")
        self._changes += 1


def _are_any(conn: Connection) -> bool:
    return conn.execute(select(Tables.account_code.c.code).limit(1)).first() is not None


def _changed(
    conn: Connection, keys: Collection[Key], before: Mapping[Key, int | None]
) -> tuple[dict[Key, int], dict[Key, Own]]:
    """Return the rows' time of each account, and the own codes of those where it is not as before."""
    c = Tables.account_code.c
    statement = select(c.merchant_id, c.account_id, func.max(c.changed_at)).where(_among(keys))
    versions = {(one[0], one[1]): one[2] for one in conn.execute(statement.group_by(c.merchant_id, c.account_id))}
    changed = [key for key in keys if key not in before or before[key] != versions.get(key)]
    loaded = load(conn, changed)
    return versions, {key: loaded.get(key, {}) for key in changed}

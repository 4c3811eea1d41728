"""Reads lanes from the database: where they stand, what waits in their retry tables, what the redo log knows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select, tuple_

from webhooks.dead import Which
from webhooks.item import Item
from webhooks.matching import topic
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Row, Select

Key = tuple[str, str]
"""Merchant and endpoint."""

_FINAL = ("delivered", "superseded")
_E, _L, _R, _A, _D, _M, _P = (
    Tables.endpoint.c,
    Tables.lane.c,
    Tables.retry.c,
    Tables.attempt.c,
    Tables.dead.c,
    Tables.message.c,
    Tables.replay.c,
)
MOST_KEYS = 400
"""Keys in one question, under SQLite's bound on variables."""


@dataclass(slots=True)
class LoadedReplay:
    """A stretch of the log to be sent once more, from `cursor` on."""

    id: str
    cursor: int
    until: int
    event_types: bytes | None
    only_failed: bool
    which: Which
    created_at: int
    finished: set[int] = field(default_factory=set)


@dataclass(slots=True)
class LoadedLane:
    """An enabled endpoint with its lane as the database has them. `row` has the columns of both."""

    row: Row[Any]
    waiting: list[Item] = field(default_factory=list)
    finished: set[int] = field(default_factory=set)
    replays: list[LoadedReplay] = field(default_factory=list)
    """Those that are not over, the oldest first: they run one after the other."""


def load(conn: Connection, keys: Collection[Key] | None = None) -> dict[Key, LoadedLane]:
    """Load the enabled lanes among `keys`, or all of them."""
    if keys is not None and len(keys) > MOST_KEYS:
        wanted = sorted(keys)
        parts = [load(conn, wanted[n : n + MOST_KEYS]) for n in range(0, len(wanted), MOST_KEYS)]
        return {key: lane for part in parts for key, lane in part.items()}
    lanes = {
        (row.merchant_id, row.id): LoadedLane(row) for row in conn.execute(_only(_LANES, _E.merchant_id, _E.id, keys))
    }
    for row in conn.execute(_only(_WAITING, _R.merchant_id, _R.endpoint_id, keys)):
        lane = lanes.get((row.merchant_id, row.endpoint_id))
        if lane is not None:
            kind = row.type
            lane.waiting.append(
                Item(
                    row.sequence,
                    row.shipment_id,
                    row.shipment_version or 0,
                    None if kind is None else topic(kind),
                    attempts=row.attempts,
                    run_at=row.run_at,
                    parked=row.parked,
                )
            )
    for statement, table in ((_DONE, _A), (_GIVEN_UP, _D)):
        for merchant, endpoint, sequence in conn.execute(_only(statement, table.merchant_id, table.endpoint_id, keys)):
            if (merchant, endpoint) in lanes:
                lanes[merchant, endpoint].finished.add(sequence)
    _load_replays(conn, lanes, keys)
    return lanes


def _load_replays(conn: Connection, lanes: dict[Key, LoadedLane], keys: Collection[Key] | None) -> None:
    for row in conn.execute(_only(_REPLAYS, _P.merchant_id, _P.endpoint_id, keys)):
        lane = lanes.get((row.merchant_id, row.endpoint_id))
        if lane is None:
            continue
        which = Which.unpack(row.which)
        replay = LoadedReplay(row.id, row.cursor, row.until, row.event_types, row.only_failed, which, row.created_at)
        lane.replays.append(replay)
        done = conn.execute(
            select(_A.sequence).where(
                _A.merchant_id == row.merchant_id,
                _A.endpoint_id == row.endpoint_id,
                _A.sequence > row.cursor,
                _A.sequence <= row.until,
                _A.at >= row.created_at,
                _A.outcome.in_(_FINAL),
            )
        )
        replay.finished.update(sequence for (sequence,) in done)


def _only(statement: Select[Any], merchant: Any, endpoint: Any, keys: Collection[Key] | None) -> Select[Any]:
    return statement if keys is None else statement.where(tuple_(merchant, endpoint).in_(sorted(keys)))


_MINE = and_(_L.merchant_id == _E.merchant_id, _L.endpoint_id == _E.id)
_LANES = select(*_E, *(column for column in _L if column.name not in {"merchant_id", "endpoint_id"})).where(
    _MINE, _E.state == "enabled", _E.url != ""
)
_WAITING = (
    select(*_R, _M.type, _M.shipment_version)
    .join_from(
        Tables.retry,
        Tables.message,
        and_(_M.merchant_id == _R.merchant_id, _M.sequence == _R.sequence),
        isouter=True,
    )
    .order_by(_R.merchant_id, _R.endpoint_id, _R.sequence)
)
_DONE = select(_A.merchant_id, _A.endpoint_id, _A.sequence).where(
    _A.merchant_id == _L.merchant_id,
    _A.endpoint_id == _L.endpoint_id,
    _A.sequence > _L.cursor,
    _A.outcome.in_(_FINAL),
)
_GIVEN_UP = select(_D.merchant_id, _D.endpoint_id, _D.sequence).where(
    _D.merchant_id == _L.merchant_id, _D.endpoint_id == _L.endpoint_id, _D.sequence > _L.cursor
)
_REPLAYS = select(*_P).where(_P.state == "running").order_by(_P.created_at, _P.id)


@dataclass(slots=True)
class News:
    """What a look at the database found."""

    heads: dict[str, int]
    endpoints: Sequence[Any]
    """merchant_id, id, version, state of the endpoints changed lately."""


def look(conn: Connection, since: int) -> News:
    """Look for logs that moved and endpoints that were changed since an instant (epoch milliseconds)."""
    heads = conn.execute(
        select(Tables.stream.c.merchant_id, Tables.stream.c.head).where(Tables.stream.c.moved_at >= since)
    )
    endpoints = conn.execute(select(_E.merchant_id, _E.id, _E.version, _E.state).where(_E.changed_at >= since))
    return News({row[0]: row[1] for row in heads}, endpoints.all())

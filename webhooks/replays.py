"""Replays: stretches of the log, or the dead among them, that an endpoint gets once more. They move a cursor, no more.

After a change is committed, call `Dispatcher.touch` so that the lane takes it up at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from webhooks import dead, log
from webhooks.dead import Which
from webhooks.endpoint_rows import BadEndpoint, find_row, of, touch
from webhooks.matching import read_wish
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_L, _P = Tables.lane.c, Tables.replay.c


class NoReplay(LookupError):  # noqa: N818 - it names what is missing
    """The endpoint has no such replay."""


@dataclass(frozen=True, slots=True)
class ReplayFacts:
    """How far a replay has got: it goes from the sequence `begin` to `until`. Times in epoch milliseconds.

    `state`: running (or waiting behind another one of the endpoint), done or cancelled.
    """

    id: str
    state: str
    only_failed: bool
    event_types: Sequence[str] | None
    begin: int
    cursor: int
    until: int
    created_at: int
    ended_at: int | None

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.state == "done" or self.until <= self.begin:
            return 1.0
        return round((self.cursor - self.begin) / (self.until - self.begin), 4)


def start(
    conn: Connection,
    merchant_id: str,
    endpoint_id: str,
    now: int,
    *,
    since: int,
    until: int | None = None,
    event_types: Sequence[str] | None = None,
    only_failed: bool = False,
) -> ReplayFacts:
    """Send a stretch of the log once more; times in epoch milliseconds.

    It reaches at most to the lane's cursor: what stands above is on its way anyway.
    """
    if event_types is not None:
        read_wish(event_types)
    if until is not None and until < since:
        raise BadEndpoint("until: it lies before since")
    _find_callable(conn, merchant_id, endpoint_id)
    cursor = conn.execute(select(_L.cursor).where(of(Tables.lane, merchant_id, endpoint_id))).scalar() or 0
    begin = log.sequence_at(conn, merchant_id, since)
    end = cursor if until is None else min(cursor, log.sequence_at(conn, merchant_id, until + 1))
    types = orjson.dumps(list(event_types)) if event_types is not None else None
    return _begin(conn, merchant_id, endpoint_id, now, begin, end, event_types=types, only_failed=only_failed)


def requeue(conn: Connection, merchant_id: str, endpoint_id: str, now: int, which: Which) -> tuple[ReplayFacts, int]:
    """Send those of the dead once more; return the replay and how many there are."""
    _find_callable(conn, merchant_id, endpoint_id)
    count, first, last = dead.stretch(conn, merchant_id, endpoint_id, which)
    facts = _begin(conn, merchant_id, endpoint_id, now, max(0, first - 1), last, which=which.pack(), only_failed=True)
    return facts, count


def cancel(conn: Connection, merchant_id: str, endpoint_id: str, replay_id: str, now: int) -> ReplayFacts:
    """End a replay; what it has in flight is still recorded. Raises `NoReplay`. Ending it twice changes nothing."""
    facts = get(conn, merchant_id, endpoint_id, replay_id)
    if facts.state != "running":
        return facts
    conn.execute(
        update(Tables.replay)
        .where(of(Tables.replay, merchant_id, endpoint_id), _P.id == replay_id)
        .values(state="cancelled", ended_at=now)
    )
    touch(conn, merchant_id, endpoint_id, now)
    return get(conn, merchant_id, endpoint_id, replay_id)


def cancel_all(conn: Connection, merchant_id: str, endpoint_id: str, now: int) -> None:
    """End all replays of an endpoint."""
    conn.execute(
        update(Tables.replay)
        .where(of(Tables.replay, merchant_id, endpoint_id), _P.state == "running")
        .values(state="cancelled", ended_at=now)
    )


def find(
    conn: Connection, merchant_id: str, endpoint_id: str, *, before: tuple[int, str] | None = None, limit: int = 50
) -> list[ReplayFacts]:
    """Return an endpoint's replays, the newest first, from before (created_at, id)."""
    find_row(conn, merchant_id, endpoint_id)
    statement = (
        select(Tables.replay)
        .where(of(Tables.replay, merchant_id, endpoint_id))
        .order_by(_P.created_at.desc(), _P.id.desc())
        .limit(limit)
    )
    if before is not None:
        at, replay_id = before
        statement = statement.where((_P.created_at < at) | ((_P.created_at == at) & (_P.id < replay_id)))
    return [_facts(row) for row in conn.execute(statement)]


def get(conn: Connection, merchant_id: str, endpoint_id: str, replay_id: str) -> ReplayFacts:
    """Return one replay. Raises `NoEndpoint` or `NoReplay`."""
    find_row(conn, merchant_id, endpoint_id)
    row = conn.execute(
        select(Tables.replay).where(of(Tables.replay, merchant_id, endpoint_id), _P.id == replay_id)
    ).first()
    if row is None:
        raise NoReplay(replay_id)
    return _facts(row)


def _find_callable(conn: Connection, merchant_id: str, endpoint_id: str) -> None:
    if not find_row(conn, merchant_id, endpoint_id).url:
        raise BadEndpoint("url: this endpoint has none and is read by polling, from any cursor")


def _begin(  # noqa: PLR0917 - a row of a table
    conn: Connection, merchant_id: str, endpoint_id: str, now: int, begin: int, end: int, **more: Any
) -> ReplayFacts:
    replay_id = f"rp_{secrets.token_hex(12)}"
    nothing = end <= begin
    conn.execute(
        Tables.replay.insert().values(
            merchant_id=merchant_id,
            endpoint_id=endpoint_id,
            id=replay_id,
            begin=begin,
            cursor=begin,
            until=max(begin, end),
            state="done" if nothing else "running",
            created_at=now,
            ended_at=now if nothing else None,
            **more,
        )
    )
    touch(conn, merchant_id, endpoint_id, now)
    return get(conn, merchant_id, endpoint_id, replay_id)


def _facts(row: Any) -> ReplayFacts:
    types = orjson.loads(row.event_types) if row.event_types is not None else None
    if row.which is not None:
        types = Which.unpack(row.which).event_types
    return ReplayFacts(
        row.id,
        row.state,
        row.only_failed,
        types,
        row.begin,
        row.cursor,
        row.until,
        row.created_at,
        row.ended_at,
    )

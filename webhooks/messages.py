"""The log as its merchant reads it: what was told, to whom, with what answer, and what an endpoint would be told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import select, update

from webhooks import log
from webhooks.endpoint_rows import find_row, of, projection_of, wish_of
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from webhooks.filters import Projection
    from webhooks.log import Entry

_E, _L, _M, _R, _D, _A = (
    Tables.endpoint.c,
    Tables.lane.c,
    Tables.message.c,
    Tables.retry.c,
    Tables.dead.c,
    Tables.attempt.c,
)


_SCAN = 1_000
"""Entries of the log one poll looks through at most."""


class NoPlace(ValueError):  # noqa: N818 - it names what is missing
    """A cursor beyond the end of the log: nobody was given it, and to begin there would pass over news to come."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message's state at one endpoint.

    `state`: delivered, retrying (next try at `next_at`), waiting (behind an older message of its shipment), pending
    (not tried yet), dead, superseded, or skipped (not wanted, passed over, or older than the endpoint). `attempts`
    counts requests. Times in epoch milliseconds.
    """

    endpoint_id: str
    state: str
    attempts: int
    last_status: int | None = None
    last_outcome: str | None = None
    last_at: int | None = None
    next_at: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """A message and what became of it."""

    entry: Entry
    deliveries: tuple[Delivery, ...]


class Polled(NamedTuple):
    """What was asked for: entries, the next cursor, and which fields of the entries the endpoint wants."""

    entries: list[Entry]
    cursor: int
    projection: Projection | None

    @property
    def bodies(self) -> list[bytes]:
        """The entries as JSON."""
        return [entry.body_for(self.projection) for entry in self.entries]


def get(conn: Connection, merchant_id: str, message_id: str) -> Told | None:
    """Return one message, None when the merchant has no such message."""
    row = conn.execute(select(*log.read_columns()).where(_M.merchant_id == merchant_id, _M.id == message_id)).first()
    return None if row is None else _told(conn, merchant_id, [log.to_entry(row)])[0]


def find(
    conn: Connection,
    merchant_id: str,
    *,
    before: int | None = None,
    limit: int = 50,
    type: str | None = None,  # noqa: A002 - the name of the filter in the API
    shipment_id: str | None = None,
) -> list[Told]:
    """Return messages newest first, from below the sequence `before`."""
    statement = select(*log.read_columns()).where(_M.merchant_id == merchant_id)
    if before is not None:
        statement = statement.where(_M.sequence < before)
    if type is not None:
        statement = statement.where(_M.type == type)
    if shipment_id is not None:
        statement = statement.where(_M.shipment_id == shipment_id)
    rows = conn.execute(statement.order_by(_M.sequence.desc()).limit(limit))
    return _told(conn, merchant_id, [log.to_entry(row) for row in rows])


def poll(
    conn: Connection, merchant_id: str, endpoint_id: str, *, cursor: int | None = None, limit: int = 100
) -> Polled:
    """Read what an endpoint wants after a cursor, for those who rather ask.

    Without a cursor it begins where the endpoint began or, for one without an address, after what it has confirmed.
    The next cursor moves on even when nothing was wanted. Raises `NoPlace`.
    """
    row = find_row(conn, merchant_id, endpoint_id)
    if cursor is None:
        begin = _L.start if row.url else _L.cursor
        cursor = conn.execute(select(begin).where(of(Tables.lane, merchant_id, endpoint_id))).scalar() or 0
    head = log.head(conn, merchant_id)
    if cursor > head:
        raise NoPlace
    want = log.Want(merchant_id, cursor, head, _SCAN)
    wish = wish_of(row)
    taken: list[Entry] = []
    for entry in log.read_many(conn, [want])[want]:
        if wish.wants(entry.type, entry.data):
            taken.append(entry)
        cursor = entry.sequence
        if len(taken) == limit:
            break
    return Polled(taken, cursor, projection_of(row))


def confirm(conn: Connection, merchant_id: str, endpoint_id: str, cursor: int) -> None:
    """Note that an endpoint without an address has everything up to a cursor: it asks for what comes after.

    An endpoint that is called has its lane's cursor, which asking does not move. Raises `NoPlace`.
    """
    row = find_row(conn, merchant_id, endpoint_id)
    if cursor > log.head(conn, merchant_id):
        raise NoPlace
    if not row.url:
        conn.execute(
            update(Tables.lane)
            .where(of(Tables.lane, merchant_id, endpoint_id), _L.cursor < cursor)
            .values(cursor=cursor)
        )


def _told(conn: Connection, merchant_id: str, entries: Sequence[Entry]) -> list[Told]:
    sequences = [entry.sequence for entry in entries]
    endpoints = conn.execute(
        select(Tables.endpoint, _L.cursor, _L.start)
        .where(
            _E.merchant_id == merchant_id,
            _E.state != "deleted",
            _L.merchant_id == _E.merchant_id,
            _L.endpoint_id == _E.id,
        )
        .order_by(_E.created_at, _E.id)
    ).all()
    theirs = [row.id for row in endpoints]
    retries = _by_place(conn, Tables.retry, merchant_id, theirs, sequences)
    dead = _by_place(conn, Tables.dead, merchant_id, theirs, sequences)
    tries = _by_place(conn, Tables.attempt, merchant_id, theirs, sequences)
    wishes = {row.id: wish_of(row) for row in endpoints}
    told = []
    for entry in entries:
        deliveries = []
        for row in endpoints:
            place = (row.id, entry.sequence)
            wanted = (not row.url or entry.sequence > row.cursor) and wishes[row.id].wants(entry.type, entry.data)
            if row.url:
                state = _delivery(row.id, retries.get(place), dead.get(place), tries.get(place, []), waiting=wanted)
            else:
                state = _fetched(row, entry.sequence, wanted=wanted)
            if row.state != "enabled" and state.state in _UNDER_WAY:
                state = replace(state, next_at=None, reason="the endpoint is disabled")
            deliveries.append(state)
        told.append(Told(entry, tuple(deliveries)))
    return told


_UNDER_WAY = frozenset({"retrying", "waiting", "pending"})


def _fetched(row: Any, sequence: int, *, wanted: bool) -> Delivery:
    """Return a message's state at an endpoint that asks."""
    if not wanted or sequence <= row.start:
        return Delivery(row.id, "skipped", 0)
    return Delivery(row.id, "delivered" if sequence <= row.cursor else "pending", 0)


def _delivery(
    endpoint_id: str, retries: list[Any] | None, dead: list[Any] | None, tries: list[Any], *, waiting: bool
) -> Delivery:
    requests = [attempt for attempt in tries if attempt.outcome != "superseded"]
    last = requests[-1] if requests else None
    outcomes = {attempt.outcome for attempt in tries}
    state, next_at, reason = "skipped", None, ""
    if retries:
        state, next_at = ("waiting", None) if retries[0].parked else ("retrying", retries[0].run_at)
    elif dead:
        state, reason = "dead", dead[0].reason
    elif "delivered" in outcomes:
        state = "delivered"
    elif "superseded" in outcomes:
        state, reason = "superseded", tries[-1].response
    elif waiting:
        state = "pending"
    return Delivery(
        endpoint_id,
        state,
        len(requests),
        last.status if last is not None else None,
        last.outcome if last is not None else None,
        last.at if last is not None else None,
        next_at,
        reason,
    )


_CHUNK = 300


def _by_place(
    conn: Connection, table: Any, merchant_id: str, endpoints: Sequence[str], sequences: Sequence[int]
) -> dict[tuple[str, int], list[Any]]:
    """Return rows by endpoint and sequence, in the order of the key (attempts: oldest first).

    Column by column, because SQLite takes a list of whole keys no further into an index than their texts go.
    """
    found: dict[tuple[str, int], list[Any]] = {}
    for begin in range(0, len(sequences), _CHUNK):
        statement = (
            select(table)
            .where(
                table.c.merchant_id == merchant_id,
                table.c.endpoint_id.in_(endpoints),
                table.c.sequence.in_(sequences[begin : begin + _CHUNK]),
            )
            .order_by(*table.primary_key.columns)
        )
        for row in conn.execute(statement):
            found.setdefault((row.endpoint_id, row.sequence), []).append(row)
    return found

"""The log of messages: appended inside the transaction of the events they tell of, read by lanes and pollers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, select, update

from webhooks.matching import topic
from webhooks.schedule import rfc3339
from webhooks.store import Many, insert
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from webhooks.filters import Projection

API_VERSION = "2026-11-01"
_CHUNK = 400
"""Ids in one look-up, under SQLite's bound on variables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message to be appended. Its id is made from what it tells, so that the same news is never told twice.

    `created_at` in epoch milliseconds; `data` is ready JSON: `{"shipment":...,"event":...,"previous":...}`.
    """

    id: str
    type: str
    shipment_id: str | None
    shipment_version: int
    created_at: int
    data: bytes


@dataclass(slots=True, eq=False)
class Entry:
    """A message as it stands in the log. The fields follow the order of `_COLUMNS`."""

    merchant_id: str
    sequence: int
    id: str
    shipment_id: str | None
    shipment_version: int
    type: str
    at: int
    body: bytes
    _data: Any = None
    _projected: dict[Projection, bytes] | None = None

    @property
    def topic(self) -> str | None:
        """What this message is the latest state of; see `matching.topic`."""
        return topic(self.type)

    def body_for(self, projection: Projection | None) -> bytes:
        """Return the bytes to send; those of one projection are written out once, for however many endpoints."""
        if projection is None:
            return self.body
        if self._projected is None:
            self._projected = {}
        body = self._projected.get(projection)
        if body is None:
            body = self._projected[projection] = projection.of(self.body)
        return body

    def data(self) -> Any:
        """Return the parsed `data` of the body, parsed once, for filters."""
        if self._data is None:
            self._data = orjson.loads(self.body)["data"]
        return self._data


class Want(NamedTuple):
    """A stretch of a merchant's log to be read: the entries after `position` up to `until`, at most `limit`."""

    merchant_id: str
    position: int
    until: int
    limit: int


def build_body(draft: Draft, sequence: int) -> bytes:
    """Return the exact bytes that are signed and sent."""
    return orjson.dumps(
        {
            "id": draft.id,
            "type": draft.type,
            "created_at": rfc3339(draft.created_at),
            "sequence": sequence,
            "shipment_version": draft.shipment_version,
            "api_version": API_VERSION,
            "data": orjson.Fragment(draft.data),
        }
    )


def append(conn: Connection, merchant_id: str, drafts: Sequence[Draft]) -> list[Entry]:
    """Append messages to one merchant's log; see `append_many`."""
    return append_many(conn, {merchant_id: drafts}).get(merchant_id, [])


def append_many(conn: Connection, drafts: Mapping[str, Sequence[Draft]]) -> dict[str, list[Entry]]:
    """Append messages to several merchants' logs, in the caller's transaction.

    A draft whose id the merchant's log already holds is left out: it takes no sequence and is not sent again.
    Returns the entries that are new, by merchant, in order; hand them to `Dispatcher.hint` after the commit.
    """
    merchants = sorted(merchant for merchant, wanted in drafts.items() if wanted)
    if not merchants:
        return {}
    heads = _lock_heads(conn, merchants)
    known = _known_ids(conn, [(merchant, draft.id) for merchant in merchants for draft in drafts[merchant]])
    appended: dict[str, list[Entry]] = {}
    rows: list[dict[str, Any]] = []
    for merchant in merchants:
        sequence = heads[merchant]
        entries = []
        for draft in drafts[merchant]:
            if (merchant, draft.id) in known:
                continue
            known.add((merchant, draft.id))
            sequence += 1
            body = build_body(draft, sequence)
            entries.append(
                Entry(
                    merchant,
                    sequence,
                    draft.id,
                    draft.shipment_id,
                    draft.shipment_version,
                    draft.type,
                    draft.created_at,
                    body,
                )
            )
            rows.append(
                {
                    "merchant_id": merchant,
                    "sequence": sequence,
                    "id": draft.id,
                    "shipment_id": draft.shipment_id,
                    "shipment_version": draft.shipment_version,
                    "type": draft.type,
                    "at": draft.created_at,
                    "body": body,
                }
            )
        if entries:
            appended[merchant] = entries
    if rows:
        _INSERT(conn, rows)
        conn.execute(_MOVE, [{"m": merchant, "h": entries[-1].sequence} for merchant, entries in appended.items()])
    return appended


_INSERT = Many.inserting(Tables.message)
_MOVE = update(Tables.stream).where(Tables.stream.c.merchant_id == bindparam("m")).values(head=bindparam("h"))


def _lock_heads(conn: Connection, merchants: Sequence[str]) -> dict[str, int]:
    """Make sure each stream has a row, lock it (in one order, so that writers never wait in a ring), return heads."""
    table = Tables.stream
    now = int(time.time() * 1000)
    rows = [{"merchant_id": merchant, "head": 0, "moved_at": now} for merchant in merchants]
    statement = insert(conn, table)
    statement = statement.on_conflict_do_update(
        index_elements=["merchant_id"], set_={"moved_at": statement.excluded.moved_at}
    ).returning(table.c.merchant_id, table.c.head)
    return {row[0]: row[1] for row in conn.execute(statement, rows)}


def _known_ids(conn: Connection, ids: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    known: set[tuple[str, str]] = set()
    message = Tables.message.c
    theirs: dict[str, list[str]] = {}
    for merchant, message_id in ids:
        theirs.setdefault(merchant, []).append(message_id)
    for merchant, wanted in theirs.items():
        for begin in range(0, len(wanted), _CHUNK):
            chunk = wanted[begin : begin + _CHUNK]
            found = conn.execute(select(message.id).where(message.merchant_id == merchant, message.id.in_(chunk)))
            known.update((merchant, message_id) for message_id in found.scalars())
    return known


_COLUMNS = (
    Tables.message.c.merchant_id,
    Tables.message.c.sequence,
    Tables.message.c.id,
    Tables.message.c.shipment_id,
    Tables.message.c.shipment_version,
    Tables.message.c.type,
    Tables.message.c.at,
    Tables.message.c.body,
)
_READ = (
    select(*_COLUMNS)
    .where(
        Tables.message.c.merchant_id == bindparam("merchant"),
        Tables.message.c.sequence > bindparam("position"),
        Tables.message.c.sequence <= bindparam("until"),
    )
    .order_by(Tables.message.c.sequence)
    .limit(bindparam("count"))
)


def to_entry(row: Any) -> Entry:
    """Make an entry of a row of `read_columns`."""
    return Entry(*row)


def read_many(conn: Connection, wants: Iterable[Want]) -> dict[Want, list[Entry]]:
    """Read stretches of several logs in one visit to the database."""
    return {
        want: [
            to_entry(row)
            for row in conn.execute(
                _READ,
                {"merchant": want.merchant_id, "position": want.position, "until": want.until, "count": want.limit},
            )
        ]
        for want in wants
    }


def read_entries(conn: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Entry]:
    """Read single entries by merchant and sequence."""
    found: dict[tuple[str, int], Entry] = {}
    theirs: dict[str, list[int]] = {}
    for merchant, sequence in keys:
        theirs.setdefault(merchant, []).append(sequence)
    message = Tables.message.c
    for merchant, sequences in theirs.items():  # a list of whole keys would make SQLite read each merchant's whole log
        for begin in range(0, len(sequences), _CHUNK):
            chunk = sequences[begin : begin + _CHUNK]
            statement = select(*_COLUMNS).where(message.merchant_id == merchant, message.sequence.in_(chunk))
            for row in conn.execute(statement):
                found[row[0], row[1]] = to_entry(row)
    return found


def head(conn: Connection, merchant_id: str) -> int:
    """Return the sequence of a merchant's newest message, 0 when there is none."""
    found = conn.execute(select(Tables.stream.c.head).where(Tables.stream.c.merchant_id == merchant_id)).scalar()
    return int(found or 0)


def sequence_at(conn: Connection, merchant_id: str, at: int) -> int:
    """Return the sequence of the last message made before an instant (epoch milliseconds), 0 when there is none.

    A search by halves over the key: the log is as good as sorted by time, and needs no index for a rare question.
    """
    table = Tables.message
    mine = table.c.merchant_id == merchant_id
    low = conn.execute(select(table.c.sequence).where(mine).order_by(table.c.sequence).limit(1)).scalar()
    if low is None:
        return 0
    low, high = low - 1, head(conn, merchant_id)
    while low < high:
        middle = (low + high + 1) // 2
        # Some may be gone from the middle of the log: the next one there is speaks for them.
        later = select(table.c.sequence, table.c.at).where(mine, table.c.sequence >= middle)
        found = conn.execute(later.order_by(table.c.sequence).limit(1)).first()
        if found is None or found.at >= at:
            high = middle - 1
        else:
            low = found.sequence
    return int(low)


def read_columns() -> tuple[Any, ...]:
    """Return the message columns an `Entry` is made of, in its order."""
    return _COLUMNS

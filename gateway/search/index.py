"""The index: shipments whose words changed are taken up in batches, and questions find their numbers."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select

from gateway.search import postings, words
from gateway.search.tables import SearchTables
from gateway.steps import by_merchant
from gateway.tables import Tables
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Store

    Unseal = Callable[[RowMapping], Mapping[str, Any] | None]
    """Opens the recipient of a shipment's row."""

BATCH = 500
TAKE_EVERY = 0.5
"""Seconds between two looks for what is due: how long somebody new cannot be found."""
_CANDIDATES = 400
"""Entries looked at for one question: more of the same words are too many to be told apart anyway."""
_AT_ONCE = 50
_TOKEN_BYTES = 6


class Marks:
    """Makes the marks that stand for words in the index: keyed by merchant, so nobody's words meet another's."""

    def __init__(self, secret_key: str) -> None:
        self._key = HKDF(SHA256(), 32, salt=None, info=b"carrier-gateway search").derive(secret_key.encode())
        self._of = lru_cache(1_000)(self._merchant)

    def _merchant(self, merchant_id: str) -> bytes:
        return hmac.digest(self._key, merchant_id.encode(), "sha256")

    def mark(self, merchant_id: str, word: str) -> str:
        """Return the mark of a word: twelve letters and digits."""
        return hmac.digest(self._of(merchant_id), word.encode(), "sha256")[:_TOKEN_BYTES].hex()


def note(conn: Connection, merchant_id: str, shipment_ids: Iterable[str]) -> None:
    """Note that shipments are new or have other words, in the transaction that made them so."""
    rows = [{"merchant_id": merchant_id, "shipment_id": id_} for id_ in shipment_ids]
    if rows:
        _NOTE(conn, rows)


_NOTE = Many.inserting(SearchTables.due, twice={})


def take(conn: Connection, marks: Marks, unseal: Unseal, most: int = BATCH) -> int:
    """Take up a batch of what is due; return how many. Running twice changes nothing."""
    due = SearchTables.due.c
    found = conn.execute(select(due.merchant_id, due.shipment_id).limit(most)).all()
    for merchant_id, ids in by_merchant((merchant_id, shipment_id) for merchant_id, shipment_id in found):
        _take(conn, marks, unseal, merchant_id, ids)
    return len(found)


def _take(conn: Connection, marks: Marks, unseal: Unseal, merchant_id: str, ids: Sequence[str]) -> None:
    # A merchant at a time: SQLite walks a whole table for a list of pairs, and an index for a list of ids.
    due, entry, s = SearchTables.due.c, SearchTables.entry.c, Tables.shipment.c
    rows = conn.execute(
        select(s.merchant_id, s.id, s.tracking_number, s.order_number, s.destination, s.recipient).where(
            s.merchant_id == merchant_id, s.id.in_(ids)
        )
    ).mappings()
    known = {
        row.shipment_id: row.words
        for row in conn.execute(
            select(entry.shipment_id, entry.words).where(entry.merchant_id == merchant_id, entry.shipment_id.in_(ids))
        )
    }
    number = conn.execute(select(func.coalesce(func.max(entry.number), 0))).scalar_one()
    fresh: list[dict[str, Any]] = []
    indexed: list[tuple[int, set[str]]] = []
    for row in rows:
        theirs = words_of(row, unseal(row))
        told = sha256("\n".join(sorted(theirs)).encode()).digest()[:16]
        if known.get(row["id"]) == told:
            continue
        number += 1
        marked = {marks.mark(merchant_id, one) for word in theirs for one in words.beginnings(word)}
        fresh.append({"merchant_id": merchant_id, "shipment_id": row["id"], "number": number, "words": told})
        indexed.append((number, marked))
    if fresh:
        _ENTER(conn, fresh)
        postings.enter(conn, indexed)
    conn.execute(delete(SearchTables.due).where(due.merchant_id == merchant_id, due.shipment_id.in_(ids)))


_ENTER = Many.inserting(SearchTables.entry, twice={"update": ("number", "words")})


def words_of(row: RowMapping, recipient: Mapping[str, Any] | None) -> set[str]:
    """Return the words of a shipment's row."""
    destination = None if row["destination"] is None else orjson.loads(row["destination"])
    return words.of_shipment((row["tracking_number"], row["order_number"]), recipient, destination)


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody of a merchant asks; `most` results at most."""

    merchant_id: str
    text: str
    most: int


def find(
    conn: Connection, marks: Marks, of: Question, unseal: Unseal
) -> list[tuple[RowMapping, Mapping[str, Any] | None]]:
    """Return the shipments that answer a question, the newest first, each with its recipient opened."""
    ways = words.of_question(of.text)
    if not ways:
        return []
    # Whole words, and beginnings as long as the index has them, need no second look.
    found = _answered(conn, marks, of, unseal, [frozenset(way) for way in ways])
    if found or all(words.looked_for(word) == word for way in ways for word in way):
        return found
    shorter = [frozenset(words.looked_for(word) for word in way) for way in ways]
    return _answered(conn, marks, of, unseal, shorter, check=ways)


def _answered(
    conn: Connection,
    marks: Marks,
    of: Question,
    unseal: Unseal,
    ways: Sequence[frozenset[str]],
    *,
    check: Sequence[frozenset[str]] = (),
) -> list[tuple[RowMapping, Mapping[str, Any] | None]]:
    """Return what has all words of one of some ways; with `check`, only what answers those as well."""
    marked = [{marks.mark(of.merchant_id, word) for word in way} for way in ways]
    numbers = postings.look_up(conn, marked, _CANDIDATES)
    answered: list[tuple[RowMapping, Mapping[str, Any] | None]] = []
    for begin in range(0, len(numbers), _AT_ONCE):
        for row in _rows(conn, of.merchant_id, numbers[begin : begin + _AT_ONCE]):
            recipient = unseal(row)
            if not check or words.answers(check, words_of(row, recipient)):
                answered.append((row, recipient))
                if len(answered) == of.most:
                    return answered
    return answered


def _rows(conn: Connection, merchant_id: str, numbers: Sequence[int]) -> list[RowMapping]:
    # By number alone: with the merchant beside it, SQLite would rather walk all of the merchant's entries.
    entry = SearchTables.entry.c
    statement = (
        select(Tables.shipment)
        .join(
            SearchTables.entry,
            (entry.merchant_id == Tables.shipment.c.merchant_id) & (entry.shipment_id == Tables.shipment.c.id),
        )
        .where(entry.number.in_(numbers))
        .order_by(entry.number.desc())
    )
    return [row for row in conn.execute(statement).mappings() if row["merchant_id"] == merchant_id]


class Search:
    """The search of one gateway: takes up what is due, and answers questions."""

    def __init__(self, store: Store, secret_key: str, unseal: Unseal) -> None:
        self._store = store
        self._marks = Marks(secret_key)
        self._unseal = unseal

    async def tick(self) -> None:
        """Take up all that is due."""
        due = SearchTables.due.c.merchant_id
        if await self._store.read(lambda conn: conn.execute(select(due).limit(1)).first()) is None:
            return
        while await self._store.write(lambda conn: take(conn, self._marks, self._unseal)):
            pass

    async def find(
        self, merchant_id: str, question: str, most: int
    ) -> list[tuple[RowMapping, Mapping[str, Any] | None]]:
        """Return the shipments that answer a question, the newest first."""
        return await self._store.read(
            lambda conn: find(conn, self._marks, Question(merchant_id, question, most), self._unseal)
        )

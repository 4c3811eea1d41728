"""The index: shipments and orders whose words changed are taken up in batches."""

from __future__ import annotations

import hmac
from collections import defaultdict
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, func, select

from gateway.orders.tables import Orders
from gateway.search import postings, words
from gateway.search.tables import SearchTables
from gateway.steps import by_merchant
from gateway.tables import Tables
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    Unseal = Callable[[RowMapping], Mapping[str, Any] | None]
    """Opens the recipient of the row of a shipment or an order."""

BATCH = 500
TAKE_EVERY = 0.5
"""Seconds between two looks for what is due: how long somebody new cannot be found."""
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


def note(conn: Connection, merchant_id: str, ids: Iterable[str]) -> None:
    """Note that shipments or orders are new or have other words, in the transaction that made them so."""
    rows = [{"merchant_id": merchant_id, "subject_id": id_} for id_ in ids]
    if rows:
        _NOTE(conn, rows)


_NOTE = Many.inserting(SearchTables.due, twice={})


def take(conn: Connection, marks: Marks, unseal: Unseal, most: int = BATCH) -> int:
    """Take up a batch of what is due; return how many. Running twice changes nothing."""
    due = SearchTables.due.c
    found = conn.execute(select(due.merchant_id, due.subject_id).limit(most)).all()
    for merchant_id, ids in by_merchant((merchant_id, id_) for merchant_id, id_ in found):
        _take(conn, marks, unseal, merchant_id, ids)
    return len(found)


def _take(conn: Connection, marks: Marks, unseal: Unseal, merchant_id: str, ids: Sequence[str]) -> None:
    # A merchant at a time: SQLite walks a whole table for a list of pairs, and an index for a list of ids.
    due, entry = SearchTables.due.c, SearchTables.entry.c
    known = {
        row.subject_id: row.words
        for row in conn.execute(
            select(entry.subject_id, entry.words).where(entry.merchant_id == merchant_id, entry.subject_id.in_(ids))
        )
    }
    number = conn.execute(select(func.coalesce(func.max(entry.number), 0))).scalar_one()
    fresh: list[dict[str, Any]] = []
    indexed: list[tuple[int, set[str]]] = []
    for id_, theirs in all_words(conn, merchant_id, subjects(conn, merchant_id, ids), unseal).items():
        told = sha256("\n".join(sorted(theirs)).encode()).digest()[:16]
        if known.get(id_) == told:
            continue
        number += 1
        marked = {marks.mark(merchant_id, one) for word in theirs for one in words.beginnings(word)}
        fresh.append({"merchant_id": merchant_id, "subject_id": id_, "number": number, "words": told})
        indexed.append((number, marked))
    if fresh:
        _ENTER(conn, fresh)
        postings.enter(conn, indexed)
    conn.execute(delete(SearchTables.due).where(due.merchant_id == merchant_id, due.subject_id.in_(ids)))


_ENTER = Many.inserting(SearchTables.entry, twice={"update": ("number", "words")})


def is_order(id_: str) -> bool:
    """Tell an order's id from a shipment's."""
    return id_.startswith("ord_")


def subjects(conn: Connection, merchant_id: str, ids: Iterable[str]) -> dict[str, RowMapping]:
    """Return the whole rows of a merchant's shipments and orders by id, in the order of the ids."""
    wanted = list(ids)
    found: dict[str, RowMapping] = {}
    for table, theirs in (
        (Tables.shipment, [id_ for id_ in wanted if not is_order(id_)]),
        (Orders.order, [id_ for id_ in wanted if is_order(id_)]),
    ):
        if theirs:
            statement = select(table).where(table.c.merchant_id == merchant_id, table.c.id.in_(theirs))
            found |= {row["id"]: row for row in conn.execute(statement).mappings()}
    return {id_: found[id_] for id_ in wanted if id_ in found}


def all_words(
    conn: Connection, merchant_id: str, rows: Mapping[str, RowMapping], unseal: Unseal
) -> dict[str, set[str]]:
    """Return the words of shipments and orders, by id."""
    returns = _returns(conn, merchant_id, [id_ for id_ in rows if is_order(id_)])
    return {id_: words_of(row, unseal(row), returns.get(id_, ())) for id_, row in rows.items()}


def _returns(conn: Connection, merchant_id: str, order_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return the names of orders' returns."""
    if not order_ids:
        return {}
    c, found = Orders.event.c, defaultdict[str, set[str]](set)
    statement = select(c.order_id, c.case_name).where(
        c.merchant_id == merchant_id, c.order_id.in_(order_ids), c.case_name != ""
    )
    for order_id, name in conn.execute(statement):
        found[order_id].add(name)
    return found


def words_of(row: RowMapping, recipient: Mapping[str, Any] | None, returns: Iterable[str] = ()) -> set[str]:
    """Return the words of a row of a shipment, or of an order with the names of its returns."""
    destination = None if row["destination"] is None else orjson.loads(row["destination"])
    return words.of_goods((row.get("tracking_number"), row["order_number"], *returns), recipient, destination)

"""Finding shipments and orders: by numbers as they are kept, and by words in the index."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.orders.tables import Orders
from gateway.search import asked as asking
from gateway.search import index, postings, words
from gateway.search.tables import SearchTables
from gateway.tables import Tables
from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping, Table

    from gateway.search.asked import Asked
    from gateway.search.index import Marks, Unseal
    from webhooks.store import Store

    PageOf = Callable[[Connection, str, str], str | None]
    """Returns the shipment of a merchant whose tracking page has a token."""

_CANDIDATES = 400
"""Entries looked at for one question: more of the same words are too many to be told apart anyway."""
_CHECKED = 100
"""Entries opened for one question where the index does not tell enough."""
_CHECKED_OF_LIST = 20
_FOUND_OF_LIST = 5
_AT_ONCE = 50
_VALUES = 100
_EXACT = 2_000
"""Rows read for so many values: an order has some parcels, and nobody needs thousands of one."""
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody of a merchant asks; `most` shipments and as many orders at most for each thing asked."""

    merchant_id: str
    asked: Sequence[Asked]
    most: int


@dataclass(slots=True)
class Found:
    """What answers: rows by id with their recipients opened, and the ids that answer each thing asked, best first."""

    rows: dict[str, tuple[RowMapping, Mapping[str, Any] | None]] = field(default_factory=dict)
    answers: list[tuple[Asked, list[str]]] = field(default_factory=list)


class Search:
    """The search of one gateway: takes up what is due, and answers questions."""

    def __init__(self, store: Store, secret_key: str, unseal: Unseal, page_of: PageOf) -> None:
        self._store = store
        self._marks = index.Marks(secret_key)
        self._unseal = unseal
        self._page_of = page_of

    async def tick(self) -> None:
        """Take up all that is due."""
        due = SearchTables.due.c.merchant_id
        if await self._store.read(lambda conn: conn.execute(select(due).limit(1)).first()) is None:
            return
        while await self._store.write(lambda conn: index.take(conn, self._marks, self._unseal)):
            pass

    async def find(self, merchant_id: str, text: str, most: int) -> Found:
        """Return what answers a text somebody pasted. Raises `gateway.search.asked.BadQuestion`."""
        of = Question(merchant_id, asking.read(text), most)
        return await self._store.read(lambda conn: _Finder(conn, self._marks, of, self._unseal, self._page_of).find())


class _Finder:
    """Answers one question."""

    def __init__(self, conn: Connection, marks: Marks, of: Question, unseal: Unseal, page_of: PageOf) -> None:
        self._conn = conn
        self._marks = marks
        self._of = of
        self._unseal = unseal
        self._page_of = page_of
        self._rows: dict[str, RowMapping] = {}
        self._most = min(of.most, _FOUND_OF_LIST) if len(of.asked) > 1 else of.most

    def find(self) -> Found:
        exactly = self._exactly()
        found = Found()
        for one in self._of.asked:
            ids = self._page(one) or next((ids for number in one.numbers if (ids := exactly.get(number))), [])
            if not (one.whole and ids):
                ids = [*ids, *self._by_words(one)]
            found.answers.append((one, self._cut(ids)))
        for id_ in dict.fromkeys(id_ for _, ids in found.answers for id_ in ids):
            row = self._rows[id_]
            found.rows[id_] = (row, self._unseal(row))
        return found

    def _cut(self, ids: Iterable[str]) -> list[str]:
        """Return each id once, and of either kind as many as are asked for."""
        kept: dict[bool, list[str]] = {True: [], False: []}
        cut = []
        for id_ in dict.fromkeys(ids):
            alike = kept[index.is_order(id_)]
            if len(alike) < self._most:
                alike.append(id_)
                cut.append(id_)
        return cut

    def _keep(self, rows: Iterable[RowMapping]) -> list[str]:
        theirs = {row["id"]: row for row in rows}
        self._rows |= theirs
        return list(theirs)

    def _page(self, one: Asked) -> list[str]:
        """Return the shipment whose tracking page's address was asked for, also where nobody can open it any more."""
        id_ = None if one.token is None else self._page_of(self._conn, self._of.merchant_id, one.token)
        return [] if id_ is None else self._keep(index.subjects(self._conn, self._of.merchant_id, [id_]).values())

    def _exactly(self) -> dict[str, list[str]]:
        """Return what has the numbers asked for, by number: orders first, then shipments, the newest first."""
        numbers = dict.fromkeys(number for one in self._of.asked for number in one.numbers)
        keys = {number: normal_number(number) for number in numbers}
        spelled = {number: _spellings(number) for number in numbers}
        orders = {text for texts in spelled.values() for text in texts}
        s, o = Tables.shipment, Orders.order
        rows = self._having(o, o.c.order_number, orders)
        rows += self._having(s, s.c.number_key, set(keys.values()) - {""})
        rows += self._having(s, s.c.order_number, orders)
        by_value: dict[str, list[str]] = {}
        for row in sorted({row["id"]: row for row in rows}.values(), key=_orders_first):
            (id_,) = self._keep([row])
            for value in {row["order_number"], row.get("number_key")} - {None}:
                by_value.setdefault(value, []).append(id_)
        return {
            number: list(
                dict.fromkeys(id_ for value in (*spelled[number], keys[number]) for id_ in by_value.get(value, ()))
            )
            for number in numbers
        }

    def _having(self, table: Table, column: ColumnElement[str], values: Collection[str]) -> list[RowMapping]:
        wanted = sorted(values)
        rows: list[RowMapping] = []
        for begin in range(0, len(wanted), _VALUES):
            some = column.in_(wanted[begin : begin + _VALUES])
            # Not sorted by the database: it would rather walk all of a merchant's for the newest.
            statement = select(table).where(table.c.merchant_id == self._of.merchant_id, some).limit(_EXACT)
            rows += self._conn.execute(statement).mappings().all()
        return rows

    def _by_words(self, one: Asked) -> list[str]:
        if not one.ways:
            return []
        if one.whole:
            return self._answered(one.ways, _CHECKED_OF_LIST, lambda theirs: words.are_said(one.ways, theirs))
        # Whole words, and beginnings as long as the index has them, need no second look.
        found = self._answered(one.ways, _CANDIDATES)
        if found or all(words.looked_for(word) == word for way in one.ways for word in way):
            return found
        if found := self._begun(one.text):
            return found
        shorter = [frozenset(words.looked_for(word) for word in way) for way in one.ways]
        return self._answered(shorter, _CHECKED, lambda theirs: words.answers(one.ways, theirs))

    def _begun(self, text: str) -> list[str]:
        """Return what has a number that begins so: many parcels of a merchant share the first letters of theirs."""
        s, o, key = Tables.shipment, Orders.order, normal_number(text)
        if not key or "@" in text or not any(map(str.isdecimal, key)):
            return []
        found: list[str] = []
        # One by one: for a choice of beginnings SQLite walks all of a merchant's.
        orders = [(o, _begins(o.c.order_number, spelled)) for spelled in _spellings(text)]
        for table, wanted in [*orders, (s, _begins(s.c.number_key, key))]:
            statement = select(table).where(table.c.merchant_id == self._of.merchant_id, wanted).limit(self._most)
            found += self._keep(self._conn.execute(statement).mappings())
        return found

    def _answered(
        self,
        ways: Iterable[frozenset[str]],
        most: int,
        check: Callable[[set[str]], bool] | None = None,
    ) -> list[str]:
        """Return what has all words of one of some ways, the newest first; with `check`, only what passes it."""
        merchant_id = self._of.merchant_id
        marked = [{self._marks.mark(merchant_id, word) for word in way} for way in ways]
        numbers = postings.look_up(self._conn, marked, most)
        answered: list[str] = []
        for begin in range(0, len(numbers), _AT_ONCE):
            rows = subjects_of(self._conn, merchant_id, numbers[begin : begin + _AT_ONCE])
            if check is not None and rows:
                told = index.all_words(self._conn, merchant_id, rows, self._unseal)
                rows = {id_: row for id_, row in rows.items() if check(told[id_])}
            answered += self._keep(rows.values())
            if len(answered) - sum(map(index.is_order, answered)) >= self._most:
                break
        return answered


def subjects_of(conn: Connection, merchant_id: str, numbers: Sequence[int]) -> dict[str, RowMapping]:
    """Return the rows of entries that still are their shipments' and orders', the newest entry first."""
    # By number alone: with the merchant beside it, SQLite would rather walk all of the merchant's entries.
    entry = SearchTables.entry.c
    statement = (
        select(entry.merchant_id, entry.subject_id).where(entry.number.in_(numbers)).order_by(entry.number.desc())
    )
    ids = [id_ for whose, id_ in conn.execute(statement) if whose == merchant_id]
    return index.subjects(conn, merchant_id, ids)


def _orders_first(row: RowMapping) -> tuple[bool, int]:
    return "tracking_number" in row, -row["created_at"]


def _spellings(number: str) -> list[str]:
    """Return an order's number as people write it, and as shops do: #1001, A-17."""
    bare = number.removeprefix("#").strip()
    return list(dict.fromkeys(text for one in (number, f"#{bare}", bare) for text in (one, one.upper()) if text))


def _begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    return (column >= text) & (column < text + _HIGHEST)

"""Orders in the database: made once per number, found, changed, told of. Functions take a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, tuple_, update

from gateway.ids import new_id
from gateway.listing import make_cursor, read_cursor
from gateway.orders.acts import NewAct, act_row
from gateway.orders.tables import Orders
from gateway.search import index as search
from gateway.tables import Tables
from normalizer.model import Status
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from normalizer.order_lines import Goods

_CHUNK = 400
_FOUND_BY = frozenset({"destination", "recipient"})
"""Columns by which people find an order, beside its number and the names of its returns."""
_O, _E, _P = Orders.order.c, Orders.event.c, Orders.packed.c


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """What a merchant or a shop says of an order. `recipient` is already sealed; `placed_at` in epoch milliseconds."""

    order_number: str
    placed_at: int
    source: str = "merchant"
    lines: Sequence[Mapping[str, Any]] = ()
    destination: Mapping[str, Any] | None = None
    recipient: bytes | None = None
    promised: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which orders to list. `updated_since` in epoch milliseconds; `statuses` empty means all."""

    order_number: str | None = None
    statuses: Sequence[str] = ()
    updated_since: int | None = None


def create(conn: Connection, merchant_id: str, new: Iterable[NewOrder], now: int) -> list[tuple[str, bool]]:
    """Make orders; return (id, made now) for each. A number that exists keeps its id and everything told of it."""
    wanted = list(new)
    rows = [_row(merchant_id, one, now) for one in wanted]
    if not rows:
        return []
    conn.execute(
        insert(conn, Orders.order).on_conflict_do_nothing(index_elements=["merchant_id", "order_number"]), rows
    )
    ids = {
        number: row["id"] for number, row in by_numbers(conn, merchant_id, [r["order_number"] for r in rows]).items()
    }
    placed = [
        act_row(
            row,
            NewAct(status=Status.ORDERED, substatus="placed", at=one.placed_at, source=one.source, key="placed"),
            now,
        )
        for row, one in zip(rows, wanted, strict=True)
        if ids[row["order_number"]] == row["id"]
    ]
    add_rows(conn, placed)
    search.note(conn, merchant_id, {row["order_id"] for row in placed})
    return [(ids[row["order_number"]], ids[row["order_number"]] == row["id"]) for row in rows]


def _row(merchant_id: str, new: NewOrder, now: int) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "id": new_id("ord", now),
        "order_number": new.order_number,
        "source": new.source,
        "lines": orjson.dumps([dict(line) for line in new.lines]),
        "destination": dumped(new.destination),
        "recipient": new.recipient,
        "promised": dumped(new.promised),
        "attributes": orjson.dumps(dict(new.metadata)),
        "status": "ordered",
        "version": 0,
        "state": b"{}",
        "runs": b"{}",
        "told_status": None,
        "told_again": 0,
        "created_at": now,
        "updated_at": now,
    }


def dumped(value: Mapping[str, Any] | None) -> bytes | None:
    """Return a value as it is kept."""
    return None if value is None else orjson.dumps(value)


def get(conn: Connection, merchant_id: str, order_id: str) -> RowMapping | None:
    """Return a merchant's order, None where it has none of that id."""
    statement = select(Orders.order).where(_O.merchant_id == merchant_id, _O.id == order_id)
    return conn.execute(statement).mappings().first()


def by_numbers(conn: Connection, merchant_id: str, numbers: Iterable[str]) -> dict[str, RowMapping]:
    """Return a merchant's orders by number; numbers without an order are left out."""
    wanted = list(dict.fromkeys(numbers))
    found: dict[str, RowMapping] = {}
    for begin in range(0, len(wanted), _CHUNK):
        statement = select(Orders.order).where(
            _O.merchant_id == merchant_id, _O.order_number.in_(wanted[begin : begin + _CHUNK])
        )
        found |= {row["order_number"]: row for row in conn.execute(statement).mappings()}
    return found


def page(
    conn: Connection, merchant_id: str, wanted: Filter, *, after: str | None, limit: int
) -> tuple[list[RowMapping], str | None]:
    """Return one page of a merchant's orders, the latest changed first, and the cursor of the next.

    Raises `gateway.listing.BadCursor`.
    """
    statement = select(Orders.order).where(_O.merchant_id == merchant_id)
    if wanted.order_number is not None:
        statement = statement.where(_O.order_number == wanted.order_number)
    if wanted.statuses:
        statement = statement.where(_O.status.in_(wanted.statuses))
    if wanted.updated_since is not None:
        statement = statement.where(_O.updated_at >= wanted.updated_since)
    if after is not None:
        statement = statement.where(tuple_(_O.updated_at, _O.id) < read_cursor(after))
    rows = list(conn.execute(statement.order_by(_O.updated_at.desc(), _O.id.desc()).limit(limit + 1)).mappings())
    if len(rows) <= limit:
        return rows, None
    rows.pop()
    return rows, make_cursor(rows[-1]["updated_at"], rows[-1]["id"])


def change(conn: Connection, merchant_id: str, order_id: str, now: int, **values: Any) -> RowMapping | None:
    """Change columns of an order and return its row; None where there is none."""
    if not _FOUND_BY.isdisjoint(values):
        search.note(conn, merchant_id, [order_id])
    statement = (
        update(Orders.order)
        .where(_O.merchant_id == merchant_id, _O.id == order_id)
        .values(updated_at=now, **values)
        .returning(Orders.order)
    )
    return conn.execute(statement).mappings().first()


def add_acts(conn: Connection, order: RowMapping, acts: Iterable[NewAct], now: int) -> list[dict[str, Any]]:
    """Keep an order's own events; return their rows, also of those that were known."""
    rows = [act_row(order, act, now) for act in acts]
    add_rows(conn, rows)
    if any(row["case_name"] for row in rows):
        search.note(conn, order["merchant_id"], [order["id"]])
    return rows


def add_rows(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep rows of events; known ones are left as they are."""
    if rows:
        statement = insert(conn, Orders.event)
        conn.execute(statement.on_conflict_do_nothing(index_elements=["merchant_id", "order_id", "id"]), list(rows))


def acts_of(conn: Connection, merchant_id: str, order_ids: Sequence[str]) -> dict[str, list[RowMapping]]:
    """Return orders' own events, oldest first, by order."""
    found: dict[str, list[RowMapping]] = {}
    for begin in range(0, len(order_ids), _CHUNK):
        statement = (
            select(Orders.event)
            .where(_E.merchant_id == merchant_id, _E.order_id.in_(order_ids[begin : begin + _CHUNK]))
            .order_by(_E.at, _E.id)
        )
        for row in conn.execute(statement).mappings():
            found.setdefault(row["order_id"], []).append(row)
    return found


def pack(conn: Connection, merchant_id: str, shipment_id: str, *, return_id: str, items: Goods) -> None:
    """Note what is in a shipment and the return it belongs to; the last word counts."""
    statement = insert(conn, Orders.packed).values(
        merchant_id=merchant_id, shipment_id=shipment_id, case_name=return_id, items=orjson.dumps(items)
    )
    said = {"case_name": statement.excluded.case_name, "items": statement.excluded["items"]}
    conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "shipment_id"], set_=said))


def packed(conn: Connection, merchant_id: str, shipment_ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return what was noted of shipments."""
    found: dict[str, RowMapping] = {}
    for begin in range(0, len(shipment_ids), _CHUNK):
        statement = select(Orders.packed).where(
            _P.merchant_id == merchant_id, _P.shipment_id.in_(shipment_ids[begin : begin + _CHUNK])
        )
        found |= {row["shipment_id"]: row for row in conn.execute(statement).mappings()}
    return found


def shipments_of(conn: Connection, merchant_id: str, numbers: Sequence[str]) -> dict[str, list[RowMapping]]:
    """Return the shipments of order numbers, the oldest first."""
    c = Tables.shipment.c
    found: dict[str, list[RowMapping]] = {}
    for begin in range(0, len(numbers), _CHUNK):
        statement = (
            select(Tables.shipment)
            .where(c.merchant_id == merchant_id, c.order_number.in_(numbers[begin : begin + _CHUNK]))
            .order_by(c.id)
        )
        for row in conn.execute(statement).mappings():
            found.setdefault(row["order_number"], []).append(row)
    return found


def lines_of(row: RowMapping) -> list[dict[str, Any]]:
    """Return what was ordered."""
    lines: list[dict[str, Any]] = orjson.loads(row["lines"])
    return lines


def quantities(row: RowMapping) -> dict[str, int]:
    """Return the quantities ordered by line."""
    return {line["id"]: line["quantity"] for line in lines_of(row)}

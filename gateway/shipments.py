"""Shipments: making them, finding them, showing them. Functions take a connection; one document shape for all faces."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.ids import new_id
from gateway.tables import Tables
from normalizer import render
from normalizer.journey import Journey
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, RowMapping

_EMPTY_STATE = orjson.dumps(render.journey(Journey(), {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewShipment:
    """What a merchant (or a push for a number nobody registered) says of a shipment to track.

    `tracking_number` is in its normal spelling (`normalizer.numbers.normal_number`). `recipient` is already sealed.
    """

    carrier: str
    tracking_number: str
    account_id: str | None = None
    order_number: str | None = None
    direction: str = "outbound"
    destination: Mapping[str, Any] | None = None
    recipient: bytes | None = None
    promised: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    carrier_set_by: str = "merchant"
    next_poll_at: int | None = None
    """When to ask the carrier first; None where it cannot be asked."""


def create(conn: Connection, merchant_id: str, new: Iterable[NewShipment], now: int) -> list[tuple[str, bool]]:
    """Make shipments in one go; return (id, made now) for each, in order. A number that exists keeps its id."""
    wanted = list(new)
    table = Tables.shipment
    rows = [_row(merchant_id, one, now) for one in wanted]
    made: set[str] = set()
    for start in range(0, len(rows), _ROWS_A_STATEMENT):
        statement = (
            insert(conn, table)
            .values(rows[start : start + _ROWS_A_STATEMENT])
            .on_conflict_do_nothing(index_elements=["merchant_id", "carrier", "tracking_number"])
            .returning(table.c.id)
        )
        made.update(conn.execute(statement).scalars())
    ids = find(conn, merchant_id, {(one.carrier, one.tracking_number) for one in wanted})
    told: set[str] = set()
    result = []
    for one in wanted:
        found = ids[one.carrier, one.tracking_number]
        result.append((found, found in made and found not in told))
        told.add(found)
    return result


_ROWS_A_STATEMENT = 500


def find(conn: Connection, merchant_id: str, numbers: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the ids of (carrier, number) pairs; pairs nobody registered are left out."""
    table = Tables.shipment
    by_carrier: dict[str, list[str]] = {}
    for carrier, number in numbers:
        by_carrier.setdefault(carrier, []).append(number)
    found: dict[tuple[str, str], str] = {}
    for carrier, theirs in by_carrier.items():
        statement = select(table.c.tracking_number, table.c.id).where(
            table.c.merchant_id == merchant_id,
            table.c.carrier == carrier,
            table.c.tracking_number.in_(theirs),
        )
        for number, shipment_id in conn.execute(statement):
            found[carrier, number] = shipment_id
    return found


def document(row: RowMapping | Mapping[str, Any], state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return a shipment as merchants see it. `row` is of the shipment table; `state` its rendered journey if at hand.

    The recipient is not part of it: whoever may see that gets it added by the API, by role.
    """
    state = orjson.loads(row["state"]) if state is None else state
    return {
        "id": row["id"],
        "carrier": row["carrier"],
        "tracking_number": row["tracking_number"],
        "account": row["account_id"],
        "order_number": row["order_number"],
        "direction": row["direction"],
        "destination": _loads(row["destination"]),
        "promised": _loads(row["promised"]),
        "metadata": _loads(row["attributes"]) or {},
        "tracking": bool(row["tracking"]),
        "version": row["version"],
        "created_at": render.millis_instant(row["created_at"]),
        "updated_at": render.millis_instant(row["updated_at"]),
        **state,
    }


def _row(merchant_id: str, new: NewShipment, now: int) -> dict[str, Any]:
    return {
        "merchant_id": merchant_id,
        "id": new_id("shp", now),
        "carrier": new.carrier,
        "tracking_number": new.tracking_number,
        "account_id": new.account_id,
        "order_number": new.order_number,
        "direction": new.direction,
        "destination": _dumps(new.destination),
        "recipient": new.recipient,
        "promised": _dumps(new.promised),
        "attributes": orjson.dumps(dict(new.metadata)),
        "status": "pending",
        "substatus": "registered",
        "version": 0,
        "state": _EMPTY_STATE,
        "told": b"{}",
        "runs": b"{}",
        "last_event_at": None,
        "carrier_set_by": new.carrier_set_by,
        "tracking": True,
        "next_poll_at": new.next_poll_at,
        "polled_at": None,
        "poll_failures": 0,
        "not_found": 0,
        "poll_digest": None,
        "pushed_at": None,
        "subscribed_until": None,
        "created_at": now,
        "updated_at": now,
    }


def _dumps(value: Mapping[str, Any] | None) -> bytes | None:
    return None if value is None else orjson.dumps(value)


def _loads(value: bytes | None) -> Any:
    return None if value is None else orjson.loads(value)

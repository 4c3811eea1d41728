"""What an order says of its recipient, its destination and its promise holds for its parcels that say nothing of it.

Whichever of the two was told first. What a shipment was told itself stays its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from gateway import shipments
from gateway.orders import store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.shipments import NewShipment

_HANDED = ("destination", "recipient", "promised")


def filled(conn: Connection, merchant_id: str, drafts: Sequence[NewShipment]) -> list[NewShipment]:
    """Return parcels to come with what their orders say; those on their way back go elsewhere."""
    outbound = {draft.order_number for draft in drafts if draft.direction == "outbound"} - {None}
    orders = store.by_numbers(conn, merchant_id, [number for number in outbound if number is not None])
    return [
        _filled(draft, orders[draft.order_number])
        if draft.order_number in orders and draft.direction == "outbound"
        else draft
        for draft in drafts
    ]


def _filled(draft: NewShipment, order: RowMapping) -> NewShipment:
    return replace(
        draft,
        destination=draft.destination or _loaded(order["destination"]),
        recipient=draft.recipient or order["recipient"],
        promised=draft.promised or _loaded(order["promised"]),
    )


def _loaded(kept: bytes | None) -> Mapping[str, Any] | None:
    return None if kept is None else orjson.loads(kept)


def hand_down(conn: Connection, order: RowMapping, now: int, before: RowMapping | None = None) -> None:
    """Give an order's parcels what they lack; what they have of the order as it was `before` follows its change."""
    theirs = store.shipments_of(conn, order["merchant_id"], [order["order_number"]]).get(order["order_number"], [])
    for row in theirs:
        if row["direction"] != "outbound":
            continue
        values = {
            name: order[name]
            for name in _HANDED
            if row[name] != order[name] and (row[name] is None or (before is not None and row[name] == before[name]))
        }
        if values:
            shipments.change(conn, row["merchant_id"], row["id"], now, **values)

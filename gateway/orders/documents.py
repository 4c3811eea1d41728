"""How an order looks as JSON: one shape for API and webhooks. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.orders.acts import items_of, items_shown
from normalizer.render import millis_instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import RowMapping

    from normalizer.order import OrderJourney, Parcel

_MILESTONES = (
    "ordered_at",
    "first_shipped_at",
    "shipped_at",
    "first_delivered_at",
    "delivered_at",
    "returning_at",
    "returned_at",
    "refunded_at",
    "cancelled_at",
)


def order(row: RowMapping | Mapping[str, Any], state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an order as merchants see it; the recipient is added by the API, by role."""
    state = orjson.loads(row["state"]) if state is None else state
    progress = state["progress"]
    lines: list[dict[str, Any]] = orjson.loads(row["lines"])
    return {
        "id": row["id"],
        "order_number": row["order_number"],
        "source": row["source"],
        "lines": [line | progress.get(line["id"], {}) for line in lines],
        "destination": None if row["destination"] is None else orjson.loads(row["destination"]),
        "promised": None if row["promised"] is None else orjson.loads(row["promised"]),
        "metadata": orjson.loads(row["attributes"]),
        "version": row["version"],
        "created_at": millis_instant(row["created_at"]),
        "updated_at": millis_instant(row["updated_at"]),
        **{name: value for name, value in state.items() if name != "progress"},
    }


def state_of(
    journey: OrderJourney, parcels: Sequence[tuple[RowMapping, Parcel]], acts: Iterable[RowMapping]
) -> dict[str, Any]:
    """Return an order's state: what its fold found, its returns and its shipments."""
    milestones = {name: millis_instant(journey.milestones.get(name)) for name in _MILESTONES}
    return {
        "status": journey.status.value,
        "substatus": journey.substatus,
        "status_since": millis_instant(journey.since),
        "milestones": milestones,
        "returns": _returns(journey, parcels, list(acts)),
        "shipments": [shipment(row, parcel) for row, parcel in parcels],
        "progress": journey.progress,
    }


def shipment(row: RowMapping, parcel: Parcel) -> dict[str, Any]:
    """Return of a shipment what its order shows."""
    return {
        "id": row["id"],
        "carrier": row["carrier"],
        "tracking_number": row["tracking_number"],
        "direction": row["direction"],
        "status": row["status"],
        "substatus": row["substatus"],
        "continues": row["continued_from_id"],
        "return_id": _return_of(parcel),
        "items": items_shown(parcel.items),
    }


def _return_of(parcel: Parcel) -> str | None:
    return parcel.case or (parcel.id if parcel.is_return else None)


def _returns(
    journey: OrderJourney, parcels: Sequence[tuple[RowMapping, Parcel]], acts: Sequence[RowMapping]
) -> list[dict[str, Any]]:
    returns = []
    for case in sorted(journey.returns, key=lambda one: (one.since, one.id)):
        told = [act for act in acts if act["case_name"] == case.id]
        theirs = [parcel for _, parcel in parcels if parcel.is_return and _return_of(parcel) == case.id]
        kinds = [
            items for items in [*(items_of(act["items"]) for act in told), *(one.items for one in theirs)] if items
        ]
        texts = [text for act in told if (text := orjson.loads(act["body"])["text"])]
        returns.append(
            {
                "id": case.id or None,
                "status": case.status.value,
                "substatus": case.substatus,
                "since": millis_instant(case.since),
                "reason": texts[0] if texts else "",
                "items": items_shown(kinds[0] if kinds else ()),
                "shipments": [one.id for one in theirs],
            }
        )
    return returns

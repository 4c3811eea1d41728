"""How the model looks as JSON: snake_case, instants in RFC 3339 UTC, a bare day as a day, absent place fields left out.

Every face shows the same shapes: API, webhooks, goldens, command line.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from normalizer.model import Event, Place, Position, Proof, Status, Window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from normalizer.journey import Journey

_PLACE = tuple(Place.__dataclass_fields__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=16_384)
def instant(at: datetime | date | None) -> str | None:
    """Return an aware datetime in UTC with `Z`, a naive one as the wall clock it is, a date as the day."""
    if at is None:
        return None
    if not isinstance(at, datetime) or at.tzinfo is None:
        return at.isoformat()
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.replace(tzinfo=None).isoformat() + "Z"


@lru_cache(maxsize=16_384)
def millis_instant(millis: int | None) -> str | None:
    """Return an instant kept as epoch milliseconds."""
    return None if millis is None else instant(_EPOCH + timedelta(milliseconds=millis))


def window(eta: Window | None) -> dict[str, str | None] | None:
    """Return a promised window as `{"from", "to"}`."""
    return None if eta is None else {"from": instant(eta.start), "to": instant(eta.end)}


def place(where: Place) -> dict[str, Any]:
    """Return what is known of a place."""
    return {name: value for name in _PLACE if (value := getattr(where, name)) is not None}


def proofs(of: Iterable[Proof]) -> list[dict[str, Any]]:
    """Return proofs of delivery: their kind and where they can be had."""
    return [{"kind": one.kind, "reference": one.reference, "inline": one.inline, "text": one.text} for one in of]


def event(one: Event) -> dict[str, Any]:
    """Return an event as everybody sees it; `told_time` only where the time told is not believed."""
    document = {
        "id": one.id,
        "carrier": one.carrier,
        "tracking_number": one.tracking_number,
        "piece": one.piece,
        "status": one.status.value,
        "substatus": one.substatus,
        "code": one.code,
        "codes": one.codes,
        "text": one.text,
        "basis": one.basis,
        "moves": one.moves,
        "returning": one.returning,
        "at": instant(one.at),
        "local_time": instant(one.local_time),
        "utc_offset": one.utc_offset,
        "time_basis": one.time_basis,
        "place": place(one.place),
        "place_basis": one.place_basis,
        "eta": window(one.eta),
        "signed_by": one.signed_by,
        "proofs": proofs(one.proofs),
        "source": one.source,
        "received_at": instant(one.received_at),
        "payload_id": one.payload_id,
        "extra": dict(one.extra),
    }
    if one.told_time is not None:
        document["told_time"] = instant(one.told_time)
    return document


def position(one: Position) -> dict[str, Any]:
    """Return a live position."""
    return {
        "tracking_number": one.number,
        "at": instant(one.at),
        "latitude": one.latitude,
        "longitude": one.longitude,
        "heading": one.heading,
        "speed": one.speed,
        "accuracy": one.accuracy,
        "eta": instant(one.eta),
        "stops_before": one.stops_before,
    }


_MILESTONES = (
    "ordered_at",
    "info_received_at",
    "shipped_at",
    "out_for_delivery_at",
    "first_attempt_at",
    "available_for_pickup_at",
    "delivered_at",
    "returning_at",
    "returned_at",
    "refunded_at",
    "cancelled_at",
)

_NO_MILESTONES: dict[str, str | None] = dict.fromkeys(_MILESTONES)


def journey(of: Journey, told: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shipment's state: the fold of its events and the details its carrier told (`details.values`)."""
    pieces_total = max(told.get("pieces_total") or 1, of.pieces_seen, 1)
    done = of.pieces_delivered if of.pieces_seen else pieces_total * (of.status is Status.DELIVERED)
    extra = {name.removeprefix("extra."): value for name, value in told.items() if name.startswith("extra.")}
    handed_to = told.get("continues_as")
    milestones = _NO_MILESTONES | {name: millis_instant(at) for name, at in of.milestones.items()}
    return {
        "status": of.status.value,
        "substatus": of.substatus,
        "status_since": millis_instant(of.since),
        "returning": of.returning,
        "action_required": of.action is not None,
        "action": of.action,
        "milestones": milestones,
        "delivered_at": milestones["delivered_at"],
        "last_event_at": millis_instant(of.last_at),
        "delivery_attempts": of.attempts,
        "days_in_transit": of.days_in_transit,
        "pieces_total": pieces_total,
        "pieces_delivered": done,
        "eta": told.get("eta"),
        "signed_by": told.get("signed_by"),
        "proofs": told.get("proofs") or [],
        "service": told.get("service"),
        "service_code": told.get("service_code"),
        "weight_grams": told.get("weight_grams"),
        "dimensions_mm": told.get("dimensions_mm"),
        "references": told.get("references") or [],
        "origin": told.get("origin"),
        "carrier_destination": told.get("destination"),
        "pickup_point": told.get("pickup_point"),
        "pickup_hours": told.get("pickup_hours"),
        "pickup_until": told.get("pickup_until"),
        "continues_as": None if handed_to is None else {"carrier": handed_to[0], "tracking_number": handed_to[1]},
        "returns_as": told.get("returns_as"),
        "courier": told.get("courier"),
        "courier_vehicle": told.get("courier_vehicle"),
        "stops_before": told.get("stops_before"),
        "carrier_tracking_url": told.get("tracking_url"),
        "extra": extra,
    }

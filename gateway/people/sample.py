"""A parcel that never was: what a merchant's own words are tried on where no shipment is named."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gateway.people.subjects import SUBJECTS

_SUBSTATUS = {
    "picked_up": ("in_transit", "picked_up"),
    "eta_changed": ("in_transit", "at_delivery_depot"),
    "courier.arriving": ("out_for_delivery", "arriving"),
    "out_for_delivery": ("out_for_delivery", "loaded"),
    "attempt_failed": ("attempt_failed", "recipient_absent"),
    "available_for_pickup": ("available_for_pickup", "at_shop"),
    "action_required": ("exception", "duties_unpaid"),
    "exception": ("exception", "weather"),
    "delivered": ("delivered", "to_neighbour"),
    "conversation": ("out_for_delivery", "loaded"),
    "rate": ("delivered", "to_recipient"),
}


def data(subject: str, now: datetime) -> dict[str, Any]:
    """Return a message's data that gives every placeholder of a kind of notice its value."""
    if subject not in SUBJECTS:
        return {}
    status, substatus = _SUBSTATUS.get(subject, (subject, "other"))
    soon = (now + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    shipment = {
        "tracking_number": "SAMPLE100200300",
        "order_number": "A-1001",
        "status": status,
        "substatus": substatus,
        "eta": {"from": soon.isoformat(), "to": (soon + timedelta(hours=1)).isoformat()},
        "action": "pay_duties" if subject == "action_required" else None,
        "pickup_point": {"facility": "Corner Shop", "street": "1 Sample Street", "city": "Sampleton"},
        "pickup_hours": "Mon-Sat 8-20",
        "pickup_until": (now + timedelta(days=6)).date().isoformat(),
        "metadata": {"pickup_code": "4711"},
        "proofs": [{"kind": "photo"}] if subject == "delivered" else [],
    }
    arriving = {"eta": soon.isoformat()} if subject == "courier.arriving" else None
    return {"shipment": shipment, "event": None, **({"arriving": arriving} if arriving else {})}

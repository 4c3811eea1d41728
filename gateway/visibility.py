"""Who sees what: one table of fields and roles. What does not stand here is shown to nobody.

M is the merchant, S its support desk, F the storefront (a publishable key: anybody may hold it), O an operator of the
gateway (technical state of all merchants, nobody's data).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.keys import KeyRole

Kind = Literal["shipment", "event", "message", "account", "endpoint"]

_LETTER: dict[KeyRole, str] = {"merchant": "M", "support": "S", "storefront": "F", "operator": "O"}

TABLE: dict[Kind, dict[str, str]] = {
    "shipment": {
        "id": "MSFO",
        "carrier": "MSFO",
        "tracking_number": "MSFO",
        "account": "MSO",
        "order_number": "MS",
        "direction": "MSFO",
        "destination": "MS",
        "promised": "MSF",
        "metadata": "MS",
        "ship_date": "MS",
        "recipient": "MS",
        "tracking": "MSO",
        "version": "MSFO",
        "created_at": "MSO",
        "updated_at": "MSFO",
        "status": "MSFO",
        "substatus": "MSFO",
        "status_since": "MSFO",
        "returning": "MSFO",
        "action_required": "MSFO",
        "action": "MSFO",
        "milestones": "MSFO",
        "delivered_at": "MSFO",
        "last_event_at": "MSFO",
        "delivery_attempts": "MSFO",
        "days_in_transit": "MSFO",
        "pieces_total": "MSFO",
        "pieces_delivered": "MSFO",
        "eta": "MSFO",
        "signed_by": "MS",
        "proofs": "MS",
        "service": "MSFO",
        "service_code": "MSO",
        "weight_grams": "MS",
        "dimensions_mm": "MS",
        "references": "MS",
        "origin": "MS",
        "carrier_destination": "MS",
        "pickup_point": "MSF",
        "pickup_hours": "MSF",
        "pickup_until": "MSF",
        "continues_as": "MSFO",
        "continued_from": "MSFO",
        "returns_as": "MSO",
        "courier": "MS",
        "courier_vehicle": "MS",
        "stops_before": "MSF",
        "carrier_tracking_url": "MSF",
        "extra": "MS",
    },
    "event": {
        "id": "MSFO",
        "shipment_id": "MSFO",
        "carrier": "MSFO",
        "tracking_number": "MSFO",
        "piece": "MSO",
        "status": "MSFO",
        "substatus": "MSFO",
        "code": "MSO",
        "codes": "MSO",
        "text": "MSF",
        "basis": "MSO",
        "moves": "MSO",
        "returning": "MSFO",
        "at": "MSFO",
        "local_time": "MSFO",
        "utc_offset": "MSFO",
        "time_basis": "MSFO",
        "place": "MS",
        "place_basis": "MS",
        "eta": "MSF",
        "signed_by": "MS",
        "proofs": "MS",
        "source": "MSO",
        "received_at": "MSO",
        "payload_id": "MSO",
        "extra": "MS",
        "earlier_parcel": "MSFO",
    },
    "message": {
        "id": "MSO",
        "sequence": "MSO",
        "type": "MSO",
        "shipment_id": "MSO",
        "shipment_version": "MSO",
        "created_at": "MSO",
        "body": "MS",
        "deliveries": "MSO",
    },
    "account": {
        "id": "MSO",
        "carrier": "MSO",
        "label": "MS",
        "mode": "MSO",
        "state": "MSO",
        "state_reason": "MSO",
        "state_since": "MSO",
        "limits": "MSO",
        "push_url": "M",
        "created_at": "MSO",
        "updated_at": "MSO",
    },
    "endpoint": {
        "id": "MSO",
        "url": "MS",
        "description": "MS",
        "event_types": "MSO",
        "filter": "MS",
        "ordering": "MSO",
        "rate_per_second": "MSO",
        "concurrency": "MSO",
        "timeout_ms": "MSO",
        "schedule": "MSO",
        "state": "MSO",
        "state_reason": "MSO",
        "state_since": "MSO",
        "lane": "MSO",
        "secret": "M",
        "version": "MSO",
        "created_at": "MSO",
    },
}


def sees(role: KeyRole, kind: Kind, field: str) -> bool:
    """Tell whether a role sees a field. A field without a row is seen by nobody."""
    return _LETTER[role] in TABLE[kind].get(field, "")


_FIELDS: dict[tuple[Kind, KeyRole], frozenset[str]] = {
    (kind, role): frozenset(name for name, who in rows.items() if letter in who)
    for kind, rows in TABLE.items()
    for role, letter in _LETTER.items()
}


def shown(role: KeyRole, kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a document what a role sees."""
    fields = _FIELDS[kind, role]
    return {name: value for name, value in document.items() if name in fields}

"""Who sees what: one table of fields and roles. What does not stand here is shown to nobody.

M is the merchant, S its support desk, F the storefront (a publishable key: anybody may hold it), O an operator of the
gateway (technical state of all merchants, nobody's data). R is who holds the link to a tracking page, P who also told
the postcode there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["shipment", "event", "order", "order_event", "shop", "message", "account", "endpoint"]

Viewer = Literal["merchant", "support", "storefront", "operator", "recipient", "proven"]
"""The roles of keys, and who comes by a link."""

_LETTER: dict[Viewer, str] = {
    "merchant": "M",
    "support": "S",
    "storefront": "F",
    "operator": "O",
    "recipient": "R",
    "proven": "P",
}

TABLE: dict[Kind, dict[str, str]] = {
    "shipment": {
        "id": "MSFO",
        "carrier": "MSFORP",
        "tracking_number": "MSFORP",
        "account": "MSO",
        "order_number": "MSRP",
        "direction": "MSFORP",
        "destination": "MSP",
        "promised": "MSFRP",
        "metadata": "MS",
        "ship_date": "MS",
        "recipient": "MSP",
        "tracking": "MSO",
        "trouble": "MSO",
        "version": "MSFORP",
        "created_at": "MSO",
        "updated_at": "MSFORP",
        "status": "MSFORP",
        "substatus": "MSFORP",
        "status_since": "MSFORP",
        "returning": "MSFORP",
        "action_required": "MSFORP",
        "action": "MSFORP",
        "milestones": "MSFORP",
        "delivered_at": "MSFORP",
        "last_event_at": "MSFORP",
        "delivery_attempts": "MSFORP",
        "days_in_transit": "MSFORP",
        "pieces_total": "MSFORP",
        "pieces_delivered": "MSFORP",
        "eta": "MSFORP",
        "predicted": "MSFRP",
        "predicted_from": "MS",
        "signed_by": "MSP",
        "proofs": "MSP",
        "service": "MSFORP",
        "service_code": "MSO",
        "weight_grams": "MS",
        "dimensions_mm": "MS",
        "references": "MS",
        "origin": "MS",
        "carrier_destination": "MS",
        "pickup_point": "MSFRP",
        "pickup_hours": "MSFRP",
        "pickup_until": "MSFRP",
        "continues_as": "MSFO",
        "continued_from": "MSFO",
        "returns_as": "MSO",
        "courier": "MSRP",
        "courier_vehicle": "MSRP",
        "stops_before": "MSFRP",
        "tracking_url": "MSFRP",
        "carrier_tracking_url": "MSFRP",
        "extra": "MS",
    },
    "event": {
        "id": "MSFO",
        "shipment_id": "MSFO",
        "carrier": "MSFORP",
        "tracking_number": "MSFORP",
        "piece": "MSO",
        "status": "MSFORP",
        "substatus": "MSFORP",
        "code": "MSO",
        "codes": "MSO",
        "text": "MSFRP",
        "basis": "MSO",
        "moves": "MSO",
        "returning": "MSFORP",
        "at": "MSFORP",
        "local_time": "MSFORP",
        "utc_offset": "MSFORP",
        "time_basis": "MSFORP",
        "told_time": "MSO",
        "place": "MSRP",
        "place_basis": "MS",
        "eta": "MSFRP",
        "signed_by": "MSP",
        "proofs": "MSP",
        "source": "MSO",
        "received_at": "MSO",
        "payload_id": "MSO",
        "extra": "MS",
        "earlier_parcel": "MSFORP",
        "counts_as": "MSFORP",
    },
    "order": {
        "id": "MSO",
        "order_number": "MS",
        "source": "MSO",
        "lines": "MS",
        "destination": "MS",
        "recipient": "MS",
        "promised": "MS",
        "metadata": "MS",
        "version": "MSO",
        "created_at": "MSO",
        "updated_at": "MSO",
        "status": "MSO",
        "substatus": "MSO",
        "status_since": "MSO",
        "milestones": "MSO",
        "returns": "MS",
        "shipments": "MS",
    },
    "order_event": {
        "id": "MSO",
        "order_id": "MSO",
        "status": "MSO",
        "substatus": "MSO",
        "at": "MSO",
        "text": "MS",
        "return_id": "MS",
        "parcel": "MS",
        "items": "MS",
        "source": "MSO",
        "received_at": "MSO",
    },
    "shop": {
        "id": "MSO",
        "shop": "MSO",
        "label": "MS",
        "order_prefix": "MS",
        "push_url": "M",
        "writes_back": "MSO",
        "writes_back_trouble": "MS",
        "orders": "MS",
        "last_push_at": "MSO",
        "last_refused_at": "MSO",
        "last_refusal": "MSO",
        "old_secret_until": "MSO",
        "waiting": "MSO",
        "unreadable": "MSO",
        "unreadable_reason": "MSO",
        "created_at": "MSO",
        "updated_at": "MSO",
    },
    "message": {
        "id": "MSO",
        "sequence": "MSO",
        "type": "MSO",
        "shipment_id": "MSO",
        "order_id": "MSO",
        "shipment_version": "MSO",
        "created_at": "MSO",
        "body": "MS",
        "deliveries": "MSO",
        "notices": "MS",
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
        "last_refused_at": "MSO",
        "last_refusal": "MSO",
        "created_at": "MSO",
        "updated_at": "MSO",
    },
    "endpoint": {
        "id": "MSO",
        "url": "MS",
        "description": "MS",
        "event_types": "MSO",
        "filter": "MS",
        "fields": "MSO",
        "headers": "MS",
        "auth": "MS",
        "client_certificate": "MS",
        "signature_compat": "MSO",
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


def sees(role: Viewer, kind: Kind, field: str) -> bool:
    """Tell whether a role sees a field. A field without a row is seen by nobody."""
    return _LETTER[role] in TABLE[kind].get(field, "")


_FIELDS: dict[tuple[Kind, Viewer], frozenset[str]] = {
    (kind, role): frozenset(name for name, who in rows.items() if letter in who)
    for kind, rows in TABLE.items()
    for role, letter in _LETTER.items()
}


def shown(role: Viewer, kind: Kind, document: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a document what a role sees."""
    fields = _FIELDS[kind, role]
    return {name: value for name, value in document.items() if name in fields}

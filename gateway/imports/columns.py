"""The columns of a CSV file, with what each holds. `metadata.<name>` is one as well."""

from __future__ import annotations

from typing import Literal

Kind = Literal["orders", "shipments"]

_PLACE = {
    "street": "street and house number",
    "city": "city",
    "region": "state or province",
    "postal_code": "postcode",
    "country": "country in two letters, such as PT",
    "latitude": "the door's own latitude; better empty than guessed",
    "longitude": "the door's own longitude",
}
_PERSON = {
    "name": "who gets the parcel",
    "email": "e-mail",
    "phone": "telephone, such as +351 912 345 678",
    "language": "language, such as pt or pt-BR",
}
_BOTH = {
    **{f"destination.{name}": f"Where it goes: {text}" for name, text in _PLACE.items()},
    **{f"recipient.{name}": f"Recipient: {text}" for name, text in (_PERSON | _PLACE).items()},
    "promised.from": "Promised to the recipient from, such as 2026-11-24T10:00:00+01:00",
    "promised.to": "Promised until",
}

COLUMNS: dict[Kind, dict[str, str]] = {
    "orders": {
        "order_number": "Your number of the order; lines that follow each other with the same one are one order",
        "placed_at": "When it was placed, with the clock's offset: 2026-11-20T08:00:00Z; empty: now",
        "line.id": "What tells the order's lines apart; empty: the SKU",
        "line.sku": "Article number",
        "line.title": "What it is",
        "line.quantity": "How many, 1 where empty",
        **_BOTH,
    },
    "shipments": {
        "tracking_number": "The carrier's number of the parcel",
        "carrier": "Code of the carrier, such as ups; empty: found from the number",
        "account": "Id of your account at the carrier to ask with; empty: the one there is",
        "order_number": "The order it belongs to",
        "direction": "outbound or return; empty: outbound",
        "ship_date": "Day it was sent, such as 2026-11-20",
        "return_id": "The return of its order it belongs to",
        **_BOTH,
    },
}
REQUIRED: dict[Kind, str] = {"orders": "order_number", "shipments": "tracking_number"}
METADATA = "Any fact of your own, under any name: metadata.channel"

"""What trouble means for the recipient: what happens now, and what they can do. Pure.

A table names the texts; nothing is promised that no carrier told, so what usually follows is said to be usual.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.texts import Speech

_ROWS: dict[str, dict[str, tuple[str, str]]] = {
    "attempt_failed": {
        "recipient_absent": ("again", "at_home"),
        "business_closed": ("again", "open"),
        "no_access": ("again", "access"),
        "wrong_address": ("waits", "address"),
        "payment_missing": ("again", "cash"),
        "id_missing": ("again", "id"),
        "carrier_reason": ("again", "nothing"),
        "weather": ("weather", "nothing"),
        "other": ("again", "ask_shop"),
    },
    "exception": {
        "delayed": ("moving", "nothing"),
        "weather": ("weather", "nothing"),
        "customs_held": ("customs", "nothing"),
        "documents_missing": ("waits", "documents"),
        "duties_unpaid": ("waits", "duties"),
        "damaged": ("checks", "ask_shop"),
        "lost": ("checks", "ask_shop"),
        "wrong_address": ("waits", "address"),
        "refused": ("back", "ask_shop"),
        "unclaimed": ("back", "ask_shop"),
        "undeliverable": ("back", "ask_shop"),
        "held": ("waits", "ask_carrier"),
        "missorted": ("moving", "nothing"),
        "security": ("checks", "nothing"),
        "disposed": ("ended", "ask_shop"),
        "strike_or_disaster": ("moving", "nothing"),
        "contact_carrier": ("waits", "ask_carrier"),
        "other": ("checks", "ask_shop"),
    },
    "expired": {"other": ("silent", "ask_shop")},
}
"""Status -> detail -> (what happens now, what the recipient can do): names of texts."""

_ASKED = {
    "pay_duties": "duties",
    "provide_documents": "documents",
    "correct_address": "address",
    "contact_carrier": "ask_carrier",
    "pay_on_delivery": "cash",
    "show_id": "id",
    "collect": "collect",
}
"""What a carrier asks for by itself goes before what a detail suggests."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Trouble in the order people ask: what happened, what happens now, what they can do."""

    happened: str
    then: str
    you: str


def of(shipment: Mapping[str, Any], speech: Speech) -> Trouble | None:
    """Return a shipment's trouble; None where there is none."""
    rows = _ROWS.get(shipment["status"])
    if rows is None:
        return None
    then, you = rows.get(shipment["substatus"]) or rows["other"]
    you = _ASKED.get(shipment.get("action") or "", you)
    return Trouble(
        happened=speech.status(shipment["status"], shipment["substatus"]),
        then=speech.say(f"trouble.then_is.{then}"),
        you=speech.say(f"trouble.you_can.{you}"),
    )

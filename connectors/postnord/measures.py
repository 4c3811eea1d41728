"""PostNord's measures: decimal numbers as text, each with its unit."""

from __future__ import annotations

from typing import Any

from connectors.base import dig, text_of

GRAMS = {"g": 1.0, "kg": 1000.0}
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}
KINDS = ("assessedMeasurement", "statedMeasurement")
"""What PostNord measured comes before what the sender stated."""


def weight(shipment: Any, item: Any) -> int | None:
    """Return grams of the lone item, else of the shipment; None where none is said."""
    found = [_measured(dig(item, kind, "weight"), GRAMS) for kind in KINDS]
    found += [_measured(dig(shipment, name), GRAMS) for name in ("assessedWeight", "totalWeight")]
    return next((grams for grams in found if grams), None)


def dimensions(item: Any) -> tuple[int, int, int] | None:
    """Return length, width and height of the lone item; None unless one measurement has all three."""
    for kind in KINDS:
        length, width, height = (
            _measured(dig(item, kind, side), MILLIMETRES) for side in ("length", "width", "height")
        )
        if length and width and height:
            return length, width, height
    return None


def money(node: Any) -> str | None:
    """Return an amount with its currency as text, such as `249.00 SEK`."""
    amount, currency = text_of(node, "value"), text_of(node, "currency")
    return f"{amount} {currency}" if amount and currency else None


def _measured(node: Any, units: dict[str, float]) -> int | None:
    value, unit = text_of(node, "value"), text_of(node, "unit")
    if value is None or unit not in units:
        return None
    return round(float(value) * units[unit]) or None

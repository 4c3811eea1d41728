"""DHL's measures in grams and millimetres: each value names its unit, and the divisions spell units differently."""

from __future__ import annotations

from typing import Any

from connectors.base import dig, text_of

GRAMS = {
    "g": 1.0,
    "gr": 1.0,
    "kg": 1000.0,
    "kgm": 1000.0,  # UN/ECE recommendation 20, sent by dgf
    "lb": 453.59237,
    "lbs": 453.59237,
    "oz": 28.349523125,
}
MILLIMETRES = {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4}


def grams(weight: Any) -> int | None:
    """Return a weight; None where none is said, where it is 0 (DHL Supply Chain's blank), or in no known unit."""
    return _measured(weight, GRAMS)


def dimensions(node: Any) -> tuple[int, int, int] | None:
    """Return length, width and height; None unless all three are known."""
    length, width, height = (_measured(dig(node, side), MILLIMETRES) for side in ("length", "width", "height"))
    return (length, width, height) if length and width and height else None


def _measured(node: Any, units: dict[str, float]) -> int | None:
    value, unit = dig(node, "value"), text_of(node, "unitText")
    if value is None or unit is None or unit.lower() not in units:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("expected a number")
    return round(value * units[unit.lower()]) or None

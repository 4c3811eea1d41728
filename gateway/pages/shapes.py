"""A shape for every status, so that colour never carries meaning alone: strokes of 24 by 24, the same on all faces."""

from __future__ import annotations

_PARCEL = ("M3.5 7.5 12 3l8.5 4.5v9L12 21l-8.5-4.5z", "M3.5 7.5 12 12l8.5-4.5M12 12v9")
_RING = "M3 12a9 9 0 1 0 18 0 9 9 0 1 0-18 0"
_DONE = (_RING, "m8 12.5 2.7 2.7L16 9.5")
_WARNING = ("M12 3.5 22 20H2z", "M12 10v4.5m0 2.6v.1")
_BACK = ("M20 12H5m6-6-6 6 6 6",)

_SHAPES: dict[str, tuple[str, ...]] = {
    "delivered": _DONE,
    "refunded": _DONE,
    "out_for_delivery": (
        "M2 7h11v9H2zM13 10h4l4 3.5V16h-8",
        "M4.5 17.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
        "M15 17.5a2 2 0 1 0 4 0 2 2 0 1 0-4 0",
    ),
    "in_transit": ("M4 12h15M13 6l6 6-6 6",),
    "available_for_pickup": ("M4 10 12 4l8 6v10H4z", "M9 20v-6h6v6"),
    "attempt_failed": ("M5 4h14v16H5z", "m9.5 9.5 5 5m0-5-5 5"),
    "exception": _WARNING,
    "expired": _WARNING,
    "returning": _BACK,
    "returned": _BACK,
    "cancelled": (_RING, "m5.8 5.8 12.4 12.4"),
    "unknown": (_RING, "M12 8v5m0 3v.1"),
}


def shape(status: str) -> tuple[str, ...]:
    """Return a status's shape: the `d` of each of its SVG paths."""
    return _SHAPES.get(status, _PARCEL)

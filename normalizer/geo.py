"""Distances on the earth, and places made coarse on purpose. Degrees WGS 84, metres. Pure."""

from __future__ import annotations

from math import cos, floor, hypot, radians

METRES_A_DEGREE = 111_195.0
"""Along a meridian, on a sphere of 6,371 km: right to half a percent, which is less than any phone's accuracy."""

CELL_DEGREES = 0.01
"""The height of a cell of `blurred`: about 1.1 km; its width is at least as much."""


def metres_between(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the straight distance of two points that lie near each other (to one in a thousand within 100 km)."""
    east = (other_longitude - longitude + 180.0) % 360.0 - 180.0
    along = east * cos(radians((latitude + other_latitude) / 2))
    return METRES_A_DEGREE * hypot(other_latitude - latitude, along)


def blurred(latitude: float, longitude: float) -> tuple[float, float]:
    """Return the middle of the cell a point lies in: at least a kilometre high and wide outside of the polar circles.

    All points of a cell give the same answer, so it tells which cell it is and nothing more.
    """
    row = floor(latitude / CELL_DEGREES)
    middle = (row + 0.5) * CELL_DEGREES
    width = CELL_DEGREES / max(cos(radians(middle)), 0.1)
    return round(middle, 4), round((floor(longitude / width) + 0.5) * width, 4)

"""Ribeira Clara: a small town of our own invention, its streets, and the way a courier takes through them. Pure.

It lies in the open sea, so that nobody's house is meant. Places are told in metres east and north of its centre.
"""

from __future__ import annotations

from itertools import pairwise
from math import cos, hypot, radians
from typing import Any

from normalizer.geo import METRES_A_DEGREE

NAME, POSTAL_CODE, COUNTRY, ZONE = "Ribeira Clara", "6999-001", "PT", "Europe/Lisbon"
_CENTRE = (39.4000, -11.9000)

Point = tuple[float, float]

_STREETS: tuple[tuple[str, int, tuple[Point, ...]], ...] = (
    (
        "Rua Direita",
        6,
        (
            (-2600, -420),
            (-1000, -180),
            (-620, -90),
            (-300, -20),
            (0, 0),
            (320, -10),
            (640, 40),
            (1000, 150),
            (2600, 480),
        ),
    ),
    ("Rua da Ponte", 6, ((90, -2400), (40, -900), (20, -560), (10, -300), (0, 0))),
    ("Avenida das Amoreiras", 5, ((0, 0), (-20, 260), (-60, 520), (-120, 820), (-260, 2400))),
    ("Rua do Moinho", 4, ((-620, -90), (-600, 160), (-560, 360), (-420, 560), (-120, 820))),
    ("Rua Nova", 4, ((-820, 120), (-600, 160), (-300, 240), (-20, 260), (300, 300), (620, 260))),
    ("Travessa do Forno", 3, ((-300, -20), (-310, 120), (-300, 240))),
    ("Rua das Hortas", 3, ((-300, 240), (-320, 420), (-60, 520), (240, 560))),
    ("Rua da Vela", 4, ((320, -10), (310, 150), (300, 300), (240, 560))),
    ("Rua do Cais", 4, ((-560, -330), (-250, -310), (10, -300), (330, -320), (640, -260))),
    ("Rua da Escola", 4, ((640, 40), (620, 260), (560, 480), (240, 560))),
    ("Estrada do Armazém", 5, ((640, 40), (670, -120), (640, -260), (700, -620), (760, -900), (1100, -2400))),
)
"""Name, width in pixels, points; streets meet where they share a point."""

_GROUNDS: tuple[tuple[str, bool, tuple[Point, ...]], ...] = (
    (
        "Ribeira",
        True,
        ((-3000, -760), (-1200, -500), (-600, -420), (0, -390), (600, -420), (1200, -360), (3000, -80), (3000, -170),
         (1200, -450), (600, -520), (0, -490), (-600, -520), (-1200, -600), (-3000, -880)),
    ),
    ("Jardim", False, ((-270, 30), (-50, 40), (-60, 215), (-270, 195))),
    ("Pomar", False, ((-520, 220), (-360, 250), (-380, 420), (-500, 400))),
)  # fmt: skip
"""Name, whether it is water, the ring round it."""

_WAY: tuple[Point, ...] = (
    (700, -620),
    (640, -260),
    (330, -320),
    (10, -300),
    (0, 0),
    (-20, 260),
    (-300, 240),
    (-320, 420),
)
"""From the store beyond the bridge to the door in Rua das Hortas, from street corner to street corner."""

DOORS = (("Tomé Alves", "Rua do Cais 4", 1_300), ("Rosa Lima", "Avenida das Amoreiras 14", 600))
"""Other doors on the way: who lives there, the address, and the metres from there to the end."""
STREET = "Rua das Hortas 7"
"""Where the way ends."""

LENGTH = sum(hypot(x - a, y - b) for (a, b), (x, y) in pairwise(_WAY))
"""Metres of the way."""


def place(point: Point) -> tuple[float, float]:
    """Return a point's latitude and longitude."""
    latitude = _CENTRE[0] + point[1] / METRES_A_DEGREE
    return round(latitude, 6), round(_CENTRE[1] + point[0] / METRES_A_DEGREE / cos(radians(_CENTRE[0])), 6)


STORE, DOOR = place(_WAY[0]), place(_WAY[-1])


def along(metres: float) -> tuple[float, float]:
    """Return the latitude and longitude so many metres along the way; beyond the end, the door."""
    for (a, b), (x, y) in pairwise(_WAY):
        leg = hypot(x - a, y - b)
        if metres <= leg:
            part = max(metres, 0.0) / leg
            return place((a + (x - a) * part, b + (y - b) * part))
        metres -= leg
    return DOOR


def streets() -> dict[str, Any]:
    """Return the town as GeoJSON: grounds first, streets over them."""
    grounds = [
        _feature("Polygon", [[_position(point) for point in (*ring, ring[0])]], name=name, water=water)
        for name, water, ring in _GROUNDS
    ]
    lines = [
        _feature("LineString", [_position(point) for point in points], name=name, width=width)
        for name, width, points in _STREETS
    ]
    return {"type": "FeatureCollection", "features": [*grounds, *lines]}


def corners() -> set[tuple[Point, Point]]:
    """Return every piece of street between two neighbouring points, in both directions."""
    pieces = {piece for _, _, points in _STREETS for piece in pairwise(points)}
    return pieces | {(other, one) for one, other in pieces}


def way() -> tuple[Point, ...]:
    """Return the points of the way."""
    return _WAY


def _feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": coordinates}}


def _position(point: Point) -> tuple[float, float]:
    latitude, longitude = place(point)
    return longitude, latitude

"""What a connector may yield at all: a value of another kind than the model says is the carrier's body gone astray.

Every value is looked at once, where it enters, so that nothing behind it needs to. What fails raises `TypeError` or
`ValueError`, which the reading turns into `Unreadable`; the text names the field and never the value.
"""

from __future__ import annotations

from datetime import date, datetime

from normalizer.model import Detail, Missing, Place, Position, Said, Scan, Window

EARLIEST, LATEST = 1990, 2200
"""Years outside are filled-in values (0001, 1900, 1970, 9999) or nonsense, never the time of a scan."""


def check(said: Said) -> None:
    """Return if all values are of the model's kinds and possible. Raises `TypeError` or `ValueError`."""
    _texts(said, "number", required=True)
    if isinstance(said, Scan):
        _scan(said)
    elif isinstance(said, Detail):
        _detail(said)
    elif isinstance(said, Position):
        _position(said)
    elif isinstance(said, Missing):
        _texts(said, "text")
    else:
        raise TypeError("a connector yields scans, details, positions and missing numbers only")


def _scan(said: Scan) -> None:
    _time(said.at, "at")
    if not isinstance(said.codes, tuple) or not all(isinstance(code, str) and code for code in said.codes):
        raise TypeError("codes are texts that are not empty")
    if not isinstance(said.text, str):
        raise TypeError("text is a text")
    _texts(said, "piece", "event_id", "zone", "signed_by", "phrase")
    _place(said.place)
    _window(said.eta)


def _detail(said: Detail) -> None:
    _texts(said, "service", "service_code", "signed_by", "pickup_hours", "returns_as", "courier", "tracking_url")
    _window(said.eta)
    for place in (said.origin, said.destination, said.pickup_point):
        if place is not None:
            _place(place)
    for figure in (said.weight_grams, said.pieces_total, said.stops_before, *(said.dimensions_mm or ())):
        if figure is not None and (type(figure) is not int or figure < 0):
            raise ValueError("a weight, a length or a count is a whole number from 0 on")
    for texts in (said.pieces, said.references, said.continues_as and said.continues_as[1:]):
        if texts is not None and not all(isinstance(text, str) and text for text in texts):
            raise TypeError("pieces, references and numbers are texts")


def _position(said: Position) -> None:
    for at in (said.at, said.eta):
        if at is not None and (not isinstance(at, datetime) or at.tzinfo is None):
            raise TypeError("a position's times carry their offset")
    _time(said.at, "at")
    _degrees(said.latitude, said.longitude)


def _place(place: Place) -> None:
    _texts(place, "facility", "facility_id", "street", "city", "region", "postal_code", "country")
    if place.latitude is not None or place.longitude is not None:
        _degrees(place.latitude, place.longitude)


def _degrees(latitude: float | None, longitude: float | None) -> None:
    for degrees, most in ((latitude, 90), (longitude, 180)):
        if type(degrees) not in (int, float):
            raise TypeError("coordinates are two numbers")
        if not -most <= degrees <= most:  # type: ignore[operator] # told above; NaN fails here too
            raise ValueError("coordinates lie on the earth")


def _window(window: Window | None) -> None:
    if window is not None:
        _time(window.start, "eta")
        _time(window.end, "eta")


def _time(at: datetime | date | None, name: str) -> None:
    if at is None:
        return
    if not isinstance(at, date):
        raise TypeError(f"{name} is a time, a day or nothing")
    if not EARLIEST <= at.year <= LATEST:
        raise ValueError(f"{name} lies in an impossible year")


def _texts(said: object, *names: str, required: bool = False) -> None:
    for name in names:
        value = getattr(said, name)
        if value is None and not required:
            continue
        if not isinstance(value, str) or (required and not value):
            raise TypeError(f"{name} is a text")

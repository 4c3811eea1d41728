"""The stops of a task: usually a pickup and the recipient, in the order of their positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from connectors.base import dig, rows, text_of
from normalizer.clock import iso
from normalizer.model import NOWHERE, Place, Window

if TYPE_CHECKING:
    from datetime import datetime

Stage = Literal["pickup", "dropoff"]

_OPTIONS: dict[int, Stage] = {0: "pickup", 1: "dropoff"}
"""Values of `pickup_dropoff_option`, as the vendor's examples show them."""


def in_order(task: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a task's stops by their positions."""
    return sorted(rows(task, "way_points"), key=_position)


def current(task: dict[str, Any], way: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the stop that the courier is at or goes to: the one named active, else the first not done."""
    active = text_of(task, "active_way_point_id")
    named = next((stop for stop in way if active and text_of(stop, "id") == active), None)
    return named or next((stop for stop in way if dig(stop, "done") is False), None)


def stage(stop: dict[str, Any] | None, way: list[dict[str, Any]]) -> Stage | None:
    """Return what a stop is there for; None for a first stop that may be either."""
    if stop is None:
        return None
    option = dig(stop, "pickup_dropoff_option")
    if type(option) is int and option in _OPTIONS:
        return _OPTIONS[option]
    if way:
        return "dropoff" if stop is way[-1] else "pickup"
    return "dropoff" if _position(stop) > 1 else None


def _position(stop: dict[str, Any]) -> int:
    """Return a stop's position from 1 on; 0 where the merchant left it out."""
    position: int = dig(stop, "position") or 0
    return position


def eta(stop: dict[str, Any]) -> Window | None:
    """Return the estimated arrival at a stop, else the window agreed on."""
    told = text_of(stop, "eta")
    if told:
        return Window(instant(told), instant(told))
    after, before = text_of(stop, "no_earlier_than"), text_of(stop, "no_later_than")
    if after is None and before is None:
        return None
    return Window(instant(after) if after else None, instant(before) if before else None)


def place(stop: dict[str, Any]) -> Place:
    """Return a stop without its address; names, phones and notes are never read."""
    return Place(
        city=text_of(stop, "city"),
        region=text_of(stop, "state"),
        postal_code=text_of(stop, "zipcode"),
        latitude=dig(stop, "lat"),
        longitude=dig(stop, "lng"),
    )


def end(stop: dict[str, Any]) -> Place | None:
    """Return a stop's place where the payload tells one, so that a poorer body does not wipe out a richer one's."""
    where = place(stop)
    return where if where != NOWHERE else None


def instant(text: str) -> datetime:
    """Return a time that carries its offset. Raises `ValueError`."""
    at = iso(text)
    if getattr(at, "tzinfo", None) is None:
        raise ValueError("a time carries its offset")
    return at  # type: ignore[return-value] # a day has no offset either

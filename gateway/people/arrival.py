"""An arrival as it is told: a window whose ends are instants, days, or unknown. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from normalizer import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def span(eta: Mapping[str, Any] | None, zone: tzinfo) -> tuple[int, int] | None:
    """Return an arrival's first and last instant (epoch milliseconds); a day is meant whole, in `zone`."""
    if eta is None:
        return None
    start, end = eta.get("from") or eta.get("to"), eta.get("to") or eta.get("from")
    if start is None or end is None:
        return None
    return _edge(start, zone, last=False), _edge(end, zone, last=True)


def moved(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, zone: tzinfo, by: int) -> bool:
    """Tell whether an arrival moved by at least `by` milliseconds at one end. One that only narrowed did not move."""
    old, new = span(before, zone), span(after, zone)
    if old is None or new is None or (old[0] <= new[0] and new[1] <= old[1]):
        return False
    return max(abs(new[0] - old[0]), abs(new[1] - old[1])) >= by


def moment(text: str, zone: tzinfo) -> datetime | date:
    """Return an end of a window on the wall clock of `zone`, which a bare time is read in; a day stays a day."""
    found = clock.iso(text)
    if not isinstance(found, datetime):
        return found
    return found.replace(tzinfo=zone) if found.tzinfo is None else found.astimezone(zone)


def day(text: str, zone: tzinfo) -> date:
    """Return the day an end of a window lies on, on the wall clock of `zone`."""
    found = moment(text, zone)
    return found.date() if isinstance(found, datetime) else found


def _edge(text: str, zone: tzinfo, *, last: bool) -> int:
    found = moment(text, zone)
    if not isinstance(found, datetime):
        found = datetime.combine(found + _DAY if last else found, time(0), tzinfo=zone)
    return (found.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)

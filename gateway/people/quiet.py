"""Quiet hours: when a notice may go, on the wall clock of who gets it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_STEP = timedelta(minutes=15)
_MOST_DAYS = 3


@dataclass(frozen=True, slots=True)
class Quiet:
    """The hours of a day nobody is disturbed in: minutes since midnight, from `start` up to `end` and without it."""

    start: int = 21 * 60
    end: int = 8 * 60

    def holds(self, at: int, zone: ZoneInfo) -> bool:
        """Tell whether an instant (epoch milliseconds) lies in quiet hours."""
        return self._within(_local(at, zone))

    def due(self, at: int, zone: ZoneInfo, *, urgent: bool = False) -> int:
        """Return the first instant from `at` on at which a notice may go; an urgent one may at once."""
        if urgent or not self.holds(at, zone):
            return at
        local = _local(at, zone)
        # The clock may leap over the very minute, and a whole day, so days are looked through in order.
        for days in range(_MOST_DAYS):
            day = (local + timedelta(days=days)).date()
            wall = datetime(day.year, day.month, day.day, self.end // 60, self.end % 60, tzinfo=zone)
            for fold in (0, 1):
                instant = wall.replace(fold=fold).astimezone(UTC)
                found = (instant - _EPOCH) // _MILLISECOND
                if found >= at and not self.holds(found, zone):
                    return found
        return self._by_steps(at, zone)

    def _within(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        if self.start <= self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def _by_steps(self, at: int, zone: ZoneInfo) -> int:
        step = _STEP // _MILLISECOND
        found = at
        while self.holds(found, zone) and found - at < _MOST_DAYS * DAY_MINUTES * 60_000:
            found += step
        return found


def _local(at: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + at * _MILLISECOND).astimezone(zone)

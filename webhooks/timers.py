"""The clock, and when to come back to which lane: one alarm per lane, the latest setting counts."""

from __future__ import annotations

import time
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhooks.course import Course


def steady_clock() -> Callable[[], int]:
    """Return a clock in epoch milliseconds that no jump of the wall clock moves while the process lives."""
    ahead = time.time() - time.monotonic()
    return lambda: int((time.monotonic() + ahead) * 1000)


class Timers:
    """Alarms in epoch milliseconds, soonest first. A lane's own `timer` tells which of its alarms still counts."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Course]] = []
        self._ticket = count()

    @property
    def next_at(self) -> int | None:
        """When the next alarm rings."""
        return self._heap[0][0] if self._heap else None

    def set(self, course: Course, when: int | None) -> bool:
        """Set a lane's alarm, None for none; return whether it is now the soonest of all."""
        soonest = False
        if when is not None and when != course.timer:
            heappush(self._heap, (when, next(self._ticket), course))
            soonest = self._heap[0][2] is course
        course.timer = when
        return soonest

    def ring(self, now: int) -> Iterator[Course]:
        """Yield the lanes whose alarm is due."""
        while self._heap and self._heap[0][0] <= now:
            when, _, course = heappop(self._heap)
            if course.timer == when:
                course.timer = None
                yield course

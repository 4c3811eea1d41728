"""How often something may be tried: a count per caller and window, in memory. A restart forgives."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_REMEMBERED = 50_000


class Tries:
    """Allows `most` tries in each `seconds` for each key."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._counts: dict[str, tuple[float, int]] = {}

    def allow(self, key: str) -> bool:
        """Count a try and tell whether it is allowed."""
        now = self._clock()
        since, count = self._counts.get(key, (now, 0))
        if now - since >= self._seconds:
            since, count = now, 0
        if len(self._counts) >= _MOST_REMEMBERED:
            self._forget(now)
        self._counts[key] = (since, count + 1)
        return count < self._most

    def forgive(self, key: str) -> None:
        """Forget a key's tries: it got it right."""
        self._counts.pop(key, None)

    def give_back(self, key: str) -> None:
        """Take one of a key's tries back."""
        since, count = self._counts.get(key, (0.0, 0))
        if count > 0:
            self._counts[key] = (since, count - 1)

    def _forget(self, now: float) -> None:
        self._counts = {key: kept for key, kept in self._counts.items() if now - kept[0] < self._seconds}
        if len(self._counts) >= _MOST_REMEMBERED:
            self._counts.clear()

"""The breaker of one lane: closed, open (one probe per growing pause), slow start. Pure, the clock is given.

It opens after 5 different messages failed in a row, or 3 in a row ran into the deadline: one message that always
fails never opens it, it just follows its schedule. The first pause is as long as the first retry (5 s), so a short
outage costs no more than without a breaker; then pauses double up to 15 minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from webhooks.schedule import MINUTE, SECOND, jittered

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES, TIMEOUTS, SLOW_FAILURES = 5, 3, 2
FIRST_PAUSE, LONGEST_PAUSE = 5 * SECOND, 15 * MINUTE

BreakerState = Literal["closed", "open", "slow"]
_NONE: frozenset[int] = frozenset()
"""Shared by all the breakers that count nothing."""


class Breaker:
    """Counts an endpoint's failures and says how many requests it may get at once."""

    __slots__ = ("_concurrency", "_failed", "_random", "_timed_out", "open_until", "state", "step", "window")

    def __init__(
        self,
        concurrency: int,
        random: Callable[[], float],
        *,
        state: BreakerState = "closed",
        step: int = 0,
        open_until: int = 0,
    ) -> None:
        self._concurrency = concurrency
        self._random = random
        self._failed: frozenset[int] = _NONE
        self._timed_out: frozenset[int] = _NONE
        self.state: BreakerState = state
        self.step = step
        self.open_until = open_until
        self.window = 1

    def limit(self) -> int:
        """Return how many requests may be in flight."""
        if self.state == "closed":
            return self._concurrency
        return 1 if self.state == "open" else self.window

    def succeeded(self) -> None:
        """Note an answer in the two hundreds."""
        if self._failed:
            self._failed = _NONE
            self._timed_out = _NONE
        if self.state == "open":
            self.slow_down()
        elif self.state == "slow":
            self.window *= 2
            if self.window >= self._concurrency:
                self.state, self.step = "closed", 0

    def failed(self, sequence: int, now: int, *, timeout: bool, probe: bool) -> None:
        """Note a failure that counts against the endpoint."""
        self._failed |= {sequence}
        if timeout:
            self._timed_out |= {sequence}
        else:
            self._timed_out = _NONE
        if self.state == "closed":
            if len(self._failed) >= FAILURES or len(self._timed_out) >= TIMEOUTS:
                self._open(now)
        elif self.state == "slow":
            self.window = max(1, self.window // 2)
            if len(self._failed) >= SLOW_FAILURES:
                self.step += 1
                self._open(now)
        elif probe:
            self.step += 1
            self._open(now)

    def slow_down(self) -> None:
        """Begin a slow start: one request at a time, doubling with each success."""
        self.state, self.window = "slow", 1
        self._failed = _NONE
        self._timed_out = _NONE

    def _open(self, now: int) -> None:
        self.state = "open"
        pause = min(FIRST_PAUSE << min(self.step, 20), LONGEST_PAUSE)
        self.open_until = now + jittered(pause, self._random)

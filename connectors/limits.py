"""Manners towards a carrier: how often an account may ask, and when to leave a carrier in peace.

Both cores take their clock from outside and never sleep by themselves beyond the `sleep` they are given, so a test
turns hours in no time. Process-local: several processes sharing one account divide its rate between them.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

from connectors.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DAY = 86_400.0

State = Literal["closed", "open", "half_open"]


class RateLimiter:
    """One account's allowance: evenly spaced turns in order of asking, and at most so many a UTC day.

    Turns are handed out by reservation, so the first to ask is the first to go and nobody is overtaken. Whoever would
    wait longer than `patience` seconds hears `Unavailable` with that wait instead of standing in the queue.
    """

    def __init__(
        self,
        *,
        per_second: float | None = None,
        per_day: int | None = None,
        used_today: int = 0,
        patience: float = 30.0,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap = 1.0 / per_second if per_second else 0.0
        self._per_day = per_day
        self._used = used_today
        self._day = clock() // DAY
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._next = 0.0
        self._held_until = 0.0
        self._held_for = 0.0

    @property
    def used_today(self) -> int:
        """Turns taken since the last midnight UTC."""
        self._turn_day(self._clock())
        return self._used

    def reserve(self) -> float:
        """Take the next turn and return the seconds until it comes. Raises `Unavailable` with its delay."""
        now = self._clock()
        self._held_until = min(self._held_until, now + self._held_for)  # longer only where the clock was set back
        if now < self._held_until:
            raise Unavailable("the carrier asked this account to wait", retry_after=self._held_until - now)
        self._turn_day(now)
        if self._per_day is not None and self._used >= self._per_day:
            raise Unavailable("this account's calls of the day are used up", retry_after=(self._day + 1) * DAY - now)
        if self._next > now + self._patience + self._gap:
            self._next = now  # no such turn was ever granted: the wall clock was set back
        turn = max(now, self._next)
        if turn - now > self._patience:
            raise Unavailable("too many calls of this account are waiting already", retry_after=turn - now)
        self._next = turn + self._gap
        self._used += 1
        return turn - now

    async def wait(self) -> None:
        """Wait for this caller's turn. Raises `Unavailable` with its delay."""
        delay = self.reserve()
        if delay > 0:
            await self._sleep(delay)

    def hold(self, seconds: float) -> None:
        """Let nobody go for so long: the carrier said so (429)."""
        now = self._clock()
        self._held_until = max(self._held_until, now + seconds)
        self._held_for = self._held_until - now

    def _turn_day(self, now: float) -> None:
        if now // DAY != self._day:
            self._day, self._used = now // DAY, 0


class Breaker:
    """Leaves a carrier in peace that fails again and again, and finds out by one probe when it is back.

    Opens after `threshold` failures in a row, for `rest` seconds, doubled after each failed probe up to `longest`.
    `on_change` hears "open" once when the carrier is gone and "closed" once when it is back, nothing in between.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        rest: float = 30.0,
        longest: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[State], None] | None = None,
    ) -> None:
        self._threshold = threshold
        self._first_rest = self._rest = rest
        self._longest = longest
        self._clock = clock
        self._on_change = on_change
        self._failures = 0
        self._open_until: float | None = None
        self._probing = False

    @property
    def state(self) -> State:
        """What the next caller meets: `half_open` means one probe may go or is under way."""
        if self._open_until is None:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    def check(self) -> None:
        """Return if a call may go now. Raises `Unavailable` with the delay until the next probe. Changes nothing."""
        state = self.state
        if self._open_until is not None and state == "open":
            raise Unavailable("the carrier is out of order", retry_after=self._open_until - self._clock())
        if state == "half_open" and self._probing:
            raise Unavailable("the carrier is out of order and being probed", retry_after=self._rest)

    def enter(self) -> None:
        """Let a call go, as the probe where one is due. Raises as `check`; else end it by one of the three below."""
        self.check()
        if self._open_until is not None:
            self._probing = True

    def succeeded(self) -> None:
        """The carrier answered, be it with a refusal: it is there."""
        self._failures, self._probing, self._rest = 0, False, self._first_rest
        if self._open_until is not None:
            self._open_until = None
            self._tell("closed")

    def failed(self, retry_after: float | None = None) -> None:
        """The carrier did not answer, or said that it cannot; a longer wait that it names is kept."""
        self._failures += 1
        if self._open_until is not None:
            if not self._probing:
                return  # a call from before the opening came back late: it says nothing new
            self._probing = False
            self._rest = min(self._rest * 2, self._longest)
            self._open_until = self._clock() + max(self._rest, retry_after or 0.0)
        elif self._failures >= self._threshold:
            self._open_until = self._clock() + max(self._rest, retry_after or 0.0)
            self._tell("open")

    def abandoned(self) -> None:
        """The call was given up from our side, so it says nothing about the carrier."""
        self._probing = False

    def _tell(self, state: State) -> None:
        if self._on_change is not None:
            self._on_change(state)

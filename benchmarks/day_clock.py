"""A clock for a simulated day: an event loop that leaps to its next timer once nothing is under way.

Sleeps, deadlines and rate limits are the program's own and end when the simulated clock reaches them; work on a thread
(the database, reading) takes no simulated time, because the clock waits for it.
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple

import time_machine

from gateway.db import SqliteStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from sqlalchemy import Connection

T = TypeVar("T")
Given = TypeVarTuple("Given")

_STUCK = 60.0
"""Real seconds without a timer, a thread at work or a word from one: the simulation hangs."""


class _Leaping(selectors.DefaultSelector):
    """Waits for threads in real time and for timers by moving the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self._clock.at_work or timeout is None:
            ready = super().select(_STUCK)
            if not ready and not self._clock.at_work:
                raise RuntimeError("nothing is under way and nothing ever will be")
            return ready
        self._clock.leap(timeout)
        return ready


class Clock:
    """The simulated time: `now` in seconds since the start, mirrored by every wall clock of the process."""

    def __init__(self, start: float, wall: time_machine.Traveller) -> None:
        self.start = start
        self.now = 0.0
        self.at_work = 0
        """Pieces of work on threads; the clock stands still meanwhile."""
        self._wall = wall

    def leap(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds
        self._wall.move_to(self.start + self.now)

    def steady(self) -> float:
        """Return what a monotonic clock would say."""
        return self.now


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An event loop in simulated time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(_Leaping(clock))
        self._clock = clock

    def time(self) -> float:
        """Return the simulated seconds."""
        return self._clock.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Given], T], *args: *Given
    ) -> asyncio.Future[T]:
        """Run on a thread while the clock stands still."""
        self._clock.at_work += 1
        done = super().run_in_executor(executor, func, *args)
        done.add_done_callback(self._back)
        return done

    def _back(self, _done: asyncio.Future[Any]) -> None:
        self._clock.at_work -= 1

    async def shutdown_default_executor(self, *timeout: Any) -> None:
        """Let the threads end while the clock stands still."""
        self._clock.at_work += 1
        try:
            await super().shutdown_default_executor(*timeout)
        finally:
            self._clock.at_work -= 1


class StandingStore(SqliteStore):
    """The database, for whose writer the clock stands still."""

    def __init__(self, url: str, clock: Clock) -> None:
        super().__init__(url)
        self._clock = clock

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Write as ever."""
        self._clock.at_work += 1
        try:
            return await super().write(work)
        finally:
            self._clock.at_work -= 1


@contextmanager
def simulated(start: float) -> Iterator[tuple[Clock, asyncio.Runner]]:
    """Give a clock that stands at `start` (epoch seconds) and a runner in its time."""
    with time_machine.travel(start, tick=False) as wall:
        clock = Clock(start, wall)
        with asyncio.Runner(loop_factory=lambda: SimulatedLoop(clock)) as runner:
            yield clock, runner

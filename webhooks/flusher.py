"""Gathers what came of sending and writes it in groups: one transaction for many attempts, cursors twice a second."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import structlog

from webhooks.recording import AttemptRow, Batch, ExchangeRow, Noted, attempt_of, exchange_of, nothing, record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhooks.course import Course
    from webhooks.item import Item
    from webhooks.log import Entry
    from webhooks.outcome import Outcome
    from webhooks.recording import Beside
    from webhooks.store import Store

GATHER = 0.005
"""Seconds that results are gathered before they are written; a crash repeats at most what was gathered."""
CURSOR_EVERY = 0.5
MOST_UNWRITTEN = 128
"""Results that may wait for the database before no more requests are started: a crash repeats those, and what flies."""
_TRY_AGAIN = 1.0

_log = structlog.get_logger(__name__)


class Flusher:
    """Writes results.

    `told` is called with what was appended to merchants' logs on the way, `relieved` with the courses that may start
    requests again.
    """

    def __init__(
        self,
        store: Store,
        told: Callable[[dict[str, list[Entry]]], None],
        relieved: Callable[[Iterable[Course]], None],
        beside: Beside = nothing,
    ) -> None:
        self._beside = beside
        self._store = store
        self._told = told
        self._relieved = relieved
        self._attempts: list[AttemptRow] = []
        self._exchanges: list[ExchangeRow] = []
        self._noted: list[Noted] = []
        self._in_writing = 0
        self._held_back: dict[Course, None] = {}
        self._moved: set[Course] = set()
        self._something = asyncio.Event()
        self._results = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._cursors_at = 0.0
        self.trouble = False

    @property
    def unwritten(self) -> int:
        """Results that are not known to be written."""
        return len(self._attempts) + len(self._noted) + self._in_writing

    def holds_back(self, course: Course) -> bool:
        """Tell whether so much waits that a course should start no more requests; then it is told when it may."""
        if self.unwritten < MOST_UNWRITTEN:
            return False
        self._held_back[course] = None
        return True

    def sent(self, course: Course, item: Item, at: int, outcome: Outcome) -> None:
        """Take what came of a request; our own faults are no attempts."""
        if outcome.kind == "ours":
            return
        if outcome.before is not None:
            self._take(course, item.sequence, at, 0, outcome.before)
        self._take(course, item.sequence, at, item.tries + 1, outcome)
        self._results.set()
        self._something.set()

    def _take(self, course: Course, sequence: int, at: int, number: int, outcome: Outcome) -> None:
        self._attempts.append(attempt_of(course.key, sequence, at, number, outcome))
        exchange = exchange_of(course.key, sequence, at, number, outcome)
        if exchange is not None:
            self._exchanges.append(exchange)

    def moved(self, course: Course) -> None:
        """Take a lane's changes, and note that its cursor may have moved."""
        changes = course.lane.changes
        if changes:
            self._noted.extend(Noted(course.key, course.generation, change) for change in changes)
            changes.clear()
            self._results.set()
        self._moved.add(course)
        self._something.set()

    async def run(self) -> None:
        """Write for ever."""
        while True:
            await self._something.wait()
            with contextlib.suppress(TimeoutError):  # where only cursors moved, they have time until a result comes
                async with asyncio.timeout(max(0.0, self._cursors_at + CURSOR_EVERY - time.monotonic())):
                    await self._results.wait()
            await asyncio.sleep(GATHER)
            try:
                await self.flush(cursors=time.monotonic() - self._cursors_at >= CURSOR_EVERY)
            except Exception as trouble:  # noqa: BLE001 - a full disk must end neither this task nor the results
                if not self.trouble:
                    _log.error("webhook_results_wait", reason=type(trouble).__name__, unwritten=self.unwritten)
                self.trouble = True
                await asyncio.sleep(_TRY_AGAIN)

    async def flush(self, *, cursors: bool) -> None:
        """Write everything that waits. What could not be written is kept for the next time, and the trouble raised."""
        async with self._one_at_a_time:
            batch = Batch(int(time.time() * 1000), self._attempts, self._exchanges, self._noted)
            moved = self._moved if cursors else set()
            unsaved = [one for one in [course.unsaved() for course in moved] if one is not None]
            batch.lanes = [row for row in [one.lane_row for one in unsaved] if row is not None]
            batch.replays = [row for row in [one.replay_row for one in unsaved] if row is not None]
            self._attempts, self._exchanges, self._noted = [], [], []
            self._results.clear()
            if cursors:
                self._moved = set()
                self._cursors_at = time.monotonic()
            if not self._moved:
                self._something.clear()
            if not (batch.attempts or batch.noted or batch.lanes or batch.replays):
                return
            self._in_writing = len(batch.attempts) + len(batch.noted)
            try:
                appended = await self._store.write(lambda conn: record(conn, batch, self._beside))
            except BaseException:
                self._attempts[:0] = batch.attempts
                self._exchanges[:0] = batch.exchanges
                self._noted[:0] = batch.noted
                self._moved |= moved
                self._results.set()
                self._something.set()
                raise
            finally:
                self._in_writing = 0
            self.trouble = False
            going_on = [one.course for one in unsaved if one.course.saved(one)]
        if appended:
            self._told(appended)
        held_back, self._held_back = self._held_back, {}
        if held_back or going_on:
            self._relieved([*going_on, *held_back])

"""Runs the lanes: hands them the log, sends what is ready, has the results written. One task, no worker pool.

A lane takes only its own concurrency, so an endpoint that hangs holds up nobody else; an idle lane costs no task. Every
change to an endpoint from outside (settings, secrets, resend, replay, enabling) takes the same way: the lane starts no
more requests, those in flight are recorded, then it is loaded anew from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random
from typing import TYPE_CHECKING

import structlog

from webhooks import log
from webhooks.course import Course
from webhooks.courses import Courses
from webhooks.flusher import Flusher
from webhooks.item import Result
from webhooks.loading import load, look
from webhooks.log import read_entries
from webhooks.ping import ping
from webhooks.reading import LANES_AT_ONCE, Visit
from webhooks.recording import nothing
from webhooks.requests import Requests
from webhooks.timers import Timers, steady_clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from webhooks.item import Item
    from webhooks.loading import Key
    from webhooks.log import Entry
    from webhooks.outcome import Outcome
    from webhooks.recording import Beside
    from webhooks.sender import Sender
    from webhooks.store import Store, Vault

LOOK_EVERY, FULL_LOOK_EVERY = 500, 60_000
LOOK_BACK = 10_000
"""Milliseconds a look reaches back behind the last: a commit may become visible so long after its time was taken."""
_TRY_AGAIN = 1.0
JITTER = Random().random  # noqa: S311 - spreads retries; its own, so it disturbs nobody's seeded chance

_log = structlog.get_logger(__name__)


class Dispatcher:
    """Delivers the log to every enabled endpoint. `start` it inside the running loop, `stop` it at the end."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        sender: Sender,
        *,
        told: Callable[[dict[str, list[Entry]]], None] | None = None,
        beside: Beside = nothing,
        random: Callable[[], float] = JITTER,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """Take the parts. `told` gets what lanes append to merchants' logs and calls `hint`; by default that is all.

        `beside` is called with it in the transaction that appends it.
        """
        self._store = store
        self._vault = vault
        self._sender = sender
        self._random = random
        self._now = clock or steady_clock()
        self._requests = Requests(sender, vault, self._finish)
        self._courses = Courses()
        self._timers = Timers()
        self._behind: dict[Course, None] = {}
        self._bodiless: list[tuple[Course, Item]] = []
        self._reload: set[Key] = set()
        self._unsure = False
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._looked_at = 0
        self._fully_looked_at = 0
        self._seen_at = 0
        """When the last look began by the wall clock, from which the tables' times come: it may run apart from ours."""
        self._stopping = False
        self._flusher = Flusher(store, told or self._hint_all, self._go_on, beside)

    # the way in

    async def start(self) -> None:
        """Load every lane and begin."""
        self._seen_at = _wall_clock()
        loaded, news = await self._store.read(lambda conn: (load(conn), look(conn, 0)))
        for merchant_id, head in news.heads.items():
            self._courses.raise_head(merchant_id, head)
        self._looked_at = self._fully_looked_at = self._now()
        for key, lane in loaded.items():
            self._courses.add(Course(key, lane, self._random))
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._flusher.run())]
        self._go_on(self._courses)

    async def stop(self, grace: float = 10.0) -> None:
        """Start no more requests, wait up to `grace` seconds for those in flight, write what came of them."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._requests.finish(grace)
        await self._flusher.flush(cursors=True)

    def hint(self, merchant_id: str, entries: Sequence[Entry] | None = None) -> None:
        """Say that a merchant's log has grown. With the fresh entries at hand the lanes need not read them.

        Call it in the loop's thread after the commit. A hint may be lost: the lanes look by themselves.
        """
        courses = self._courses.of(merchant_id)
        if not courses or self._stopping:
            return
        if not entries:
            self._unsure = True
            self._wake.set()
            return
        first, last = entries[0].sequence, entries[-1].sequence
        self._courses.raise_head(merchant_id, last)
        now = self._now()
        for course in courses:
            position = course.lane.reader.position
            if first - 1 <= position < last and not course.stale and course.lane.wants(now):
                course.offer(list(entries[position + 1 - first :]), last)
                self._flusher.moved(course)
            self._pump(course)

    def touch(self, merchant_id: str, endpoint_id: str) -> None:
        """Say that an endpoint was made or changed, so that its lane is loaded anew at once."""
        key = (merchant_id, endpoint_id)
        course = self._courses.get(key)
        if course is None:
            self._reload.add(key)
            self._wake.set()
        else:
            course.stale = True
            self._pump(course)

    async def test(self, merchant_id: str, endpoint_id: str) -> Outcome:
        """Send a `ping` to one endpoint now, beside its lane; recorded as an attempt with an id of its own.

        Raises `KeyError` when there is no such endpoint.
        """
        return await ping(self._store, self._vault, self._sender, merchant_id, endpoint_id)

    def stats(self) -> dict[str, int]:
        """Return figures for health and metrics."""
        states = [course.lane.breaker.state for course in self._courses]
        return {
            "lanes": len(states),
            "lanes_open": states.count("open"),
            "lanes_slow": states.count("slow"),
            "in_flight": len(self._requests),
            "unwritten": self._flusher.unwritten,
            "results_stuck": int(self._flusher.trouble),
        }

    # sending

    def _pump(self, course: Course) -> None:
        """Start what a lane has ready, and see to it that somebody comes back to it."""
        for item in self._take_ready(course):
            self._requests.send(course, item)

    def _take_ready(self, course: Course) -> list[Item]:
        """Return what a lane has to send now, bodies at hand; it is in flight from here on."""
        if self._stopping:
            return []
        lane = course.lane
        if course.stale:
            if not lane.flying:
                self._reload.add(course.key)
                self._wake.set()
            return []
        if self._flusher.holds_back(course):
            return []  # it goes on when the results are written
        now = self._now()
        ready = lane.ready(now)
        bodiless = [item for item in ready if item.message is None]
        if bodiless:
            self._bodiless.extend((course, item) for item in bodiless)
            self._wake.set()
            ready = [item for item in ready if item.message is not None]
        if lane.wants(now) and self._courses.is_behind(course):
            self._behind[course] = None
            self._wake.set()
        self._set_timer(course, now)
        return ready

    def _set_timer(self, course: Course, now: int) -> None:
        lane = course.lane
        wake = lane.next_wake(now)
        until = lane.pauses.until
        if until > now and self._courses.is_behind(course):
            wake = min(wake, until) if wake is not None else until
        if self._timers.set(course, wake):
            self._wake.set()

    def _finish(self, course: Course, item: Item, at: int, outcome: Outcome) -> Item | None:
        self._flusher.sent(course, item, at, outcome)
        lane = course.lane
        before = lane.breaker.state
        course.done(item, outcome, self._now())
        self._told_of(course, before)
        self._flusher.moved(course)
        ready = self._take_ready(course)
        for other in ready[1:]:
            self._requests.send(course, other)
        return ready[0] if ready else None

    def _told_of(self, course: Course, before: str) -> None:
        lane = course.lane
        if lane.breaker.state != before and "open" in {lane.breaker.state, before}:
            _log.info("lane_breaker", endpoint=course.key[1], state=lane.breaker.state, step=lane.breaker.step)
        for change in lane.changes:
            if change.kind in {"disabled", "failing", "blocked"}:
                _log.warning("lane_" + change.kind, endpoint=course.key[1], reason=change.reason)
            if change.kind == "disabled":
                course.stale = True

    def _go_on(self, courses: Iterable[Course]) -> None:
        for course in courses:
            if self._courses.runs(course):
                self._pump(course)

    def _hint_all(self, appended: dict[str, list[Entry]]) -> None:
        for merchant_id, entries in appended.items():
            self.hint(merchant_id, entries)

    # coming back

    async def _run(self) -> None:
        while not self._stopping:
            now = self._now()
            until = self._looked_at + LOOK_EVERY
            alarm = self._timers.next_at
            if alarm is not None:
                until = min(until, alarm)
            if until > now:
                # not wait_for: in Python 3.11 it may swallow a cancellation
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout((until - now) / 1000):
                        await self._wake.wait()
            self._wake.clear()
            try:
                await self._turn()
            except Exception as trouble:  # noqa: BLE001 - the database may be away for a while; the lanes go on after
                _log.error("lanes_wait", reason=type(trouble).__name__)
                await asyncio.sleep(_TRY_AGAIN)
                self._wake.set()

    async def _turn(self) -> None:
        for course in self._timers.ring(self._now()):
            if self._courses.runs(course):
                self._pump(course)
        if self._now() - self._looked_at >= LOOK_EVERY or self._unsure:
            await self._look()
        if self._reload:
            await self._load_anew()
        if self._bodiless:
            await self._fetch_bodies()
        if self._behind:
            await self._read_on()

    async def _look(self) -> None:
        now = self._now()
        full = now - self._fully_looked_at >= FULL_LOOK_EVERY
        since = 0 if full else self._seen_at - LOOK_BACK
        seen_at = _wall_clock()
        self._unsure = False
        news = await self._store.read(lambda conn: look(conn, since))
        self._looked_at, self._seen_at = now, seen_at
        if full:
            self._fully_looked_at = now
            for course in self._courses:
                course.rest()
        self._raise_heads(news.heads)
        for row in news.endpoints:
            key = (row.merchant_id, row.id)
            known_course = self._courses.get(key)
            if known_course is None:
                if row.state == "enabled":
                    self._reload.add(key)
            elif row.version != known_course.version:
                known_course.stale = True
                self._pump(known_course)

    async def _load_anew(self) -> None:
        keys, self._reload = self._reload, set()
        for course in [course for course in map(self._courses.get, keys) if course is not None]:
            course.stale = True  # from here to the loading it must not move
            if course.lane.flying:
                keys.discard(course.key)  # what it has in flight must be recorded first; it comes back when it is
        if not keys:
            return
        try:
            await self._flusher.flush(cursors=True)
            loaded, heads = await self._store.read(
                lambda conn: (load(conn, keys), {merchant: log.head(conn, merchant) for merchant, _ in keys})
            )
        except BaseException:
            self._reload |= keys
            raise
        for key in keys:
            old = self._courses.get(key)
            if old is not None:
                self._courses.drop(old)
                self._behind.pop(old, None)
            if key in loaded:
                course = Course(key, loaded[key], self._random)
                if old is not None:
                    course.go_on_from(old)
                self._courses.add(course)
                self._pump(course)
        self._raise_heads(heads)

    def _raise_heads(self, heads: dict[str, int]) -> None:
        """Note how far logs have grown and see to every lane that is behind, whoever learned of it first."""
        for merchant_id, head in heads.items():
            self._courses.raise_head(merchant_id, head)
            for course in self._courses.of(merchant_id):
                if self._courses.is_behind(course):
                    self._pump(course)

    async def _fetch_bodies(self) -> None:
        wanted, self._bodiless = self._bodiless, []
        places = list({(course.key[0], item.sequence) for course, item in wanted})
        try:
            found = await self._store.read(lambda conn: read_entries(conn, places))
        except BaseException:
            self._bodiless[:0] = wanted
            raise
        for course, item in wanted:
            item.message = found.get((course.key[0], item.sequence))
            if item.message is not None:
                self._requests.send(course, item)
            else:
                course.lane.done(item.sequence, Result(lost=True), self._now())
                self._flusher.moved(course)
                self._pump(course)

    async def _read_on(self) -> None:
        """Have some of the lanes that are behind read on; the others at the next turn."""
        now = self._now()
        first = list(self._behind)[:LANES_AT_ONCE]
        for course in first:
            del self._behind[course]
        if self._behind:
            self._wake.set()
        visit = Visit([course for course in first if self._may_read(course, now)], self._courses.head)
        try:
            visit.hand_over(await self._store.read(visit.read))
        except BaseException:
            self._behind |= dict.fromkeys(first)
            raise
        for course in visit.courses:
            self._flusher.moved(course)
            self._pump(course)

    def _may_read(self, course: Course, now: int) -> bool:
        return not course.stale and course.lane.wants(now) and self._courses.runs(course)


def _wall_clock() -> int:
    return int(time.time() * 1000)

"""Runs the lanes: hands them the log, sends what is ready, has the results written. One task, no worker pool.

A lane takes only its own concurrency, so an endpoint that hangs holds up nobody else; an idle lane costs no task. Every
change to an endpoint from outside (settings, secrets, resend, replay, enabling) takes the same way: the lane starts no
more requests, those in flight are recorded, then it is loaded anew from the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from heapq import heappop, heappush
from itertools import count
from random import random as system_random
from typing import TYPE_CHECKING

import orjson
import structlog
from sqlalchemy import select
from yarl import URL

from webhooks import log
from webhooks.course import SECRETS, Course
from webhooks.flusher import Flusher
from webhooks.lane import Result
from webhooks.loading import Key, load, look, read_dead
from webhooks.log import Draft, Entry, Want, read_entries, read_many
from webhooks.recording import attempt_row
from webhooks.sender import Outcome, Target
from webhooks.signing import Signer, unpack
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from webhooks.lane import Item
    from webhooks.sender import Sender
    from webhooks.store import Store, Vault

LOOK_EVERY, FULL_LOOK_EVERY = 500, 60_000
LOOK_BACK = 10_000
"""Milliseconds a look reaches back: a commit may become visible so long after its time was taken."""
READ_AT_ONCE = 256
LANES_AT_ONCE = 64
_TRY_AGAIN = 1.0

_log = structlog.get_logger(__name__)


def steady_clock() -> Callable[[], int]:
    """Return a clock in epoch milliseconds that no jump of the wall clock moves while the process lives."""
    ahead = time.time() - time.monotonic()
    return lambda: int((time.monotonic() + ahead) * 1000)


class Dispatcher:
    """Delivers the log to every enabled endpoint. `start` it inside the running loop, `stop` it at the end."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        sender: Sender,
        *,
        random: Callable[[], float] = system_random,
        clock: Callable[[], int] | None = None,
    ) -> None:
        self._store = store
        self._vault = vault
        self._sender = sender
        self._random = random
        self._now = clock or steady_clock()
        self._courses: dict[Key, Course] = {}
        self._by_merchant: dict[str, list[Course]] = {}
        self._heads: dict[str, int] = {}
        self._timers: list[tuple[int, int, Course]] = []
        self._ticket = count()
        self._behind: dict[Course, None] = {}
        self._bodiless: list[tuple[Course, Item]] = []
        self._reload: set[Key] = set()
        self._unsure = False
        self._sends: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self._looked_at = 0
        self._fully_looked_at = 0
        self._stopping = False
        self._flusher = Flusher(store, self._hint_all, self._pump_all)

    # the way in

    async def start(self) -> None:
        """Load every lane and begin."""
        loaded, news = await self._store.read(lambda conn: (load(conn), look(conn, 0)))
        self._heads = news.heads
        self._looked_at = self._fully_looked_at = self._now()
        for key, lane in loaded.items():
            self._add(Course(key, lane, self._random))
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._flusher.run())]
        self._pump_all()

    async def stop(self, grace: float = 10.0) -> None:
        """Start no more requests, wait up to `grace` seconds for those in flight, write what came of them."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sends:
            await asyncio.wait(self._sends, timeout=grace)
        late = list(self._sends)
        for send in late:
            send.cancel()  # its message is repeated after the next start
        await asyncio.gather(*late, return_exceptions=True)
        await self._flusher.flush(cursors=True)

    def hint(self, merchant_id: str, entries: Sequence[Entry] | None = None) -> None:
        """Say that a merchant's log has grown. With the fresh entries at hand the lanes need not read them.

        Call it in the loop's thread after the commit. A hint may be lost: the lanes look by themselves.
        """
        courses = self._by_merchant.get(merchant_id)
        if courses is None or self._stopping:
            return
        if not entries:
            self._unsure = True
            self._wake.set()
            return
        first, last = entries[0].sequence, entries[-1].sequence
        if last > self._heads.get(merchant_id, 0):
            self._heads[merchant_id] = last
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
        endpoint = Tables.endpoint
        query = select(endpoint).where(
            endpoint.c.merchant_id == merchant_id, endpoint.c.id == endpoint_id, endpoint.c.state != "deleted"
        )
        row = await self._store.read(lambda conn: conn.execute(query).first())
        if row is None:
            raise KeyError(endpoint_id)
        signer = Signer(unpack(self._vault.open(merchant_id, SECRETS, row.secrets)))
        at = int(time.time() * 1000)
        data = orjson.dumps({"shipment": None, "event": None, "previous": None, "endpoint": {"id": endpoint_id}})
        draft = Draft(
            id=f"msg_{secrets.token_hex(16)}",
            type="ping",
            shipment_id=None,
            shipment_version=0,
            created_at=at,
            data=data,
        )
        body = log.build_body(draft, 0)
        target = Target(URL(row.url), row.timeout_ms / 1000)
        outcome = await self._sender.post(target, signer.headers(draft.id, at // 1000, body), body)
        attempt = {**_attempt((merchant_id, endpoint_id), 0, at, 1, outcome), "message_id": draft.id}
        await self._store.write(lambda conn: conn.execute(Tables.attempt.insert(), attempt) and None)
        return outcome

    def stats(self) -> dict[str, int]:
        """Return figures for health and metrics."""
        states = [course.lane.breaker.state for course in self._courses.values()]
        return {
            "lanes": len(states),
            "lanes_open": states.count("open"),
            "lanes_slow": states.count("slow"),
            "in_flight": len(self._sends),
            "unwritten": self._flusher.unwritten,
            "results_stuck": int(self._flusher.trouble),
        }

    # sending

    def _pump(self, course: Course) -> None:
        """Start what a lane has ready, and see to it that somebody comes back to it."""
        if self._stopping:
            return
        lane = course.lane
        if course.stale:
            if not lane.flying:
                self._reload.add(course.key)
                self._wake.set()
            return
        if self._flusher.full:
            return  # _pump_all comes when the results are written
        now = self._now()
        for item in lane.ready(now):
            if item.message is None:
                self._bodiless.append((course, item))
                self._wake.set()
            else:
                self._launch(course, item)
        if lane.wants(now) and self._is_behind(course):
            self._behind[course] = None
            self._wake.set()
        self._set_timer(course, now)

    def _set_timer(self, course: Course, now: int) -> None:
        lane = course.lane
        wake = lane.next_wake(now)
        if lane.paused_until > now and self._is_behind(course):
            wake = min(wake, lane.paused_until) if wake is not None else lane.paused_until
        if wake is not None and wake != course.timer:
            heappush(self._timers, (wake, next(self._ticket), course))
            if self._timers[0][2] is course:
                self._wake.set()
        course.timer = wake

    def _is_behind(self, course: Course) -> bool:
        replay = course.replay
        if replay is not None and replay.reader.position < replay.until:
            return True
        return course.lane.reader.position < self._heads.get(course.key[0], 0)

    def _launch(self, course: Course, item: Item) -> None:
        send = asyncio.create_task(self._send(course, item))
        self._sends.add(send)
        send.add_done_callback(self._sends.discard)

    async def _send(self, course: Course, item: Item) -> None:
        entry = item.message
        at = int(time.time() * 1000)
        try:
            assert isinstance(entry, Entry)  # noqa: S101 - tells mypy what the dispatcher offered
            headers = course.sign_with(self._vault).headers(entry.id, at // 1000, entry.body)
            outcome = await self._sender.post(course.target, headers, entry.body)
        except Exception as trouble:  # noqa: BLE001 - a fault of ours must not leave the message in flight for ever
            _log.error("webhook_not_sent", endpoint=course.key[1], reason=type(trouble).__name__)
            outcome = Outcome("ours")
        self._finish(course, item, at, outcome)

    def _finish(self, course: Course, item: Item, at: int, outcome: Outcome) -> None:
        if outcome.kind != "ours":
            if outcome.broken_before:
                again = attempt_row(course.key, item.sequence, at, 0, outcome="reset", response="reused connection")
                self._flusher.attempt(again)
            self._flusher.attempt(_attempt(course.key, item.sequence, at, item.tries + 1, outcome))
        lane = course.lane
        before = lane.breaker.state
        lane.done(item.sequence, result_of(outcome), self._now())
        self._told_of(course, before)
        self._flusher.moved(course)
        self._pump(course)

    def _told_of(self, course: Course, before: str) -> None:
        lane = course.lane
        if lane.breaker.state != before and "open" in {lane.breaker.state, before}:
            _log.info("lane_breaker", endpoint=course.key[1], state=lane.breaker.state, step=lane.breaker.step)
        for change in lane.changes:
            if change.kind in {"disabled", "failing"}:
                _log.warning("lane_" + change.kind, endpoint=course.key[1], reason=change.reason)
            if change.kind == "disabled":
                course.stale = True

    def _pump_all(self) -> None:
        for course in list(self._courses.values()):
            self._pump(course)

    def _hint_all(self, appended: dict[str, list[Entry]]) -> None:
        for merchant_id, entries in appended.items():
            self.hint(merchant_id, entries)

    # coming back

    async def _run(self) -> None:
        while not self._stopping:
            now = self._now()
            until = self._looked_at + LOOK_EVERY
            if self._timers:
                until = min(until, self._timers[0][0])
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
        self._fire_timers()
        if self._now() - self._looked_at >= LOOK_EVERY or self._unsure:
            await self._look()
        if self._reload:
            await self._load_anew()
        if self._bodiless:
            await self._fetch_bodies()
        if self._behind:
            await self._read_on()

    def _fire_timers(self) -> None:
        now = self._now()
        while self._timers and self._timers[0][0] <= now:
            when, _, course = heappop(self._timers)
            if course.timer == when:
                course.timer = None
                if self._courses.get(course.key) is course:
                    self._pump(course)

    async def _look(self) -> None:
        now = self._now()
        full = now - self._fully_looked_at >= FULL_LOOK_EVERY
        # the tables' times come from the wall clock, which may run apart from ours
        since = 0 if full else int(time.time() * 1000) - LOOK_BACK
        self._unsure = False
        news = await self._store.read(lambda conn: look(conn, since))
        self._looked_at = now
        if full:
            self._fully_looked_at = now
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
        for key in keys & self._courses.keys():
            course = self._courses[key]
            course.stale = True  # from here to the loading it must not move
            if course.lane.flying:
                keys.discard(key)  # what it has in flight must be recorded first; it comes back when that is done
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
            if key in self._courses:
                self._drop(self._courses[key])
            if key in loaded:
                course = Course(key, loaded[key], self._random)
                self._add(course)
                self._pump(course)
        self._raise_heads(heads)

    def _raise_heads(self, heads: dict[str, int]) -> None:
        """Note how far logs have grown and see to every lane that is behind, whoever learned of it first."""
        for merchant_id, head in heads.items():
            self._heads[merchant_id] = max(head, self._heads.get(merchant_id, 0))
            for course in self._by_merchant.get(merchant_id, ()):
                if self._is_behind(course):
                    self._pump(course)

    def _add(self, course: Course) -> None:
        self._courses[course.key] = course
        self._by_merchant.setdefault(course.key[0], []).append(course)

    def _drop(self, course: Course) -> None:
        del self._courses[course.key]
        siblings = self._by_merchant[course.key[0]]
        siblings.remove(course)
        if not siblings:
            del self._by_merchant[course.key[0]]
        self._behind.pop(course, None)

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
                self._launch(course, item)
            else:
                course.lane.done(item.sequence, Result(lost=True), self._now())
                self._flusher.moved(course)
                self._pump(course)

    async def _read_on(self) -> None:
        """Read the log for lanes that are behind, many in one visit, lanes of one merchant at one place once."""
        now = self._now()
        courses = [course for course in list(self._behind)[:LANES_AT_ONCE] if self._may_read(course, now)]
        for course in list(self._behind)[:LANES_AT_ONCE]:
            del self._behind[course]
        if self._behind:
            self._wake.set()
        wants: dict[Course, Want] = {}
        for course in courses:
            merchant, position = course.key[0], course.lane.reader.position
            head = self._heads.get(merchant, 0)
            if position < head:
                wants[course] = Want(merchant, position, head, READ_AT_ONCE)
        again = [course for course in courses if course.replay and course.replay.reader.position < course.replay.until]
        entries, replays = await self._store.read(
            lambda conn: (
                read_many(conn, dict.fromkeys(wants.values())),
                {course: _read_again(conn, course) for course in again},
            )
        )
        for course, want in wants.items():
            if not course.stale:
                found = entries[want]
                upto = want.until if len(found) < want.limit else found[-1].sequence
                course.offer(found, upto)
        for course, (found, upto) in replays.items():
            if not course.stale:
                course.offer_again(found, upto)
        for course in courses:
            self._flusher.moved(course)
            self._pump(course)

    def _may_read(self, course: Course, now: int) -> bool:
        return not course.stale and course.lane.wants(now) and self._courses.get(course.key) is course


def _read_again(conn: Connection, course: Course) -> tuple[list[Entry], int]:
    replay = course.replay
    assert replay is not None  # noqa: S101 - the caller chose courses with a replay
    position, until = replay.reader.position, replay.until
    if replay.only_failed:
        found = read_dead(conn, course.key, position, until, READ_AT_ONCE)
    else:
        want = Want(course.key[0], position, until, READ_AT_ONCE)
        found = read_many(conn, [want])[want]
    return found, until if len(found) < READ_AT_ONCE else found[-1].sequence


def _attempt(key: Key, sequence: int, at: int, number: int, outcome: Outcome) -> dict[str, object]:
    return attempt_row(
        key,
        sequence,
        at,
        number,
        outcome=outcome.kind,
        status=outcome.status,
        ms=outcome.ms,
        ip=outcome.ip,
        response=outcome.response,
    )


def result_of(outcome: Outcome) -> Result:
    """Return what a lane has to know of an outcome."""
    if outcome.kind == "delivered":
        return Result(delivered=True)
    return Result(
        gone=outcome.kind == "gone",
        ours=outcome.kind == "ours",
        timeout=outcome.kind == "timeout",
        retry_after=outcome.retry_after,
        reason=f"status {outcome.status}" if outcome.status is not None else outcome.kind,
    )

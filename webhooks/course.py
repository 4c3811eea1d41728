"""A lane that runs: the pure lane together with where its requests go, how they are signed and what was saved."""

from __future__ import annotations

import sys
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from webhooks import access, keyring
from webhooks.endpoint_rows import projection_of, wish_of
from webhooks.envoy import Envoy
from webhooks.item import Reader, Result
from webhooks.lane import Lane
from webhooks.matching import Wish, read_wish
from webhooks.patience import Patience, Pauses
from webhooks.schedule import SCHEDULE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhooks.item import Item
    from webhooks.loading import Key, LoadedLane, LoadedReplay
    from webhooks.log import Entry
    from webhooks.outcome import Outcome
    from webhooks.store import Vault


_State = tuple[int, int, str, int, int, int, int, float | None]
_NAMES = ("m", "e", "g", "c", "p", "b", "step", "o", "f", "n", "r")
_DELIVERED = Result(delivered=True)
TOO_MANY = 429


def _shared(word: Any) -> Any:
    """Return the one copy of a word that many lanes have: the database gives each row its own."""
    return sys.intern(word)


class ReplayRun:
    """A second reader over an old stretch of the log."""

    __slots__ = ("created_at", "finished", "id", "only_failed", "reader", "until", "which", "wish")

    def __init__(self, loaded: LoadedReplay) -> None:
        self.id = loaded.id
        self.reader = Reader(loaded.cursor)
        self.until = loaded.until
        self.only_failed = loaded.only_failed
        self.which = loaded.which
        self.created_at = loaded.created_at
        self.finished = loaded.finished
        types = orjson.loads(loaded.event_types) if loaded.event_types else None
        self.wish = read_wish(types) if types else Wish(everything=True)


class Course:
    """One endpoint on its way through the log."""

    __slots__ = (
        "_envoy",
        "_replays",
        "_saved",
        "_saved_replay",
        "_timeout",
        "_url",
        "generation",
        "key",
        "lane",
        "projection",
        "replay",
        "sealed",
        "sealed_access",
        "stale",
        "timer",
        "version",
        "wish",
    )

    def __init__(self, key: Key, loaded: LoadedLane, random: Callable[[], float]) -> None:
        row = loaded.row
        self.key = (_shared(key[0]), key[1])
        self.version: int = row.version
        self.generation: int = row.generation
        self.wish = wish_of(row)
        self.projection = projection_of(row)
        self._url: str = row.url
        self._timeout: int = row.timeout_ms
        self._envoy: Envoy | None = None
        self.sealed: bytes = row.secrets
        self.sealed_access: bytes | None = row.access_sealed
        self._replays = deque(loaded.replays)
        self.replay = self._next_replay()
        self.stale = False
        self.timer: int | None = None
        self.lane = Lane(
            Reader(row.cursor),
            random,
            ordering=_shared(row.ordering),
            concurrency=row.concurrency,
            schedule=[int(s * 1000) for s in orjson.loads(row.schedule)] if row.schedule is not None else SCHEDULE,
            rate=row.rate_per_second,
            pace=row.pace,
            pauses=Pauses(row.paused_until),
            patience=Patience(row.failing_since, row.failures),
            breaker_state=_shared(row.breaker),
            breaker_step=row.breaker_step,
            open_until=row.open_until,
            finished=loaded.finished or None,
        )
        for item in loaded.waiting:
            self.lane.restore(item)
        self._saved = self._state()
        self._saved_replay = self._replay_state()

    def envoy(self, vault: Vault) -> Envoy:
        """Return who brings its messages; made ready with the first one, so that an idle lane costs little memory."""
        if self._envoy is None:
            keys = keyring.unseal(vault, self.key[0], self.sealed)
            entrance = access.unseal(vault, self.key[0], self.sealed_access)
            self._envoy = Envoy(self._url, self._timeout, keys, entrance)
        return self._envoy

    def go_on_from(self, old: Course) -> None:
        """Take over the pace of this endpoint's lane as it was, unless it is another address now."""
        if old._url == self._url and self.generation == old.generation:
            self.lane.go_on_from(old.lane)

    def offer(self, entries: list[Entry], upto: int) -> None:
        """Hand over a piece of the log that follows what the lane has read."""
        wants = self.wish.wants
        self.lane.offer([entry for entry in entries if wants(entry.type, entry.data)], upto)

    def offer_again(self, entries: Iterable[Entry], upto: int) -> None:
        """Hand over a piece of the stretch being replayed."""
        replay = self.replay
        if replay is None:
            return
        self.lane.offer(
            [
                entry
                for entry in entries
                if entry.sequence not in replay.finished
                and replay.wish.wants_type(entry.type)
                and self.wish.wants(entry.type, entry.data)
            ],
            upto,
            replay.reader,
        )

    def done(self, item: Item, outcome: Outcome, now: int) -> None:
        """Tell the lane what came of a request."""
        self.lane.done(item.sequence, _result(outcome), now)

    def rest(self) -> None:
        """Give memory back where nothing is in hand; what is needed again is prepared again."""
        self.lane.rest()
        if not self.lane.items and self._envoy is not None and not self._envoy.costly:
            self._envoy = None

    def _state(self) -> _State:
        lane = self.lane
        breaker = lane.breaker
        return (
            lane.low_water(),
            lane.pauses.until,
            breaker.state,
            breaker.step,
            breaker.open_until,
            lane.patience.since,
            lane.patience.tries,
            lane.throttled_to,
        )

    def _replay_state(self) -> tuple[int, str] | None:
        if self.replay is None:
            return None
        low = self.replay.reader.low_water()
        return low, "done" if low >= self.replay.until else "running"

    def unsaved(self) -> Unsaved | None:
        """Return what differs from what was saved last, None when nothing does; call `saved` once it is written."""
        state, replay = self._state(), self._replay_state()
        if state == self._saved and replay == self._saved_replay:
            return None
        return Unsaved(self, state if state != self._saved else None, replay if replay != self._saved_replay else None)

    def saved(self, what: Unsaved) -> bool:
        """Note what was written; return whether the lane has another replay to begin now."""
        if what.state is not None:
            self._saved = what.state
        if what.replay is not None:
            self._saved_replay = what.replay
            if what.replay[1] == "done":
                self.replay = self._next_replay()
                self._saved_replay = self._replay_state()
                return self.replay is not None
        return False

    def _next_replay(self) -> ReplayRun | None:
        return ReplayRun(self._replays.popleft()) if self._replays else None


@dataclass(frozen=True, slots=True)
class Unsaved:
    """How far lane and replay have got, where it differs from what the database knows."""

    course: Course
    state: _State | None
    replay: tuple[int, str] | None

    @property
    def lane_row(self) -> dict[str, Any] | None:
        """The lane's state as `recording` binds it."""
        if self.state is None:
            return None
        course = self.course
        return dict(zip(_NAMES, (*course.key, course.generation, *self.state), strict=True))

    @property
    def replay_row(self) -> dict[str, Any] | None:
        """The replay's state as `recording` binds it, but for the time."""
        replay = self.course.replay
        if self.replay is None or replay is None:
            return None
        merchant, endpoint = self.course.key
        return {"m": merchant, "e": endpoint, "i": replay.id, "c": self.replay[0], "s": self.replay[1]}


def _result(outcome: Outcome) -> Result:
    """Return what a lane has to know of an outcome."""
    if outcome.kind == "delivered":
        return _DELIVERED
    return Result(
        gone=outcome.kind == "gone",
        ours=outcome.kind in {"ours", "token"},
        blocked=outcome.kind == "token",
        timeout=outcome.kind == "timeout",
        busy=outcome.status == TOO_MANY or outcome.retry_after is not None,
        retry_after=outcome.retry_after,
        reason=f"status {outcome.status}" if outcome.status is not None else outcome.kind,
    )

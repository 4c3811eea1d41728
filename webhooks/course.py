"""A lane that runs: the pure lane together with where its requests go, how they are signed and what was saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from yarl import URL

from webhooks.lane import Lane, Reader
from webhooks.matching import Wish, read_wish
from webhooks.schedule import SCHEDULE
from webhooks.sender import Target
from webhooks.signing import Signer, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhooks.loading import Key, LoadedLane, LoadedReplay
    from webhooks.log import Entry
    from webhooks.store import Vault

SECRETS = "endpoint-secrets"
"""The purpose under which endpoints' secrets are sealed."""


class ReplayRun:
    """A second reader over an old stretch of the log."""

    __slots__ = ("finished", "id", "only_failed", "reader", "until", "wish")

    def __init__(self, loaded: LoadedReplay) -> None:
        self.id = loaded.id
        self.reader = Reader(loaded.cursor)
        self.until = loaded.until
        self.only_failed = loaded.only_failed
        self.finished = loaded.finished
        types = orjson.loads(loaded.event_types) if loaded.event_types else None
        self.wish = read_wish(types) if types else Wish(everything=True)


class Course:
    """One endpoint on its way through the log."""

    __slots__ = (
        "_saved",
        "_saved_replay",
        "_target",
        "_where",
        "generation",
        "key",
        "lane",
        "replay",
        "sealed",
        "signer",
        "stale",
        "timer",
        "version",
        "wish",
    )

    def __init__(self, key: Key, loaded: LoadedLane, random: Callable[[], float]) -> None:
        row = loaded.row
        self.key = key
        self.version: int = row.version
        self.generation: int = row.generation
        self.wish = read_wish(
            orjson.loads(row.event_types), orjson.loads(row.filter) if row.filter is not None else None
        )
        self._where: tuple[str, float] = (row.url, row.timeout_ms / 1000)
        self._target: Target | None = None
        self.sealed: bytes = row.secrets
        self.signer: Signer | None = None
        self.replay = ReplayRun(loaded.replay) if loaded.replay is not None else None
        self.stale = False
        self.timer: int | None = None
        self.lane = Lane(
            Reader(row.cursor),
            random,
            ordering=row.ordering,
            concurrency=row.concurrency,
            schedule=[int(s * 1000) for s in orjson.loads(row.schedule)] if row.schedule is not None else SCHEDULE,
            rate=row.rate_per_second,
            paused_until=row.paused_until,
            failing_since=row.failing_since,
            breaker_state=row.breaker,
            breaker_step=row.breaker_step,
            open_until=row.open_until,
            finished=loaded.finished,
        )
        for item in loaded.waiting:
            self.lane.restore(item)
        self._saved = self._state()
        self._saved_replay = self._replay_state()

    @property
    def target(self) -> Target:
        """Where its requests go; prepared with the first one, so that an idle lane costs little memory."""
        if self._target is None:
            url, timeout = self._where
            self._target = Target(URL(url), timeout)
        return self._target

    def sign_with(self, vault: Vault) -> Signer:
        """Return the endpoint's signer; its secrets are opened once."""
        if self.signer is None:
            self.signer = Signer(unpack(vault.open(self.key[0], SECRETS, self.sealed)))
        return self.signer

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

    def _state(self) -> dict[str, Any]:
        lane = self.lane
        return {
            "m": self.key[0],
            "e": self.key[1],
            "g": self.generation,
            "c": lane.low_water(),
            "p": lane.paused_until,
            "b": lane.breaker.state,
            "step": lane.breaker.step,
            "o": lane.breaker.open_until,
            "f": lane.failing_since,
        }

    def _replay_state(self) -> dict[str, Any] | None:
        if self.replay is None:
            return None
        low = self.replay.reader.low_water()
        state = "done" if low >= self.replay.until else "running"
        return {"m": self.key[0], "e": self.key[1], "i": self.replay.id, "c": low, "s": state}

    def unsaved(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """Return what of lane and replay differs from what was saved last; call `saved` once it is written."""
        state, replay = self._state(), self._replay_state()
        return (state if state != self._saved else None, replay if replay != self._saved_replay else None)

    def saved(self, state: dict[str, Any] | None, replay: dict[str, Any] | None) -> None:
        """Note what was written."""
        if state is not None:
            self._saved = state
        if replay is not None:
            self._saved_replay = replay

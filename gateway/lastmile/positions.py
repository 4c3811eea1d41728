"""Live positions: the latest of each courier that somebody watches, told to all who watch.

What is shown is made once for each precision and written to every watcher as the same bytes, by one task for all: to
wake a task for each of thousands of writes costs more than the writes. Who is slow misses what came between and gets
the latest. Positions come by the shortest way from this process's ingest; a watcher's own look at the database, once
every few seconds for all watched together, finds what other processes brought.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from gateway.clock import now_ms
from gateway.lastmile import moving, sight, whereabouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gateway.lastmile.moving import Seen
    from gateway.lastmile.sight import Precision, Stage
    from gateway.steps import Key
    from webhooks.log import Entry
    from webhooks.store import Store

LOOK_EVERY = 2.0
"""Seconds between two looks for what other processes brought, and for what became stale."""
_IN_ONE_GO = 250
"""Watchers told before others in this process have a turn."""


def shown(seen: Seen, precision: Precision, now: int) -> dict[str, Any]:
    """Return a courier as seen with a precision, by calls and streams alike."""
    where = seen.where
    position = None if where is None else whereabouts.document(where, precision)
    return {
        "stage": seen.stage,
        "precision": precision,
        "position": position,
        "stale": position is not None and where is not None and where.stale(now),
    }


class _Topic:
    """One watched shipment: what is known of its courier, and the bytes for each precision, made when first asked."""

    __slots__ = ("_frames", "_spreading", "noted", "seen", "stale", "version", "watchers")

    def __init__(self) -> None:
        self.watchers: set[Watcher] = set()
        self.noted: dict[str, int] = {}
        """What was found of it beside the courier, and told."""
        self._spreading: asyncio.Task[None] | None = None
        self.seen: Seen | None = None
        self.stale = False
        self.version = 0
        self._frames: dict[Precision, bytes] = {}

    def take(self, seen: Seen, now: int) -> None:
        """Take over what was seen and wake all watchers, if it differs from what they know."""
        stale = seen.where is not None and seen.where.stale(now)
        old = self.seen
        if old is not None and _older(seen, old):
            return
        if old == seen and stale == self.stale:
            return
        self.seen, self.stale = seen, stale
        self.version += 1
        self._frames.clear()
        if self._spreading is None:
            self._spreading = asyncio.get_running_loop().create_task(self._spread())

    async def _spread(self) -> None:
        """Tell all watchers; those that do not keep up are woken, and write for themselves when they can."""
        told = 0
        try:
            while told != self.version:
                told = self.version
                for number, watcher in enumerate(tuple(self.watchers), 1):
                    if watcher in self.watchers:
                        watcher.tell()
                    if number % _IN_ONE_GO == 0:
                        await asyncio.sleep(0)
        finally:
            self._spreading = None

    def frame(self, precision: Precision) -> bytes:
        """Return the bytes of an event for a precision."""
        frame = self._frames.get(precision)
        if frame is None:
            assert self.seen is not None  # noqa: S101 - a version other than 0 says so
            told = orjson.dumps(shown(self.seen, precision, now_ms()))
            frame = self._frames[precision] = b"event: courier\ndata: %b\n\n" % told
        return frame


def _older(one: Seen, other: Seen) -> bool:
    """Tell whether something seen is behind something else: news that overtook each other on the way here."""
    return (
        one.stage == other.stage and one.where is not None and other.where is not None and one.where.at < other.where.at
    )


class Line(Protocol):
    """What a watcher's events are written to."""

    def free(self) -> bool:
        """Tell whether all that was written has left."""
        ...

    def write(self, frame: bytes) -> None:
        """Write an event."""
        ...


class Watcher:
    """Somebody who watches one courier with a viewer's eyes."""

    __slots__ = ("_bell", "_rung", "_told", "_topic", "_version", "changes", "line", "viewer")

    def __init__(self, topic: _Topic, viewer: sight.Viewer, *, changes: bool = False) -> None:
        self.viewer = viewer
        self.changes = changes
        self.line: Line | None = None
        """Where it may be written to beside `news`."""
        self._topic = topic
        self._rung: dict[str, None] = {}
        self._version = 0
        self._told: bytes | None = None
        self._bell: asyncio.Future[None] | None = None

    def tell(self) -> None:
        """Write what is new to a line that waits for it, else wake whoever waits in `news`."""
        line = self.line
        if line is None or self._bell is None or self._bell.done() or self._rung or not line.free():
            self.ring()
        elif (frame := self.fresh()) is not None:
            line.write(frame)

    def ring(self) -> None:
        """Wake whoever waits in `news`."""
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    def say(self, event: str) -> None:
        """Tell, once however often it is said before the watcher looks, that something beside the courier changed."""
        if self.changes:
            self._rung[event] = None
            self.ring()

    @property
    def stage(self) -> Stage | None:
        """The stage the courier is at, None where it was not looked for yet."""
        return None if self._topic.seen is None else self._topic.seen.stage

    def fresh(self) -> bytes | None:
        """Return the event to be sent now as a piece of an event stream; None where this viewer sees nothing new."""
        if self._rung:
            event = next(iter(self._rung))
            del self._rung[event]
            return b"event: %b\ndata: {}\n\n" % event.encode()
        topic = self._topic
        if topic.version == self._version or topic.seen is None:
            return None
        self._version = topic.version
        frame = topic.frame(sight.precision(self.viewer, topic.seen.stage))
        if frame == self._told:
            return None  # what a blurred eye sees has not changed
        self._told = frame
        return frame

    async def news(self, seconds: float) -> bytes | None:
        """Return the next event, or None after so many seconds without one (or when everybody is sent home)."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            frame = self.fresh()
            if frame is not None or loop.time() >= deadline:
                return frame
            # A bare future and timer: thousands wait here, and an event with a timeout costs several times as much.
            self._bell = loop.create_future()
            timer = loop.call_at(deadline, self.ring)
            try:
                await self._bell
            finally:
                self._bell = None
                timer.cancel()
            if self._topic.version == self._version and not self._rung and loop.time() < deadline:
                return None


class Positions:
    """All watched couriers of this process. Used from the event loop only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._topics: dict[Key, _Topic] = {}
        self._dirty: set[Key] = set()
        self._looking: asyncio.Task[None] | None = None
        self.closed = False
        self.on_watched: Callable[[str, str], None] = lambda _merchant, _shipment: None

    @contextlib.contextmanager
    def watch(
        self, merchant_id: str, shipment_id: str, viewer: sight.Viewer, *, changes: bool = False
    ) -> Iterator[Watcher]:
        """Watch a shipment's courier while the block runs; with `changes` hear as well when the shipment changed."""
        key = (merchant_id, shipment_id)
        topic = self._topics.get(key)
        if topic is None:
            topic = self._topics[key] = _Topic()
        watcher = Watcher(topic, viewer, changes=changes)
        topic.watchers.add(watcher)
        if topic.seen is None:
            self._look_at(key)
        self.on_watched(merchant_id, shipment_id)
        try:
            yield watcher
        finally:
            topic.watchers.discard(watcher)
            if not topic.watchers and self._topics.get(key) is topic:
                del self._topics[key]

    @property
    def watching(self) -> int:
        """How many watch."""
        return sum(len(topic.watchers) for topic in self._topics.values())

    @property
    def watched(self) -> Iterable[Key]:
        """The shipments somebody watches."""
        return tuple(self._topics)

    def tell(self, seen: Iterable[Seen]) -> None:
        """Say where couriers are now. Called after the commit that says so."""
        now = now_ms()
        for one in seen:
            topic = self._topics.get((one.merchant_id, one.shipment_id))
            if topic is not None:
                topic.take(one, now)

    def hint(self, entries: Iterable[Entry]) -> None:
        """Say that messages tell something of shipments: a watched one is looked at afresh, for its stage."""
        for entry in entries:
            if entry.shipment_id is not None and (key := (entry.merchant_id, entry.shipment_id)) in self._topics:
                self._look_at(key)
                if entry.type != "courier.position":
                    self.say(key, "talk" if entry.type == "conversation.message" else "changed")

    def say(self, key: Key, event: str) -> None:
        """Tell all who watch a shipment and want to hear more than of its courier."""
        topic = self._topics.get(key)
        for watcher in () if topic is None else topic.watchers:
            watcher.say(event)

    def note(self, key: Key, event: str, value: int) -> None:
        """Take what one watcher found new (a version, or the like); all are told, and once however many find it."""
        topic = self._topics.get(key)
        if topic is not None and topic.noted.get(event) != value:
            topic.noted[event] = value
            self.say(key, event)

    def watchers(self, key: Key) -> int:
        """How many watch one shipment."""
        topic = self._topics.get(key)
        return 0 if topic is None else len(topic.watchers)

    async def look(self) -> None:
        """Look at all watched shipments: called now and then, for what other processes and the clock brought."""
        self._dirty.update(self._topics)
        if self._dirty:
            await self._look()

    def close(self) -> None:
        """Wake everybody for the last time: watchers end when they see `closed`."""
        self.closed = True
        for topic in self._topics.values():
            for watcher in topic.watchers:
                watcher.ring()

    def _look_at(self, key: Key) -> None:
        self._dirty.add(key)
        if self._looking is None and not self.closed:
            self._looking = asyncio.create_task(self._look())
            self._looking.add_done_callback(self._looked)

    def _looked(self, task: asyncio.Task[None]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # the database failed: the next look, seconds later, finds what this one did not

    async def _look(self) -> None:
        while self._dirty and not self.closed:
            keys, self._dirty = self._dirty, set()
            now = now_ms()
            found = await self._store.read(lambda conn, keys=keys, now=now: moving.look(conn, keys, now))  # type: ignore[misc]
            self.tell(seen for seen, _ in found.values())

"""One endpoint's lane over the log: what to send now, what to try again when, how far it has got. Pure, no IO.

The cursor is a low-water mark: everything up to it is final or stands in the retry table. Each call that settles or
defers something leaves `Change`s in `changes`; the dispatcher writes them together with the cursor in one transaction.

Order per shipment: `strict` sends one message of a shipment after the other is final; `latest` has one in flight and
lets a newer message overtake a failed one, which is superseded once a newer state of the same topic is delivered;
`none` does not look.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal, Protocol

from webhooks.breaker import Breaker, BreakerState
from webhooks.schedule import DAY, SCHEDULE, SECOND, Bucket, delay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Ordering = Literal["latest", "strict", "none"]

BUFFER = 256
"""Messages held ready at most before the lane stops taking more from the log."""
MAX_UNSETTLED = 50_000
"""Messages that failed or wait in memory before the lane stops reading on."""
PROBE_CHOICE = 5
"""An open lane holds so many messages to choose probes from; one that always fails must not be the only one."""
DISABLE_AFTER, WARN_AFTER = 5 * DAY, DAY
SHORTEST_PAUSE = 1 * SECOND
"""A `Retry-After` of nothing still means that the endpoint is busy."""
OUR_PAUSE, OUR_LONGEST_PAUSE = 1 * SECOND, 60 * SECOND


class Phase(IntEnum):
    """Where an unsettled message stands."""

    FRESH = 0
    WAITING = 1
    RETRY = 2
    FLYING = 3


class Offer(Protocol):
    """A message as the lane sees it."""

    @property
    def sequence(self) -> int:
        """Its place in the log."""
        ...

    @property
    def shipment_id(self) -> str | None:
        """The shipment whose order it belongs to."""
        ...

    @property
    def shipment_version(self) -> int:
        """How new its state is."""
        ...

    @property
    def topic(self) -> str | None:
        """What it is the latest state of; None when nothing newer repeats it."""
        ...


class Reader:
    """A place in the log: all up to `position` was offered; all up to `low_water` is final or stored."""

    __slots__ = ("order", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self.order: deque[Item] = deque()

    def low_water(self) -> int:
        """Return the sequence up to which nothing has to be read again after a crash."""
        order = self.order
        while order and (order[0].settled or order[0].stored):
            order.popleft()
        return order[0].sequence - 1 if order else self.position


@dataclass(slots=True, eq=False)
class Item:
    """One unsettled message of a lane."""

    sequence: int
    key: str | None
    version: int
    topic: str | None
    message: Offer | None = None
    replayed: bool = False
    attempts: int = 0
    """Tries that count for the schedule."""
    tries: int = 0
    """All tries, probes included."""
    run_at: int = 0
    phase: Phase = Phase.FRESH
    stored: bool = False
    """It has a row in the retry table (or will have with the next write)."""
    parked: bool = False
    settled: bool = False
    charged: bool = True
    """The try in flight was due by the schedule, so its failure counts there."""
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one try, as far as the lane cares."""

    delivered: bool = False
    gone: bool = False
    ours: bool = False
    lost: bool = False
    """The message is no longer in the log, so there is nothing to send."""
    timeout: bool = False
    retry_after: int | None = None
    """Milliseconds the endpoint asked everybody to wait."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to be written.

    `retry`: upsert the row; `settled`: delete the retry (and, for a replayed message, dead) row; `dead`; `superseded`;
    `disabled` and `failing`: tell the merchant.
    """

    kind: Literal["retry", "settled", "dead", "superseded", "disabled", "failing"]
    sequence: int = 0
    key: str | None = None
    attempts: int = 0
    run_at: int = 0
    parked: bool = False
    tries: int = 0
    reason: str = ""
    stored: bool = False


@dataclass(slots=True)
class Lane:
    """The pure state of one lane. All times are epoch milliseconds and given by the caller."""

    reader: Reader
    random: Callable[[], float]
    ordering: Ordering = "latest"
    concurrency: int = 16
    schedule: Sequence[int] = SCHEDULE
    rate: float | None = None
    paused_until: int = 0
    failing_since: int = 0
    breaker_state: BreakerState = "closed"
    breaker_step: int = 0
    open_until: int = 0
    enabled: bool = True
    finished: set[int] = field(default_factory=set)
    """Sequences above the cursor that need no sending any more: known from the redo log when the lane is loaded."""
    breaker: Breaker = field(init=False)
    items: dict[int, Item] = field(default_factory=dict, init=False)
    changes: list[Change] = field(default_factory=list, init=False)
    flying: int = field(default=0, init=False)
    _fresh: deque[Item] = field(default_factory=deque, init=False)
    _released: list[tuple[int, Item]] = field(default_factory=list, init=False)
    _retries: list[tuple[int, int, Item]] = field(default_factory=list, init=False)
    _chains: dict[str, list[int]] = field(default_factory=dict, init=False)
    _flying_keys: set[str] = field(default_factory=set, init=False)
    _bucket: Bucket | None = field(default=None, init=False)
    _probed: dict[int, int] = field(default_factory=dict, init=False)
    _our_step: int = field(default=0, init=False)
    _warned: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(
            self.concurrency, self.random, state=self.breaker_state, step=self.breaker_step, open_until=self.open_until
        )
        if self.rate is not None:
            self._bucket = Bucket(self.rate)

    # what comes in

    def restore(self, item: Item) -> None:
        """Take back a row of the retry table, before anything is offered."""
        item.stored = True
        item.tries = max(item.tries, item.attempts)
        self.items[item.sequence] = item
        if item.sequence > self.reader.position:
            self.finished.add(item.sequence)  # the log must not offer it a second time
        self._enchain(item)
        item.phase = Phase.RETRY
        heappush(self._retries, (item.run_at, item.sequence, item))

    def offer(self, messages: Iterable[Offer], upto: int, reader: Reader | None = None) -> None:
        """Take wanted messages in the order of the log; everything up to `upto` was looked at."""
        main = reader is None
        reader = reader or self.reader
        for message in messages:
            sequence = message.sequence
            if sequence <= reader.position or sequence in self.items:
                continue
            if main and sequence in self.finished:
                self.finished.discard(sequence)
                continue
            item = Item(
                sequence, message.shipment_id, message.shipment_version, message.topic, message, replayed=not main
            )
            self.items[sequence] = item
            reader.order.append(item)
            self._enchain(item)
            self._fresh.append(item)
            if self.ordering == "strict" and item.key is not None:
                head = self.items[self._chains[item.key][0]]
                if head is not item and head.attempts:
                    self._park(item)
        reader.position = max(reader.position, upto)

    def wants(self, now: int) -> bool:
        """Tell whether the lane would take more of the log now."""
        if not self.enabled or now < self.paused_until or len(self.items) >= MAX_UNSETTLED:
            return False
        if self.breaker.state == "open":
            return len(self.items) < PROBE_CHOICE
        return len(self._fresh) < BUFFER

    # what goes out

    def ready(self, now: int) -> list[Item]:
        """Return the messages to send now; they are in flight from here on."""
        if not self.enabled or now < self.paused_until:
            return []
        room = self.breaker.limit() - self.flying
        if self.breaker.state == "open" and now < self.breaker.open_until:
            return []
        if self._bucket is not None:
            room = min(room, self._bucket.room(now))
        if self.breaker.state == "open":
            probe = self._choose_probe() if room > 0 else None
            sends = [self._fly(probe, now, probe=True)] if probe is not None else []
        else:
            sends = []
            while room > len(sends):
                item = self._next(now)
                if item is None:
                    break
                sends.append(self._fly(item, now, probe=False))
        if self._bucket is not None:
            self._bucket.take(len(sends))
        return sends

    def next_wake(self, now: int) -> int | None:
        """Return when `ready` may have something without anything else happening; None for not before a call."""
        if not self.enabled or not self.items or len(self.items) == self.flying:
            return None
        if self.breaker.state == "open":
            if self.flying:
                return None
            wake = max(now, self.breaker.open_until)
        elif self.flying >= self.breaker.limit():
            return None
        elif self._fresh or self._released:
            wake = now
        elif self._retries:
            wake = max(now, self._retries[0][0])
        else:
            return None
        if self._bucket is not None:
            wake = max(wake, self._bucket.next_token(now))
        return max(wake, self.paused_until)

    # what came of it

    def done(self, sequence: int, result: Result, now: int) -> None:
        """Note what came of a try. Consequences to be written are added to `changes`."""
        item = self.items[sequence]
        self.flying -= 1
        item.tries += 1
        probe, item.probe = item.probe, False
        if item.key is not None:
            self._flying_keys.discard(item.key)
        if result.delivered:
            self._delivered(item)
        elif result.ours:
            self._our_fault(item, now)
        elif result.lost:
            self._bury(item, "message no longer kept")
        else:
            self._failed(item, result, now, probe=probe)
        self._wake_chain(item.key)

    def low_water(self) -> int:
        """Return the cursor to be saved."""
        return self.reader.low_water()

    # inside

    def _delivered(self, item: Item) -> None:
        self._our_step = 0
        self.failing_since = 0
        self._warned = False
        self._probed.clear()
        self.breaker.succeeded()
        if self.ordering == "latest" and item.topic is not None and item.key is not None:
            for sequence in list(self._chains[item.key]):
                if sequence >= item.sequence:
                    break
                older = self.items[sequence]
                if older.attempts and older.topic == item.topic and older.version < item.version:
                    self.changes.append(
                        Change(
                            "superseded", sequence, tries=older.tries, stored=older.stored, reason=str(item.sequence)
                        )
                    )
                    self._settle(older)
        if item.stored or item.replayed:
            self.changes.append(Change("settled", item.sequence, stored=item.stored))
        self._settle(item)

    def _our_fault(self, item: Item, now: int) -> None:
        """No egress or the like: nothing is charged, the whole lane waits a little and comes back gently."""
        pause = min(OUR_PAUSE << min(self._our_step, 20), OUR_LONGEST_PAUSE)
        self._our_step += 1
        self.paused_until = max(self.paused_until, now + pause)
        if self.breaker.state == "closed":
            self.breaker.slow_down()
        self._defer(item, item.run_at)

    def _failed(self, item: Item, result: Result, now: int, *, probe: bool) -> None:
        self._our_step = 0
        self.failing_since = self.failing_since or now
        if result.retry_after is not None:
            self.paused_until = max(self.paused_until, now + max(result.retry_after, SHORTEST_PAUSE))
            if self.breaker.state == "open":
                self.breaker.open_until = max(self.breaker.open_until, self.paused_until)
            else:
                self.breaker.slow_down()
        else:
            self.breaker.failed(item.sequence, now, timeout=result.timeout, probe=probe)
        wait: int | None = None
        run_at = item.run_at
        if item.charged:
            item.attempts += 1
            wait = delay(self.schedule, item.attempts, self.random)
            if wait is None:
                self._bury(item, result.reason)
            else:
                run_at = max(now + wait, self.paused_until)
        if not item.settled:
            self._defer(item, run_at)
            self._store(item)
            if self.ordering == "strict" and item.key is not None:
                for sequence in self._chains[item.key]:
                    follower = self.items[sequence]
                    if not follower.stored:
                        self._park(follower)
        self._judge(result, now)

    def _bury(self, item: Item, reason: str) -> None:
        self.changes.append(Change("dead", item.sequence, tries=item.tries, stored=item.stored, reason=reason))
        self._settle(item)

    def _judge(self, result: Result, now: int) -> None:
        """Disable an endpoint that is gone or has failed for days; warn once before."""
        if not self.enabled:
            return
        if result.gone:
            self.enabled = False
            self.changes.append(Change("disabled", reason="gone"))
        elif now - self.failing_since >= DISABLE_AFTER:
            self.enabled = False
            self.changes.append(Change("disabled", reason="failing", run_at=self.failing_since))
        elif not self._warned and now - self.failing_since >= WARN_AFTER:
            self._warned = True
            self.changes.append(Change("failing", run_at=self.failing_since))

    def _defer(self, item: Item, run_at: int) -> None:
        item.run_at, item.phase, item.message = run_at, Phase.RETRY, None
        heappush(self._retries, (run_at, item.sequence, item))

    def _store(self, item: Item) -> None:
        item.stored, item.parked = True, False
        self.changes.append(Change("retry", item.sequence, item.key, item.attempts, item.run_at))

    def _park(self, item: Item) -> None:
        """A follower of a failed message in strict order leaves the log's reader for the retry table."""
        item.stored = item.parked = True
        item.message = None
        self.changes.append(Change("retry", item.sequence, item.key, item.attempts, item.run_at, parked=True))

    def _settle(self, item: Item) -> None:
        item.settled = True
        item.message = None
        del self.items[item.sequence]
        self._probed.pop(item.sequence, None)
        if item.key is not None and self.ordering != "none":
            chain = self._chains[item.key]
            if len(chain) == 1:
                del self._chains[item.key]
            else:
                del chain[bisect_left(chain, item.sequence)]

    def _enchain(self, item: Item) -> None:
        if item.key is not None and self.ordering != "none":
            chain = self._chains.get(item.key)
            if chain is None:
                self._chains[item.key] = [item.sequence]
            else:
                insort(chain, item.sequence)

    def _blocked(self, item: Item) -> bool:
        if item.key is None or self.ordering == "none":
            return False
        if item.key in self._flying_keys:
            return True
        return self.ordering == "strict" and self._chains[item.key][0] != item.sequence

    def _wake_chain(self, key: str | None) -> None:
        chain = self._chains.get(key) if key is not None else None
        if not chain:
            return
        for sequence in chain[:1] if self.ordering == "strict" else chain:
            item = self.items[sequence]
            if item.phase is Phase.WAITING:
                item.phase = Phase.FRESH
                heappush(self._released, (sequence, item))
                return

    def _next(self, now: int) -> Item | None:
        """Return the next message that may leave: retries that are due, then what was held back, then the log."""
        while self._retries and self._retries[0][0] <= now:
            run_at, _, item = heappop(self._retries)
            if not item.settled and item.phase is Phase.RETRY and item.run_at == run_at and self._passes(item):
                return item
        while self._released:
            _, item = heappop(self._released)
            if not item.settled and item.phase is Phase.FRESH and self._passes(item):
                return item
        while self._fresh:
            item = self._fresh.popleft()
            if not item.settled and item.phase is Phase.FRESH and self._passes(item):
                return item
        return None

    def _passes(self, item: Item) -> bool:
        if self._blocked(item):
            item.phase = Phase.WAITING
            return False
        return True

    def _choose_probe(self) -> Item | None:
        """Return the oldest message, of those probed least: one that always fails must not keep the lane closed."""
        choice: Item | None = None
        best = (0, 0)
        for item in self.items.values():
            rank = (self._probed.get(item.sequence, 0), item.sequence)
            if (choice is None or rank < best) and item.phase is not Phase.FLYING and not self._blocked(item):
                choice, best = item, rank
        if choice is not None:
            self._probed[choice.sequence] = best[0] + 1
        return choice

    def _fly(self, item: Item, now: int, *, probe: bool) -> Item:
        item.phase, item.probe, item.charged = Phase.FLYING, probe, item.run_at <= now
        self.flying += 1
        if item.key is not None:
            self._flying_keys.add(item.key)
        return item

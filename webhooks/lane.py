"""One endpoint's lane over the log: what to send now, what to try again when, how far it has got. Pure, no IO.

The cursor is a low-water mark: everything up to it is final or stands in the retry table. Each call that settles or
defers something leaves `Change`s in `changes`; the dispatcher writes them together with the cursor in one transaction.

Order per shipment: `strict` sends one message of a shipment after the other is final; `latest` has one in flight and
lets a newer message overtake a failed one, which is superseded once a newer state of the same topic is delivered;
`none` does not look.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from webhooks.breaker import Breaker, BreakerState
from webhooks.item import Change, Item, Reader, Result
from webhooks.pace import Pace
from webhooks.patience import Patience, Pauses
from webhooks.schedule import SCHEDULE, delay
from webhooks.unsettled import Ordering, Unsettled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from webhooks.item import Offer

BUFFER = 256
"""Messages held ready at most before the lane stops taking more from the log."""
MAX_UNSETTLED = 50_000
"""Messages that failed or wait in memory before the lane stops reading on."""
PROBE_CHOICE = 5
"""An open lane holds so many messages to choose probes from; one that always fails must not be the only one."""
_NOTHING: Mapping[int, Item] = MappingProxyType({})


@dataclass(slots=True)
class Lane:
    """The pure state of one lane. All times are epoch milliseconds and given by the caller."""

    reader: Reader
    random: Callable[[], float]
    ordering: Ordering = "latest"
    concurrency: int = 16
    schedule: Sequence[int] = SCHEDULE
    rate: float | None = None
    pace: float | None = None
    """The rate it had been taken down to when it was saved."""
    pauses: Pauses = field(default_factory=Pauses)
    patience: Patience = field(default_factory=Patience)
    breaker_state: BreakerState = "closed"
    breaker_step: int = 0
    open_until: int = 0
    enabled: bool = True
    finished: set[int] | None = None
    """Sequences above the cursor that need no sending any more: known from the redo log when the lane is loaded."""
    breaker: Breaker = field(init=False)
    changes: list[Change] = field(default_factory=list, init=False)
    flying: int = field(default=0, init=False)
    _hand: Unsettled | None = field(default=None, init=False)
    """Made with the first message: a lane that has nothing to do costs little memory."""
    _pace: Pace | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.breaker = Breaker(
            self.concurrency, self.random, state=self.breaker_state, step=self.breaker_step, open_until=self.open_until
        )
        if self.pace is not None:
            self._pace = Pace(self.rate, self.pace)

    @property
    def items(self) -> Mapping[int, Item]:
        """The unsettled messages by sequence."""
        return self._hand.items if self._hand is not None else _NOTHING

    @property
    def _held(self) -> Unsettled:
        if self._hand is None:
            self._hand = Unsettled(self.ordering)
        return self._hand

    @property
    def paced(self) -> Pace:
        """How fast requests may leave."""
        if self._pace is None:
            self._pace = Pace(self.rate)
        return self._pace

    @property
    def throttled_to(self) -> float | None:
        """Requests a second it was taken down to by refusals; None where it was not."""
        return None if self._pace is None else self._pace.rate

    def go_on_from(self, old: Lane) -> None:
        """Take over the pace of the lane this one replaces, so that a change of settings lets nothing extra pass."""
        if old._pace is not None and old.rate == self.rate:
            self._pace = old._pace

    def rest(self) -> None:
        """Give memory back when nothing is in hand."""
        if not self.items:
            self._hand = None
            if self.rate is None and self.throttled_to is None:
                self._pace = None
        if self.finished is not None:
            self.finished = {sequence for sequence in self.finished if sequence > self.reader.position} or None
        self.reader.rest()

    # what comes in

    def restore(self, item: Item) -> None:
        """Take back a row of the retry table, before anything is offered."""
        item.stored = True
        item.tries = max(item.tries, item.attempts)
        if item.sequence > self.reader.position:
            if self.finished is None:
                self.finished = set()
            self.finished.add(item.sequence)  # the log must not offer it a second time
        self._held.add_retry(item)

    def offer(self, messages: Iterable[Offer], upto: int, reader: Reader | None = None) -> None:
        """Take wanted messages in the order of the log; everything up to `upto` was looked at."""
        main = reader is None
        reader = reader or self.reader
        for message in messages:
            sequence = message.sequence
            held = self._held
            if sequence <= reader.position or sequence in held.items:
                continue
            if main and self.finished and sequence in self.finished:
                self.finished.discard(sequence)
                continue
            item = Item(
                sequence, message.shipment_id, message.shipment_version, message.topic, message, replayed=not main
            )
            reader.took(item)
            held.add_fresh(item)
            if self.ordering == "strict" and item.key is not None:
                head = held.head(item.key)
                if head is not item and head.attempts:
                    self._park(item)
        reader.position = max(reader.position, upto)

    def wants(self, now: int) -> bool:
        """Tell whether the lane would take more of the log now."""
        if not self.enabled or now < self.pauses.until or len(self.items) >= MAX_UNSETTLED:
            return False
        if self.breaker.state == "open":
            return len(self.items) < PROBE_CHOICE
        return self._hand is None or self._hand.buffered < BUFFER

    # what goes out

    def ready(self, now: int) -> list[Item]:
        """Return the messages to send now; they are in flight from here on."""
        if not self.enabled or now < self.pauses.until or self._hand is None:
            return []
        held = self._hand
        room = self.breaker.limit() - self.flying
        if self.breaker.state == "open" and now < self.breaker.open_until:
            return []
        pace = self.paced
        room = min(room, pace.room(now))
        if self.breaker.state == "open":
            probe = held.choose_probe() if room > 0 else None
            sends = [self._fly(probe, now, probe=True)] if probe is not None else []
        else:
            sends = []
            while room > len(sends):
                item = held.next(now)
                if item is None:
                    break
                sends.append(self._fly(item, now, probe=False))
        if sends:
            pace.take(len(sends), now)
        return sends

    def next_wake(self, now: int) -> int | None:
        """Return when `ready` may have something without anything else happening; None for not before a call."""
        if not self.enabled or self._hand is None or len(self._hand.items) == self.flying:
            return None
        wake: int | None
        if self.breaker.state == "open":
            if self.flying:
                return None
            wake = max(now, self.breaker.open_until)
        elif self.flying >= self.breaker.limit():
            return None
        else:
            wake = self._hand.next_at(now)
            if wake is None:
                return None
        if self._pace is not None:
            wake = max(wake, self._pace.next_token(now))
        return max(wake, self.pauses.until)

    # what came of it

    def done(self, sequence: int, result: Result, now: int) -> None:
        """Note what came of a try. Consequences to be written are added to `changes`."""
        held = self._held
        item = held.items[sequence]
        self.flying -= 1
        item.tries += 1
        probe, item.probe = item.probe, False
        held.landed(item)
        if result.delivered:
            self._delivered(item, now)
        elif result.ours:
            self._our_fault(item, result, now)
        elif result.lost:
            self._bury(item, "message no longer kept")
        else:
            self._failed(item, result, now, probe=probe)
        held.release(item.key)

    def low_water(self) -> int:
        """Return the cursor to be saved."""
        return self.reader.low_water()

    # inside

    def _delivered(self, item: Item, now: int) -> None:
        self.pauses.over()
        self.patience.restored()
        self.paced.went_well(now)
        self._held.forget_probes()
        self.breaker.succeeded()
        if self.ordering == "latest" and item.topic is not None:
            for older in self._held.older(item):
                if older.attempts and older.topic == item.topic and older.version < item.version:
                    self.changes.append(
                        Change(
                            "superseded",
                            older.sequence,
                            tries=older.tries,
                            stored=older.stored,
                            reason=str(item.sequence),
                        )
                    )
                    self._held.settle(older)
        if item.stored or item.replayed:
            self.changes.append(Change("settled", item.sequence, stored=item.stored))
        self._held.settle(item)

    def _our_fault(self, item: Item, result: Result, now: int) -> None:
        """No egress or the like: nothing is charged, the whole lane waits a little and comes back gently."""
        warning = self.patience.warning(now) if result.blocked else None
        if warning is not None:
            self.changes.append(warning)
        self.pauses.ours(now)
        if self.breaker.state == "closed":
            self.breaker.slow_down()
        self._held.defer(item, item.run_at)

    def _failed(self, item: Item, result: Result, now: int, *, probe: bool) -> None:
        self.patience.failed(now)
        self._hold_back(item, result, now, probe=probe)
        run_at: int | None = item.run_at
        if item.charged:
            item.attempts += 1
            wait = delay(self.schedule, item.attempts, self.random)
            run_at = None if wait is None else max(now + wait, self.pauses.until)
        if run_at is None:
            self._bury(item, result.reason)
        else:
            self._held.defer(item, run_at)
            self._store(item)
            if self.ordering == "strict" and item.key is not None:
                for follower in self._held.chain(item.key):
                    if not follower.stored:
                        self._park(follower)
        verdict = self.patience.verdict(result, now) if self.enabled else None
        if verdict is not None:
            self.enabled = verdict.kind != "disabled"
            self.changes.append(verdict)

    def _hold_back(self, item: Item, result: Result, now: int, *, probe: bool) -> None:
        """Ask less of an endpoint that failed: slower, after a pause, or through the breaker."""
        if result.busy or result.timeout:
            self.paced.too_much(now)
        if not self.pauses.asked(result, now):
            self.breaker.failed(item.sequence, now, timeout=result.timeout, probe=probe)
        elif self.breaker.state == "open":
            self.breaker.open_until = max(self.breaker.open_until, self.pauses.until)
        else:
            self.breaker.slow_down()

    def _bury(self, item: Item, reason: str) -> None:
        self.changes.append(Change("dead", item.sequence, tries=item.tries, stored=item.stored, reason=reason))
        self._held.settle(item)

    def _store(self, item: Item) -> None:
        item.stored, item.parked = True, False
        self.changes.append(
            Change("retry", item.sequence, item.key, item.attempts, item.run_at, replayed=item.replayed)
        )

    def _park(self, item: Item) -> None:
        """A follower of a failed message in strict order leaves the log's reader for the retry table."""
        item.stored = item.parked = True
        item.message = None
        self.changes.append(
            Change("retry", item.sequence, item.key, item.attempts, item.run_at, parked=True, replayed=item.replayed)
        )

    def _fly(self, item: Item, now: int, *, probe: bool) -> Item:
        item.probe, item.charged = probe, item.run_at <= now
        self.flying += 1
        self._held.took_off(item)
        return item

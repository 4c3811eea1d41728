"""The pure core of the delivery engine against a plain model: any answers, any clock, crashes at any moment.

The model knows the log, what the receiver answered and what is on disk; it takes nothing from the lane but what the
lane says it sends and wants written.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import cycle
from random import Random
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from webhooks.item import Change, Item, Reader, Result
from webhooks.lane import Lane
from webhooks.matching import Wish, read_wish, topic
from webhooks.patience import DISABLE_AFTER, DISABLE_TRIES, SHORTEST_PAUSE, Patience, Pauses
from webhooks.schedule import DAY, HOUR, JITTER, MINUTE, SECOND

T0 = 1_800_000_000_000
OK = Result(delivered=True)
RESULTS = {
    "ok": OK,
    "bad": Result(reason="status 500"),
    "late": Result(timeout=True, reason="timeout"),
    "busy": Result(busy=True, reason="status 429"),
    "wait": Result(busy=True, retry_after=7 * SECOND, reason="status 429"),
    "ours": Result(ours=True),
    "gone": Result(gone=True, reason="status 410"),
}
USUAL = ["ok", "ok", "ok", "bad", "bad", "late", "busy", "wait", "ours"]
TYPES = ["shipment.in_transit", "shipment.delivered", "shipment.eta_changed", "rating.received", "courier.position"]
ON_DEMAND = {"shipment.event", "courier.position"}
WISHES = [None, ["*"], ["shipment.*"], ["courier.*", "shipment.delivered"], ["shipment.in_transit", "rating.received"]]
SCHEDULES = [(0,), (0, 5 * SECOND, 5 * MINUTE), (0, SECOND, SECOND, MINUTE, HOUR)]
READ_AT_ONCE = 8
DOWN_AFTER, PROBE_EVERY = 5, 5 * SECOND
"""Different messages failed in a row after which an endpoint is asked no more often than this."""
LONGEST_SETTLING = 100_000
LONGEST_SLEEP = HOUR * 1.2
"""No wait of these schedules, no pause and no breaker takes longer."""


@dataclass(frozen=True)
class Told:
    """A message of the log."""

    sequence: int
    type: str
    shipment_id: str | None
    heavy: bool

    @property
    def shipment_version(self) -> int:
        return self.sequence

    @property
    def topic(self) -> str | None:
        return topic(self.type)

    def data(self) -> dict[str, Any]:
        return {"shipment": {"heavy": self.heavy}}


@dataclass
class Disk:
    """What a crash leaves."""

    cursor: int = 0
    retry: dict[int, Change] = field(default_factory=dict)
    closed: set[int] = field(default_factory=set)
    """Delivered and superseded, by their rows in the attempt table."""
    dead: set[int] = field(default_factory=set)
    state: dict[str, Any] = field(default_factory=dict)


class LaneMachine(RuleBasedStateMachine):
    """One endpoint's lane, its log, its disk, and a receiver that answers as hypothesis pleases."""

    @initialize(
        options=st.fixed_dictionaries(
            {
                "ordering": st.sampled_from(["latest", "strict", "none"]),
                "concurrency": st.sampled_from([1, 2, 5, 16]),
                "schedule": st.sampled_from(SCHEDULES),
                "rate": st.sampled_from([None, None, None, 0.5, 3.0, 20.0, 100.0]),
            }
        ),
        wish=st.sampled_from(WISHES),
        heavy=st.sampled_from([False, False, True]),
        seed=st.integers(0, 99),
    )
    def begin(self, options, wish, heavy, seed) -> None:
        self.options = options
        self.ordering, self.schedule, self.rate = options["ordering"], options["schedule"], options["rate"]
        self.patterns = wish
        self.only_heavy = heavy
        self.wish: Wish = read_wish(wish, {"shipment.heavy": [True]} if heavy else None)
        chance = Random(seed)
        self.random = lambda: chance.choice((0.0, 0.0, 0.4, 0.999999))
        self.now = T0
        self.log: list[Told] = []
        self.disk = Disk()
        self.sent_at: list[int] = []
        self.delivered: set[int] = set()  # by the receiver's account, whether or not it was ever written down
        self.given_up: set[int] = set()
        self.superseded: set[int] = set()
        self.load()
        first = chance.choices(TYPES, k=chance.randint(0, 30))
        self.append([(one, chance.choice([None, "a", "b", "c"]), chance.random() < 0.8) for one in first], hinted=True)

    def load(self) -> None:
        """Make a lane of what is on disk, as `loading` and `Course` do."""
        disk = self.disk
        state = disk.state
        self.lane = Lane(
            Reader(disk.cursor),
            self.random,
            **self.options,
            pace=state.get("pace"),
            pauses=Pauses(state.get("paused_until", 0)),
            patience=Patience(state.get("since", 0), state.get("tries", 0)),
            breaker_state=state.get("breaker", "closed"),
            breaker_step=state.get("step", 0),
            open_until=state.get("open_until", 0),
            finished={one for one in disk.closed | disk.dead if one > disk.cursor} or None,
        )
        for sequence in sorted(disk.retry):
            row, message = disk.retry[sequence], self.log[sequence - 1]
            self.lane.restore(
                Item(
                    sequence,
                    message.shipment_id,
                    message.shipment_version,
                    message.topic,
                    attempts=row.attempts,
                    run_at=row.run_at,
                    parked=row.parked,
                )
            )
        self.unwritten_closed: set[int] = set()
        self.unwritten: list[Change] = []
        self.flying: dict[int, bool] = {}
        """Sequence -> whether its try was due."""
        self.tries = {sequence: row.attempts for sequence, row in disk.retry.items()}
        self.due = {sequence: row.run_at for sequence, row in disk.retry.items()}
        self.closed = set(disk.closed)
        self.paused_until = state.get("paused_until", 0)
        self.streak: set[int] = set()
        self.down = False
        self.down_sent_at = 0
        self.enabled = True
        self.sent_at.clear()  # a new process knows nothing of the second before; it does not start within one

    # the model's own opinion

    def wanted(self, message: Told) -> bool:
        if self.only_heavy and not message.heavy:
            return False
        if self.patterns is None:
            return message.type not in ON_DEMAND
        return any(fnmatchcase(message.type, pattern) for pattern in self.patterns)

    def same_shipment(self, sequence: int) -> list[Told]:
        shipment = self.log[sequence - 1].shipment_id
        return [one for one in self.log if shipment is not None and one.shipment_id == shipment and self.wanted(one)]

    def over(self, sequence: int) -> bool:
        return sequence in self.delivered or sequence in self.given_up or sequence in self.superseded

    # what happens

    @rule(
        messages=st.lists(
            st.tuples(st.sampled_from(TYPES), st.sampled_from([None, "a", "a", "b", "c"]), st.booleans()),
            min_size=1,
            max_size=12,
        ),
        hinted=st.booleans(),
    )
    def append(self, messages, hinted) -> None:
        self.log += [Told(len(self.log) + n, *one) for n, one in enumerate(messages, 1)]
        if hinted:
            self.read()
            self.send()

    @rule()
    def read(self) -> None:
        """Let the lane read on, as the dispatcher does: a piece at a time, and only while it wants more."""
        while self.lane.wants(self.now) and self.lane.reader.position < len(self.log):
            position = self.lane.reader.position
            piece = self.log[position : position + READ_AT_ONCE]
            wanted = [one for one in piece if self.wish.wants(one.type, one.data)]
            assert wanted == [one for one in piece if self.wanted(one)]
            self.lane.offer(wanted, piece[-1].sequence)
        self.take_changes()

    @rule()
    def send(self) -> None:
        probing = self.lane.breaker.state == "open"
        items = self.lane.ready(self.now)
        for item in items:
            sequence = item.sequence
            assert self.enabled
            assert self.now >= self.paused_until, "sent while the endpoint had asked for a rest"
            assert sequence not in self.flying, "in flight twice"
            assert sequence not in self.closed, "sent after its success was known"
            assert self.wanted(self.log[sequence - 1])
            due = self.due.get(sequence, 0) <= self.now
            assert due or probing, "tried before its time"
            self.check_order(sequence)
            self.flying[sequence] = due
            if self.down:
                assert self.now - self.down_sent_at >= PROBE_EVERY, "asked again at once though it is down"
                self.down_sent_at = self.now
            self.sent_at.append(self.now)
        assert len(self.flying) <= self.options["concurrency"]
        assert not probing or len(items) <= 1
        self.check_rate()

    def check_order(self, sequence: int) -> None:
        if self.ordering == "none":
            return
        theirs = self.same_shipment(sequence)
        assert not any(one.sequence in self.flying for one in theirs), "two of one shipment at once"
        if self.ordering == "strict":
            waiting = [one.sequence for one in theirs if one.sequence < sequence and not self.over(one.sequence)]
            assert waiting == [], f"{sequence} sent before {waiting}"

    def check_rate(self) -> None:
        if self.rate is None:
            return
        most = max(math.ceil(self.rate), self.rate * 1.05 + 1e-6)
        for begin in self.sent_at[-200:]:
            within = sum(begin <= at < begin + SECOND for at in self.sent_at)
            assert within <= max(1, most), f"{within} in a second, {self.rate} are allowed"

    @precondition(lambda self: self.flying)
    @rule(which=st.integers(0, 15), kind=st.sampled_from(USUAL), going_on=st.booleans())
    def answer(self, which, kind, going_on) -> None:
        self.answered(sorted(self.flying)[which % len(self.flying)], kind)
        if going_on:
            self.send()

    @precondition(lambda self: self.flying)
    @rule(kinds=st.lists(st.sampled_from(USUAL), min_size=1, max_size=4))
    def answer_all(self, kinds) -> None:
        for sequence, kind in zip(sorted(self.flying), cycle(kinds), strict=False):
            self.answered(sequence, kind)
        self.read()
        self.send()

    @rule(kinds=st.lists(st.sampled_from(["bad", "bad", "late"]), min_size=2, max_size=8))
    def outage(self, kinds) -> None:
        """Nothing but failures for a while, each round as soon as the lane sends again."""
        for kind in kinds:
            self.wake()
            for sequence in sorted(self.flying):
                self.answered(sequence, kind)
            self.read()

    @precondition(lambda self: self.flying)
    @rule()
    def is_gone(self) -> None:
        self.answered(min(self.flying), "gone")

    def answered(self, sequence: int, kind: str) -> None:
        result = RESULTS[kind]
        due = self.flying.pop(sequence)
        if kind == "ok":
            self.delivered.add(sequence)
            self.closed.add(sequence)
            self.unwritten_closed.add(sequence)
            self.down = False
        self.note_streak(sequence, kind)
        if kind in {"busy", "wait"} and (result.retry_after or self.now >= self.paused_until):
            self.paused_until = max(self.paused_until, self.now + (result.retry_after or SHORTEST_PAUSE))
        if kind in {"busy", "wait", "ours"}:
            self.down_sent_at = 0  # from here on the pause says when the next one may leave
        before = len(self.unwritten)
        self.lane.done(sequence, result, self.now)
        self.take_changes()
        if kind not in {"ok", "ours"}:
            self.check_failure(sequence, due=due, changes=self.unwritten[before:])

    def note_streak(self, sequence: int, kind: str) -> None:
        if kind in {"bad", "late", "gone"}:
            self.streak.add(sequence)
            if len(self.streak) >= DOWN_AFTER and not self.down:
                self.down, self.down_sent_at = True, self.now
        elif not self.down:
            self.streak.clear()
        if kind == "ok":
            self.streak.clear()

    def check_failure(self, sequence: int, *, due: bool, changes: list[Change]) -> None:
        """After its n-th counted failure a message waits for the n-th step of the schedule, or is dead."""
        tries = self.tries.get(sequence, 0) + due
        self.tries[sequence] = tries
        (change,) = [one for one in changes if one.sequence == sequence]
        if tries >= len(self.schedule):
            assert change.kind == "dead"
            return
        assert (change.kind, change.attempts, change.parked) == ("retry", tries, False)
        if due:
            soonest = self.now + self.schedule[tries]
            latest = max(self.now + self.schedule[tries] * (1 + JITTER), self.lane.pauses.until)
            assert soonest <= change.run_at <= latest
            self.due[sequence] = change.run_at
        else:
            assert change.run_at == self.due[sequence]

    def take_changes(self) -> None:
        for change in self.lane.changes:
            self.unwritten.append(change)
            if change.kind == "dead":
                self.given_up.add(change.sequence)
            elif change.kind == "superseded":
                old = self.log[change.sequence - 1]
                assert self.ordering == "latest"
                assert old.topic is not None
                assert any(
                    one.sequence > old.sequence
                    and one.topic == old.topic is not None
                    and one.sequence in self.delivered
                    for one in self.same_shipment(old.sequence)
                )
                self.superseded.add(change.sequence)
                self.closed.add(change.sequence)
            elif change.kind == "disabled":
                self.enabled = False
                assert change.reason == "gone" or (
                    self.now - change.run_at >= DISABLE_AFTER and self.lane.patience.tries >= DISABLE_TRIES
                )
        self.lane.changes.clear()

    @rule(cursor=st.booleans())
    def write(self, cursor) -> None:
        """Write what waits in one transaction, the cursor with it or later."""
        disk = self.disk
        disk.closed |= self.unwritten_closed
        for change in self.unwritten:
            if change.kind == "retry":
                disk.retry[change.sequence] = change
            elif change.kind in {"settled", "dead", "superseded"}:
                disk.retry.pop(change.sequence, None)
                if change.kind == "dead":
                    disk.dead.add(change.sequence)
                elif change.kind == "superseded":
                    disk.closed.add(change.sequence)
        self.unwritten_closed, self.unwritten = set(), []
        if cursor:
            lane = self.lane
            assert lane.low_water() >= disk.cursor, "the cursor went back"
            disk.cursor = lane.low_water()
            disk.state = {
                "paused_until": lane.pauses.until,
                "since": lane.patience.since,
                "tries": lane.patience.tries,
                "breaker": lane.breaker.state,
                "step": lane.breaker.step,
                "open_until": lane.breaker.open_until,
                "pace": lane.throttled_to,
            }

    @rule()
    def crash(self) -> None:
        """Lose the process: what was not written is to be done again, and nothing else."""
        if not self.enabled:
            self.flying.clear()
            self.enable()
            return
        self.given_up &= self.disk.dead
        self.superseded &= self.disk.closed
        self.load()

    @precondition(lambda self: not self.enabled and not self.flying)
    @rule()
    def enable(self) -> None:
        """Enable it again as `steering.enable` does to go on with everything that waited."""
        self.write(cursor=True)
        self.disk.retry = {
            one: Change("retry", one, row.key, 0, self.now) for one, row in sorted(self.disk.retry.items())
        }
        self.disk.state = {}
        self.load()

    @rule(by=st.sampled_from([1, 50, 300, SECOND, 5 * SECOND, 7 * SECOND, MINUTE, 7 * MINUTE, 2 * HOUR, DAY]))
    def pass_time(self, by) -> None:
        self.now += by
        self.read()
        self.send()

    @rule()
    def wake(self) -> None:
        """Sleep exactly until the lane asked to be woken."""
        at = self.lane.next_wake(self.now)
        if at is not None:
            assert at <= self.now + LONGEST_SLEEP
            self.now = max(self.now, at)
        self.send()

    # what always holds

    @invariant()
    def no_cursor_passes_an_unhandled_message(self) -> None:
        if not hasattr(self, "lane"):
            return
        disk = self.disk
        handled = disk.closed | disk.dead | set(disk.retry)
        assert [m.sequence for m in self.log[: disk.cursor] if self.wanted(m) and m.sequence not in handled] == []

    def teardown(self) -> None:
        """In the end the endpoint is well: all that was wanted comes through, or was given up by the rules."""
        if not hasattr(self, "lane"):
            return
        if not self.enabled:
            while self.flying:
                self.answered(min(self.flying), "ok")
            self.enable()
        for _ in range(LONGEST_SETTLING):
            self.read()
            self.send()
            if self.flying:
                self.answered(min(self.flying), "ok")
                self.now += 1
                continue
            if self.lane.reader.position >= len(self.log) and not self.lane.items:
                break
            at = self.lane.next_wake(self.now)
            resting = self.lane.pauses.until if self.lane.pauses.until > self.now else None
            wakes = [one for one in (at, resting) if one is not None]
            assert wakes, f"nothing will ever wake it for {sorted(self.lane.items)}"
            self.now = max(self.now, min(wakes))
        assert [one.sequence for one in self.log if self.wanted(one) and not self.over(one.sequence)] == []
        self.write(cursor=True)
        assert self.disk.cursor == len(self.log)
        assert self.disk.retry == {}


LaneMachine.TestCase.settings = settings(
    max_examples=250, stateful_step_count=50, suppress_health_check=[HealthCheck.too_slow]
)
TestLane = LaneMachine.TestCase

"""The pure lane against a plain model: whatever an endpoint answers, nothing is lost, repeated or out of order."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.breaker import FIRST_PAUSE
from webhooks.item import Item, Reader, Result
from webhooks.lane import Lane
from webhooks.patience import DISABLE_AFTER, DISABLE_TRIES, WARN_AFTER, Patience
from webhooks.schedule import DAY, HOUR, MINUTE, SCHEDULE, SECOND

T0 = 1_800_000_000_000
OK = Result(delivered=True)
BAD = Result(reason="status 500")
LATE = Result(timeout=True, reason="timeout")
GONE = Result(gone=True, reason="gone")
OURS = Result(ours=True)


@dataclass(frozen=True)
class Told:
    sequence: int
    shipment_id: str | None = None
    shipment_version: int = 0
    topic: str | None = None


def lane(**options) -> Lane:
    return Lane(Reader(options.pop("position", 0)), options.pop("random", lambda: 0.0), **options)


def sent(the_lane: Lane, now: int) -> list[int]:
    return [item.sequence for item in the_lane.ready(now)]


def kinds(the_lane: Lane) -> list[tuple[str, int]]:
    return [(change.kind, change.sequence) for change in the_lane.changes]


def test_what_is_offered_leaves_at_once_and_in_order_up_to_the_concurrency():
    it = lane(concurrency=3)
    it.offer([Told(n) for n in (1, 2, 4, 5)], upto=6)
    assert sent(it, T0) == [1, 2, 4]
    assert it.low_water() == 0
    it.done(2, OK, T0)
    assert it.low_water() == 0
    assert sent(it, T0) == [5]
    for sequence in (1, 4, 5):
        it.done(sequence, OK, T0)
    assert it.low_water() == 6
    assert it.changes == []
    assert it.items == {}


def test_one_message_that_always_fails_follows_the_schedule_and_is_dead_after_the_tenth_try():
    it = lane()
    it.offer([Told(1, "s")], upto=1)
    now, waits = T0, []
    for _ in range(10):
        assert sent(it, now) == [1]
        it.done(1, BAD, now)
        wake = it.next_wake(now)
        if wake is not None:
            waits.append(wake - now)
            assert sent(it, wake - 1) == []
            now = wake
    assert waits == list(SCHEDULE[1:])
    (dead,) = [change for change in it.changes if change.kind == "dead"]
    assert (dead.tries, dead.reason) == (10, "status 500")
    assert it.items == {}
    assert it.low_water() == 1


def test_jitter_lengthens_a_wait_by_at_most_a_fifth():
    it = lane(random=lambda: 0.999)
    it.offer([Told(1)], upto=1)
    sent(it, T0)
    it.done(1, BAD, T0)
    assert it.next_wake(T0) == T0 + 5 * SECOND + 999


def test_a_failed_message_lets_the_cursor_pass_because_it_stands_in_the_retry_table():
    it = lane()
    it.offer([Told(1), Told(2)], upto=2)
    sent(it, T0)
    it.done(1, BAD, T0)
    assert it.low_water() == 1
    it.done(2, OK, T0)
    assert it.low_water() == 2
    assert kinds(it) == [("retry", 1)]
    assert sent(it, T0 + 5 * SECOND) == [1]
    it.done(1, OK, T0 + 5 * SECOND)
    assert kinds(it) == [("retry", 1), ("settled", 1)]


def test_strict_order_parks_the_followers_of_a_failed_message_and_nobody_else():
    it = lane(ordering="strict")
    it.offer([Told(1, "a"), Told(2, "a"), Told(3, "b"), Told(4, "a")], upto=4)
    assert sent(it, T0) == [1, 3]
    it.done(1, BAD, T0)
    it.done(3, OK, T0)
    it.offer([Told(5, "a"), Told(6, None)], upto=6)
    assert sent(it, T0) == [6]
    assert [(c.sequence, c.parked) for c in it.changes] == [(1, False), (2, True), (4, True), (5, True)]
    it.done(6, OK, T0)
    assert it.low_water() == 6
    now = T0 + 5 * SECOND
    for sequence in (1, 2, 4, 5):
        assert sent(it, now) == [sequence]
        it.done(sequence, OK, now)
    assert it.items == {}


def test_latest_lets_a_newer_state_overtake_and_supersedes_the_failed_older_one():
    it = lane()
    it.offer([Told(1, "a", 1, "shipment.status")], upto=1)
    sent(it, T0)
    it.offer([Told(2, "a", 2, "shipment.status")], upto=2)
    assert sent(it, T0) == []  # one of a shipment in flight
    it.done(1, BAD, T0)
    assert sent(it, T0) == [2]
    it.done(2, OK, T0)
    assert kinds(it) == [("retry", 1), ("superseded", 1)]
    assert it.changes[-1].reason == "2"
    assert it.items == {}


def test_latest_never_supersedes_what_no_newer_message_repeats():
    it = lane()
    it.offer([Told(1, "a", 1, None), Told(2, "a", 1, "shipment.status"), Told(3, "a", 1, "shipment.status")], upto=3)
    for sequence, result in ((1, BAD), (2, BAD), (3, OK)):
        assert sent(it, T0) == [sequence]
        it.done(sequence, result, T0)
    # 1 has no topic; 2 is of the same version as 3
    assert sorted(it.items) == [1, 2]


def test_five_different_failures_open_the_breaker_and_one_probe_goes_per_growing_pause():
    it = lane(concurrency=8)
    it.offer([Told(n) for n in range(1, 21)], upto=20)
    assert sent(it, T0) == list(range(1, 9))
    for sequence in range(1, 9):
        it.done(sequence, BAD, T0)
    assert it.breaker.state == "open"
    assert sent(it, T0) == []
    now, pauses = T0, []
    for _ in range(10):
        wake = it.next_wake(now)
        assert wake is not None
        pauses.append(wake - now)
        now = wake
        assert len(it.ready(now)) == 1
        assert it.next_wake(now) is None
        flying = next(item for item in it.items.values() if item.phase.name == "FLYING")
        it.done(flying.sequence, BAD, now)
    assert pauses == [min(FIRST_PAUSE * 2**n, 15 * MINUTE) for n in range(10)]


def test_probes_take_turns_so_that_one_poisoned_message_does_not_keep_the_lane_closed():
    it = lane(concurrency=5)
    it.offer([Told(n) for n in range(1, 8)], upto=7)
    sent(it, T0)
    for sequence in range(1, 6):
        it.done(sequence, BAD, T0)
    now = it.next_wake(T0)
    assert sent(it, now) == [1]
    it.done(1, BAD, now)
    now = it.next_wake(now)
    assert sent(it, now) == [2]
    it.done(2, OK, now)
    assert it.breaker.state == "slow"


def test_after_a_probe_that_succeeds_requests_come_back_one_two_four():
    it = lane(concurrency=4)
    it.offer([Told(n) for n in range(1, 40)], upto=39)
    while it.breaker.state == "closed":
        for sequence in sent(it, T0):
            it.done(sequence, BAD, T0)
    now = it.next_wake(T0)
    counts = []
    for _ in range(4):
        sends = sent(it, now)
        counts.append(len(sends))
        for sequence in sends:
            it.done(sequence, OK, now)
    assert counts == [1, 1, 2, 4]
    assert it.breaker.state == "closed"


def test_a_probe_before_its_time_does_not_use_up_the_schedule():
    it = lane(concurrency=5)
    it.offer([Told(n) for n in range(1, 6)], upto=5)
    sent(it, T0)
    for sequence in range(1, 6):
        it.done(sequence, BAD, T0)
    now, early, due = T0, 0, 0
    for _ in range(40):
        now = it.next_wake(now)
        [item] = it.ready(now)
        before, was_due = item.attempts, item.run_at <= now
        early, due = early + (not was_due), due + was_due
        it.done(item.sequence, BAD, now)
        assert item.attempts == before + was_due
    assert early > 5
    assert due > 5


def test_three_deadlines_in_a_row_open_the_breaker():
    it = lane()
    it.offer([Told(n) for n in range(1, 4)], upto=3)
    sent(it, T0)
    for sequence in (1, 2, 3):
        it.done(sequence, LATE, T0)
    assert it.breaker.state == "open"


def test_retry_after_pauses_the_whole_lane_and_is_followed_by_a_slow_start():
    it = lane()
    it.offer([Told(1), Told(2)], upto=2)
    sent(it, T0)
    it.done(2, OK, T0)
    it.done(1, Result(retry_after=90 * SECOND, reason="status 429"), T0)
    it.offer([Told(3), Told(4)], upto=4)
    assert not it.wants(T0 + 89 * SECOND)
    assert sent(it, T0 + 90 * SECOND - 1) == []
    assert it.next_wake(T0) == T0 + 90 * SECOND
    assert len(sent(it, T0 + 90 * SECOND)) == 1


def test_gone_disables_at_once_and_keeps_the_message_for_an_enabling_later():
    it = lane()
    it.offer([Told(1), Told(2)], upto=2)
    sent(it, T0)
    it.done(1, GONE, T0)
    assert kinds(it) == [("retry", 1), ("disabled", 0)]
    it.done(2, GONE, T0)
    assert [kind for kind, _ in kinds(it)].count("disabled") == 1
    assert it.next_wake(T0) is None
    assert sent(it, T0 + DAY) == []


def test_five_days_of_nothing_but_failures_warn_three_times_and_then_disable():
    it = lane(concurrency=2)
    it.offer([Told(n) for n in range(1, 100)], upto=99)
    now, seen = T0, []
    while it.enabled:
        for sequence in sent(it, now):
            it.done(sequence, BAD, now)
        news = [change for change in it.changes if change.kind in {"failing", "disabled"}]
        seen += [(change.kind, change.tries, now - T0) for change in news]
        assert all(change.run_at == T0 for change in news)
        it.changes.clear()
        now = it.next_wake(now) or now
    assert [(kind, number) for kind, number, _ in seen] == [
        ("failing", 1), ("failing", 2), ("failing", 3), ("disabled", 0)
    ]  # fmt: skip
    for (_, _, after), due in zip(seen, (*WARN_AFTER, DISABLE_AFTER), strict=True):
        assert due <= after < due + HOUR


def test_one_success_begins_the_five_days_anew():
    it = lane(patience=Patience(T0 - 4 * DAY))
    it.offer([Told(1), Told(2)], upto=2)
    sent(it, T0)
    it.done(1, OK, T0)
    it.done(2, BAD, T0)
    assert it.patience.since == T0
    assert kinds(it) == [("retry", 2)]


def test_our_own_faults_charge_nothing_and_only_slow_the_lane():
    it = lane()
    it.offer([Told(1), Told(2), Told(3)], upto=3)
    assert len(sent(it, T0)) == 3
    for sequence in (1, 2, 3):
        it.done(sequence, OURS, T0)
    assert it.changes == []
    assert it.patience.since == 0
    assert it.low_water() == 0
    now = it.next_wake(T0)
    assert T0 < now <= T0 + 4 * SECOND
    assert sent(it, now) == [1]
    assert it.items[1].attempts == 0


@pytest.mark.parametrize("rate", [0.5, 2.0, 7.0, 50.0, 1000.0])
def test_in_no_second_is_an_endpoints_rate_passed_by_more_than_a_twentieth(rate):
    it = lane(rate=rate, concurrency=100)
    count = int(rate * 5) + 5
    it.offer([Told(n) for n in range(1, count + 1)], upto=count)
    now, stamps = T0, []
    while len(stamps) < count:
        for sequence in sent(it, now):
            it.done(sequence, OK, now)
            stamps.append(now)
        now = it.next_wake(now) or now
    for begin in stamps:
        inside = sum(begin <= stamp < begin + SECOND for stamp in stamps)
        assert inside <= max(1, rate * 1.05)
    assert count / (stamps[-1] - T0) * SECOND >= rate * 0.9


def test_what_the_redo_log_knows_as_delivered_is_not_sent_again_after_a_restart():
    it = lane(position=10, finished={12, 13})
    it.restore(Item(14, "s", 0, None, attempts=1, run_at=T0 + SECOND))
    it.offer([Told(n) for n in range(11, 16)], upto=15)
    assert sent(it, T0) == [11, 15]
    assert it.low_water() == 10


results = st.sampled_from(
    [OK, OK, OK, BAD, BAD, LATE, OURS, Result(retry_after=0), Result(retry_after=3 * HOUR, reason="503")]
)


@settings(max_examples=250)
@given(
    ordering=st.sampled_from(["latest", "strict", "none"]),
    shipments=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=40),
    topics=st.lists(st.sampled_from([None, "shipment.status"]), min_size=40, max_size=40),
    answers=st.lists(results, max_size=120),
    concurrency=st.integers(1, 6),
    steps=st.randoms(use_true_random=False),
    rate=st.sampled_from([None, 1.0, 50.0]),
)
def test_any_history_leaves_every_message_final_or_waiting_and_keeps_its_order(  # noqa: C901, PLR0912, PLR0915, PLR0917 - one model, read from top to bottom
    ordering, shipments, topics, answers, concurrency, steps, rate
):
    it = lane(ordering=ordering, concurrency=concurrency, rate=rate, random=steps.random)
    told = [Told(n + 1, key, n + 1, topics[n]) for n, key in enumerate(shipments)]
    by_sequence = {one.sequence: one for one in told}
    final: dict[int, str] = {}
    retry_rows: set[int] = set()
    delivered: list[int] = []
    flying: list[int] = []
    now, offered, spins = T0, 0, 0
    answers = list(answers)
    while len(final) < len(told):
        if offered < len(told) and (not flying or steps.random() < 0.3):
            step = steps.randint(1, 5)
            it.offer(told[offered : offered + step], upto=min(offered + step, len(told)))
            offered = min(offered + step, len(told))
        for item in it.ready(now):
            assert item.sequence not in final
            flying.append(item.sequence)
        assert len(flying) == it.flying <= concurrency
        if ordering != "none":
            keys = [by_sequence[s].shipment_id for s in flying if by_sequence[s].shipment_id]
            assert len(keys) == len(set(keys))
        if flying:
            sequence = flying.pop(steps.randrange(len(flying)))
            result = answers.pop() if answers else OK
            it.done(sequence, result, now)
            if result.delivered:
                final[sequence] = "delivered"
                delivered.append(sequence)
        else:
            wake = it.next_wake(now)
            assert wake is not None or offered < len(told)
            spins = spins + 1 if wake == now else 0
            assert spins < 2, "a wake that brings nothing would spin"
            now = max(now, wake or now)
        for change in it.changes:
            if change.kind == "retry":
                retry_rows.add(change.sequence)
            elif change.kind in {"settled", "dead", "superseded"}:
                assert (change.sequence in retry_rows) == change.stored
                retry_rows.discard(change.sequence)
                if change.kind != "settled":
                    assert change.sequence not in final
                    final[change.sequence] = change.kind
        it.changes.clear()
        low = it.low_water()
        assert all(n in final or n in retry_rows for n in range(1, low + 1))
    assert it.items == {}
    assert retry_rows == set()
    assert it.low_water() == len(told)
    assert it._hand._chains == {}
    assert it._hand._flying == set()
    for key in "abc":
        mine = [s for s in delivered if by_sequence[s].shipment_id == key]
        if ordering == "strict":
            assert mine == sorted(mine)
    assert ("superseded" in final.values()) <= (ordering == "latest")


def test_a_lane_at_rest_keeps_nothing_but_its_place_and_goes_on_from_there():
    it = lane()
    it.offer([Told(1, "s"), Told(2, "s")], upto=2)
    assert sent(it, T0) == [1]
    it.rest()
    assert sorted(it.items) == [1, 2]
    it.done(1, OK, T0)
    assert sent(it, T0) == [2]
    it.done(2, OK, T0)
    assert it.low_water() == 2
    it.rest()
    assert it._hand is None
    assert it.reader._order is None
    assert it.low_water() == 2
    assert it.ready(T0) == []
    assert it.next_wake(T0) is None
    assert it.wants(T0)
    it.offer([Told(2, "s"), Told(3, "s")], upto=3)
    assert sent(it, T0) == [3]


def test_not_being_let_through_is_told_three_times_disables_nothing_and_spares_the_endpoint():
    it = lane()
    it.offer([Told(1)], upto=1)
    now, told = T0, []
    while now < T0 + 2 * DISABLE_AFTER:
        for sequence in sent(it, now):
            it.done(sequence, Result(ours=True, blocked=True), now)
        told += [(change.kind, change.tries, (now - T0) // HOUR) for change in it.changes]
        it.changes.clear()
        now = it.next_wake(now) or now
    assert told == [("blocked", 1, 1), ("blocked", 2, 24), ("blocked", 3, 72)]
    assert (it.enabled, it.patience.since, it.items[1].attempts, it.breaker.state) == (True, 0, 0, "slow")
    assert sent(it, now) == [1]
    it.done(1, OK, now)
    assert it.patience.warning(now) is None


def failing(it, tries: int, first: int, every: int) -> list[tuple[str, int, int]]:
    """Let so many tries fail, one after the other; return what the merchant is told: kind, number, days since."""
    seen = []
    for number in range(1, tries + 1):
        now = first + (number - 1) * every
        it.patience.failed(now)
        if (verdict := it.patience.verdict(BAD, now)) is not None:
            seen.append((verdict.kind, verdict.tries, (now - first) // DAY))
            if verdict.kind == "disabled":
                break
    return seen


def test_two_messages_in_many_days_are_not_enough_to_disable_however_long_that_is():
    it, told = lane(), []
    for sequence, now in ((1, T0), (2, T0 + 26 * DAY)):
        it.offer([Told(sequence)], upto=sequence)
        while it.enabled and it.items:  # until its schedule is over
            for one in sent(it, now):
                it.done(one, BAD, now)
            told += [(change.kind, change.tries) for change in it.changes if change.kind in {"failing", "disabled"}]
            it.changes.clear()
            now = it.next_wake(now) or now  # noqa: PLW2901 - time goes on
    assert told == [("failing", 1), ("failing", 2), ("failing", 3)]
    assert it.enabled


def test_many_tries_in_a_short_time_are_not_enough_either():
    assert failing(lane(), 10 * DISABLE_TRIES, T0, SECOND) == []


def test_few_tries_that_add_up_over_weeks_disable_after_all_three_warnings():
    told = failing(lane(), 10 * DISABLE_TRIES, T0, DAY // 2)
    assert [kind for kind, *_ in told] == ["failing", "failing", "failing", "disabled"]
    assert told[-1][2] == (DISABLE_TRIES - 1) // 2


def test_who_was_silent_for_days_is_warned_before_being_disabled():
    it = lane()
    assert failing(it, 2 * DISABLE_TRIES, T0, SECOND) == []
    later = T0 + 6 * DAY
    assert [it.patience.verdict(BAD, later).kind, it.patience.verdict(BAD, later).kind] == ["failing", "disabled"]


def test_a_success_forgets_the_tries_and_a_new_start_does_not():
    it = lane(patience=Patience(T0 - 6 * DAY, DISABLE_TRIES - 2))
    assert [kind for kind, *_ in failing(it, 3, T0, SECOND)] == ["failing", "disabled"]
    it = lane(patience=Patience(T0 - 6 * DAY, DISABLE_TRIES - 2))
    it.patience.restored()
    assert failing(it, 3, T0, SECOND) == []
    assert it.patience.tries == 3

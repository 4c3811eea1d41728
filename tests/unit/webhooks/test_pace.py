"""A receiver that takes so many requests a second and no more is found out, kept to, and tried again for more."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from heapq import heappop, heappush

import pytest

from webhooks.item import Reader, Result
from webhooks.lane import Lane
from webhooks.pace import SLOWEST, Pace
from webhooks.patience import LONGEST_BUSY_PAUSE, Pauses
from webhooks.schedule import HOUR, MINUTE, SECOND

T0 = 1_800_000_000_000
OK = Result(delivered=True)
BUSY = Result(busy=True, reason="status 429")
BUSY_UNTIL_NOW = Result(busy=True, retry_after=0, reason="status 429")


@dataclass(frozen=True)
class Told:
    sequence: int
    shipment_id: str | None = None
    shipment_version: int = 0
    topic: str | None = None


class Limited:
    """Takes `most` requests in any second."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: deque[int] = deque()

    def answer(self, _sequence: int, now: int) -> Result:
        while self.taken and self.taken[0] <= now - SECOND:
            self.taken.popleft()
        if len(self.taken) >= self.most:
            return BUSY
        self.taken.append(now)
        return OK


class Capricious:
    """Refuses every 45th message whatever the rate, and every other of these twice."""

    EVERY = 45

    def __init__(self, refusal: Result) -> None:
        self.refusal = refusal
        self.before: Counter[int] = Counter()

    def answer(self, sequence: int, _now: int) -> Result:
        times = self.before[sequence]
        self.before[sequence] += 1
        return self.refusal if sequence % self.EVERY == 0 and times < 1 + sequence // self.EVERY % 2 else OK


class PerMinute:
    """Takes `most` requests from one minute of the clock to the next."""

    def __init__(self, most: int, refusal: Result) -> None:
        self.most = most
        self.refusal = refusal
        self.taken: Counter[int] = Counter()

    def answer(self, _sequence: int, now: int) -> Result:
        if self.taken[now // MINUTE] >= self.most:
            return self.refusal
        self.taken[now // MINUTE] += 1
        return OK


def run(
    lane: Lane, receiver: Limited | Capricious | PerMinute, messages: int, until: int, begin: int = T0
) -> tuple[int, int, dict[int, int]]:
    """Send; return successes, refusals, and how many requests left in each second. Answers take 5 ms."""
    lane.offer([Told(n) for n in range(1, messages + 1)], upto=messages)
    flying: list[tuple[int, int, Result]] = []
    now, good, refused, seconds = begin, 0, 0, {}
    while now < until and (lane.items or flying):
        for item in lane.ready(now):
            heappush(flying, (now + 5, item.sequence, receiver.answer(item.sequence, now)))
            seconds[(now - begin) // SECOND] = seconds.get((now - begin) // SECOND, 0) + 1
        wakes = [wake for wake in (lane.next_wake(now), flying[0][0] if flying else None) if wake is not None]
        now = max(now, min(wakes))
        while flying and flying[0][0] <= now:
            _, sequence, result = heappop(flying)
            lane.done(sequence, result, now)
            good, refused = good + result.delivered, refused + (not result.delivered)
        lane.changes.clear()
    return good, refused, seconds


@pytest.mark.parametrize("most", [5, 20, 200])
def test_a_receivers_own_limit_is_found_and_few_requests_are_refused_after(most):
    lane = Lane(Reader(0), lambda: 0.0, concurrency=16)
    messages = most * 120
    good, refused, seconds = run(lane, Limited(most), messages, T0 + HOUR)
    assert refused <= 16 + messages * 0.1
    assert good >= messages * 0.95
    settled = [seconds.get(second, 0) for second in range(30, 90)]
    assert sum(settled) / len(settled) >= most * 0.5
    assert max(settled) <= most * 2


def test_a_burst_of_refusals_halves_once_and_successes_bring_the_rate_back():
    pace = Pace(None)
    assert pace.room(T0) > 1_000_000
    pace.take(40, T0)
    for _ in range(16):
        pace.too_much(T0 + 10)
    assert pace.rate == 20.0
    pace = Pace(None, 10.0)
    now, rates = T0, []
    while pace.rate is not None:
        rates.append(pace.rate)
        now += SECOND
        pace.went_well(now)
    assert rates[:3] == [10.0, 11.0, 12.0]
    assert rates[-1] < 40 <= rates[-1] + 1


def test_what_is_refused_again_before_anything_went_well_does_not_take_the_rate_further_down():
    pace = Pace(None)
    pace.take(40, T0)
    pace.too_much(T0 + 10)
    for second in range(2, 9):  # the pauses grow, and one request tries after each of them
        pace.take(1, T0 + second * SECOND)
        pace.too_much(T0 + second * SECOND)
    assert pace.rate == 20.0
    pace.went_well(T0 + 9 * SECOND)
    assert pace.rate == 22.0
    pace.too_much(T0 + 9 * SECOND + 100)  # hardly anything left in this second, which says nothing of the rate
    assert pace.rate == 11.0


def test_an_answer_to_what_had_left_before_a_refusal_does_not_make_room_for_a_second_halving():
    pace = Pace(None)
    pace.take(16, T0)
    pace.too_much(T0 + 10)
    pace.went_well(T0 + 500)
    pace.too_much(T0 + SECOND + 20)
    assert pace.rate == 8.0 + 16 / 20 * 0.49


@pytest.mark.parametrize("refusal", [BUSY, BUSY_UNTIL_NOW])
def test_a_receiver_that_refuses_one_in_45_whatever_the_rate_gets_45_in_12_seconds(refusal):
    # A refusal takes the rate from p to p/2, and p/20 a second bring it back in 10 s, so that 45 messages at 3p/4 make
    # p = 6 a second; the pause or two and the slow start take the rest.
    took = []
    for phase in range(0, SECOND, 50):  # what a clock's second has to do with it: nothing
        lane = Lane(Reader(0), lambda: 0.0, ordering="none", concurrency=8, schedule=(0, 300, 600, 900))
        receiver = Capricious(refusal)
        good, refused, seconds = run(lane, receiver, 20 * receiver.EVERY, T0 + HOUR, T0 + phase)
        assert (good, refused) == (20 * receiver.EVERY, 30)
        took.append(max(seconds))
    assert max(took) <= 20 * 12
    assert max(took) <= min(took) * 1.05


@pytest.mark.parametrize("refusal", [BUSY, BUSY_UNTIL_NOW])
def test_a_receiver_that_is_done_for_this_minute_is_tried_now_and_then_and_gets_as_many_in_the_next(refusal):
    lane = Lane(Reader(0), lambda: 0.0, ordering="none", schedule=(0,) * 1000)
    receiver = PerMinute(60, refusal)
    good, refused, seconds = run(lane, receiver, 2_000, T0 + 10 * MINUTE)
    assert good >= 60 * 10 * 0.9
    assert refused <= 16 + 10 * 8  # a burst, then the pauses of 1, 2, 4, 8, 16 and 32 s of each minute
    assert max(seconds[second] for second in seconds if second >= 5 * MINUTE // SECOND) <= 20


def test_a_pace_under_an_endpoints_own_limit_comes_back_to_that_limit_and_no_further():
    pace = Pace(8.0)
    pace.take(1, T0)
    pace.too_much(T0)
    assert pace.held == SLOWEST
    for second in range(200):
        pace.went_well(T0 + second * SECOND)
        assert pace.held <= 8.0
    assert (pace.rate, pace.held) == (None, 8.0)


def test_too_much_without_a_time_pauses_longer_each_time_and_one_success_ends_that():
    pauses, now, waits = Pauses(), T0, []
    for _ in range(9):
        assert pauses.asked(BUSY, now)
        pauses.asked(BUSY, now)  # the same burst
        waits.append(pauses.until - now)
        now = pauses.until
    assert waits == [SECOND << n for n in range(6)] + [LONGEST_BUSY_PAUSE] * 3
    pauses.over()
    pauses.asked(BUSY, now)
    assert pauses.until - now == SECOND
    assert not pauses.asked(Result(reason="status 500"), now)


def test_a_restart_goes_on_at_the_pace_that_was_found():
    lane = Lane(Reader(0), lambda: 0.0, pace=4.0)
    lane.offer([Told(n) for n in range(1, 20)], upto=19)
    assert len(lane.ready(T0)) == 1
    assert lane.throttled_to == 4.0
    assert lane.next_wake(T0) == pytest.approx(T0 + 250, abs=2)

"""A receiver that takes so many requests a second and no more is found out, kept to, and tried again for more."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heappop, heappush

import pytest

from webhooks.item import Reader, Result
from webhooks.lane import Lane
from webhooks.pace import SLOWEST, Pace
from webhooks.patience import LONGEST_BUSY_PAUSE, Pauses
from webhooks.schedule import HOUR, SECOND

T0 = 1_800_000_000_000
OK = Result(delivered=True)
BUSY = Result(busy=True, reason="status 429")


@dataclass(frozen=True)
class Told:
    sequence: int
    shipment_id: str | None = None
    shipment_version: int = 0
    topic: str | None = None


class Limited:
    """Takes `most` requests in any second, answers after 5 ms."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken: deque[int] = deque()

    def answer(self, now: int) -> Result:
        while self.taken and self.taken[0] <= now - SECOND:
            self.taken.popleft()
        if len(self.taken) >= self.most:
            return BUSY
        self.taken.append(now)
        return OK


def run(lane: Lane, receiver: Limited, messages: int, until: int) -> tuple[int, int, dict[int, int]]:
    """Send; return successes, refusals, and how many requests left in each second."""
    lane.offer([Told(n) for n in range(1, messages + 1)], upto=messages)
    flying: list[tuple[int, int, Result]] = []
    now, good, refused, seconds = T0, 0, 0, {}
    while now < until and (lane.items or flying):
        for item in lane.ready(now):
            heappush(flying, (now + 5, item.sequence, receiver.answer(now)))
            seconds[(now - T0) // SECOND] = seconds.get((now - T0) // SECOND, 0) + 1
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
    pace.too_much(T0 + 2 * SECOND)
    assert pace.rate == SLOWEST  # what really left since then counts: next to nothing
    pace = Pace(None, 10.0)
    now, rates = T0, []
    while pace.rate is not None:
        rates.append(pace.rate)
        now += SECOND
        pace.went_well(now)
    assert rates[:3] == [10.0, 11.0, 12.0]
    assert rates[-1] < 40 <= rates[-1] + 1


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

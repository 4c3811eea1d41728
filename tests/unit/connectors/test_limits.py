"""Manners towards a carrier, with a clock that only moves when told."""

from __future__ import annotations

import asyncio

import pytest

from connectors.errors import Unavailable
from connectors.limits import DAY, Breaker, RateLimiter


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_turns_are_evenly_spaced(clock):
    limiter = RateLimiter(per_second=4, clock=clock)
    assert [limiter.reserve() for _ in range(4)] == [0.0, 0.25, 0.5, 0.75]
    clock.now += 0.6
    assert limiter.reserve() == pytest.approx(0.4)
    clock.now += 10
    assert limiter.reserve() == 0.0


async def test_who_asks_first_goes_first(clock):
    slept, gone = [], []

    async def sleep(seconds):
        slept.append(seconds)
        await asyncio.sleep(0)

    limiter = RateLimiter(per_second=1, clock=clock, sleep=sleep)

    async def caller(name):
        await limiter.wait()
        gone.append(name)

    await asyncio.gather(*(caller(name) for name in "abcd"))
    assert gone == list("abcd")
    assert slept == [1.0, 2.0, 3.0]


def test_a_queue_longer_than_patience_is_refused_with_the_wait(clock):
    limiter = RateLimiter(per_second=0.1, patience=25, clock=clock)
    assert [limiter.reserve() for _ in range(3)] == [0.0, 10.0, 20.0]
    with pytest.raises(Unavailable) as caught:
        limiter.reserve()
    assert caught.value.retry_after == 30.0
    clock.now += 10
    assert limiter.reserve() == 20.0


def test_no_documented_rate_means_no_wait(clock):
    limiter = RateLimiter(clock=clock)
    assert [limiter.reserve() for _ in range(50)] == [0.0] * 50


def test_a_used_up_day_says_how_long_until_midnight_utc():
    clock = Clock(10 * DAY + 3600)
    limiter = RateLimiter(per_day=3, used_today=1, clock=clock)
    limiter.reserve()
    limiter.reserve()
    with pytest.raises(Unavailable) as caught:
        limiter.reserve()
    assert caught.value.retry_after == DAY - 3600
    assert limiter.used_today == 3
    clock.now = 11 * DAY
    assert limiter.used_today == 0
    assert limiter.reserve() == 0.0


def test_a_refused_turn_is_not_counted(clock):
    limiter = RateLimiter(per_day=2, clock=clock)
    limiter.hold(60)
    with pytest.raises(Unavailable) as caught:
        limiter.reserve()
    assert caught.value.retry_after == 60.0
    assert limiter.used_today == 0
    clock.now += 60
    limiter.reserve()
    assert limiter.used_today == 1


def test_a_shorter_hold_does_not_end_a_longer_one(clock):
    limiter = RateLimiter(clock=clock)
    limiter.hold(60)
    limiter.hold(5)
    clock.now += 30
    with pytest.raises(Unavailable):
        limiter.reserve()


def test_a_clock_set_back_leaves_no_turn_hours_away(clock):
    limiter = RateLimiter(per_second=1, patience=30, clock=clock)
    limiter.reserve()
    clock.now -= 900
    assert [limiter.reserve(), limiter.reserve()] == [0.0, 1.0]


def test_a_clock_set_back_holds_nobody_longer_than_the_carrier_said(clock):
    limiter = RateLimiter(clock=clock)
    limiter.hold(60)
    clock.now -= 30 * DAY
    with pytest.raises(Unavailable) as caught:
        limiter.reserve()
    assert caught.value.retry_after == 60
    clock.now += 61
    assert limiter.reserve() == 0.0


def test_the_breaker_opens_after_so_many_failures_in_a_row_and_tells_once(clock):
    told = []
    breaker = Breaker(threshold=3, rest=30, clock=clock, on_change=told.append)
    for outcome in (breaker.failed, breaker.failed, breaker.succeeded, breaker.failed, breaker.failed):
        breaker.enter()
        outcome()
    assert breaker.state == "closed"
    breaker.enter()
    breaker.failed()
    breaker.failed()  # a call that was on its way
    assert breaker.state == "open"
    assert told == ["open"]
    clock.now += 10
    with pytest.raises(Unavailable) as caught:
        breaker.enter()
    assert caught.value.retry_after == 20.0


def test_one_probe_goes_and_its_success_closes_the_breaker(clock):
    told = []
    breaker = Breaker(threshold=1, rest=30, clock=clock, on_change=told.append)
    breaker.enter()
    breaker.failed()
    clock.now += 30
    assert breaker.state == "half_open"
    breaker.check()
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"
    assert told == ["open", "closed"]
    breaker.enter()


def test_failed_probes_rest_longer_each_time_up_to_the_longest_and_stay_silent(clock):
    told, rests = [], []
    breaker = Breaker(threshold=1, rest=30, longest=100, clock=clock, on_change=told.append)
    breaker.enter()
    breaker.failed()
    for _ in range(4):
        with pytest.raises(Unavailable) as caught:
            breaker.check()
        rests.append(caught.value.retry_after)
        clock.now += caught.value.retry_after
        breaker.enter()
        breaker.failed()
    assert rests == [30.0, 60.0, 100.0, 100.0]
    assert told == ["open"]


def test_a_longer_wait_that_the_carrier_names_is_kept(clock):
    breaker = Breaker(threshold=1, rest=30, clock=clock)
    breaker.enter()
    breaker.failed(300.0)
    clock.now += 299
    assert breaker.state == "open"


def test_an_abandoned_probe_leaves_the_way_free_for_the_next(clock):
    breaker = Breaker(threshold=1, rest=30, clock=clock)
    breaker.enter()
    breaker.failed()
    clock.now += 31
    breaker.enter()
    breaker.abandoned()
    breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"

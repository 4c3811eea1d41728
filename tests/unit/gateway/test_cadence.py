"""When a carrier is asked again."""

from __future__ import annotations

import pytest

from gateway.cadence import DOUBT_AGE, SILENCE_ENDS, Asked, backoff, doubtful, has_expired, is_near, next_poll
from normalizer.model import Status

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_800_000_000_000


def asked(status: Status, **known: int | bool | None) -> Asked:
    return Asked(**{"status": status, "created_at": NOW - HOUR, "last_news_at": NOW - HOUR} | known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "minutes"),
    [(Status.OUT_FOR_DELIVERY, 10), (Status.IN_TRANSIT, 120), (Status.INFO_RECEIVED, 240), (Status.RETURNING, 360)],
)
def test_the_closer_to_the_door_the_sooner_the_carrier_is_asked(status: Status, minutes: int) -> None:
    assert next_poll(asked(status), NOW) == NOW + minutes * MINUTE


@pytest.mark.parametrize("status", [Status.RETURNED, Status.REFUNDED, Status.CANCELLED, Status.EXPIRED])
def test_what_is_over_is_never_asked_again(status: Status) -> None:
    assert next_poll(asked(status), NOW) is None


def test_a_delivery_is_looked_at_after_a_day_and_once_more_and_then_left_alone() -> None:
    fresh = next_poll(asked(Status.DELIVERED, last_news_at=NOW), NOW)
    assert fresh == NOW + DAY
    again = next_poll(asked(Status.DELIVERED, created_at=NOW - 9 * DAY, last_news_at=NOW - DAY), NOW)
    assert again == NOW + 7 * DAY
    assert next_poll(asked(Status.DELIVERED, created_at=NOW - 9 * DAY, last_news_at=NOW - 8 * DAY), NOW) is None


def test_a_quiet_parcel_is_asked_for_ever_slower_and_then_not_at_all() -> None:
    waits = [
        next_poll(asked(Status.IN_TRANSIT, created_at=NOW - 60 * DAY, last_news_at=NOW - days * DAY), NOW)
        for days in (1, 3, 8, 20, 46)
    ]
    assert waits == [NOW + 2 * HOUR, NOW + 4 * HOUR, NOW + 8 * HOUR, NOW + 24 * HOUR, None]


def test_an_unknown_number_is_asked_for_slower_each_time() -> None:
    waits = [next_poll(asked(Status.PENDING, not_found=times), NOW) for times in (1, 2, 3, 9)]
    assert waits == [NOW + 15 * MINUTE, NOW + 30 * MINUTE, NOW + 60 * MINUTE, NOW + 12 * HOUR]


def test_failures_back_off_and_the_carriers_own_delay_is_kept() -> None:
    waits = [next_poll(asked(Status.IN_TRANSIT, failures=times), NOW) for times in (1, 2, 3, 30)]
    assert waits == [NOW + MINUTE, NOW + 2 * MINUTE, NOW + 4 * MINUTE, NOW + HOUR]
    assert next_poll(asked(Status.IN_TRANSIT, failures=1, retry_after_ms=5 * HOUR), NOW) == NOW + 5 * HOUR


def test_polls_slow_down_where_pushes_arrive_and_hurry_on_the_promised_day() -> None:
    assert next_poll(asked(Status.OUT_FOR_DELIVERY, pushed_at=NOW - HOUR), NOW) == NOW + 60 * MINUTE
    assert next_poll(asked(Status.IN_TRANSIT, due_today=True), NOW) == NOW + 30 * MINUTE


def test_a_shipment_expires_by_silence_only_while_it_is_open() -> None:
    silent = NOW - SILENCE_ENDS - 1
    assert has_expired(asked(Status.IN_TRANSIT, created_at=silent, last_news_at=silent), NOW)
    assert not has_expired(asked(Status.DELIVERED, created_at=silent, last_news_at=silent), NOW)
    assert not has_expired(asked(Status.IN_TRANSIT), NOW)


@pytest.mark.parametrize(
    ("status", "silent_for", "usual"),
    [(Status.OUT_FOR_DELIVERY, 4 * HOUR, 10 * MINUTE), (Status.IN_TRANSIT, 36 * HOUR, 2 * HOUR)],
)
def test_pushes_that_fall_silent_are_trusted_no_more(status: Status, silent_for: int, usual: int) -> None:
    assert next_poll(asked(status, pushed_at=NOW - silent_for + 1), NOW) == NOW + 6 * usual
    assert next_poll(asked(status, pushed_at=NOW - silent_for), NOW) == NOW + usual


@pytest.mark.parametrize(
    ("promise", "near"),
    [
        (None, False),
        ({"from": None, "to": None}, False),
        ({"from": "2027-01-15T08:00:00Z", "to": "2027-01-15T20:00:00Z"}, True),  # NOW is 2027-01-15T08:00:00Z
        ({"from": None, "to": "2027-01-14T20:00:00Z"}, True),
        ({"from": None, "to": "2027-01-14T19:59:59Z"}, False),
        ({"from": "2027-01-15T20:00:00Z", "to": None}, True),
        ({"from": "2027-01-15T20:00:01Z", "to": None}, False),
        ({"from": "2027-01-16", "to": None}, False),
        ({"from": "2027-01-15", "to": "2027-01-15"}, True),
        ({"from": "2027-01-14", "to": "2027-01-14"}, True),
        ({"from": "2027-01-13", "to": "2027-01-13"}, False),
        ({"from": "2027-01-15T12:00:00", "to": "2027-01-15T14:00:00"}, True),
        ({"from": "2027-01-12T00:00:00Z", "to": "2027-01-20T00:00:00Z"}, False),
        ({"from": "2027-01-12T00:00:00Z", "to": "2027-01-16T00:00:00Z"}, True),
    ],
)
def test_a_promise_is_near_half_a_day_around_its_last_day(promise: dict[str, str | None] | None, near: bool) -> None:
    assert is_near([None, promise], NOW) is near


def test_only_a_detected_carrier_that_keeps_saying_unknown_is_doubted_and_only_once() -> None:
    known = {"carrier_set_by": "detected", "not_found": 4, "created_at": NOW - DOUBT_AGE, "guessed": False, "now": NOW}
    assert doubtful(**known)
    others = (
        {"carrier_set_by": "merchant"},
        {"carrier_set_by": "push"},
        {"not_found": 3},
        {"created_at": NOW - DOUBT_AGE + 1},
        {"guessed": True},
    )
    assert [doubtful(**known | other) for other in others] == [False] * 5


def test_failures_wait_a_minute_doubled_up_to_an_hour() -> None:
    assert [backoff(times) // MINUTE for times in (0, 1, 2, 6, 7, 50)] == [1, 1, 2, 32, 60, 60]

"""Retry-After in every spelling, the schedule's length, an endpoint's rate."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from webhooks.schedule import DAY, HOUR, SCHEDULE, SECOND, Bucket, delay, retry_after, rfc3339

NOW = 1_800_000_000_000


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("", None),
        ("120", 120 * SECOND),
        (" 7 ", 7 * SECOND),
        ("0", 0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("86401", DAY),
        ("9" * 5_000, DAY),
        ("٣", None),
        (formatdate(NOW / 1000 + 90, usegmt=True), 90 * SECOND),
        (formatdate(NOW / 1000 - 90, usegmt=True), 0),
        (formatdate(NOW / 1000 + 9 * 86_400, usegmt=True), DAY),
        ("Wed, 99 Foo 2027 00:00:00 GMT", None),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
    ],
)
def test_retry_after_is_read_or_ignored_but_never_believed_beyond_a_day(value, expected):
    assert retry_after(value, NOW) == expected


def test_the_schedule_has_ten_tries_over_three_days():
    assert len(SCHEDULE) == 10
    assert [delay(SCHEDULE, n, lambda: 0.0) for n in range(11)] == [*SCHEDULE, None]
    assert sum(SCHEDULE) == 75 * HOUR + 35 * 60 * SECOND + 5 * SECOND + 0 * HOUR
    assert delay(SCHEDULE, 9, lambda: 1.0) == 24 * HOUR * 12 // 10


def test_a_bucket_lets_a_twentieth_of_a_second_pass_at_once_and_then_one_by_one():
    assert Bucket(100.0).room(NOW) == 5
    bucket = Bucket(4.0)
    assert bucket.room(NOW) == 1
    bucket.take(1)
    assert bucket.room(NOW) == 0
    wake = bucket.next_token(NOW)
    assert 250 <= wake - NOW <= 252
    assert bucket.room(wake) == 1
    assert bucket.room(NOW - 10_000) == 1  # a clock that goes back gives and takes nothing


def test_times_are_spelt_in_utc_with_milliseconds():
    assert rfc3339(NOW + 7) == "2027-01-15T08:00:00.007Z"

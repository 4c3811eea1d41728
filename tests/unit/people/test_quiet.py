"""Quiet hours over zones and changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.people.quiet import DAY_MINUTES, Quiet

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ("Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def wall(at: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).isoformat()


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2026-11-03T20:59:59+01:00", "2026-11-03T20:59:59+01:00"),
        ("2026-11-03T21:00:00+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-11-04T07:59:59+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-11-04T08:00:00+01:00", "2026-11-04T08:00:00+01:00"),
        ("2026-10-24T22:00:00+02:00", "2026-10-25T08:00:00+01:00"),
        ("2026-03-28T22:00:00+01:00", "2026-03-29T08:00:00+02:00"),
    ],
)
def test_a_notice_waits_until_the_morning_on_the_wall_clock_of_who_gets_it(at, due):
    assert wall(Quiet().due(ms(at), BERLIN), BERLIN) == due


def test_an_end_that_the_clock_leaps_over_is_the_first_minute_after_the_leap():
    quiet = Quiet(start=60, end=2 * 60 + 30)  # 02:30 is no time on the day clocks go forward
    due = quiet.due(ms("2026-03-29T01:30:00+01:00"), BERLIN)
    assert wall(due, BERLIN) == "2026-03-29T03:30:00+02:00"


minutes = st.integers(0, DAY_MINUTES - 1)
# around 2011-12-30, a day Apia did not have, and over some years with all changes of the clock
instants = st.one_of(
    st.integers(ms("2011-12-27T00:00:00+00:00"), ms("2012-01-02T00:00:00+00:00")),
    st.integers(ms("2024-01-01T00:00:00+00:00"), ms("2030-01-01T00:00:00+00:00")),
)


@given(instants, st.sampled_from(ZONES), minutes, minutes)
def test_nobody_is_disturbed_in_quiet_hours_and_nobody_waits_longer_than_they_last(at, zone, start, end):
    quiet, where = Quiet(start, end), ZoneInfo(zone)
    due = quiet.due(at, where)
    assert not quiet.holds(due, where)
    assert at <= due <= at + 50 * 3_600_000
    if not quiet.holds(at, where):
        assert due == at


@given(instants, st.sampled_from(ZONES), minutes, minutes)
def test_what_is_urgent_goes_at_once(at, zone, start, end):
    assert Quiet(start, end).due(at, ZoneInfo(zone), urgent=True) == at

"""A carrier's clock becomes an instant, and the event says what that rests on."""

# ruff: noqa: DTZ001 - clocks without an offset are what is tested here

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import clock
from normalizer.clock import Instant, resolve
from normalizer.model import NOWHERE, Place

NEWARK = Place(city="Newark", region="NJ", country="US")
BERLIN = Place(city="Berlin", country="DE")
NOON = datetime(2026, 7, 1, 12, 0)
PLUS_TWO = timezone(timedelta(hours=2))


def _resolve(
    at: datetime | date | None,
    *,
    zone: str | None = None,
    place: Place = NOWHERE,
    carrier_zone: str | None = None,
    kind: str = "local",
) -> Instant:
    return resolve(at, zone=zone, place=place, carrier_zone=carrier_zone, clock_kind=kind)


def test_a_clock_with_its_offset_keeps_it() -> None:
    found = _resolve(NOON.replace(tzinfo=PLUS_TWO), place=NEWARK, kind="offset")
    assert found == Instant(datetime(2026, 7, 1, 10, tzinfo=UTC), NOON, "+02:00", "offset")


def test_utc_of_a_carrier_that_counts_in_utc_is_shown_on_the_clock_of_the_place() -> None:
    at = NOON.replace(tzinfo=UTC)
    assert _resolve(at, place=NEWARK, kind="utc") == Instant(at, datetime(2026, 7, 1, 8), "-04:00", "offset")
    assert _resolve(at, kind="utc") == Instant(at, NOON, "+00:00", "offset")
    assert _resolve(at, place=NEWARK, kind="offset") == Instant(at, NOON, "+00:00", "offset")


@pytest.mark.parametrize(
    ("zone", "place", "carrier_zone", "instant", "offset", "basis"),
    [
        ("Asia/Tokyo", BERLIN, "America/Toronto", datetime(2026, 7, 1, 3, tzinfo=UTC), "+09:00", "carrier"),
        (None, BERLIN, "America/Toronto", datetime(2026, 7, 1, 10, tzinfo=UTC), "+02:00", "place"),
        (None, NOWHERE, "America/Toronto", datetime(2026, 7, 1, 16, tzinfo=UTC), "-04:00", "carrier"),
        (None, Place(country="US"), "America/Denver", datetime(2026, 7, 1, 18, tzinfo=UTC), "-06:00", "carrier"),
        (None, Place(country="US"), None, datetime(2026, 7, 1, 16, tzinfo=UTC), "-04:00", "assumed"),
        (None, Place(country="US", region="TX"), None, datetime(2026, 7, 1, 17, tzinfo=UTC), "-05:00", "assumed"),
        (None, NOWHERE, None, None, None, None),
        (None, Place(city="Paris"), None, None, None, None),
    ],
)
def test_a_bare_local_time_looks_for_its_zone_in_order_and_is_never_utc(
    *, zone: str | None, place: Place, carrier_zone: str | None, instant: datetime, offset: str, basis: str
) -> None:
    found = _resolve(NOON, zone=zone, place=place, carrier_zone=carrier_zone)
    assert found == Instant(instant, NOON, offset, basis)


def test_a_day_stays_a_day() -> None:
    assert _resolve(date(2026, 7, 1), place=BERLIN) == Instant(None, date(2026, 7, 1), None, "date_only")


def test_no_time_is_no_time() -> None:
    assert _resolve(None, place=BERLIN) == Instant(None, None, None, None)


def test_an_hour_that_comes_twice_means_its_first_coming() -> None:
    twice = datetime(2026, 10, 25, 2, 30)
    for at in (twice, twice.replace(fold=1)):
        found = _resolve(at, place=BERLIN)
        assert (found.at, found.utc_offset) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "+02:00")


def test_an_hour_that_never_comes_is_read_with_the_offset_before_the_change() -> None:
    found = _resolve(datetime(2026, 3, 29, 2, 30), place=BERLIN)
    assert (found.at, found.utc_offset) == (datetime(2026, 3, 29, 1, 30, tzinfo=UTC), "+01:00")


def test_a_zone_that_does_not_exist_is_refused() -> None:
    for name in ("Mars/Base", "../etc/passwd", "a\0b"):
        with pytest.raises(ValueError, match="there is no time zone"):
            _resolve(NOON, zone=name)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1)), st.sampled_from(["Europe/Berlin", "Asia/Kathmandu"]))
def test_instant_local_time_and_offset_always_agree(at: datetime, zone: str) -> None:
    found = _resolve(at, zone=zone)
    assert found.at is not None
    assert found.utc_offset is not None
    assert found.local_time == at
    assert at.replace(tzinfo=clock.offset_of(found.utc_offset)) == found.at


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("Z", 0), ("-05:00", -300), ("+0100", 60), ("-7:00", -420), ("-04.00", -240), ("+05.30", 330), ("+5", 300)],
)
def test_offsets_are_read_in_every_spelling(text: str, minutes: int) -> None:
    assert clock.offset_of(text).utcoffset(None) == timedelta(minutes=minutes)
    assert clock.with_offset(NOON, text) == NOON.replace(tzinfo=timezone(timedelta(minutes=minutes)))


@pytest.mark.parametrize("text", ["", "05:00", "+15:00", "+05:07", "+5:99", "EST", "+05:00:00", "+\u0665:00"])
def test_an_impossible_offset_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="offset"):
        clock.offset_of(text)


def test_an_offset_is_not_put_over_another() -> None:
    with pytest.raises(ValueError, match="already"):
        clock.with_offset(NOON.replace(tzinfo=UTC), "+02:00")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-07-01", date(2026, 7, 1)),
        ("20260701", date(2026, 7, 1)),
        ("2026-07-01T12:00", NOON),
        ("2026-07-01 12:00:00", NOON),
        ("20260701T120000", NOON),
        (" 2026-07-01T12:00:00Z ", NOON.replace(tzinfo=UTC)),
        ("2026-07-01T12:00:00+02:00", NOON.replace(tzinfo=PLUS_TWO)),
        ("2026-07-01T12:00:00+0200", NOON.replace(tzinfo=PLUS_TWO)),
        ("2026-07-01T12:00:00 +02.00", NOON.replace(tzinfo=PLUS_TWO)),
        ("2026-07-01T12:00:00.5Z", NOON.replace(microsecond=500_000, tzinfo=UTC)),
        ("2026-07-01T12:00:00.123456789+02", NOON.replace(microsecond=123_456, tzinfo=PLUS_TWO)),
        ("2026-07-01T12:00:00,25", NOON.replace(microsecond=250_000)),
    ],
)
def test_iso_times_are_read_in_every_spelling_carriers_use(text: str, moment: datetime | date) -> None:
    found = clock.iso(text)
    assert found == moment
    assert type(found) is type(moment)
    if isinstance(moment, datetime) and isinstance(found, datetime):
        assert found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-02-30", "2026-07-01T25:00", "2026-07-01T12:61:00Z", "2026-07-01T12:00:00+15:00",
     "01/07/2026", "2026-W27-3", "0001-01-01T00:00+99:00", "2026-07-01T12:00:00.1234567890"],
)  # fmt: skip
def test_an_impossible_iso_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        clock.iso(text)


@given(st.datetimes(timezones=st.sampled_from([UTC, PLUS_TWO]) | st.none()))
def test_what_the_library_writes_is_read_back(moment: datetime) -> None:
    assert clock.iso(moment.isoformat()) == moment


def test_compact_times_are_read() -> None:
    assert clock.compact("20260701", "120000") == NOON
    assert clock.compact("20260701", "1200") == NOON
    for day, time in [("2026071", "1200"), ("20260701", "12000"), ("20261301", "1200"), ("20260701", "2460"), ("", "")]:
        with pytest.raises(ValueError, match=r"\w"):
            clock.compact(day, time)


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [("12:00 AM", 0, 0), ("12:30 p.m.", 12, 30), ("1:05 pm", 13, 5), ("11:59:00 PM", 23, 59)],
)
def test_twelve_hour_clocks_are_read(text: str, hour: int, minute: int) -> None:
    assert clock.twelve_hour(date(2026, 7, 1), text) == datetime(2026, 7, 1, hour, minute)


@pytest.mark.parametrize("text", ["13:00 PM", "0:10 AM", "10:60 AM", "10 AM", "10:00"])
def test_an_impossible_twelve_hour_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        clock.twelve_hour(date(2026, 7, 1), text)


def test_a_pair_of_local_and_utc_time_gives_the_offset() -> None:
    assert clock.from_pair(NOON, datetime(2026, 7, 1, 10)).isoformat() == "2026-07-01T12:00:00+02:00"
    assert clock.from_pair(NOON, datetime(2026, 7, 1, 6, 15)).utcoffset() == timedelta(hours=5, minutes=45)
    assert clock.from_pair(NOON, datetime(2026, 7, 1, 9, 59, 31)).utcoffset() == timedelta(hours=2)
    for wrong in (datetime(2026, 7, 1, 10, 7), datetime(2026, 6, 30, 10), datetime(2026, 7, 1, 10, tzinfo=UTC)):
        with pytest.raises(ValueError, match=r"\w"):
            clock.from_pair(NOON, wrong)


def test_microsoft_dates_are_utc_milliseconds_with_the_clock_beside() -> None:
    found = clock.dotnet("/Date(1700000000000+0200)/")
    assert found == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert found.utcoffset() == timedelta(hours=2)
    assert clock.dotnet("/Date(-1000)/") == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    for wrong in ("/Date()/", "Date(1)", "/Date(999999999999999)/"):
        with pytest.raises(ValueError, match=r"\w"):
            clock.dotnet(wrong)


def test_short_zone_names_are_fixed_offsets() -> None:
    assert clock.named_zone("nst").utcoffset(None) == timedelta(hours=-3, minutes=-30)
    assert clock.named_zone("EDT").utcoffset(None) == timedelta(hours=-4)
    with pytest.raises(ValueError, match="no zone name"):
        clock.named_zone("CEST")

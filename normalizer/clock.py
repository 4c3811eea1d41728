"""When something happened: from what a carrier's clock showed to an instant in UTC, and how sure that is.

A clock without an offset is never taken for UTC. Daylight saving time: a local time that comes twice (clocks go back)
means its first coming; one that never comes (clocks go forward) is read with the offset before the change, so an
hour that was skipped ends up one hour later on the wall. Both are what `fold=0` of PEP 495 says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from normalizer import places

if TYPE_CHECKING:
    from normalizer.model import Place, TimeBasis

_QUARTER = timedelta(minutes=15)
_FARTHEST = timedelta(hours=14)
_OFFSET = re.compile(r"([+-])(\d{1,2})(?:[:.]?([0-5]\d))?", re.ASCII)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d|\d{8})(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d{1,9}))?)?)?"
    r"\s?(Z|[+-]\d{1,2}(?:[:.]?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_TWELVE = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?\s*([AP])\.?M\.?", re.ASCII | re.IGNORECASE)
_DOTNET = re.compile(r"/Date\((-?\d{1,15})([+-]\d{4})?\)/", re.ASCII)
_NAMED = {
    "NST": -210, "NDT": -150, "AST": -240, "ADT": -180, "EST": -300, "EDT": -240, "CST": -360, "CDT": -300,
    "MST": -420, "MDT": -360, "PST": -480, "PDT": -420, "YST": -420, "UTC": 0, "GMT": 0,
}  # fmt: skip
"""Minutes east of UTC of the short names North American carriers write. YST is Yukon's own standard time of 2020."""


@dataclass(frozen=True, slots=True)
class Instant:
    """When something happened.

    Attributes:
        at: the instant in UTC, or None where it cannot be known.
        local_time: the clock on the wall, naive; a date where only a day was told.
        utc_offset: that clock's distance from UTC, such as `+02:00`.
        basis: how the instant was found; None where it was not.
    """

    at: datetime | None
    local_time: datetime | date | None
    utc_offset: str | None
    basis: TimeBasis | None


def resolve(
    at: datetime | date | None, *, zone: str | None, place: Place, carrier_zone: str | None, clock_kind: str
) -> Instant:
    """Return the instant of a scan.

    An aware time stands for itself (`offset`); where it is bare UTC of a carrier whose clock is `utc`, the clock on
    the wall is that of the place. A naive time is read in the zone the carrier names for this scan (`carrier`), of
    the place (`place`), the carrier documents (`carrier`), or most people of the country live in (`assumed`).
    Raises `ValueError` for a zone that does not exist.
    """
    if at is None:
        return Instant(None, None, None, None)
    if not isinstance(at, datetime):
        return Instant(None, at, None, "date_only")
    if at.tzinfo is not None:
        return _stated(at, place, clock_kind)
    name, basis = _zone_of(zone, place, carrier_zone)
    if name is None:
        return Instant(None, at, None, None)
    there = at.replace(tzinfo=_zone(name), fold=0)
    return Instant(there.astimezone(UTC), at, _spell(there), basis)


def _stated(at: datetime, place: Place, clock_kind: str) -> Instant:
    wall = at
    if clock_kind == "utc" and not at.utcoffset():
        known = places.find(place)
        if known is not None:
            wall = at.astimezone(_zone(known.zone))
    return Instant(at.astimezone(UTC), wall.replace(tzinfo=None, fold=0), _spell(wall), "offset")


def _zone_of(zone: str | None, place: Place, carrier_zone: str | None) -> tuple[str | None, TimeBasis | None]:
    if zone:
        return zone, "carrier"
    known = places.find(place)
    if known is not None:
        return known.zone, "place"
    if carrier_zone:
        return carrier_zone, "carrier"
    guess = places.assumed_zone(place)
    return (guess, "assumed") if guess else (None, None)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, LookupError, ValueError):
        raise ValueError(f"there is no time zone {name!r}") from None


def _spell(moment: datetime) -> str:
    return _spelled(moment.utcoffset() or timedelta())


@lru_cache(maxsize=256)
def _spelled(offset: timedelta) -> str:
    minutes = round(offset / timedelta(minutes=1))
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def offset_of(text: str) -> timezone:
    """Return the offset of `-05:00`, `+0100`, `-7:00`, `-04.00`, `+5` or `Z`. Raises `ValueError`.

    After a dot stand minutes as after a colon, so `+05.30` is half past. Only real offsets pass: quarters of an hour
    up to 14 hours.
    """
    if text.strip().upper() == "Z":
        return UTC
    found = _OFFSET.fullmatch(text.strip())
    if found is None:
        raise ValueError("is no offset from UTC")
    sign, hours, minutes = found.groups()
    distance = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return _checked(-distance if sign == "-" else distance)


def _checked(distance: timedelta) -> timezone:
    if distance % _QUARTER or abs(distance) > _FARTHEST:
        raise ValueError("is no offset any clock keeps")
    return timezone(distance)


def with_offset(local: datetime, offset: str) -> datetime:
    """Return a naive local time with the offset that was sent beside it. Raises `ValueError`."""
    return _naive(local).replace(tzinfo=offset_of(offset))


def from_pair(local: datetime, utc: datetime) -> datetime:
    """Return the aware time of a local clock and the same moment in UTC, both naive. Raises `ValueError`.

    The distance must be a real offset once seconds are left out of account: carriers round the two differently.
    """
    distance = _naive(local) - _naive(utc)
    quarters = round(distance / _QUARTER)
    if abs(distance - quarters * _QUARTER) >= timedelta(minutes=1):
        raise ValueError("the local and the UTC time do not belong together")
    return local.replace(tzinfo=_checked(quarters * _QUARTER))


def _naive(moment: datetime) -> datetime:
    if moment.tzinfo is not None:
        raise ValueError("has an offset already")
    return moment


def iso(text: str) -> datetime | date:
    """Return the time or day of an ISO 8601 text in any spelling carriers use. Raises `ValueError`.

    Seconds and fraction (1 to 9 digits, kept to the microsecond) may be missing, a space may stand for the T, the
    offset may be `Z`, `+02:00`, `+0200`, `+02.00`, `+02` or missing.
    """
    text = text.strip()
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError("is no ISO 8601 time")
    if found[2] is None:
        return date.fromisoformat(found[1])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = _by_hand(found)
    distance = moment.utcoffset()
    if distance:
        _checked(distance)
    return moment


def iso_instant(text: str) -> datetime:
    """Return the instant of an ISO 8601 text that carries its offset. Raises `ValueError` for any other."""
    at = iso(text)
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ValueError("a time carries its offset")
    return at


def _by_hand(found: re.Match[str]) -> datetime:
    """Read the spellings the library does not: `+02.00`, `+2:00`, a space before the offset."""
    day, hour, minute, second, fraction, offset = found.groups()
    whole = date.fromisoformat(day)
    moment = datetime(  # noqa: DTZ001 - the offset, if told, is set below
        whole.year,
        whole.month,
        whole.day,
        int(hour),
        int(minute or 0),
        int(second or 0),
        int((fraction or "")[:6].ljust(6, "0")),
    )
    return moment.replace(tzinfo=offset_of(offset)) if offset else moment


def compact(day: str, time: str) -> datetime:
    """Return the naive time of `YYYYMMDD` and `HHMMSS` or `HHMM`. Raises `ValueError`."""
    day, time = day.strip(), time.strip()
    if not (day + time).isdecimal() or not (day + time).isascii() or len(day) != 8 or len(time) not in {4, 6}:  # noqa: PLR2004
        raise ValueError("is no YYYYMMDD with HHMM or HHMMSS")
    seconds = int(time[4:] or 0)
    return datetime(int(day[:4]), int(day[4:6]), int(day[6:]), int(time[:2]), int(time[2:4]), seconds)  # noqa: DTZ001


def twelve_hour(day: date, text: str) -> datetime:
    """Return the naive time of `2:05 PM`, `12:00:30 a.m.` on a day. Raises `ValueError`."""
    found = _TWELVE.fullmatch(text.strip())
    if found is None or not 1 <= int(found[1]) <= 12:  # noqa: PLR2004 - hours of a twelve-hour clock
        raise ValueError("is no time of a twelve-hour clock")
    hour = int(found[1]) % 12 + (12 if found[4] in "Pp" else 0)
    return datetime(day.year, day.month, day.day, hour, int(found[2]), int(found[3] or 0))  # noqa: DTZ001


def dotnet(text: str) -> datetime:
    """Return the aware time of `/Date(1700000000000+0200)/`: the milliseconds are UTC, the offset is the clock's."""
    found = _DOTNET.fullmatch(text.strip())
    if found is None:
        raise ValueError("is no /Date(milliseconds)/")
    moment = epoch_ms(int(found[1]))
    return moment.astimezone(offset_of(found[2])) if found[2] else moment


def epoch_ms(milliseconds: Any) -> datetime:
    """Return the UTC time so many whole milliseconds after 1970.

    Raises `TypeError` for what is no whole number, `ValueError` beyond the years 1 to 9999.
    """
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int):
        raise TypeError("a time is whole milliseconds since 1970")
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("is beyond the calendar") from None


def named_zone(name: str) -> timezone:
    """Return the fixed offset of a short North American zone name such as `EDT` or `NST`. Raises `ValueError`."""
    minutes = _NAMED.get(name.strip().upper())
    if minutes is None:
        raise ValueError("is no zone name we know")
    return timezone(timedelta(minutes=minutes))

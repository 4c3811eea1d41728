"""Days and times as people say them: "today, 14:10", "on Friday", "until 3 December"; never an ISO date.

Everything given is already in the clock of the place it is about; `today` is the day there.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

from babel.dates import format_skeleton, format_time

if TYPE_CHECKING:
    from gateway.texts import Speech

Form = Literal["alone", "on", "until"]

_NEAR = {-1: "yesterday", 0: "today", 1: "tomorrow"}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_THIS_WEEK = 6
_MINUTES_AN_HOUR = 60
_HOURS_A_DAY = 24


def day(speech: Speech, of: date, today: date, form: Form = "alone") -> str:
    """Return a day: today and its neighbours by name, the coming days by weekday, all others by date."""
    apart = (of - today).days
    if name := _NEAR.get(apart):
        return speech.say(f"day.{form}.{name}")
    if 0 < apart <= _THIS_WEEK:
        return speech.say(f"day.{form}.{_WEEKDAYS[of.weekday()]}")
    written = format_skeleton("yMMMMd" if of.year != today.year else "MMMMd", of, locale=speech.locale)
    return speech.say(f"day.{form}.date", date=written)


def clock(speech: Speech, at: time | datetime) -> str:
    """Return a time of day as the region writes it."""
    return format_time(at.replace(tzinfo=None), "short", locale=speech.locale)


def moment(speech: Speech, at: datetime | date, today: date) -> str:
    """Return a moment of a history: "today, 14:10"; a bare day is said alone."""
    if not isinstance(at, datetime):
        return day(speech, at, today)
    return speech.say("time.moment", day=day(speech, at.date(), today), time=clock(speech, at))


def window(speech: Speech, start: datetime | date | None, end: datetime | date | None, today: date) -> str | None:
    """Return a window within a sentence: "today between 14:10 and 14:40", "on Friday"; None where nothing is known."""
    if start is None or start == end:
        return None if end is None else _point(speech, end, today, by=start is None)
    if end is None:
        return _beginning(speech, start, today)
    first, last = _day_of(start), _day_of(end)
    if first != last:
        return _between(speech, "time.days", day(speech, first, today), day(speech, last, today))
    if isinstance(start, datetime) and isinstance(end, datetime):
        said = day(speech, first, today, "on")
        return _between(speech, "time.between", clock(speech, start), clock(speech, end), day=said)
    return day(speech, first, today, "on")


def until(speech: Speech, at: date, today: date) -> str:
    """Return a last day: "until Friday"."""
    return day(speech, _day_of(at), today, "until")


def ago(speech: Speech, age: timedelta) -> str:
    """Return how old something is: "5 minutes ago"."""
    minutes = int(age.total_seconds() // 60)
    if minutes < 1:
        return speech.say("time.just_now")
    if minutes < _MINUTES_AN_HOUR:
        return speech.say("time.minutes_ago", count=minutes)
    hours = minutes // _MINUTES_AN_HOUR
    if hours < _HOURS_A_DAY:
        return speech.say("time.hours_ago", count=hours)
    return speech.say("time.days_ago", count=hours // _HOURS_A_DAY)


def _between(speech: Speech, name: str, start: str, end: str, **values: str) -> str:
    return speech.say(name, count=None, **{"from": start, "to": end}, **values)  # `from` is a word of Python's


def _point(speech: Speech, at: datetime | date, today: date, *, by: bool) -> str:
    said = day(speech, _day_of(at), today, "on")
    if not isinstance(at, datetime):
        return day(speech, at, today, "until") if by else said
    return speech.say("time.by" if by else "time.at", day=said, time=clock(speech, at))


def _beginning(speech: Speech, at: datetime | date, today: date) -> str:
    said = day(speech, _day_of(at), today, "on")
    return speech.say("time.from_on", day=said, time=clock(speech, at)) if isinstance(at, datetime) else said


def _day_of(at: date) -> date:
    return at.date() if isinstance(at, datetime) else at

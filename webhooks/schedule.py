"""When to try again: the schedule with jitter, `Retry-After`, and a bucket for an endpoint's rate. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

SCHEDULE: tuple[int, ...] = (
    0,
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
)
"""Milliseconds before each try; after the last one fails the message is dead."""

JITTER = 0.2
"""Each delay grows by a random share up to this, so that what failed together does not come back together."""

MAX_RETRY_AFTER = DAY


def delay(schedule: Sequence[int], attempts: int, random: Callable[[], float]) -> int | None:
    """Return the milliseconds to wait after so many failed attempts, or None when the schedule is at its end."""
    if attempts >= len(schedule):
        return None
    return jittered(schedule[attempts], random)


def jittered(milliseconds: int, random: Callable[[], float]) -> int:
    """Return the time lengthened by 0-20 %."""
    return milliseconds + int(milliseconds * JITTER * random())


def retry_after(value: str | None, now: int) -> int | None:
    """Read a `Retry-After` header into milliseconds from now, at most a day; None where it says nothing usable.

    `now` is the wall clock in epoch milliseconds; a date in the past means at once.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # int() of a very long string of digits is refused by Python, and all of them are beyond the cap anyway.
        return MAX_RETRY_AFTER if len(text) > 9 else min(int(text) * SECOND, MAX_RETRY_AFTER)  # noqa: PLR2004
    try:
        when = parsedate_to_datetime(text)
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        milliseconds = int(when.timestamp() * SECOND) - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(0, min(milliseconds, MAX_RETRY_AFTER))


class Bucket:
    """Tokens of an endpoint that wants no more than so many requests a second.

    At most a twentieth of a second's worth may come at once, so in no second are there more than 5 % too many.
    """

    __slots__ = ("_at", "_tokens", "rate")

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self._tokens = self._most()
        self._at = 0

    def _most(self) -> float:
        return max(1.0, self.rate / 20)

    def room(self, now: int) -> int:
        """Return how many requests may leave now."""
        if now > self._at:
            if self._at:
                self._tokens = min(self._most(), self._tokens + (now - self._at) * self.rate / SECOND)
            self._at = now
        return int(self._tokens + 1e-6)

    def take(self, count: int) -> None:
        """Spend tokens that `room` granted."""
        self._tokens -= count

    def next_token(self, now: int) -> int:
        """Return when the next request may leave."""
        missing = 1.0 - self._tokens
        return now if missing <= 1e-6 else now + max(1, int(missing * SECOND / self.rate) + 1)  # noqa: PLR2004


def rfc3339(milliseconds: int) -> str:
    """Spell an instant for people and JSON: UTC with milliseconds and a Z."""
    seconds, rest = divmod(milliseconds, SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"

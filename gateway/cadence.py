"""When to ask a carrier again. Pure: what is known of a shipment and the time now give the next time, or never.

Faster when something is about to happen, slower when a parcel is young, quiet or unknown, never for what is over.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

_EVERY: Mapping[Status, int] = {
    Status.PENDING: 2 * _HOUR,
    Status.ORDERED: 6 * _HOUR,
    Status.INFO_RECEIVED: 4 * _HOUR,
    Status.IN_TRANSIT: 2 * _HOUR,
    Status.OUT_FOR_DELIVERY: 10 * _MINUTE,
    Status.ATTEMPT_FAILED: 2 * _HOUR,
    Status.AVAILABLE_FOR_PICKUP: 4 * _HOUR,
    Status.EXCEPTION: 2 * _HOUR,
    Status.RETURNING: 6 * _HOUR,
    Status.UNKNOWN: 2 * _HOUR,
}
"""How often a shipment is asked for while nothing slows it down. What is missing here is over: never."""

_DELIVERED_LOOK_BACK = (_DAY, 7 * _DAY)
"""A delivery is looked at once more after a day and a last time within a week: carriers correct and add proofs."""

_QUIET = ((2 * _DAY, 2), (7 * _DAY, 4), (14 * _DAY, 12))
"""Without news for so long, asked so many times slower."""

SILENCE_ENDS = 45 * _DAY
_LONGEST = 24 * _HOUR
_PUSH_TRUSTED = 6
"""Where the carrier also pushes, polls only catch what a push lost: so many times slower."""

_PUSHES_FALL_SILENT: Mapping[Status, int] = {Status.OUT_FOR_DELIVERY: 4 * _HOUR, Status.ATTEMPT_FAILED: 24 * _HOUR}
_PUSH_SILENCE = 36 * _HOUR
"""No push for so long while a parcel is under way: pushes are trusted no more, and polls keep their usual pace."""

_NEAR = 12 * _HOUR
"""A promise counts as near so long before and after it: its clock may be any zone's, and its day may shift."""

_FIRST_NOT_FOUND = 15 * _MINUTE

DOUBT_ANSWERS = 4
DOUBT_AGE = _DAY
"""A young label is often unknown for some hours; after so many answers over so long it may be another carrier's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What decides the next look. Times in epoch milliseconds.

    `not_found` and `failures` count in a row; `retry_after_ms` is the carrier's own word; `pushed_at` is when its
    last push for this shipment came; `due_today` says that the promised time is near (see `is_near`).
    """

    status: Status
    created_at: int
    last_news_at: int
    not_found: int = 0
    failures: int = 0
    retry_after_ms: int | None = None
    pushed_at: int | None = None
    due_today: bool = False


def next_poll(asked: Asked, now: int) -> int | None:
    """Return when to ask again (epoch milliseconds), or None: never by ourselves."""
    wait = _wait(asked, now)
    if wait is None:
        return None
    if asked.retry_after_ms is not None:
        wait = max(wait if asked.failures == 0 else 0, asked.retry_after_ms)
    return now + wait


def _wait(asked: Asked, now: int) -> int | None:
    silence = now - max(asked.last_news_at, asked.created_at)
    if asked.failures:
        return backoff(asked.failures)
    if asked.status is Status.DELIVERED:
        first, last = _DELIVERED_LOOK_BACK
        return None if silence > last else max(first - silence, 0) or last
    every = _EVERY.get(asked.status)
    if every is None or silence > SILENCE_ENDS:
        return None
    if asked.not_found:
        return min(_FIRST_NOT_FOUND * (1 << min(asked.not_found - 1, 6)), 12 * _HOUR)
    for quiet, slower in reversed(_QUIET):
        if silence >= quiet:
            every *= slower
            break
    if asked.due_today and asked.status is not Status.OUT_FOR_DELIVERY:
        every = min(every, 30 * _MINUTE)
    if asked.pushed_at is not None and now - asked.pushed_at < _PUSHES_FALL_SILENT.get(asked.status, _PUSH_SILENCE):
        every *= _PUSH_TRUSTED
    return min(every, _LONGEST)


def backoff(failures: int) -> int:
    """Return how long to wait (milliseconds) after so many failures in a row: a minute, doubled up to an hour."""
    return min(_MINUTE * (1 << min(max(failures, 1) - 1, 6)), _HOUR)


def is_near(promises: Iterable[Mapping[str, Any] | None], now: int) -> bool:
    """Whether any promised window (`{"from", "to"}`: instants, local times or days) is near.

    Of a window longer than a day only its last day counts: "within a week" is no reason to hurry all week.
    """
    for promise in promises:
        if not promise:
            continue
        start, end = _span(promise.get("from")), _span(promise.get("to"))
        last = (end or start or (0, 0))[1]
        first = max((start or end or (0, 0))[0], last - _DAY)
        if first - _NEAR <= now <= last + _NEAR:
            return True
    return False


def _span(said: str | None) -> tuple[int, int] | None:
    """Return the first and last instant a text may mean, its zone taken as UTC where it names none."""
    if said is None:
        return None
    at = datetime.fromisoformat(said)
    start = int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp() * 1000)
    return start, start if "T" in said else start + _DAY - 1


def doubtful(*, carrier_set_by: str, not_found: int, created_at: int, guessed: bool, now: int) -> bool:
    """Whether a detected carrier has said "unknown" so often and so long that another one should be asked, once."""
    return carrier_set_by == "detected" and not guessed and not_found >= DOUBT_ANSWERS and now - created_at >= DOUBT_AGE


def has_expired(asked: Asked, now: int) -> bool:
    """Whether a shipment that is not over has been silent so long that it expires."""
    return asked.status in _EVERY and now - max(asked.last_news_at, asked.created_at) > SILENCE_ENDS

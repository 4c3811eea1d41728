"""Trouble as a state: what is wrong with a shipment, and since when. Pure.

`begins` says for each trouble at which instant it begins if nothing more is heard; what lies in the past is the trouble
a shipment is in, what lies ahead is when to look again. So the same facts give the same answer whenever one looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from normalizer.journey import in_time
from normalizer.model import ENDS, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from normalizer.journey import Journey, Step

_HOUR = 3_600_000


class Trouble(StrEnum):
    """A reason for somebody to look."""

    LOST = "lost"
    DAMAGED = "damaged"
    CARRIER_EXCEPTION = "carrier_exception"
    """Any other exception. `shipment.exception` is the message of the status, which comes at once and for each."""
    STALLED = "stalled"
    NOT_HANDED_OVER = "not_handed_over"
    CUSTOMS_STUCK = "customs_stuck"
    ATTEMPTS_FAILED = "attempts_failed"
    PROMISE_AT_RISK = "promise_at_risk"
    PROMISE_MISSED = "promise_missed"
    NOT_UNDERSTOOD = "not_understood"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long is too long, in hours.

    `stalled` without a scan while a carrier has it, `on_vehicle` while it is out for delivery, `not_handed_over` from
    the label on, `customs` from the first scan of customs on, `delay` in an exception that parcels come out of alone.
    """

    stalled: float
    on_vehicle: float
    not_handed_over: float
    customs: float
    delay: float


LIMITS: Mapping[str, Limits] = {
    "parcel": Limits(stalled=72, on_vehicle=24, not_handed_over=72, customs=96, delay=24),
    "post": Limits(stalled=120, on_vehicle=24, not_handed_over=120, customs=168, delay=48),
    "freight": Limits(stalled=120, on_vehicle=48, not_handed_over=168, customs=168, delay=48),
    "last_mile": Limits(stalled=6, on_vehicle=4, not_handed_over=24, customs=48, delay=2),
}
"""By kind of carrier; any other kind is as `parcel`. Plain figures of ours, until enough of their parcels are known."""

_PAPER = frozenset({Status.PENDING, Status.ORDERED, Status.INFO_RECEIVED})
_MOVING = frozenset({Status.IN_TRANSIT, Status.EXCEPTION, Status.ATTEMPT_FAILED})
_THERE = ENDS | {Status.AVAILABLE_FOR_PICKUP}
_CUSTOMS = frozenset({"customs_started", "customs_held", "documents_missing", "duties_unpaid"})
PASSING = frozenset({"delayed", "weather", "missorted", "strike_or_disaster"})
"""Exceptions that parcels come out of alone."""
_GONE = frozenset({"lost", "disposed"})
_DAMAGED = "damaged"
_WITH_THE_CUSTOMER = frozenset({"requested", "approved", "label_created"})
_SECOND = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a shipment. Instants in epoch milliseconds, windows as `{"from", "to"}`.

    `steps` are its own parcel's events, `eta_told_at` when the carrier's promise was told.
    """

    journey: Journey
    steps: Sequence[Step]
    created_at: int
    is_return: bool = False
    promised: Mapping[str, Any] | None = None
    eta: Mapping[str, Any] | None = None
    eta_told_at: int | None = None


def begins(facts: Facts, limits: Limits) -> dict[Trouble, int]:
    """Return for each trouble when it begins if nothing more is heard; what cannot come is left out."""
    status = facts.journey.status
    if status in ENDS:
        return {}
    history = sorted({one.id: one for one in facts.steps}.values(), key=in_time)
    found: dict[Trouble, int | None] = {
        Trouble.LOST: _now(facts) if _is_gone(facts.journey) else None,
        Trouble.DAMAGED: _damage(facts, history),
        Trouble.CARRIER_EXCEPTION: _exception(facts, limits),
        Trouble.STALLED: None if _is_gone(facts.journey) else _stalled(facts, history, limits),
        Trouble.NOT_HANDED_OVER: _not_handed_over(facts, limits),
        Trouble.CUSTOMS_STUCK: _customs(history, limits),
        Trouble.ATTEMPTS_FAILED: None if status in _THERE or facts.journey.returning else _second_attempt(history),
        Trouble.NOT_UNDERSTOOD: history[-1].at if history and history[-1].status is Status.UNKNOWN else None,
    }
    if status not in _THERE and not facts.journey.returning and not facts.is_return:
        found |= _promise(facts)
    return {trouble: at for trouble, at in found.items() if at is not None}


def active(beginning: Mapping[Trouble, int], now: int) -> dict[Trouble, int]:
    """Return the trouble a shipment is in, each with its since-when. What was at risk and is missed is missed only."""
    there = {trouble: at for trouble, at in beginning.items() if at <= now}
    if Trouble.PROMISE_MISSED in there:
        there.pop(Trouble.PROMISE_AT_RISK, None)
    return there


def next_look(beginning: Mapping[Trouble, int], now: int) -> int | None:
    """Return when time alone next changes what `active` says, None for never."""
    return min((at for at in beginning.values() if at > now), default=None)


def _is_gone(journey: Journey) -> bool:
    return journey.status is Status.EXCEPTION and journey.substatus in _GONE


def _damage(facts: Facts, history: Iterable[Step]) -> int | None:
    """Return since when a piece is damaged that has not come to its end."""
    since: dict[str, int] = {}
    for one in history:
        if one.moves == "informs":
            continue
        if one.status in ENDS:
            since.pop(one.piece, None)
        elif one.status is Status.EXCEPTION and one.substatus == _DAMAGED:
            since.setdefault(one.piece, _instant(one, facts))
    return min(since.values(), default=None)


def _exception(facts: Facts, limits: Limits) -> int | None:
    journey = facts.journey
    if journey.status is not Status.EXCEPTION or journey.substatus in _GONE | _CUSTOMS | {_DAMAGED}:
        return None
    if journey.substatus not in PASSING:
        return _now(facts)
    return (_now(facts) if journey.since is None else journey.since) + _millis(limits.delay)


def _now(facts: Facts) -> int:
    """Return since when a shipment is what it is: its status, and the detail of it."""
    return next((_instant(one, facts) for one in facts.steps if one.id == facts.journey.event_id), facts.created_at)


def _instant(one: Step, facts: Facts) -> int:
    """Return when something happened; by its day where no clock is told, and since we know it where no day is."""
    if one.at is not None:
        return one.at
    return one.sort_at if one.day else facts.created_at


def _stalled(facts: Facts, history: Sequence[Step], limits: Limits) -> int | None:
    journey = facts.journey
    last = max((one.at for one in history if one.at is not None), default=None)
    if last is None:
        return None
    if journey.status is Status.OUT_FOR_DELIVERY:
        return last + _millis(limits.on_vehicle)
    on_its_way_back = journey.status is Status.RETURNING and journey.substatus not in _WITH_THE_CUSTOMER
    return last + _millis(limits.stalled) if journey.status in _MOVING or on_its_way_back else None


def _not_handed_over(facts: Facts, limits: Limits) -> int | None:
    if facts.journey.status not in _PAPER or facts.is_return:  # a customer sends it back when they like
        return None
    since = facts.journey.since
    return (facts.created_at if since is None else since) + _millis(limits.not_handed_over)


def _customs(history: Sequence[Step], limits: Limits) -> int | None:
    since: int | None = None
    for one in history:
        if one.moves == "informs" or one.status is Status.UNKNOWN:
            continue
        if one.substatus not in _CUSTOMS:
            since = None
        elif since is None:
            since = one.at
    return None if since is None else since + _millis(limits.customs)


def _second_attempt(history: Iterable[Step]) -> int | None:
    """Return when the second attempt failed; several scans of one day are one attempt, as in the fold."""
    count, day = 0, None
    for one in history:
        if one.status is Status.ATTEMPT_FAILED and one.moves != "informs":
            count += one.day != day or not one.day
            day = one.day
            if count == _SECOND:
                return one.at
    return None


def _promise(facts: Facts) -> dict[Trouble, int | None]:
    end = None if facts.promised is None else facts.promised.get("to")
    if end is None:
        return {}
    promised = datetime.fromisoformat(end)
    found: dict[Trouble, int | None] = {Trouble.PROMISE_MISSED: int(promised.timestamp() * 1000)}
    arrives = None if facts.eta is None else facts.eta.get("from") or facts.eta.get("to")
    if arrives is not None and _is_later(arrives, promised):
        found[Trouble.PROMISE_AT_RISK] = facts.eta_told_at
    return found


def _is_later(arrives: str, promised: datetime) -> bool:
    """Whether the earliest arrival a carrier tells lies after a promise; a bare day or local time on its own clock."""
    if "T" not in arrives:
        return date.fromisoformat(arrives) > promised.date()
    at = datetime.fromisoformat(arrives)
    return at.astimezone(UTC) > promised if at.tzinfo is not None else at > promised.replace(tzinfo=None)


def _millis(hours: float) -> int:
    return int(hours * _HOUR)

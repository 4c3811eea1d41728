"""What an ended shipment says, as counts: its end, how long it took, promises kept, stars. Pure.

Shipments to a merchant (returns) say nothing here. A promise counts as it stood before the arrival: what a carrier says
afterwards is no promise.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway.insights.corridor import Corridor
from gateway.people import arrival
from gateway.ratings.ratings import REASONS
from normalizer import eta
from normalizer.journey import in_time
from normalizer.model import Status
from normalizer.sketch import bin_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import tzinfo

    from gateway.insights.foretelling import Saying
    from normalizer.journey import Change, Journey, Step

HOUR = 3_600_000
LEADS = (72, 24, 4)
"""So many hours before the arrival it is looked at what each voice said."""
DELIVERED, WAITING, RETURNED = 0, 1, 2
"""The bins of `end`."""

END, TRANSIT, STARS, REASON = "end", "transit", "stars", "reason"
LATE = {voice: f"late.{voice}" for voice in ("merchant", "carrier")}
OFF = {(voice, lead): f"off.{voice}.{lead}" for voice in ("carrier", "ours") for lead in LEADS}
WITHIN = {lead: f"within.{lead}" for lead in LEADS}
"""Whether it was there by our p90: 1 or 0."""
MEASURES = (END, TRANSIT, *LATE.values(), *OFF.values(), *WITHIN.values(), STARS, REASON)

_THERE = (Status.AVAILABLE_FOR_PICKUP, Status.DELIVERED)
_STAGES = {Status.OUT_FOR_DELIVERY: eta.OUT, Status.ATTEMPT_FAILED: eta.RETRY}
_SILENT_BY_NATURE = frozenset({Status.OUT_FOR_DELIVERY, *_THERE})
FIRST_DAY = date(1970, 1, 1)
"""What days are counted from."""

Bins = Counter[tuple[str, int]]
"""(measure, bin) -> how many."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What is counted of one shipment: by its day of arrival, for its corridor."""

    day: int
    corridor: Corridor
    tally: Bins = field(default_factory=Counter)
    norms: Bins = field(default_factory=Counter)

    def kept(self) -> bytes:
        """Return it as the database keeps it."""
        told = {
            "day": self.day,
            "corridor": tuple(self.corridor),
            "tally": _rows(self.tally),
            "norms": _rows(self.norms),
        }
        return orjson.dumps(told)

    @classmethod
    def read(cls, kept: bytes) -> Counted:
        """Return what `kept` made."""
        told = orjson.loads(kept)
        return cls(told["day"], Corridor(*told["corridor"]), _counter(told["tally"]), _counter(told["norms"]))


def _rows(bins: Bins) -> list[tuple[str, int, int]]:
    return [(measure, bin_, count) for (measure, bin_), count in sorted(bins.items())]


def _counter(rows: Sequence[Sequence[Any]]) -> Bins:
    return Counter({(measure, bin_): count for measure, bin_, count in rows})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A shipment as its outcome needs it. `steps` are its own parcel's; `promised` is the merchant's promise."""

    corridor: Corridor
    journey: Journey
    steps: Sequence[Step]
    zone: tzinfo
    promised: Mapping[str, Any] | None = None
    said: Sequence[Saying] = ()
    stars: int | None = None
    reasons: Sequence[str] = ()


def outcome(of: Ended) -> Counted | None:
    """Return what to count of a shipment; None while it has come to nothing."""
    steps = {one.id: one for one in of.steps}
    there = _arrival(of.journey, steps)
    returned = next((one for one in of.journey.changes if one.status is Status.RETURNED), None)
    last = there or returned
    if last is None:
        return None
    counted = Counted(_day(last, steps), of.corridor)
    collected = any(one.status is Status.DELIVERED for one in of.journey.changes)
    counted.tally[END, RETURNED if returned else DELIVERED if collected else WAITING] += 1
    if of.stars is not None:
        counted.tally[STARS, of.stars] += 1
        counted.tally.update((REASON, REASONS.index(why)) for why in of.reasons if why in REASONS)
    if there is not None and there.at is not None:
        _count_time(counted, of, there.at)
        _count_promises(counted, of, there.at)
    return counted


def _arrival(journey: Journey, steps: Mapping[str, Step]) -> Change | None:
    """Return the change with which the recipient could have it, unless a correction took that back."""
    there: Change | None = None
    for one in journey.changes:
        if one.status in _THERE:
            there = there or one
        elif there is not None and (step := steps.get(one.event_id)) is not None and step.moves == "corrects":
            there = None
    return there


def _day(change: Change, steps: Mapping[str, Step]) -> int:
    """Return the day of a change where it happened, that in UTC where no scan tells it."""
    step = steps.get(change.event_id)
    if step is not None and step.day:
        return (date.fromisoformat(step.day) - FIRST_DAY).days
    return (change.at or 0) // (24 * HOUR)


def _count_time(counted: Counted, of: Ended, there: int) -> None:
    handed_in = eta.hand_in(of.journey, of.steps)
    if handed_in is None or handed_in[0] > there:
        return
    begun, weekday = handed_in
    took = bin_of((there - begun) / HOUR)
    counted.tally[TRANSIT, took] += 1
    day = datetime.fromtimestamp(begun / 1000, UTC).weekday() if weekday is None else weekday
    counted.norms[eta.WEEKDAYS[day], took] += 1
    for one in of.journey.changes:
        stage = _STAGES.get(one.status)
        if stage is not None and one.at is not None and one.at <= there:
            counted.norms[stage, bin_of((there - one.at) / HOUR)] += 1
    if (silent := max(_silences(of.steps, begun, there), default=None)) is not None:
        counted.norms[eta.SILENCE, bin_of(silent / HOUR)] += 1


def _silences(steps: Sequence[Step], begun: int, there: int) -> Iterator[int]:
    """Yield how long nothing was heard each time, while the parcel was neither on the vehicle nor waiting."""
    before, status = begun, Status.IN_TRANSIT
    for one in sorted(steps, key=in_time):
        if one.at is None or not begun <= one.at <= there:
            continue
        if status not in _SILENT_BY_NATURE and one.at > before:
            yield one.at - before
        before = max(before, one.at)
        if one.moves != "informs" and one.status is not Status.UNKNOWN:
            status = one.status


def _count_promises(counted: Counted, of: Ended, there: int) -> None:
    if (promised := arrival.span(of.promised, of.zone)) is not None:
        counted.tally[LATE["merchant"], bin_of(_off(promised, there))] += 1
    known = sorted((one for one in of.said if one.at < there), key=lambda one: one.at)
    by_carrier = [
        (one.at, span) for one in known if one.voice == "carrier" and (span := arrival.span(one.arrival, of.zone))
    ]
    ours = [(one.at, one.arrival) for one in known if one.voice == "ours"]
    if by_carrier:
        counted.tally[LATE["carrier"], bin_of(_off(by_carrier[0][1], there))] += 1
    for lead in LEADS:
        before = there - lead * HOUR
        if (spans := [span for at, span in by_carrier if at <= before]) != []:
            counted.tally[OFF["carrier", lead], bin_of(_off(spans[-1], there))] += 1
        # An empty saying takes the one before back.
        if (foretold := [said for at, said in ours if at <= before]) != [] and foretold[-1]:
            p50, p90 = foretold[-1]["p50"], foretold[-1]["p90"]
            counted.tally[OFF["ours", lead], bin_of((there - p50) / HOUR)] += 1
            counted.tally[WITHIN[lead], int(there <= p90)] += 1


def _off(span: tuple[int, int], there: int) -> float:
    """Return by how many hours an arrival lies after a window, or before it (below zero)."""
    start, end = span
    return (there - end) / HOUR if there > end else min(0, there - start) / HOUR

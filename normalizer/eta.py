"""When a parcel will arrive, by how long others took: the third voice beside the carrier's and the merchant's. Pure.

A `Norm` holds what parcels of one lane, or of something wider, took. Of several, the finest with enough parcels speaks,
whatever the parcel's age: so a prediction only ever moves on as time passes, until too few took longer still.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from normalizer import sketch
from normalizer.model import Status
from normalizer.trouble import PASSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from normalizer.journey import Journey, Step
    from normalizer.sketch import Counts

ENOUGH = 20
"""So many parcels must have gone before one speaks of the next."""
LEFT = 5
"""And so many of them must have taken longer than this one already has."""
ENOUGH_SILENCES = 100
"""A hundredth is what is unusual; of fewer parcels it is nobody."""

_HOUR = 3_600_000
_QUARTER = _HOUR // 4
_MIDDLE, _MOST, _NEARLY_ALL = 0.5, 0.9, 0.99

OUT = "out"
"""Hours from the vehicle's departure to the arrival."""
RETRY = "retry"
"""Hours from a failed attempt to the arrival."""
SILENCE = "silence"
"""The longest time without a scan while a carrier had it, in hours."""
WEEKDAYS = tuple(f"transit.{day}" for day in range(7))
"""Hours from the hand-in on each weekday, Monday first, to the arrival."""

_ANY_DAY = "transit"
_NONE: tuple[int, Counts] = (0, {})
_STAGES = {Status.OUT_FOR_DELIVERY: OUT, Status.ATTEMPT_FAILED: RETRY}


@dataclass(frozen=True)
class Norm:
    """What is normal: for each measure the hours parcels took, as counts. `basis` says for which parcels.

    It is asked for every piece of news, so what follows from the counts is worked out once.
    """

    basis: str
    counts: Mapping[str, Counts]

    @cached_property
    def measured(self) -> Mapping[str, tuple[int, Counts]]:
        """For each measure, and for the way on any weekday, how many parcels and what they took."""
        any_day = sketch.merged(self.counts.get(name, {}) for name in WEEKDAYS)
        return {name: (int(sketch.total(of)), of) for name, of in {**self.counts, _ANY_DAY: any_day}.items()}

    @cached_property
    def silence(self) -> float | None:
        """The hours without a scan that nearly all parcels keep below; None where too few are known."""
        samples, counts = self.measured.get(SILENCE, _NONE)
        found = sketch.quantile(counts, _NEARLY_ALL) if samples >= ENOUGH_SILENCES else None
        # The bin's end and not the place within it: a limit that stands still is told once.
        return None if found is None else sketch.edges(sketch.bin_of(found))[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A parcel on its way. Instants in epoch milliseconds; `since` when it entered its status."""

    status: Status
    since: int
    handed_in_at: int
    weekday: int | None
    """Of the hand-in, on the clock of where that was; 0 is Monday."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When it will be there: in half of all cases by `p50`, in nine of ten by `p90`; both None where that is not known.

    `samples` is how many parcels it rests on, of the kind `basis` says; too few where there is no answer.
    """

    p50: int | None
    p90: int | None
    samples: int
    basis: str | None


def under_way(journey: Journey, steps: Sequence[Step]) -> UnderWay | None:
    """Return a parcel as a prediction needs it; None where none can be made: not handed in, in trouble, there, back."""
    status, since = journey.status, journey.since
    handed_in = hand_in(journey, steps)
    moving = status in (Status.IN_TRANSIT, *_STAGES) or (status is Status.EXCEPTION and journey.substatus in PASSING)
    if not moving or journey.returning or since is None or handed_in is None:
        return None
    return UnderWay(status=status, since=since, handed_in_at=handed_in[0], weekday=handed_in[1])


def hand_in(journey: Journey, steps: Sequence[Step]) -> tuple[int, int | None] | None:
    """Return when the carrier first had a parcel and which weekday that was there."""
    first = next((one for one in journey.changes if one.status in (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)), None)
    if first is None or first.at is None:
        return None
    day = next((one.day for one in steps if one.id == first.event_id), "")
    return first.at, weekday(day)


def weekday(day: str) -> int | None:
    """Return the weekday of a day as a scan tells it, None where it tells none."""
    try:
        return date.fromisoformat(day).weekday()
    except ValueError:
        return None


def predict(norms: Sequence[Norm], of: UnderWay, now: int) -> Forecast:
    """Return when a parcel will arrive. `norms` stand in order, the finest first."""
    best = Forecast(None, None, 0, None)
    for begun, basis, (samples, counts) in _choices(norms, of):
        if samples >= ENOUGH:
            return _foretold(counts, begun, now, samples, basis)
        if samples > best.samples:
            best = Forecast(None, None, samples, basis)
    return best


def _choices(norms: Sequence[Norm], of: UnderWay) -> Iterator[tuple[int, str, tuple[int, Counts]]]:
    """Yield what could be gone by, the best first: since when to count, whose, how many and the hours they took."""
    if (stage := _STAGES.get(of.status)) is not None:
        for norm in norms:
            yield of.since, norm.basis, norm.measured.get(stage, _NONE)
    for norm in norms:
        if of.weekday is not None:
            yield of.handed_in_at, norm.basis, norm.measured.get(WEEKDAYS[of.weekday], _NONE)
        yield of.handed_in_at, norm.basis, norm.measured[_ANY_DAY]


def _foretold(counts: Counts, begun: int, now: int, samples: int, basis: str) -> Forecast:
    elapsed = max(0, now - begun) / _HOUR
    left, (half, most) = sketch.beyond(counts, elapsed, (_MIDDLE, _MOST))
    if half is None or most is None or left < LEFT:
        return Forecast(None, None, samples, basis)
    return Forecast(_ahead(begun + half * _HOUR, now), _ahead(begun + most * _HOUR, now), samples, basis)


def _ahead(at: float, now: int) -> int:
    """Return the full quarter of an hour that an arrival is told as: at least one from now."""
    return -int(-max(at, now + _QUARTER) // _QUARTER) * _QUARTER


def silence(norms: Sequence[Norm]) -> float | None:
    """Return the hours without a scan that nearly all such parcels keep below; the finest with enough speaks."""
    return next((norm.silence for norm in norms if norm.silence is not None), None)

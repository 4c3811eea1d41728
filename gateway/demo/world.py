"""The demo world: the cast, a clock from outside, and where each carrier's pushes go. It does nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.demo.lives import Happened, Parcel


def fast_clock(now: Callable[[], datetime], start: datetime, factor: float) -> Callable[[], datetime]:
    """Return a clock that stands at `start` now and runs `factor` times as fast as `now`."""
    began = now()

    def told() -> datetime:
        return start + (now() - began) * factor

    return told


def story_start(end: datetime, hours: float) -> datetime:
    """Return when a story of so many hours began that ends at `end`, on the whole second."""
    return (end - timedelta(hours=hours)).replace(microsecond=0)


@dataclass(slots=True)
class World:
    """Parcels and the time. `clock` tells the story's time; `callbacks` where a carrier's pushes go, by its code."""

    cast: tuple[Parcel, ...]
    start: datetime
    clock: Callable[[], datetime]
    callbacks: dict[str, str] = field(default_factory=dict)
    _pushed: set[tuple[str, int]] = field(default_factory=set)

    def parcel(self, carrier: str, number: str) -> Parcel | None:
        """Return a parcel of the cast by a number as a carrier is asked for it."""
        spelled = normal_number(number)
        return next((one for one in self.cast if one.carrier == carrier and one.number == spelled), None)

    def happened(self, parcel: Parcel) -> list[Happened]:
        """Return what has happened to a parcel by now."""
        return parcel.happened(self.start, self.clock())

    def history(self, carrier: str, number: str) -> tuple[Parcel, list[Happened]] | None:
        """Return a parcel and its history; None where the carrier knows nothing of the number (yet)."""
        parcel = self.parcel(carrier, number)
        if parcel is None or not (so_far := self.happened(parcel)):
            return None
        return parcel, so_far

    def unpushed(self) -> Iterable[tuple[Parcel, Happened]]:
        """Return what is due to be pushed and was not yet, in the order of its telling."""
        for parcel in self.cast:
            if parcel.by == "push" and parcel.carrier in self.callbacks:
                for one in parcel.told(self.start, self.clock()):
                    if (parcel.number, one.order) not in self._pushed:
                        yield parcel, one

    def pushed(self, parcel: Parcel, one: Happened) -> None:
        """Note that a push was taken, so it is not repeated."""
        self._pushed.add((parcel.number, one.order))

    @property
    def over(self) -> bool:
        """Whether everything has happened and every push was taken."""
        now = self.clock()
        told = all(len(parcel.told(self.start, now)) == len(parcel.beats) for parcel in self.cast)
        return told and not any(True for _ in self.unpushed())

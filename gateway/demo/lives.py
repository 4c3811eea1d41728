"""Parcels' lives as data: what happens, when and where, and what a merchant must be told of it (`lives.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = Path(__file__).with_name("lives.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place of the demo world."""

    city: str
    region: str
    postal_code: str
    country: str
    latitude: float
    longitude: float
    zone: str
    facility: str


@dataclass(frozen=True, slots=True)
class Beat:
    """One thing that happens, so many hours after the story's beginning."""

    hour: float
    deed: str
    place: Place


@dataclass(frozen=True, slots=True)
class Happened:
    """A beat that has happened. `at` carries the offset of the place; `order` counts the parcel's beats from 0."""

    deed: str
    at: datetime
    place: Place
    order: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One parcel of the cast. `late` delays the push that tells of a deed by so many hours."""

    carrier: str
    number: str
    about: str
    beats: tuple[Beat, ...]
    by: Literal["poll", "push"] = "poll"
    direction: Literal["outbound", "return"] = "outbound"
    late: Mapping[str, float] = field(default_factory=dict)
    hears: bool = False
    """Its recipient asked for notices."""

    def happened(self, start: datetime, now: datetime) -> list[Happened]:
        """Return what has happened by now, oldest first."""
        return [one for one in self._all(start) if one.at <= now]

    def told(self, start: datetime, now: datetime) -> list[Happened]:
        """Return what pushes have told by now, in the order of the telling: a late one stands where it came."""
        due = [(one.at + timedelta(hours=self.late.get(one.deed, 0)), one) for one in self._all(start)]
        return [one for at, one in sorted(due, key=lambda pair: (pair[0], pair[1].order)) if at <= now]

    def _all(self, start: datetime) -> list[Happened]:
        return [
            Happened(
                beat.deed,
                (start + timedelta(hours=beat.hour)).replace(microsecond=0).astimezone(ZoneInfo(beat.place.zone)),
                beat.place,
                order,
            )
            for order, beat in enumerate(self.beats)
        ]


@dataclass(frozen=True, slots=True)
class Lives:
    """Everything `lives.toml` says."""

    deeds: Mapping[str, str]
    """Deed -> the status it leads to."""
    cast: tuple[Parcel, ...]

    @property
    def hours(self) -> float:
        """How long the story is, to the last thing told and a little after."""
        return max(beat.hour + parcel.late.get(beat.deed, 0) for parcel in self.cast for beat in parcel.beats) + 2

    def statuses(self, parcel: Parcel) -> tuple[str, ...]:
        """Return the statuses a parcel enters in its life, in order: one message each."""
        entered: list[str] = []
        for beat in parcel.beats:
            status = self.deeds[beat.deed]
            if entered[-1:] != [status]:
                entered.append(status)
        return tuple(entered)


@cache
def lives() -> Lives:
    """Read the demo's script. Raises `KeyError` naming a deed, place or life that does not exist."""
    said = tomllib.loads(FILE.read_text("utf-8"))
    places = {name: Place(**place) for name, place in said["places"].items()}
    return Lives(said["deeds"], tuple(_parcel(entry, said, places) for entry in said["cast"]))


def _parcel(entry: dict[str, Any], said: dict[str, Any], places: Mapping[str, Place]) -> Parcel:
    life = said["lives"][entry["life"]]
    beats = tuple(Beat(hour, deed, places[place]) for hour, deed, place in life["beats"])
    for beat in beats:
        said["deeds"][beat.deed]
    return Parcel(about=life["about"], beats=beats, **{name: entry[name] for name in entry if name != "life"})

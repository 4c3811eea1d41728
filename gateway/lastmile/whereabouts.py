"""Where a courier is held to be: what is kept of it, and how it looks to those who may see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, Any

import orjson

from gateway.lastmile.sight import BLURRED_EVERY
from normalizer import render
from normalizer.geo import blurred
from normalizer.track import Fix, Track

if TYPE_CHECKING:
    from gateway.lastmile.sight import Precision
    from normalizer.model import Position

STALE_AFTER = 180_000
"""Milliseconds without news after which a position is shown as stale: the slowest platform tells every two minutes."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The latest of one courier. `eta` in epoch milliseconds; `coarse` is (latitude, longitude, at) of the blurred."""

    track: Track
    heading: float | None
    speed: float | None
    eta: int | None
    stops_before: int | None
    coarse: tuple[float, float, int]

    @property
    def at(self) -> int:
        """When the courier was last seen, in epoch milliseconds."""
        return self.track.last.at

    def stale(self, now: int) -> bool:
        """Whether too long nothing was heard."""
        return now - self.at > STALE_AFTER


def after(before: Whereabouts | None, track: Track, position: Position) -> Whereabouts:
    """Return the whereabouts with a track that moved by a position."""
    coarse = None if before is None else before.coarse
    if coarse is None or track.at - coarse[2] >= BLURRED_EVERY:
        coarse = (*blurred(track.latitude, track.longitude), track.at - track.at % BLURRED_EVERY)
    eta = None if position.eta is None else int(position.eta.timestamp() * 1000)
    return Whereabouts(track, position.heading, position.speed, eta, position.stops_before, coarse)


def doubting(before: Whereabouts, track: Track) -> Whereabouts:
    """Return the whereabouts with a track that only holds a doubt: nothing anybody sees has changed."""
    return replace(before, track=track)


def dumps(of: Whereabouts) -> bytes:
    """Return what is kept."""
    return orjson.dumps(
        {
            "track": (of.track.at, of.track.latitude, of.track.longitude, of.track.variance),
            "last": tuple(of.track.last),
            "doubt": of.track.doubt and tuple(of.track.doubt),
            "heading": of.heading,
            "speed": of.speed,
            "eta": of.eta,
            "stops_before": of.stops_before,
            "coarse": of.coarse,
        }
    )


def loads(kept: bytes) -> Whereabouts | None:
    """Read what is kept; None for what an earlier version kept, which is a day old at most."""
    told = orjson.loads(kept)
    if "track" not in told:
        return None
    at, latitude, longitude, variance = told["track"]
    doubt = None if told["doubt"] is None else Fix(*told["doubt"])
    return Whereabouts(
        Track(at, latitude, longitude, variance, Fix(*told["last"]), doubt),
        told["heading"],
        told["speed"],
        told["eta"],
        told["stops_before"],
        tuple(told["coarse"]),
    )


def document(of: Whereabouts, precision: Precision) -> dict[str, Any] | None:
    """Return whereabouts as seen with a precision: all of it, the cell and the minute, or nothing."""
    if precision == "exact":
        track = of.track
        return {
            "at": render.millis_instant(of.at),
            "latitude": round(track.latitude, 6),
            "longitude": round(track.longitude, 6),
            "accuracy": round(sqrt(track.variance)),
            "heading": of.heading,
            "speed": of.speed,
            "eta": render.millis_instant(of.eta),
            "stops_before": of.stops_before,
        }
    if precision == "blurred":
        latitude, longitude, at = of.coarse
        return {
            "at": render.millis_instant(at),
            "latitude": latitude,
            "longitude": longitude,
            "accuracy": None,
            "heading": None,
            "speed": None,
            "eta": render.millis_instant(of.eta),
            "stops_before": of.stops_before,
        }
    return None

"""A courier's track: fixes of a phone made calm. Jumps wait until a second fix agrees, jitter is averaged away. Pure.

Only the present place is kept, never the way that led there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from normalizer.geo import metres_between

if TYPE_CHECKING:
    from normalizer.model import Position

USUAL_ACCURACY = 25.0
"""Metres assumed where a fix does not say how exact it is."""
WORST_ACCURACY = 1_000.0
"""A fix less exact than this says nothing worth showing."""
FASTEST = 70.0
"""Metres per second that no courier exceeds on the road."""
_WANDER = 3.0
"""How fast the place may change beyond what was known, in metres per second: the filter's only taste."""
_FORGET = 60.0
"""Seconds after which an old place no longer pulls at a new one."""


class Fix(NamedTuple):
    """One fix: epoch milliseconds, degrees, metres."""

    at: int
    latitude: float
    longitude: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Track:
    """Where a courier is held to be. `last` is the latest fix that was believed, `doubt` one that jumped."""

    at: int
    latitude: float
    longitude: float
    variance: float
    """Of the place, in square metres."""
    last: Fix
    doubt: Fix | None = None


def fix_of(position: Position) -> Fix:
    """Return a position as a fix."""
    accuracy = position.accuracy
    exact = USUAL_ACCURACY if accuracy is None or accuracy <= 0 else float(accuracy)
    return Fix(int(position.at.timestamp() * 1000), float(position.latitude), float(position.longitude), exact)


def follow(track: Track | None, fix: Fix) -> Track | None:
    """Return the track after a fix; the same object where the fix told nothing new (old, or far too vague).

    None stays None for a vague first fix. A fix that jumps further than a courier can drive changes only `doubt`.
    """
    if fix.accuracy > WORST_ACCURACY:
        return track
    if track is None:
        return _begin(fix)
    if fix.at <= track.last.at or (track.doubt is not None and fix.at <= track.doubt.at):
        return track
    if _reachable(track.last, fix):
        return _go_on(track, fix)
    if track.doubt is not None and _reachable(track.doubt, fix):
        return _begin(fix)  # two fixes agree with each other and not with the track: it was the track that was wrong
    return Track(track.at, track.latitude, track.longitude, track.variance, track.last, fix)


def moved(before: Track | None, after: Track | None) -> bool:
    """Tell whether a fix was believed."""
    return after is not None and (before is None or after.last != before.last)


def _begin(fix: Fix) -> Track:
    return Track(fix.at, fix.latitude, fix.longitude, fix.accuracy**2, fix)


def _go_on(track: Track, fix: Fix) -> Track:
    seconds = (fix.at - track.at) / 1000
    if seconds > _FORGET:
        return _begin(fix)
    variance = track.variance + seconds * _WANDER**2
    step = metres_between(track.latitude, track.longitude, fix.latitude, fix.longitude)
    if step**2 > variance + fix.accuracy**2:
        # It drives: what it drove in this time is no noise.
        variance = max(variance, step**2)
    gain = variance / (variance + fix.accuracy**2)
    east = (fix.longitude - track.longitude + 180.0) % 360.0 - 180.0
    longitude = (track.longitude + gain * east + 180.0) % 360.0 - 180.0
    latitude = track.latitude + gain * (fix.latitude - track.latitude)
    return Track(fix.at, latitude, longitude, (1 - gain) * variance, fix)


def _reachable(one: Fix, other: Fix) -> bool:
    """Tell whether a courier can have come from one fix to a later one, both as vague as they say."""
    distance = metres_between(one.latitude, one.longitude, other.latitude, other.longitude)
    return distance - one.accuracy - other.accuracy <= FASTEST * (other.at - one.at) / 1000

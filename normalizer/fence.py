"""The fence round a drop-off: when a courier is near, when at the door, and how long there. Pure.

A fence fires only where the fix, as vague as it says it is, lies wholly inside: so neither jitter nor a vague fix nor
one that jumped (`normalizer.track` keeps those back) can fire it from outside. What has happened never unhappens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from normalizer.geo import metres_between

if TYPE_CHECKING:
    from normalizer.track import Fix

DOOR_METRES = 75.0
"""A courier that stays within this of the drop-off is at the door: parking, stairs and a phone's error included."""
STAYED = 20_000
"""Milliseconds within the door's circle after which passing by has become arriving."""
CLOSE_METRES_A_SECOND = 400 / 60
"""How fast a courier comes nearer through a town, as the crow flies: for a fence in minutes without an arrival time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A drop-off and how near is near: in metres, or in seconds before the arrival. Degrees WGS 84.

    Without coordinates only a fence in seconds can fire, by the arrival time a carrier tells with the position.
    """

    latitude: float | None = None
    longitude: float | None = None
    metres: float | None = None
    seconds: float | None = None

    def distance(self, fix: Fix) -> float | None:
        """Return how far a fix lies from the drop-off, None where nobody knows where that is."""
        if self.latitude is None or self.longitude is None:
            return None
        return metres_between(self.latitude, self.longitude, fix.latitude, fix.longitude)


@dataclass(frozen=True, slots=True)
class Approach:
    """How far a courier's approach to one drop-off has come. Instants in epoch milliseconds, None: not yet."""

    arriving_at: int | None = None
    """When the fence was entered."""
    arrived_at: int | None = None
    """When the courier came to the door."""
    left_at: int | None = None
    """When the courier went away from there again."""
    door_since: int | None = None
    """The first fix at the door that is not yet a stay."""
    last_at: int | None = None
    """The latest fix at the door: where nothing tells when the courier left, this is it."""

    @property
    def dwell(self) -> int | None:
        """Milliseconds at the door, None before the end of the stay."""
        return None if self.arrived_at is None or self.left_at is None else self.left_at - self.arrived_at


def approach(before: Approach, fence: Fence, fix: Fix, eta: int | None = None) -> Approach:
    """Return the approach after a believed fix; fixes come in the order of their times.

    `eta` is when the carrier says the courier arrives, in epoch milliseconds; one that has passed says nothing.
    """
    after = before
    distance = fence.distance(fix)
    if after.arriving_at is None and _inside(fence, fix, distance, eta):
        after = replace(after, arriving_at=fix.at)
    return after if distance is None else _at_door(after, fix, distance)


def said(before: Approach, at: int, *, at_door: bool) -> Approach:
    """Return an approach after the carrier itself said at `at` that the courier is near, or at the door."""
    arriving = before.arriving_at if before.arriving_at is not None else at
    if not at_door or before.arrived_at is not None:
        return before if arriving == before.arriving_at else replace(before, arriving_at=arriving)
    return replace(before, arriving_at=arriving, arrived_at=at, door_since=None, last_at=at)


def close(before: Approach, at: int) -> Approach:
    """Return an approach that is over at `at`: a stay at the door ends then, at the latest."""
    if before.arrived_at is None or before.left_at is not None:
        return before
    return replace(before, left_at=max(at, before.arrived_at), door_since=None)


def _inside(fence: Fence, fix: Fix, distance: float | None, eta: int | None) -> bool:
    if fence.metres is not None:
        return distance is not None and distance + fix.accuracy <= fence.metres
    if fence.seconds is None:
        return False
    if eta is not None and eta >= fix.at:
        return eta - fix.at <= fence.seconds * 1000
    return distance is not None and distance + fix.accuracy <= fence.seconds * CLOSE_METRES_A_SECOND


def _at_door(now: Approach, fix: Fix, distance: float) -> Approach:
    if now.left_at is not None or fix.accuracy > DOOR_METRES:
        return now
    if distance <= DOOR_METRES:
        return _stays(now, fix.at)
    if distance - fix.accuracy <= DOOR_METRES:
        return now  # may still be there
    if now.arrived_at is not None:
        return replace(now, left_at=fix.at, door_since=None)
    return replace(now, door_since=None, last_at=None)


def _stays(now: Approach, at: int) -> Approach:
    since = now.door_since
    if now.arrived_at is not None:
        return replace(now, last_at=at)
    if since is None or at - since < STAYED:
        return replace(now, door_since=at if since is None else since, last_at=at)
    arriving = since if now.arriving_at is None else now.arriving_at
    return replace(now, arriving_at=arriving, arrived_at=since, door_since=None, last_at=at)

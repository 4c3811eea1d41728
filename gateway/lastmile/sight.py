"""Who sees the courier: one table by stage and viewer. Pure.

A courier's place is a person's place. So what is not in the table is seen by nobody, and the table is tested cell by
cell over every way out: the merchant's calls, the public ones, and their streams.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from normalizer.model import Status

Stage = Literal["before", "far", "near", "door", "over"]
"""before: not out for delivery. far: out, and others come first. near: their turn is near. door: the courier is there.
over: delivered, or this attempt is over."""

Viewer = Literal["merchant", "support", "recipient", "storefront", "operator"]
Precision = Literal["exact", "blurred", "proof", "none"]
"""blurred: the middle of a cell of about a kilometre (`normalizer.geo.blurred`), once a minute, without heading and
speed. proof: no courier any more, only the place where it was handed over."""

STAGES: tuple[Stage, ...] = get_args(Stage)
VIEWERS: tuple[Viewer, ...] = get_args(Viewer)

SIGHT: dict[Viewer, dict[Stage, Precision]] = {
    "merchant": {"before": "exact", "far": "exact", "near": "exact", "door": "exact", "over": "proof"},
    "support": {"before": "exact", "far": "exact", "near": "exact", "door": "exact", "over": "proof"},
    "recipient": {"before": "none", "far": "blurred", "near": "exact", "door": "exact", "over": "proof"},
    "storefront": {"before": "none", "far": "none", "near": "none", "door": "none", "over": "none"},
    "operator": {"before": "none", "far": "none", "near": "none", "door": "none", "over": "none"},
}

BLURRED_EVERY = 60_000
"""Milliseconds between two blurred places: more of them would tell where exactly a cell's border was crossed."""


def precision(viewer: str, stage: Stage) -> Precision:
    """Return what a viewer sees at a stage; an unknown viewer sees nothing."""
    return SIGHT.get(viewer, {}).get(stage, "none")  # type: ignore[call-overload, no-any-return]


@dataclass(frozen=True, slots=True)
class Near:
    """When a recipient's turn is near. The first of these that is known decides."""

    stops: int = 3
    minutes: int = 30
    metres: int = 2_000


_COMING = frozenset({"next_stop", "arriving"})
_BEFORE = frozenset({Status.PENDING, Status.ORDERED, Status.INFO_RECEIVED, Status.IN_TRANSIT, Status.EXCEPTION})
_BEFORE_NAMES = frozenset(status.value for status in _BEFORE) | {Status.UNKNOWN.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What is known of a recipient's turn. `eta` in epoch milliseconds, `metres` from the courier to the door."""

    status: str
    substatus: str
    stops_before: int | None = None
    eta: int | None = None
    metres: float | None = None
    arriving: bool = False
    """The fence was entered."""
    arrived: bool = False


def stage(turn: Turn, near: Near, now: int) -> Stage:
    """Return the stage of a shipment's last mile."""
    if turn.status in _BEFORE_NAMES:
        return "before"
    if turn.status != Status.OUT_FOR_DELIVERY.value:
        return "over"
    if turn.arrived or turn.substatus == "arrived_at_door":
        return "door"
    if turn.arriving or turn.substatus in _COMING or _is_near(turn, near, now):
        return "near"
    return "far"


def _is_near(turn: Turn, near: Near, now: int) -> bool:
    if turn.stops_before is not None:
        return turn.stops_before <= near.stops
    if turn.eta is not None:
        return turn.eta - now <= near.minutes * 60_000
    return turn.metres is not None and turn.metres <= near.metres

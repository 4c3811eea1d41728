"""What is measured in rounds: ours and what it is held against side by side in each, so that the machine is the same.

A p99 over one stretch is little more than its few worst moments (a checkpoint, a collection of garbage, a neighbour on
the machine): two engines that do the very same may differ by half. So the ratio is taken in each round, the figure is
the median of the rounds, and the quartiles beside it say how sure it is.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Figure = Callable[..., dict[str, Any]]


def percentile(waits: list[float], part: float) -> float:
    """Return the value below which such a part of them lies."""
    ordered = sorted(waits)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


@dataclass
class Rounds:
    """One value of ours and one of the other's, round by round."""

    ours: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    def add(self, ours: float, bare: float) -> None:
        """Note a round."""
        self.ours.append(ours)
        self.bare.append(bare)

    def row(self, name: str, unit: str, reach: str, figure: Figure) -> dict[str, Any]:
        """Return the row of the table."""
        ratios = sorted(ours / bare for ours, bare in zip(self.ours, self.bare, strict=True))
        quarter = len(ratios) // 4
        row = figure(
            name,
            statistics.median(self.ours),
            statistics.median(self.bare),
            unit,
            statistics.median(ratios),
            reach,
        )
        return row | {"spread": [round(ratios[quarter], 3), round(ratios[-1 - quarter], 3)], "rounds": len(ratios)}


@dataclass
class Waits:
    """How long messages took beside something and without it, round by round, in milliseconds."""

    p50: Rounds = field(default_factory=Rounds)
    p99: Rounds = field(default_factory=Rounds)

    def add(self, alone: list[float], beside: list[float]) -> None:
        """Note a round."""
        self.p50.add(percentile(beside, 0.5), percentile(alone, 0.5))
        self.p99.add(percentile(beside, 0.99), percentile(alone, 0.99))

    def rows(self, name: str, reach: str, figure: Figure) -> list[dict[str, Any]]:
        """Return the rows of the table; what is to be reached is the p99's."""
        return [
            self.p50.row(f"{name}: p50", "ms", "watched", figure),
            self.p99.row(f"{name}: p99", "ms", reach, figure),
        ]

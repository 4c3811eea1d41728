"""Counting goods: what is in a shipment, what was called off, what came back. Pure."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Goods = tuple[tuple[str, int], ...]
"""(line, quantity) pairs."""


def counted(several: Iterable[Goods]) -> Counter[str]:
    """Return how many of each line there are."""
    total: Counter[str] = Counter()
    for goods in several:
        for line, count in goods:
            total[line] += count
    return total


def covers(several: Iterable[Goods], expected: Mapping[str, int]) -> bool:
    """Whether goods are all that was expected; where no line is known nobody can say so."""
    total = counted(several)
    return bool(expected) and all(total[line] >= count for line, count in expected.items())

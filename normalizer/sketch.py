"""How long things take, as counts in fixed bins: small, mergeable in any order, and right to within a bin. Pure.

Hours may have a sign: late is above zero, early below, and zero is a bin of its own, so "on time" is exact. The bins
grow by an eleventh each: a quarter of an hour is told from half an hour, a fortnight not from a day more.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Counts = Mapping[int, float]
    """Bin -> how many, or how much they weigh."""

FINEST = 0.25
GROWTH = 2 ** (1 / 8)

EDGES: tuple[float, ...] = (0.0, *(FINEST * GROWTH**step for step in range(122)))
"""Where bins end, in hours: bin `n` holds what is above `EDGES[n - 1]` and at most `EDGES[n]`. Kept counts are read by
them, so they never change."""


def bin_of(hours: float) -> int:
    """Return the bin of some hours; below zero it is mirrored, and what is longer than a year counts as a year."""
    size = min(bisect_left(EDGES, abs(hours)), len(EDGES) - 1)
    return size if hours > 0 else -size


def edges(bin_: int) -> tuple[float, float]:
    """Return between which hours a bin lies."""
    high = EDGES[abs(bin_)]
    low = EDGES[abs(bin_) - 1] if bin_ else 0.0
    return (low, high) if bin_ >= 0 else (-high, -low)


def merged(many: Iterable[Counts]) -> dict[int, float]:
    """Return counts added up."""
    together: Counter[int] = Counter()
    for one in many:
        for bin_, count in one.items():
            together[bin_] += count  # type: ignore[assignment]  # a Counter adds weights as well
    return dict(together)


def total(counts: Counts, above: float | None = None) -> float:
    """Return how many there are; with `above`, how many of more hours than that."""
    return sum(weight for _, _, weight in _parts(counts, above))


def quantile(counts: Counts, part: float, above: float | None = None) -> float | None:
    """Return the hours that a part (0 to 1) of the counts do not exceed; None for no counts.

    With `above`, of those alone that are longer than so many hours. Within a bin they are taken as evenly spread.
    """
    return _within(_parts(counts, above), part)


def beyond(counts: Counts, above: float, parts: Sequence[float]) -> tuple[float, list[float | None]]:
    """Return how many are of more hours than `above`, and what each part of those does not exceed."""
    left = _parts(counts, above)
    return sum(weight for _, _, weight in left), [_within(left, part) for part in parts]


def _within(spread: list[tuple[float, float, float]], part: float) -> float | None:
    wanted = part * sum(weight for _, _, weight in spread)
    seen = 0.0
    for low, high, weight in spread:
        if seen + weight >= wanted:
            return low + (high - low) * max(0.0, wanted - seen) / weight
        seen += weight
    return spread[-1][1] if spread else None


def _parts(counts: Counts, above: float | None) -> list[tuple[float, float, float]]:
    """Return (from, to, weight) of each bin in order; of the bin in which `above` lies, what is beyond it."""
    found = []
    for bin_ in sorted(counts):
        low, high, weight = *edges(bin_), counts[bin_]
        if above is not None and low < above:
            if high <= above:
                continue
            low, weight = above, weight * (high - above) / (high - low)
        if weight > 0:
            found.append((low, high, weight))
    return found

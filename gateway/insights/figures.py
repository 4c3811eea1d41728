"""Figures of what was counted: shares, hours by percentile, stars. Pure.

A share is null where there is nothing to have a share of. Hours are right to within an eleventh, as they are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.insights.outcome import DELIVERED, END, LATE, LEADS, OFF, REASON, RETURNED, STARS, TRANSIT, WAITING, WITHIN
from gateway.ratings.ratings import LOW, MOST_STARS, REASONS
from normalizer import sketch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.insights.asking import Bins, Counts

ON_TIME = (END, *LATE.values())
TRANSIT_TIMES = (END, TRANSIT)
ETA_ACCURACY = (END, LATE["merchant"], *OFF.values(), *WITHIN.values())
SATISFACTION = (END, STARS, REASON)
"""The measures that each of the insights needs."""

_SHARES = {"p50": 0.5, "p90": 0.9}
_MANY_SHARES = {"p10": 0.1, "p50": 0.5, "p90": 0.9, "p99": 0.99}


def size(counts: Counts) -> int:
    """Return how many shipments came to an end."""
    return sum(counts[END].values())


def _ends(counts: Counts) -> dict[str, int]:
    ends = counts[END]
    waiting = ends.get(WAITING, 0)
    arrived = ends.get(DELIVERED, 0) + waiting
    return {"arrived": arrived, "waiting_for_pickup": waiting, "returned": ends.get(RETURNED, 0)}


def on_time(counts: Counts) -> dict[str, Any]:
    """How the merchant's promise to the recipient and the carrier's first promise were kept."""
    ends = _ends(counts)
    judged = size(counts)
    return ends | {voice: _promise(counts[measure], judged) for voice, measure in LATE.items()}


def _promise(bins: Bins, judged: int) -> dict[str, Any]:
    promised = sum(bins.values())
    late = {bin_: count for bin_, count in bins.items() if bin_ > 0}
    early = {-bin_: count for bin_, count in bins.items() if bin_ < 0}
    on_time = promised - sum(late.values())
    return {
        "promised": promised,
        "without_promise": max(0, judged - promised),
        "on_time": on_time,
        "on_time_share": _share(on_time, promised),
        "early": sum(early.values()),
        "late": sum(late.values()),
        "early_by_hours": _hours(early),
        "late_by_hours": _hours(late),
    }


def transit_times(counts: Counts) -> dict[str, Any]:
    """How long it took from the first physical scan until the recipient could have it."""
    bins = counts[TRANSIT]
    return _ends(counts) | {"measured": sum(bins.values()), "transit_hours": _hours(bins, _MANY_SHARES)}


def eta_accuracy(counts: Counts) -> dict[str, Any]:
    """How far off each voice was, so many hours before the arrival."""
    judged = size(counts)
    ours = []
    for lead in LEADS:
        within = counts[WITHIN[lead]]
        share = _share(within.get(1, 0), sum(within.values()))
        ours.append(_off(counts[OFF["ours", lead]], judged, lead) | {"by_p90_share": share})
    return _ends(counts) | {
        "carrier": [_off(counts[OFF["carrier", lead]], judged, lead) for lead in LEADS],
        "merchant": _off(counts[LATE["merchant"]], judged, None),
        "ours": ours,
    }


def _off(bins: Bins, judged: int, lead: int | None) -> dict[str, Any]:
    told = sum(bins.values())
    either_way: dict[int, int] = {}
    for bin_, count in bins.items():
        either_way[abs(bin_)] = either_way.get(abs(bin_), 0) + count
    return {
        "lead_hours": lead,
        "told": told,
        "told_share": _share(told, judged),
        "met": bins.get(0, 0),
        "earlier": sum(count for bin_, count in bins.items() if bin_ < 0),
        "later": sum(count for bin_, count in bins.items() if bin_ > 0),
        "off_hours": _hours(either_way),
    }


def satisfaction(counts: Counts) -> dict[str, Any]:
    """How recipients rated their deliveries, and why."""
    ends = _ends(counts)
    stars, reasons = counts[STARS], counts[REASON]
    rated, low = sum(stars.values()), sum(count for star, count in stars.items() if star <= LOW)
    given = sum(star * count for star, count in stars.items())
    return ends | {
        "rated": rated,
        "rated_share": _share(rated, ends["arrived"]),
        "average": None if not rated else round(given / rated, 2),
        "low": low,
        "low_share": _share(low, rated),
        "stars": {str(star): stars.get(star, 0) for star in range(1, MOST_STARS + 1)},
        "reasons": {why: count for index, why in enumerate(REASONS) if (count := reasons.get(index, 0))},
    }


def _share(part: int, whole: int) -> float | None:
    return None if not whole else round(min(1.0, part / whole), 4)


def _hours(bins: Mapping[int, int], shares: Mapping[str, float] = _SHARES) -> dict[str, float] | None:
    if not bins:
        return None
    found = {name: sketch.quantile(bins, part) for name, part in shares.items()}
    return {name: round(hours, 2) for name, hours in found.items() if hours is not None}

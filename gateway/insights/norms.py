"""What is normal for each kind of parcels of a merchant: learned by difference, faded with the months, asked often.

A merchant's norms are made of its own parcels alone. They are remembered with the connection that asked, for a minute.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select

from gateway.insights.tables import InsightTables
from normalizer.eta import Norm
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from gateway.insights.corridor import Corridor

FADES = 0.8
"""A month later a parcel tells so much less of what is normal now."""
FORGOTTEN_MONTHS = 24
_NOTHING = 1e-3
_REMEMBERED = 4_000
_FRESH_SECONDS = 60.0

Weights = dict[str, dict[int, float]]
"""Measure -> bin -> weight."""
Deltas = Counter[tuple[str, str, int]]
"""(kind, measure, bin) -> what comes to it, or goes, as of now."""

_N = InsightTables.norm.c
_KEEP = Many.inserting(InsightTables.norm, twice={"update": ("month", "weights")})


def month_of(day: int) -> int:
    """Return the month of a day since 1970: months are counted, thirty days and a half each."""
    return int(day / 30.4375)


def month_at(now: int) -> int:
    """Return the month of an instant in epoch milliseconds."""
    return month_of(now // 86_400_000)


def worth(month: int, now: int) -> float:
    """Return what a parcel of a month weighs in the month `now`."""
    return float(FADES ** max(0, now - month))


class _Known:
    """Norms remembered for one connection."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[float, Norm | None]] = OrderedDict()

    def get(self, key: tuple[str, str]) -> tuple[bool, Norm | None]:
        """Return whether it is known, and the norm: None where there is none."""
        until, norm = self._kept.get(key, (0.0, None))
        return time.monotonic() < until, norm

    def put(self, key: tuple[str, str], norm: Norm | None) -> None:
        self._kept[key] = (time.monotonic() + _FRESH_SECONDS, norm)
        self._kept.move_to_end(key)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)

    def forget(self, merchant_id: str, kinds: Iterable[str]) -> None:
        for kind in (_ANY, *kinds):
            self._kept.pop((merchant_id, kind), None)


_ANY = ""
"""Stands for all kinds of a merchant: remembered as known and None where it has learned nothing yet."""


def _known(conn: Connection) -> _Known:
    known: _Known | None = conn.info.get("norms")
    if known is None:
        known = conn.info["norms"] = _Known()
    return known


def find(conn: Connection, merchant_id: str, corridor: Corridor, month: int) -> tuple[Norm, ...]:
    """Return the norms for a corridor, the finest first; those a merchant has none of are left out."""
    known = _known(conn)
    kinds = {kind: basis for basis, kind in corridor.kinds()}
    there = {kind: norm for kind in kinds for fresh, norm in (known.get((merchant_id, kind)),) if fresh}
    missing = [kind for kind in kinds if kind not in there]
    if missing:
        rows = {kind: (since, weights) for kind, since, weights in _rows(conn, merchant_id, missing)}
        for kind in missing:
            there[kind] = _norm(kinds[kind], *rows[kind], month) if kind in rows else None
            known.put((merchant_id, kind), there[kind])
    return tuple(norm for kind in kinds if (norm := there[kind]) is not None)


def has_any(conn: Connection, merchant_id: str) -> bool:
    """Tell whether a merchant has learned anything yet: asked of each piece of news, so it is remembered."""
    known = _known(conn)
    fresh, some = known.get((merchant_id, _ANY))
    if not fresh:
        found = conn.execute(select(_N.kind).where(_N.merchant_id == merchant_id).limit(1)).first()
        some = None if found is None else Norm(_ANY, {})
        known.put((merchant_id, _ANY), some)
    return some is not None


def _rows(conn: Connection, merchant_id: str, kinds: list[str]) -> list[Any]:
    wanted = select(_N.kind, _N.month, _N.weights).where(_N.merchant_id == merchant_id, _N.kind.in_(kinds))
    return list(conn.execute(wanted).all())


def _norm(basis: str, since: int, weights: bytes, month: int) -> Norm:
    return Norm(basis, _faded(weights, since, month))


def _faded(weights: bytes, since: int, month: int) -> Weights:
    factor = worth(since, month)
    return {
        measure: {int(bin_): weight * factor for bin_, weight in bins.items()}
        for measure, bins in orjson.loads(weights).items()
    }


def learn(conn: Connection, merchant_id: str, deltas: Deltas, month: int) -> None:
    """Add what was counted anew to a merchant's norms, in the transaction that notes it as counted."""
    by_kind: dict[str, dict[tuple[str, int], float]] = {}
    for (kind, measure, bin_), weight in deltas.items():
        if weight:
            by_kind.setdefault(kind, {})[measure, bin_] = weight
    if not by_kind:
        return
    known = {kind: _faded(weights, since, month) for kind, since, weights in _rows(conn, merchant_id, sorted(by_kind))}
    rows = [
        {"merchant_id": merchant_id, "kind": kind, "month": month, "weights": _added(known.get(kind, {}), bins)}
        for kind, bins in sorted(by_kind.items())
    ]
    _KEEP(conn, rows)
    _known(conn).forget(merchant_id, by_kind)


def _added(weights: Weights, more: Mapping[tuple[str, int], float]) -> bytes:
    for (measure, bin_), weight in more.items():
        bins = weights.setdefault(measure, {})
        bins[bin_] = bins.get(bin_, 0.0) + weight
    kept = {
        measure: {str(bin_): round(weight, 6) for bin_, weight in sorted(bins.items()) if weight > _NOTHING}
        for measure, bins in weights.items()
    }
    return orjson.dumps({measure: bins for measure, bins in kept.items() if bins})


def forget(conn: Connection, *, merchant_id: str, month: int) -> None:
    """Drop norms nothing was added to for so long that they tell nothing."""
    conn.execute(delete(InsightTables.norm).where(_N.merchant_id == merchant_id, _N.month < month - FORGOTTEN_MONTHS))

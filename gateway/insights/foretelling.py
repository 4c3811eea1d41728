"""Our own voice: when a shipment will arrive by what its merchant's parcels took. Beside the carrier's, never over it.

A shipment's row keeps what is foretold, made anew with each news and shortly before time would overtake it. It is told
with whatever else is told; by itself only where it moved by a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from gateway.insights.ended import ARRIVED
from gateway.insights.tables import InsightTables
from normalizer import eta, render
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.steps import Key
    from normalizer.eta import Norm
    from normalizer.journey import Journey, Step

SPEAKS_MS = 24 * 3_600_000
"""A prediction that moved so far since it was last told is told by itself."""
_SAID_MS = 3_600_000
"""One that moved so far is kept, to be held against the arrival."""
_LOOK_BEFORE = 5 * 60_000


class Saying(NamedTuple):
    """What a voice (`carrier` or `ours`) said of an arrival, and since when that was known."""

    voice: str
    at: int
    arrival: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Foretold:
    """What is foretold of a shipment now: what its row keeps, what is kept to be judged, and when to look again."""

    kept: bytes | None = None
    saying: Saying | None = None
    moved_from: Mapping[str, Any] | None = None
    """What was told before, where it moved so far that it is told by itself."""
    look_at: int | None = None


def foretell(
    row: RowMapping | Mapping[str, Any], journey: Journey, steps: Sequence[Step], norms: Sequence[Norm], now: int
) -> Foretold:
    """Return what is foretold of a shipment. One that is stopped or goes on as another carrier's foretells nothing."""
    before = None if row["predicted"] is None else orjson.loads(row["predicted"])
    silent = not row["tracking"] or row["continues_id"] is not None
    way = None if silent or not norms else eta.under_way(journey, steps)
    found = None if way is None else eta.predict(norms, way, now)
    if found is None or not found.samples:
        gone = before is not None and before["said"] is not None and journey.status not in ARRIVED
        return Foretold(saying=Saying("ours", now, {}) if gone else None)
    told, said = (None, None) if before is None else (before["told"], before["said"])
    moved = told is not None and found.p50 is not None and abs(found.p50 - told) >= SPEAKS_MS
    news = found.p50 != said and (found.p50 is None or said is None or abs(found.p50 - said) >= _SAID_MS)
    kept = {
        "p50": found.p50,
        "p90": found.p90,
        "samples": found.samples,
        "basis": found.basis,
        "at": now,
        "told": found.p50 if moved or told is None else told,
        "said": found.p50 if news else said,
    }
    arrival = {} if found.p50 is None else {"p50": found.p50, "p90": found.p90}
    return Foretold(
        kept=orjson.dumps(kept),
        saying=Saying("ours", now, arrival) if news else None,
        moved_from=_window(before) if moved else None,
        look_at=None if found.p50 is None else found.p50 - _LOOK_BEFORE,
    )


def shown(kept: bytes | None) -> dict[str, Any]:
    """Return what a shipment's document tells of it: `predicted`, and `predicted_from`, what that rests on."""
    if kept is None:
        return {"predicted": None, "predicted_from": None}
    of = orjson.loads(kept)
    rests = {
        "samples": of["samples"],
        "needed": eta.ENOUGH,
        "basis": of["basis"],
        "at": render.millis_instant(of["at"]),
    }
    return {"predicted": _window(of), "predicted_from": rests}


def _window(of: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if of is None or of["p50"] is None:
        return None
    return {"p50": render.millis_instant(of["p50"]), "p90": render.millis_instant(of["p90"])}


def keep(conn: Connection, sayings: Iterable[tuple[Key, Saying]]) -> None:
    """Keep what was said of arrivals, to be held against them."""
    rows = [
        {
            "merchant_id": key[0],
            "shipment_id": key[1],
            "voice": said.voice,
            "at": said.at,
            "arrival": orjson.dumps(said.arrival),
        }
        for key, said in sayings
    ]
    if rows:
        _KEEP(conn, rows)


_KEEP = Many.inserting(InsightTables.said, twice={"update": ("arrival",)})

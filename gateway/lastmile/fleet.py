"""The fleet: every courier of a merchant who is out now, with the parcels still ahead and how many of them are late."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway import trouble
from gateway.lastmile import moving, positions, sight
from gateway.runs import stops
from gateway.runs.tables import RunTables
from gateway.tables import Tables
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

MOST = 2_000
"""Parcels that are looked at: those out for delivery that changed last."""
_S, _R, _T = Tables.shipment.c, RunTables.run.c, RunTables.stop.c
_OUT = Status.OUT_FOR_DELIVERY.value
_TIGHT = 3
"""Decimals of a degree within which parcels of one name are held to be in one vehicle: a hundred metres."""


def out(conn: Connection, merchant_id: str, viewer: sight.Viewer, now: int) -> list[dict[str, Any]]:
    """Return the couriers who are out: the late ones first, then by name.

    A run is one courier; parcels of a platform are one where name, vehicle and place are the same. Parcels of which
    neither courier nor place nor run is known are a carrier's business and left out.
    """
    where = (_S.merchant_id == merchant_id, _S.status == _OUT, _S.tracking.is_(True))
    statement = select(Tables.shipment).where(*where).order_by(_S.updated_at.desc(), _S.id).limit(MOST)
    rows = list(conn.execute(statement).mappings())
    at = _stops_of(conn, merchant_id, [row["id"] for row in rows])
    looked = moving.look(conn, [(merchant_id, row["id"]) for row in rows], now)
    first = stops.before(conn, merchant_id, [row["id"] for row in rows], now)
    together: dict[Hashable, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        stop = at.get(row["id"])
        if stop is not None and stop["state"] in stops.DONE:
            continue  # it was handed over just now
        seen = looked[merchant_id, row["id"]][0]
        told = first.get(row["id"], orjson.loads(row["state"]).get("stops_before"))
        one = _parcel(row, stop, told, positions.shown(seen, sight.precision(viewer, seen.stage), now), now)
        if (key := _whose(one)) is not None:
            together[key].append(one)
    standing = stops.standing(conn, merchant_id, sorted({stop["run_id"] for stop in at.values()}))
    couriers = [_courier(parcels, standing) for parcels in together.values()]
    return sorted(
        couriers, key=lambda one: (-one["late"], one["courier"] or "", one["shipments"][0]["tracking_number"])
    )


def _stops_of(conn: Connection, merchant_id: str, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the stop of each shipment that is on a run; of several runs the newest counts."""
    statement = (
        select(RunTables.stop, _R.courier, _R.vehicle)
        .join(RunTables.run, (_R.merchant_id == _T.merchant_id) & (_R.id == _T.run_id))
        .where(_T.merchant_id == merchant_id, _T.shipment_id.in_(ids), _T.removed_at.is_(None))
        .order_by(_R.created_at, _R.id)
    )
    return {row["shipment_id"]: row for row in conn.execute(statement).mappings()}


def _parcel(
    row: RowMapping, stop: RowMapping | None, before: int | None, seen: Mapping[str, Any], now: int
) -> dict[str, Any]:
    state = orjson.loads(row["state"])
    place = seen["position"]
    return {
        "run_id": None if stop is None else stop["run_id"],
        "carrier": row["carrier"],
        "account": row["account_id"],
        "courier": state.get("courier") if stop is None else stop["courier"],
        "vehicle": state.get("courier_vehicle") if stop is None else stop["vehicle"] or None,
        "position": place,
        "stale": seen["stale"],
        "id": row["id"],
        "tracking_number": row["tracking_number"],
        "stops_before": before if place is None or place["stops_before"] is None else place["stops_before"],
        "late": any(kind.startswith("promise") for kind in trouble.known(row)) or _is_over(stop, now),
    }


def _is_over(stop: RowMapping | None, now: int) -> bool:
    """Tell whether the window of a stop has passed."""
    end = None if stop is None else stops.asks_of(stop).end
    at = None if end is None else datetime.fromisoformat(end)
    return at is not None and at.tzinfo is not None and at < datetime.fromtimestamp(now / 1000, UTC)


def _whose(one: Mapping[str, Any]) -> Hashable | None:
    """Return what tells one courier from another; None where nobody knows who brings a parcel."""
    if one["run_id"] is not None:
        return str(one["run_id"])
    place = one["position"]
    if place is None:
        return None if one["courier"] is None else one["id"]
    name = (one["carrier"], one["account"], one["courier"], one["vehicle"])
    return (*name, round(place["latitude"], _TIGHT), round(place["longitude"], _TIGHT))


def _courier(parcels: Sequence[Mapping[str, Any]], standing: Mapping[str, stops.Standing]) -> dict[str, Any]:
    ahead = sorted(parcels, key=lambda one: (one["stops_before"] or 0, one["tracking_number"]))
    first = ahead[0]
    latest = max(parcels, key=lambda one: "" if one["position"] is None else one["position"]["at"])
    stood = standing.get(first["run_id"] or "")
    return {
        "run_id": first["run_id"],
        "carrier": first["carrier"],
        "courier": first["courier"],
        "vehicle": first["vehicle"],
        "position": latest["position"],
        "stale": latest["stale"],
        "stops_total": None if stood is None else stood.total,
        "stops_done": None if stood is None else stood.done,
        "late": sum(one["late"] for one in parcels),
        "shipments": [{name: one[name] for name in ("id", "tracking_number", "stops_before", "late")} for one in ahead],
    }

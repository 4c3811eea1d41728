"""Looking for one courier on behalf of one viewer: what calls answer, public ones and those with a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.lastmile import moving, positions, sight
from gateway.tables import Tables
from normalizer import render
from normalizer.model import Status

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.lastmile.sight import Viewer
    from normalizer.fence import Approach


def courier(conn: Connection, merchant_id: str, shipment_id: str, viewer: Viewer, now: int) -> dict[str, Any] | None:
    """Return a shipment's courier as a viewer sees it; None where the merchant has no such shipment."""
    found = moving.look(conn, [(merchant_id, shipment_id)], now).get((merchant_id, shipment_id))
    if found is None:
        return None
    seen, approach = found
    precision = sight.precision(viewer, seen.stage)
    place = _proof_place(conn, merchant_id, shipment_id) if precision == "proof" else None
    document = positions.shown(seen, precision, now) | {"proof_place": place}
    return document | {"approach": _approach(approach) if precision != "none" else None}


def _approach(of: Approach) -> dict[str, Any]:
    return {
        "arriving_at": render.millis_instant(of.arriving_at),
        "arrived_at": render.millis_instant(of.arrived_at),
        "left_at": render.millis_instant(of.left_at),
        "dwell_seconds": None if of.dwell is None else round(of.dwell / 1000),
    }


def _proof_place(conn: Connection, merchant_id: str, shipment_id: str) -> dict[str, float] | None:
    """Return where a shipment was handed over, as its carrier told it; a gazetteer's city is no proof."""
    c = Tables.event.c
    statement = (
        select(c.body)
        .where(c.merchant_id == merchant_id, c.shipment_id == shipment_id, c.status == Status.DELIVERED.value)
        .order_by(c.sort_at.desc(), c.id)
    )
    for body in conn.execute(statement).scalars():
        event = orjson.loads(body)
        place = event["place"]
        if event["place_basis"] == "carrier" and place.get("latitude") is not None:
            return {"latitude": place["latitude"], "longitude": place["longitude"]}
    return None

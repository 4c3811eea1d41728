"""Drop-offs: where one shipment is handed over and how near is near there, given by its merchant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.lastmile.tables import Tables
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

_GIVEN = ("latitude", "longitude", "metres", "seconds")


def get(conn: Connection, merchant_id: str, shipment_id: str) -> RowMapping | None:
    """Return what was given for a shipment, None for nothing."""
    c = Tables.drop_off.c
    statement = select(Tables.drop_off).where(c.merchant_id == merchant_id, c.shipment_id == shipment_id)
    return conn.execute(statement).mappings().first()


def put(conn: Connection, merchant_id: str, shipment_id: str, now: int, **given: Any) -> None:
    """Keep what is given for a shipment, in place of what was given before."""
    row = {"merchant_id": merchant_id, "shipment_id": shipment_id, "changed_at": now}
    row |= {name: given.get(name) for name in _GIVEN}
    statement = insert(conn, Tables.drop_off).values(row)
    newer = {name: statement.excluded[name] for name in (*_GIVEN, "changed_at")}
    conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "shipment_id"], set_=newer))

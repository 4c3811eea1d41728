"""Shipments whose outcome is to be counted, noted in the transaction that made it so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.insights.tables import InsightTables
from normalizer.model import Status
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from gateway.steps import Key

ARRIVED = frozenset({Status.AVAILABLE_FOR_PICKUP, Status.DELIVERED, Status.RETURNED, Status.REFUNDED})
"""Where a shipment has an outcome."""
JUDGED_BY = frozenset({"promised", "destination", "direction"})
"""Columns that the outcome of a shipment follows from beside its events."""


def note(conn: Connection, shipments: Iterable[Key]) -> None:
    """Note that shipments have an outcome, or another one than before."""
    rows = [{"merchant_id": merchant_id, "shipment_id": id_} for merchant_id, id_ in shipments]
    if rows:
        _NOTE(conn, rows)


_NOTE = Many.inserting(InsightTables.due, twice={})

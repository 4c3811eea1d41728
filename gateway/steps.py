"""Shipments' events as their fold needs them, read for many shipments at once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway.tables import Tables
from normalizer.journey import Step
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

Key = tuple[str, str]
"""(merchant, shipment id)."""

_CHUNK = 400
_STATUS = {status.value: status for status in Status}


def by_merchant(keys: Iterable[Key]) -> Iterable[tuple[str, Sequence[str]]]:
    """Group ids by merchant, in pieces a statement can carry."""
    grouped: dict[str, list[str]] = defaultdict(list)
    for merchant_id, one in keys:
        grouped[merchant_id].append(one)
    for merchant_id, ids in grouped.items():
        for start in range(0, len(ids), _CHUNK):
            yield merchant_id, ids[start : start + _CHUNK]


def steps_of(conn: Connection, keys: Iterable[Key]) -> dict[Key, dict[str, Step]]:
    """Return the events of shipments by id; a shipment without any is left out."""
    c = Tables.event.c
    columns = (c.sort_at, c.carrier_order, c.id, c.status, c.substatus, c.moves, c.going_back, c.at, c.day, c.piece)
    steps: dict[Key, dict[str, Step]] = defaultdict(dict)
    for merchant_id, ids in by_merchant(keys):
        statement = select(c.shipment_id, *columns).where(c.merchant_id == merchant_id, c.shipment_id.in_(ids))
        for shipment_id, at, order, id_, status, *rest in conn.execute(statement).all():
            steps[merchant_id, shipment_id][id_] = Step(at, order, id_, _STATUS[status], *rest)
    return steps

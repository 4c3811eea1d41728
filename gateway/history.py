"""A shipment's events as they are shown: as they were read, with what they are in this parcel's own way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from sqlalchemy import select

from gateway import earlier
from gateway.tables import Tables
from normalizer import details, journey
from normalizer.journey import Step
from normalizer.model import Status

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping


def event_bodies(conn: Connection, row: RowMapping) -> list[bytes]:
    """Return a shipment's events as JSON, oldest first; those of an earlier parcel of its number say so.

    `counts_as` is the status and substatus of an event that is something else on this parcel's way, else null.
    """
    c = Tables.event.c
    columns = (c.sort_at, c.carrier_order, c.id, c.status, c.substatus, c.moves, c.going_back, c.at, c.day, c.piece)
    statement = (
        select(c.body, *columns)
        .where(c.merchant_id == row["merchant_id"], c.shipment_id == row["id"])
        .order_by(c.sort_at, c.carrier_order, c.id)
    )
    bodies: list[bytes] = []
    steps: list[Step] = []
    for body, at, order, id_, status, *rest in conn.execute(statement):
        bodies.append(body)
        steps.append(Step(at, order, id_, Status(status), *rest))
    own = earlier.current(steps, row["earlier_until"])
    told = {name: (at, value) for name, (at, value) in orjson.loads(row["told"]).items()}
    told_back = details.values(told).get("returning") is True
    other = journey.on_the_way_back(own, is_return=row["direction"] == "return", told_back=told_back)
    ours = {one.id for one in own}
    return [
        b'%b,"earlier_parcel":%b,"counts_as":%b}'
        % (body[:-1], b"false" if one.id in ours else b"true", orjson.dumps(other.get(one.id)))
        for body, one in zip(bodies, steps, strict=True)
    ]

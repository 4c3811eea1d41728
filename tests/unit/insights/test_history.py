"""What ended before there were insights is noted to be counted, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import command
from sqlalchemy import select, text

from gateway import schema
from gateway.db import sqlite_engine
from gateway.insights.tables import InsightTables

if TYPE_CHECKING:
    from pathlib import Path

KEPT = [
    ("shp_1", "delivered", "outbound"),
    ("shp_2", "in_transit", "outbound"),
    ("shp_3", "returned", "outbound"),
    ("shp_4", "returned", "return"),
    ("shp_5", "available_for_pickup", "outbound"),
]


def test_a_database_of_before_has_what_ended_counted_first(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/g.db"
    engine = sqlite_engine(url)
    config = schema._config()
    with engine.connect() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0017")
        columns = [row[1] for row in conn.execute(text("pragma table_info(shipment)")) if row[3] and row[4] is None]
        given = ("merchant_id", "id", "status", "direction", "number_key")
        zeros = {name: "0" for name in columns if name not in given}
        insert = text(
            f"insert into shipment (merchant_id, id, status, direction, number_key, {', '.join(zeros)}) "
            f"values ('mer_1', :id, :status, :direction, :id, {', '.join(zeros.values())})"
        )
        conn.execute(insert, [{"id": id_, "status": status, "direction": way} for id_, status, way in KEPT])
        conn.commit()
    engine.dispose()
    schema.migrate(url)
    engine = sqlite_engine(url)
    with engine.connect() as conn:
        due = conn.execute(select(InsightTables.due.c.shipment_id)).scalars().all()
    engine.dispose()
    assert sorted(due) == ["shp_1", "shp_3", "shp_5"]

"""What acts of the audit log were about, by the names people know, as long as that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from gateway.orders.tables import Orders
from gateway.runs.tables import RunTables
from gateway.shops.tables import Shops
from gateway.staff.tables import StaffTables
from gateway.tables import Tables
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Table

_NAMED: dict[str, tuple[Table, str]] = {
    "shp": (Tables.shipment, "tracking_number"),
    "ord": (Orders.order, "order_number"),
    "ep": (WebhookTables.endpoint, "url"),
    "run": (RunTables.run, "courier"),
    "acc": (Tables.account, "carrier"),
    "sho": (Shops.account, "shop"),
    "per": (StaffTables.person, "name"),
}
"""By the beginning of an id: where that is, and what it is called there."""
_LEAVE_A_ROW = ("ep", "acc", "sho")
"""What is deleted of these is a row still, of the state `deleted`."""


def names(conn: Connection, merchant_id: str, ids: Iterable[str]) -> dict[str, str]:
    """Return by id what a merchant's shipments, orders, endpoints, runs, accounts, shops and people are called.

    What is gone, and any other id, is left out. An endpoint that is read by polling has no address: its name is empty.
    """
    kinds: dict[str, set[str]] = {}
    for id_ in ids:
        kinds.setdefault(id_.partition("_")[0], set()).add(id_)
    found: dict[str, str] = {}
    for kind, those in kinds.items():
        if kind in _NAMED:
            table, name = _NAMED[kind]
            statement = select(table.c.id, table.c[name]).where(
                table.c.merchant_id == merchant_id, table.c.id.in_(those)
            )
            if kind in _LEAVE_A_ROW:
                statement = statement.where(table.c.state != "deleted")
            found.update({row[0]: row[1] for row in conn.execute(statement)})
    return found

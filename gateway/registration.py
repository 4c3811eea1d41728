"""Parcels are taken on: drafts become shipments, with their account, their link and their place in an order.

The API, imports and shops' pushes all come by here. In the caller's transaction; running it twice makes nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway import accounts, shipments
from gateway.orders import handing_down, refolding, store
from gateway.registering import Plan, Refused, with_account

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.pages.links import Links
    from gateway.shipments import NewShipment
    from webhooks.log import Entry


@dataclass(frozen=True, slots=True)
class Registered:
    """A shipment that is there now. `url` is its tracking page's address, where it has one."""

    row: RowMapping
    new: bool
    plan: Plan
    url: str | None


def register(
    links: Links, conn: Connection, merchant_id: str, drafts: Sequence[NewShipment], now: int
) -> tuple[list[Registered | Refused], dict[str, list[Entry]]]:
    """Make all that can be made; return what became of each draft, and the messages of orders that follow."""
    choices = accounts.choices(conn, merchant_id)
    plans: list[Plan | Refused] = []
    for draft in handing_down.filled(conn, merchant_id, drafts):
        try:
            plans.append(with_account(draft, choices, now))
        except Refused as trouble:
            plans.append(trouble)
    good = [plan for plan in plans if isinstance(plan, Plan)]
    made = shipments.create(conn, merchant_id, [plan.new for plan in good], now)
    before = shipments.get_many(conn, merchant_id, [shipment_id for shipment_id, _ in made])
    touched: set[str] = set()
    for plan, (shipment_id, new) in zip(good, made, strict=True):
        row = before[shipment_id]
        changed = not new and shipments.adopt(conn, row, plan.new, now)
        said = bool(plan.new.items or plan.new.return_id)
        if said:
            store.pack(conn, merchant_id, shipment_id, return_id=plan.new.return_id, items=plan.new.items)
        if new or changed or said:
            touched |= {row["order_number"], plan.new.order_number} - {None}
    rows = shipments.get_many(conn, merchant_id, before)
    urls = links.ensure(conn, merchant_id, list(before), now)
    done = iter(zip(good, made, strict=True))
    results: list[Registered | Refused] = []
    for one in plans:
        if isinstance(one, Refused):
            results.append(one)
        else:
            plan, (shipment_id, new) = next(done)
            results.append(Registered(rows[shipment_id], new, plan, urls[shipment_id]))
    return results, refolding.follow(conn, {(merchant_id, number) for number in touched}, now)

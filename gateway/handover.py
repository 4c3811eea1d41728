"""Hand-over: where a carrier names the next carrier's number, that number is tracked too, for the same recipient.

Each shipment is folded alone; the two are linked. Where nobody can say whose the number is, it stays information.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select, update

from gateway import accounts, registering, shipments
from gateway.registering import Refused
from gateway.tables import Tables
from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

LONGEST_LINE = 20
"""So many shipments one journey may be handed on through; nobody does, and a ring ends here."""


def link(conn: Connection, row: RowMapping, carrier: str | None, number: str, now: int) -> RowMapping:
    """Track the next number and link both, in the caller's transaction; return the row with its link. May run twice.

    `carrier` is the code the first carrier named, None where it named the number alone.
    """
    merchant_id = row["merchant_id"]
    new = _next(row, carrier, number)
    if new is None:
        return row
    key = (new.carrier, normal_number(new.tracking_number))
    if key == (row["carrier"], row["number_key"]):
        return row
    found = shipments.find(conn, merchant_id, [key]).get(key)
    if found is not None and (found == row["continues_id"] or _leads_to(conn, merchant_id, found, row["id"])):
        return row
    try:
        new = registering.with_account(new, accounts.choices(conn, merchant_id), now).new
    except Refused:  # pragma: no cover - only a given account is refused, and none is given
        return row
    if found is None:
        ((found, _),) = shipments.create(conn, merchant_id, [new], now)
    elif (known := shipments.get(conn, merchant_id, found)) is not None and known["tracking"]:
        shipments.adopt(conn, known, new, now)
    c = Tables.shipment.c
    if row["continues_id"] is not None:  # the carrier corrected the number
        wrong = update(Tables.shipment).where(
            c.merchant_id == merchant_id, c.id == row["continues_id"], c.continued_from_id == row["id"]
        )
        conn.execute(wrong.values(continued_from_id=None))
    before = update(Tables.shipment).where(c.merchant_id == merchant_id, c.id == row["id"])
    linked = conn.execute(before.values(continues_id=found).returning(Tables.shipment)).mappings().one()
    after = update(Tables.shipment).where(c.merchant_id == merchant_id, c.id == found, c.continued_from_id.is_(None))
    conn.execute(after.values(continued_from_id=row["id"]))
    return linked


def _next(row: RowMapping, carrier: str | None, number: str) -> shipments.NewShipment | None:
    """Return the shipment to track, None where the number's carrier is not known or has no connector."""
    try:
        spelled = registering.spell(number, carrier)
        code, set_by = registering.choose_carrier(spelled, carrier)
    except Refused:
        return None
    return shipments.NewShipment(
        carrier=code,
        tracking_number=spelled,
        order_number=row["order_number"],
        direction=row["direction"],
        destination=_json(row["destination"]),
        recipient=row["recipient"],
        promised=_json(row["promised"]),
        ship_date=row["ship_date"],
        carrier_set_by="detected" if set_by == "detected" else "handover",
    )


def _json(value: bytes | None) -> Mapping[str, Any] | None:
    return None if value is None else orjson.loads(value)


def _leads_to(conn: Connection, merchant_id: str, start: str, end: str) -> bool:
    """Whether a line of hand-overs from one shipment reaches another: linking them would make a ring."""
    c = Tables.shipment.c
    at: str | None = start
    for _ in range(LONGEST_LINE):
        if at is None:
            return False
        if at == end:
            return True
        at = conn.execute(select(c.continues_id).where(c.merchant_id == merchant_id, c.id == at)).scalar()
    return True

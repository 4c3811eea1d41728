"""Finding a parcel by two things its recipient knows: a number, and the postcode or e-mail address it goes to.

Who knows only one of them learns nothing: not whether the number exists, and not by the time an answer takes.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import or_, select

from gateway.orders import store as orders
from gateway.pages.views import plain_postcode, postcodes
from gateway.tables import Tables
from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, RowMapping

    Unseal = Callable[[RowMapping], Mapping[str, Any] | None]
    Whither = tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]

MOST = 20
"""Parcels looked at for one number, the newest first: an order of more is read on its page at the shop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What somebody says they know. One of the numbers is told, and one of postcode and e-mail address."""

    tracking_number: str | None = None
    order_number: str | None = None
    postal_code: str | None = None
    email: str | None = None

    @property
    def number_key(self) -> str:
        """What tries are counted by: the number, however it is spelled."""
        return normal_number(self.tracking_number or self.order_number or "")


def find(conn: Connection, merchant_id: str, known: Known, unseal: Unseal, unseal_order: Unseal) -> list[RowMapping]:
    """Return a merchant's shipments of a number that go to whom the second fact names; both must match."""
    c = Tables.shipment.c
    asked = []
    if known.tracking_number is not None and (key := normal_number(known.tracking_number)):
        asked.append(c.number_key == key)
    if known.order_number is not None:
        asked.append(c.order_number == known.order_number.strip())
    if not asked:
        return []
    statement = (
        select(Tables.shipment)
        .where(c.merchant_id == merchant_id, or_(*asked))
        .order_by(c.created_at.desc(), c.id.desc())
        .limit(MOST)
    )
    rows = list(conn.execute(statement).mappings())
    numbers = {row["order_number"] for row in rows if row["order_number"] is not None}
    theirs = orders.by_numbers(conn, merchant_id, numbers) if numbers else {}
    of_orders = {number: _goes_to(order, unseal_order) for number, order in theirs.items()}
    return [row for row in rows if _proves(known, _goes_to(row, unseal), of_orders.get(row["order_number"]))]


def _goes_to(row: RowMapping, unseal: Unseal) -> Whither:
    return None if row["destination"] is None else orjson.loads(row["destination"]), unseal(row)


def _proves(known: Known, *told: Whither | None) -> bool:
    good: set[str] = set()
    for destination, recipient in filter(None, told):
        if known.postal_code is not None:
            good |= postcodes({"destination": destination}, recipient)
        elif recipient is not None and recipient.get("email"):
            good.add(_plain_email(recipient["email"]))
    said = plain_postcode(known.postal_code) if known.postal_code is not None else _plain_email(known.email or "")
    return any([hmac.compare_digest(said.encode(), one.encode()) for one in good])  # noqa: C419 - looks at each of them


def _plain_email(text: str) -> str:
    return text.strip().casefold()

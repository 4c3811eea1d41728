"""Numbers a shop takes back: parcels it calls off, and those whose fulfilment has another number by now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.apply import apply
from gateway.history import event_bodies
from gateway.ingest import can_poll
from gateway.merchant_events import merchant_event
from gateway.orders import store
from gateway.refold import News
from gateway.shops.tables import Shops
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, RowMapping

    from webhooks.log import Entry

    Told = dict[str, list[Entry]]

_F = Shops.fulfilment.c
_ON_PAPER = ("pending", "ordered", "info_received")
_REPLACED = "Another tracking number took its place"


def call_off(conn: Connection, rows: Sequence[RowMapping], now: int, text: str = "") -> Told:
    """Cancel parcels the shop called off, where no carrier has them."""
    on_paper = [row for row in rows if row["status"] in _ON_PAPER]
    return _say(conn, on_paper, (Status.CANCELLED, "by_merchant"), now, text)


def follow(
    conn: Connection,
    account: RowMapping,
    order: RowMapping,
    fulfilments: Collection[str],
    there: Sequence[RowMapping],
    *,
    now: int,
) -> Told:
    """Call off what `fulfilments` no longer hold, as it was mistyped, and take up again what they hold after all.

    `there` are the shipments they hold now.
    """
    told = call_off(conn, _replaced(conn, account, order, fulfilments, there), now, _REPLACED)
    back = _say(conn, [row for row in there if _was_replaced(conn, row)], (Status.INFO_RECEIVED, "other"), now)
    for merchant_id, entries in back.items():
        told.setdefault(merchant_id, []).extend(entries)
    return told


def _replaced(
    conn: Connection,
    account: RowMapping,
    order: RowMapping,
    fulfilments: Collection[str],
    there: Sequence[RowMapping],
) -> list[RowMapping]:
    merchant_id, number = account["merchant_id"], order["order_number"]
    rows = {one["id"]: one for one in store.shipments_of(conn, merchant_id, [number]).get(number, [])}
    statement = select(_F.shipment_id).where(
        _F.merchant_id == merchant_id,
        _F.shipment_id.in_(rows.keys() - {row["id"] for row in there}),
        _F.account_id == account["id"],
        _F.fulfilment.in_(fulfilments),
    )
    return [rows[id_] for id_ in conn.execute(statement).scalars()]


def _was_replaced(conn: Connection, row: RowMapping) -> bool:
    """Tell whether a parcel was called off because another number took its place, and by nobody's word."""
    if row["status"] != Status.CANCELLED:
        return False
    last: dict[str, Any] = orjson.loads(event_bodies(conn, row)[-1])
    return (last["status"], last["text"]) == (Status.CANCELLED.value, _REPLACED)


def _say(conn: Connection, rows: Sequence[RowMapping], what: tuple[Status, str], now: int, text: str = "") -> Told:
    news: dict[tuple[str, str], News] = {}
    (status, substatus), at = what, datetime.fromtimestamp(now / 1000, UTC)
    for row in rows:
        event = merchant_event(
            carrier=row["carrier"],
            tracking_number=row["tracking_number"],
            status=status,
            substatus=substatus,
            at=at,
            now=at,
            text=text,
        )
        news[row["merchant_id"], row["id"]] = News(events={event.id: event})
    return apply(conn, news, can_poll, now).entries if news else {}

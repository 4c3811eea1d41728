"""Old notices and old wishes go: whom nothing can be told any more is not kept. A stop is kept for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, or_, select

from gateway.people.tables import People
from gateway.tables import Tables
from normalizer.model import ENDS

if TYPE_CHECKING:
    from sqlalchemy import Connection

_W, _N, _S = People.wish.c, People.notice.c, Tables.shipment.c
_BATCH = 500
_OVER = tuple(status.value for status in ENDS)


def merchants(conn: Connection) -> list[str]:
    """Return the merchants that have wishes or notices."""
    statement = select(_W.merchant_id).union(select(_N.merchant_id))
    return list(conn.execute(statement).scalars())


def drop_before(conn: Connection, *, merchant_id: str, at: int) -> bool:
    """Drop a merchant's notices from before an instant and the wishes of parcels over since; tell if more may wait."""
    old = (
        select(_N.id)
        .where(_N.merchant_id == merchant_id, _N.created_at < at, _N.due_at.is_(None))
        .order_by(_N.created_at)
        .limit(_BATCH)
    )
    notices = list(conn.execute(old).scalars())
    if notices:
        conn.execute(delete(People.notice).where(_N.merchant_id == merchant_id, _N.id.in_(notices)))
    over = (
        select(_W.id)
        .outerjoin(Tables.shipment, and_(_S.merchant_id == _W.merchant_id, _S.id == _W.shipment_id))
        .where(
            _W.merchant_id == merchant_id,
            _W.changed_at < at,
            or_(_S.id.is_(None), and_(_S.updated_at < at, or_(_S.status.in_(_OVER), _S.tracking.is_(False)))),
        )
        .limit(_BATCH)
    )
    wishes = list(conn.execute(over).scalars())
    if wishes:
        conn.execute(delete(People.wish).where(_W.merchant_id == merchant_id, _W.id.in_(wishes)))
    return max(len(notices), len(wishes)) == _BATCH

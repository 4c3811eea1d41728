"""What is old is dropped: messages before their time, and the attempts and dead letters that tell of them.

Whole stretches of a merchant's log go at once, found by halves over its key, in pieces, so nobody waits long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, func, select

from webhooks.log import sequence_at
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

PIECE = 2_000
"""Sequences dropped in one transaction."""


def merchants(conn: Connection) -> Sequence[str]:
    """Return all merchants that have a log."""
    return conn.execute(select(Tables.stream.c.merchant_id)).scalars().all()


def drop_before(conn: Connection, merchant_id: str, at: int) -> bool:
    """Drop one piece of what a merchant's log says from before `at` (epoch ms); return whether more is left.

    Tries end after some days and messages are kept for months, so a lane that still wanted one has long given up; one
    that does not finds it gone and says so.
    """
    message, attempt, dead = Tables.message.c, Tables.attempt.c, Tables.dead.c
    last = sequence_at(conn, merchant_id, at)
    first = conn.execute(select(func.min(message.sequence)).where(message.merchant_id == merchant_id)).scalar()
    if first is None or first > last:
        return False
    until = min(last, first + PIECE - 1)
    for table, columns in ((Tables.attempt, attempt), (Tables.dead, dead)):
        endpoints = conn.execute(select(columns.endpoint_id).where(columns.merchant_id == merchant_id).distinct())
        for endpoint_id in endpoints.scalars().all():
            conn.execute(
                delete(table).where(
                    columns.merchant_id == merchant_id,
                    columns.endpoint_id == endpoint_id,
                    columns.sequence >= min(first, 1),
                    columns.sequence <= until,
                )
            )
    conn.execute(delete(Tables.message).where(message.merchant_id == merchant_id, message.sequence <= until))
    return bool(until < last)


def drop_exchanges(conn: Connection, merchant_id: str, before_day: int) -> bool:
    """Drop one piece of a merchant's exchanges from before a day (since 1970); return whether more may be left."""
    exchange = Tables.exchange.c
    old = (
        select(exchange.day, exchange.endpoint_id)
        .where(exchange.merchant_id == merchant_id, exchange.day < before_day)
        .order_by(exchange.day, exchange.endpoint_id)
        .limit(1)
    )
    first = conn.execute(old).first()
    if first is None:
        return False
    these = and_(
        exchange.merchant_id == merchant_id, exchange.day == first.day, exchange.endpoint_id == first.endpoint_id
    )
    last = conn.execute(select(exchange.at).where(these).order_by(exchange.at).offset(PIECE - 1).limit(1)).scalar()
    conn.execute(delete(Tables.exchange).where(these if last is None else and_(these, exchange.at <= last)))
    return True


def drop_type(conn: Connection, merchant_id: str, kind: str, since: int, at: int) -> None:
    """Drop what messages of one type say from between two instants (epoch ms): what must not be kept as long."""
    message = Tables.message.c
    conn.execute(
        delete(Tables.message).where(
            message.merchant_id == merchant_id,
            message.sequence > sequence_at(conn, merchant_id, since),
            message.sequence <= sequence_at(conn, merchant_id, at),
            message.type == kind,
        )
    )

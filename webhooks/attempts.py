"""Every request to an endpoint and what came of it, as its merchant may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select

from webhooks.schedule import DAY
from webhooks.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection


_A = Tables.attempt.c


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt. `message_id` is None when the message is no longer kept."""

    message_id: str | None
    sequence: int
    at: int
    number: int
    status: int | None
    outcome: str
    ms: int
    ip: str | None
    response: str
    exchange: bytes | None
    """What it looked like on the wire, as JSON (`outcome.Exchange.pack`); None when that is no longer kept."""


def page(
    conn: Connection, merchant_id: str, endpoint_id: str, *, before: tuple[int, int, int] | None = None, limit: int = 50
) -> list[AttemptFacts]:
    """Return an endpoint's attempts, newest first; `before` is (at, sequence, number) of the last one seen."""
    message = Tables.message.c
    exchange = Tables.exchange.c
    statement = (
        select(*_A, message.id, exchange.body)
        .join_from(
            Tables.attempt,
            Tables.message,
            and_(message.merchant_id == _A.merchant_id, message.sequence == _A.sequence),
            isouter=True,
        )
        .join(
            Tables.exchange,
            and_(
                exchange.merchant_id == _A.merchant_id,
                exchange.day == _A.at // DAY,
                exchange.endpoint_id == _A.endpoint_id,
                exchange.at == _A.at,
                exchange.sequence == _A.sequence,
                exchange.number == _A.number,
            ),
            isouter=True,
        )
        .where(_A.merchant_id == merchant_id, _A.endpoint_id == endpoint_id)
        .order_by(_A.at.desc(), _A.sequence.desc(), _A.number.desc())
        .limit(limit)
    )
    if before is not None:
        at, sequence, number = before
        older = or_(_A.at < at, _A.sequence < sequence, and_(_A.sequence == sequence, _A.number < number))
        statement = statement.where(_A.at <= at, older)  # the first bounds the index
    return [
        AttemptFacts(
            row.id or row.message_id,
            row.sequence,
            row.at,
            row.number,
            row.status,
            row.outcome,
            row.ms,
            row.ip,
            row.response,
            row.body,
        )
        for row in conn.execute(statement)
    ]

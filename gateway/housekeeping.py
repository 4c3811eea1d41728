"""What time does by itself: silent shipments expire, old payloads, messages, attempts and answers are dropped."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from gateway.apply import News, apply
from gateway.cadence import SILENCE_ENDS
from gateway.ids import first_id
from gateway.ingest import can_poll
from gateway.tables import Tables
from normalizer.model import NOWHERE, RANK, Event, Status
from normalizer.normalize import content_id
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.db import SqliteStore
    from gateway.settings import Settings
    from webhooks.log import Entry

_DAY = 86_400_000
_BATCH = 500
_IDEMPOTENCY_DAYS = 1
_POSITION_DAYS = 1


def expire(conn: Connection, now: int) -> dict[str, list[Entry]]:
    """Expire shipments that are not over and were silent too long; return the messages that tell so."""
    c = Tables.shipment.c
    open_ones = [status.value for status in Status if 0 <= RANK[status] < RANK[Status.CANCELLED]]
    statement = (
        select(c.merchant_id, c.id, c.carrier, c.tracking_number, c.last_event_at)
        .where(c.tracking.is_(True), c.status.in_(open_ones), c.updated_at < now - SILENCE_ENDS)
        .limit(_BATCH)
    )
    news: dict[tuple[str, str], News] = {}
    for merchant_id, id_, carrier, number, last in conn.execute(statement):
        event = _expiry(carrier, number, last, now)
        news[merchant_id, id_] = News(events={event.id: event})
    return apply(conn, news, can_poll, now).entries if news else {}


def _expiry(carrier: str, number: str, last: int | None, now: int) -> Event:
    at = datetime.fromtimestamp(now / 1000, UTC)
    return Event(
        id=content_id("evt", carrier, number, "", "id", f"expired:{last or 0}"),
        carrier=carrier,
        tracking_number=number,
        piece=None,
        status=Status.EXPIRED,
        substatus="no_scan" if last is None else "no_movement",
        code=None,
        codes=(),
        text="",
        basis="given",
        moves="tells",
        returning=False,
        at=at,
        local_time=at.replace(tzinfo=None),
        utc_offset="+00:00",
        time_basis="offset",
        order=0,
        place=NOWHERE,
        place_basis="carrier",
        eta=None,
        signed_by=None,
        proofs=(),
        source="system",
        received_at=at,
        payload_id=None,
        extra={},
    )


async def drop_old(store: SqliteStore, settings: Settings, now: int) -> None:
    """Drop what is older than it is kept, in small pieces, so nobody waits behind a long delete."""
    payload, idempotency, position = Tables.payload.c, Tables.idempotency.c, Tables.position.c
    message, attempt = WebhookTables.message.c, WebhookTables.attempt.c
    keep_payloads = first_id("pay", now - settings.keep_payload_days * _DAY)
    keep_messages = now - settings.keep_message_days * _DAY
    works = (
        delete(Tables.payload).where(
            payload.id.in_(
                select(payload.id).where(payload.id < keep_payloads, payload.state != "kept").limit(_BATCH)
            )
        ),
        delete(WebhookTables.attempt).where(attempt.at < keep_messages),
        delete(WebhookTables.message).where(message.at < keep_messages),
        delete(Tables.idempotency).where(idempotency.at < now - _IDEMPOTENCY_DAYS * _DAY),
        delete(Tables.position).where(position.at < now - _POSITION_DAYS * _DAY),
    )
    for statement in works:
        await store.write(lambda conn, statement=statement: conn.execute(statement).rowcount)  # type: ignore[misc]

"""What time does by itself: silent shipments expire, old payloads, messages, attempts and answers are dropped."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, or_, select

from gateway.apply import apply
from gateway.cadence import SILENCE_ENDS
from gateway.ids import first_id
from gateway.imports import store as imports
from gateway.ingest import can_poll
from gateway.insights import counting
from gateway.people import forgetting
from gateway.ratings import ratings
from gateway.refold import News
from gateway.runs import store as runs
from gateway.shops import inbox as shop_pushes
from gateway.shops import old_secrets
from gateway.tables import Tables
from gateway.talk import conversation
from normalizer.model import NOWHERE, RANK, Event, Status
from normalizer.normalize import content_id
from webhooks import retention

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import Connection, Delete

    from gateway.settings import Settings
    from webhooks.log import Entry
    from webhooks.store import Store

_DAY = 86_400_000
_BATCH = 500
_IDEMPOTENCY_DAYS = 1
_POSITION_DAYS = 1


def expire(conn: Connection, now: int) -> dict[str, list[Entry]]:
    """Expire shipments that are not over and were silent too long; return the messages that tell so."""
    c = Tables.shipment.c
    open_ones = [status.value for status in Status if 0 <= RANK[status] < RANK[Status.CANCELLED]]
    # Each "unknown" of its carrier was a change; nobody asks any more.
    never_known = and_(c.not_found > 0, c.next_poll_at.is_(None), c.created_at < now - SILENCE_ENDS)
    statement = (
        select(c.merchant_id, c.id, c.carrier, c.tracking_number, c.last_event_at)
        .where(c.tracking.is_(True), c.status.in_(open_ones), or_(c.updated_at < now - SILENCE_ENDS, never_known))
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


async def drop_old(store: Store, settings: Settings, now: int) -> None:
    """Drop what is older than it is kept, in small pieces, so nobody waits behind a long delete."""
    payload, idempotency, position = Tables.payload.c, Tables.idempotency.c, Tables.position.c
    until = first_id("pay", now - settings.keep_payload_days * _DAY)
    oldest = select(payload.merchant_id, payload.id).where(payload.id < until, payload.state != "kept").limit(_BATCH)

    def payloads(conn: Connection) -> bool:
        old = conn.execute(oldest).all()
        for merchant_id, id_ in old:
            conn.execute(delete(Tables.payload).where(payload.merchant_id == merchant_id, payload.id == id_))
        return len(old) == _BATCH

    while await store.write(payloads):
        pass
    messages = now - settings.keep_message_days * _DAY
    await _drop_of_each(store, retention.merchants, retention.drop_before, messages)
    await _drop_of_each(store, retention.merchants, conversation.drop_before, messages)
    await _drop_of_each(store, retention.merchants, ratings.forget_words, messages)
    await _drop_of_each(store, forgetting.merchants, forgetting.drop_before, messages)
    while await store.write(partial(runs.drop_before, at=messages)):
        pass
    insights = partial(counting.drop_before, now=now, keep_days=settings.keep_insight_days)
    for merchant_id in await store.read(_merchants):
        await store.write(partial(insights, merchant_id=merchant_id))
    await _drop_exchanges(store, now // _DAY - settings.keep_exchange_days)
    await _drop_positions(store, now)
    await store.write(partial(imports.drop_before, at=messages))
    await store.write(partial(old_secrets.forget, now=now))
    await store.write(partial(shop_pushes.drop_before, at=now - settings.keep_payload_days * _DAY))
    for statement in (
        delete(Tables.idempotency).where(idempotency.at < now - _IDEMPOTENCY_DAYS * _DAY),
        delete(Tables.position).where(position.at < now - _POSITION_DAYS * _DAY),
    ):
        await store.write(partial(_run, statement=statement))


async def _drop_of_each(
    store: Store, merchants: Callable[[Connection], Iterable[str]], drop: Callable[..., bool], at: int
) -> None:
    """Drop of each merchant what is from before an instant, piece by piece."""
    for merchant_id in await store.read(merchants):
        while await store.write(partial(drop, merchant_id=merchant_id, at=at)):
            pass


async def _drop_exchanges(store: Store, before_day: int) -> None:
    """Drop what attempts looked like on the wire: also of merchants that only ever tested an endpoint."""
    for merchant_id in await store.read(_merchants):
        while await store.write(partial(retention.drop_exchanges, merchant_id=merchant_id, before_day=before_day)):
            pass


async def _drop_positions(store: Store, now: int) -> None:
    """Drop the messages that told where couriers were: a day is long enough to send them."""
    until = now - _POSITION_DAYS * _DAY
    for merchant_id in await store.read(retention.merchants):
        await store.write(
            partial(retention.drop_type, merchant_id=merchant_id, kind="courier.position", since=until - _DAY, at=until)
        )


def _merchants(conn: Connection) -> Sequence[str]:
    return conn.execute(select(Tables.merchant.c.id)).scalars().all()


def _run(conn: Connection, statement: Delete) -> None:
    conn.execute(statement)

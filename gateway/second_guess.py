"""The wrong carrier: a number whose detected carrier keeps saying "unknown" is asked for elsewhere, once.

The shipment stays where it is while others are asked. Only one that really tells of this parcel gets it; then its
answer is kept like any other, and the merchant hears `shipment.carrier_changed`. What a merchant set is never changed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from connectors import connector
from connectors.base import Payload, Polls
from connectors.errors import CarrierError, Unavailable
from gateway import accounts, earlier, metrics, shipments
from gateway.clock import now_ms
from gateway.due import CLAIM_MS
from gateway.inbox import NewPayload
from gateway.orders import refolding
from gateway.reading import read
from gateway.registering import can_be_asked, candidates, choose_account
from gateway.tables import Tables
from gateway.telling import Teller
from normalizer.journey import step
from webhooks import log as message_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, RowMapping

    from connectors.client import Answer
    from gateway.carriers import CarrierAccess
    from gateway.due import Due
    from gateway.inbox import Inbox
    from webhooks.log import Entry
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

MOST_ASKED = 3
"""So many other carriers are asked for a number, best first."""


class SecondGuess:
    """Asks other carriers for a doubtful number and moves the shipment to the one that knows it."""

    def __init__(
        self,
        store: Store,
        inbox: Inbox,
        access: CarrierAccess,
        tell: Callable[[dict[str, list[Entry]]], None],
    ) -> None:
        self._store = store
        self._inbox = inbox
        self._access = access
        self._tell = tell

    async def moves(self, due: Due) -> bool:
        """Ask the other candidates; return whether the shipment is another carrier's now."""
        choices = await self._store.read(lambda conn: _askable(conn, due))
        if not choices:
            return False  # an account elsewhere may come
        all_answered = True
        for carrier, account_id in choices:
            try:
                answer = await self._ask(due, carrier, account_id)
            except Unavailable:
                all_answered = False
                continue
            if answer is not None and await self._move(due, carrier, account_id, answer):
                metrics.second_guesses("changed").inc()
                return True
        if all_answered:
            await self._store.write(lambda conn: _note_asked(conn, due))
            metrics.second_guesses("kept").inc()
        return False

    async def _ask(self, due: Due, carrier: str, account_id: str | None) -> Answer | None:
        """Return the answer of a carrier that knows the parcel, else None. Raises `Unavailable`: ask again later."""
        by = connector(carrier)
        assert isinstance(by, Polls)  # noqa: S101 - only such carriers are chosen
        try:
            client = await self._access.client(due.merchant_id, carrier, account_id)
            answer = await by.poll(client, (due.tracking_number,))
        except Unavailable:
            raise
        except CarrierError as trouble:
            log.debug("second_guess_trouble", carrier=carrier, kind=type(trouble).__name__)
            return None
        except Exception:
            log.exception("second_guess_failed", carrier=carrier)
            return None
        return answer if _knows(due, carrier, answer) else None

    async def _move(self, due: Due, carrier: str, account_id: str | None, answer: Answer) -> bool:
        now = now_ms()
        payload = NewPayload(
            merchant_id=due.merchant_id,
            carrier=carrier,
            account_id=account_id,
            source="poll",
            received_at=now,
            body=answer.body,
            numbers=(due.tracking_number,),
            headers={name: value for name, value in answer.headers.items() if name == "content-type"},
        )

        def work(conn: Connection) -> list[Entry] | None:
            row = shipments.get(conn, due.merchant_id, due.id)
            if row is None or not _still_doubtful(row, due):
                return None
            shipments.start_afresh(conn, row, carrier, now, set_by="detected")
            fresh = shipments.change(
                conn,
                due.merchant_id,
                due.id,
                now,
                account_id=account_id,
                second_guess_at=now,
                next_poll_at=now + CLAIM_MS,
                subscribe_at=shipments.subscribe_from(carrier, account_id, now),
            )
            assert fresh is not None  # noqa: S101 - it was just written in this transaction
            teller = Teller(due.id, fresh["version"], shipments.document(fresh), now)
            entries = message_log.append(conn, due.merchant_id, [teller.carrier_changed(due.carrier)])
            if fresh["order_number"] is not None:
                followed = refolding.follow(conn, {(due.merchant_id, fresh["order_number"])}, now)
                entries += followed.get(due.merchant_id, [])
            return entries

        try:
            entries = await self._inbox.keep_with(payload, work)
        except IntegrityError:  # the merchant tracks that number at that carrier already
            return False
        if entries is None:
            return False
        log.info("carrier_changed", before=due.carrier, carrier=carrier)
        self._tell({due.merchant_id: entries})
        return True


def _askable(conn: Connection, due: Due) -> list[tuple[str, str | None]]:
    """Return the other carriers a number may be of and the accounts to ask them with, best first."""
    own = accounts.choices(conn, due.merchant_id)
    found: list[tuple[str, str | None]] = []
    for one in candidates(due.tracking_number):
        carrier = one["carrier"]
        if carrier == due.carrier or not one["connector"] or carrier in (known for known, _ in found):
            continue
        account = choose_account(own, carrier, None)
        if not can_be_asked(carrier, account):
            found.append((carrier, None if account is None else account.id))
    return found[:MOST_ASKED]


def _knows(due: Due, carrier: str, answer: Answer) -> bool:
    """Whether an answer tells of this parcel: any event that is not an earlier parcel's of the same number."""
    now = datetime.now(UTC)
    payload = Payload(
        carrier=carrier,
        body=answer.body,
        source="poll",
        received_at=now,
        numbers=(due.tracking_number,),
        headers=answer.headers,
    )
    steps = [step(event) for event in read(connector(carrier), payload).events]
    return bool(earlier.current(steps, earlier.until(steps, earlier.boundary(due.created_at, None))))


def _still_doubtful(row: RowMapping, due: Due) -> bool:
    return (
        row["tracking"]
        and row["carrier"] == due.carrier
        and row["carrier_set_by"] == "detected"
        and row["last_event_at"] is None
    )


def _note_asked(conn: Connection, due: Due) -> None:
    c = Tables.shipment.c
    conn.execute(
        update(Tables.shipment).where(c.merchant_id == due.merchant_id, c.id == due.id).values(second_guess_at=now_ms())
    )

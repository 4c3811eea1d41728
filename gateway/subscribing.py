"""Subscriptions: carriers that push number by number are asked to, in batches, and again before their word ends.

What is due is a column (`subscribe_at`), as with polls. A refusal costs nothing but the push: polls go on, and settle
by themselves whether an account's credentials still hold.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy import and_, bindparam, case, or_, select, update

from connectors import UnknownCarrier, connector
from connectors.base import Subscribed, Subscribes
from connectors.errors import CarrierError, NotFound, Rejected, Unavailable
from gateway import cadence, metrics
from gateway.beside import tell_trouble
from gateway.clock import now_ms
from gateway.due import CLAIM_MS
from gateway.ingest import can_poll
from gateway.tables import Tables
from normalizer.model import ENDS
from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gateway.carriers import AccountKey, CarrierAccess
    from webhooks.store import Store

log: structlog.stdlib.BoundLogger = structlog.get_logger()

_DAY = 86_400_000
REFUSED_WAIT = _DAY
"""A number a carrier does not push is not asked for again before."""
RENEW_BEFORE = _DAY
"""A subscription is renewed a day before it ends, or half-way where it lives shorter than two days."""
_MOST_AT_ONCE = 500
_CALLS = 8
"""Calls under way at once, one an account: subscriptions are never as urgent as polls."""
_CALLS_OF_AN_ACCOUNT = 8
"""So many of an account's calls are claimed at once, so that they end within their claim."""
_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Wish:
    """A shipment whose carrier is to be asked to push."""

    merchant_id: str
    id: str
    carrier: str
    tracking_number: str
    account_id: str
    subscribed_until: int | None
    subscribe_failures: int

    @property
    def account(self) -> AccountKey:
        """Whose limits the call counts against."""
        return self.merchant_id, self.carrier, self.account_id

    def noted(self, subscribe_at: int | None, **values: Any) -> dict[str, Any]:
        """Return the row that notes what came of asking."""
        row = {
            "key_merchant": self.merchant_id,
            "key_id": self.id,
            "key_account": self.account_id,
            "new_subscribe_at": subscribe_at,
            "new_until": self.subscribed_until,
            "new_failures": 0,
            "new_refused": None,
            "poll_at": None,
        }
        return row | values


class Subscriber:
    """Asks carriers to push. `tick` is called by the scheduler, where the gateway has an address to be called at."""

    def __init__(
        self, store: Store, access: CarrierAccess, public_url: str, wake: Callable[[], None] = lambda: None
    ) -> None:
        self._store = store
        self._access = access
        self._public_url = public_url.rstrip("/")
        self._wake = wake
        self._slots = asyncio.Semaphore(_CALLS)
        self._busy: dict[AccountKey, asyncio.Task[None]] = {}
        self._stopping = False

    async def tick(self) -> None:
        """Claim what is due and start asking, account by account; nothing where carriers have no address to call."""
        now, busy = now_ms(), [account_id for _, _, account_id in self._busy if account_id is not None]
        if self._stopping or not self._public_url or not await self._store.read(lambda conn: _any_due(conn, now)):
            return
        due = await self._store.write(lambda conn: _claim(conn, now, busy))
        by_account: dict[AccountKey, list[Wish]] = defaultdict(list)
        for one in due:
            by_account[one.account].append(one)
        for key, theirs in by_account.items():
            self._busy[key] = asyncio.create_task(self._serve(key, theirs))
            self._busy[key].add_done_callback(tell_trouble)

    async def settle(self) -> None:
        """Wait until what is under way has ended."""
        while self._busy:
            await asyncio.wait(list(self._busy.values()))

    async def stop(self) -> None:
        """Give up what is under way after a while; it is due again after its claim."""
        self._stopping = True
        with suppress(TimeoutError):
            await asyncio.wait_for(self.settle(), 10)
        late = list(self._busy.values())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, key: AccountKey, wishes: Sequence[Wish]) -> None:
        """Ask for one account's numbers, call after call, so that one that hangs holds nobody else up."""
        try:
            size = _batch(key[1])
            for start in range(0, len(wishes), size):
                await self._ask(wishes[start : start + size])
        finally:
            del self._busy[key]

    async def _ask(self, group: Sequence[Wish]) -> None:
        started = now_ms()
        try:
            async with self._slots:
                said = await self._subscribe(group)
        except NotFound as trouble:
            if len(group) > 1:  # one bad number may spoil a whole call: find it by halves
                await self._ask(group[: len(group) // 2])
                await self._ask(group[len(group) // 2 :])
                return
            await self._note(group, [_refused(group[0], str(trouble), now_ms())], "refused")
        except CarrierError as trouble:
            await self._note_trouble(group, trouble, started)
        except Exception:
            log.exception("subscribe_failed", carrier=group[0].carrier)
            await self._note_trouble(group, Unavailable("a fault of our own"), started)
        else:
            await self._note_answer(group, said)

    async def _subscribe(self, group: Sequence[Wish]) -> Subscribed:
        first = group[0]
        by = connector(first.carrier)
        if not isinstance(by, Subscribes):
            raise Rejected("this carrier pushes no single numbers")
        opened = await self._access.opened(*first.account)
        numbers = [one.tracking_number for one in group]
        proofs = [name for name, secret in by.facts.secrets.items() if secret.use == "push"]
        if proofs and not any(name in opened.secrets for name in proofs):
            return Subscribed((), dict.fromkeys(numbers, f"the account has no {' or '.join(proofs)}"))
        callback = f"{self._public_url}/carriers/{first.carrier}/push/{first.account_id}"
        return await by.subscribe(opened.client, numbers, callback, opened.secrets)

    async def _note_answer(self, group: Sequence[Wish], said: Subscribed) -> None:
        now, push = now_ms(), connector(group[0].carrier).facts.push
        accepted = {normal_number(number) for number in said.accepted}
        reasons = {normal_number(number): reason for number, reason in said.refused.items()}
        until = _until(said.until, push.lives_days, now)
        taken, left = [], []
        for one in group:
            number = normal_number(one.tracking_number)
            if number in accepted:
                lapsed = one.subscribed_until is None or one.subscribed_until < now
                poll_at = now if lapsed and not push.history and can_poll(one.carrier) else None
                taken.append(one.noted(_renewal(until, now), new_until=until, poll_at=poll_at))
            else:
                left.append(_refused(one, reasons.get(number, "the carrier did not take it"), now))
        await self._note(group, taken, "accepted")
        await self._note(group, left, "refused")
        if any(row["poll_at"] is not None for row in taken):
            self._wake()

    async def _note_trouble(self, group: Sequence[Wish], trouble: CarrierError, started: int) -> None:
        now = now_ms()
        if isinstance(trouble, Rejected):
            # The right to be pushed may be missing where asking works: never a reason to stop the account's polls.
            log.warning("subscription_rejected", carrier=group[0].carrier, account=group[0].account_id)
            if not can_poll(group[0].carrier):
                await self._access.rejected(*group[0].account, str(trouble), asked_at=started)
            rows = [_refused(one, str(trouble), now) for one in group]
        else:
            wait = int(((trouble.retry_after if isinstance(trouble, Unavailable) else None) or 0) * 1000)
            rows = [
                one.noted(
                    now + max(cadence.backoff(one.subscribe_failures + 1), wait),
                    new_failures=one.subscribe_failures + 1,
                )
                for one in group
            ]
        await self._note(group, rows, type(trouble).__name__.lower())

    async def _note(self, group: Sequence[Wish], rows: list[dict[str, Any]], outcome: str) -> None:
        if rows:
            metrics.subscriptions(group[0].carrier, outcome).inc(len(rows))
            await self._store.write(lambda conn: _keep(conn, rows))


def _refused(one: Wish, reason: str, now: int) -> dict[str, Any]:
    return one.noted(now + REFUSED_WAIT, new_until=None, new_refused=reason[:_LONGEST_REASON])


def _until(said: datetime | None, lives_days: int | None, now: int) -> int | None:
    """Return when a subscription ends: the carrier's word, else its documented life; None where it does not."""
    if said is not None:
        return int(said.timestamp() * 1000)
    return None if lives_days is None else now + lives_days * _DAY


def _renewal(until: int | None, now: int) -> int | None:
    """Return when to subscribe again, in time; at once is never in time, so at least an hour from now."""
    if until is None:
        return None
    left = max(until - now, 0)
    return now + max(left - RENEW_BEFORE, left // 2, 3_600_000)


_S = Tables.shipment.c

_KEEP = (
    update(Tables.shipment)
    .where(
        _S.merchant_id == bindparam("key_merchant"),
        _S.id == bindparam("key_id"),
        _S.account_id == bindparam("key_account"),  # it may have been corrected meanwhile
        _S.tracking.is_(True),
    )
    .values(
        subscribe_at=bindparam("new_subscribe_at"),
        subscribed_until=bindparam("new_until"),
        subscribe_failures=bindparam("new_failures"),
        subscription_refused=bindparam("new_refused"),
    )
)
_POLL_ONCE = (
    update(Tables.shipment)
    .where(
        _S.merchant_id == bindparam("key_merchant"),
        _S.id == bindparam("key_id"),
        _S.account_id == bindparam("key_account"),
        _S.next_poll_at > bindparam("poll_at"),
    )
    .values(next_poll_at=bindparam("poll_at"))
)

_MOVE = (
    update(Tables.shipment)
    .where(_S.merchant_id == bindparam("key_merchant"), _S.id == bindparam("key_id"))
    .values(subscribe_at=bindparam("moved_to"))
)


def _keep(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(_KEEP, rows)
    polled = [row for row in rows if row["poll_at"] is not None]
    if polled:
        conn.execute(_POLL_ONCE, polled)


def _any_due(conn: Connection, now: int) -> bool:
    due = select(_S.id).where(_S.subscribe_at.is_not(None), _S.subscribe_at <= now).limit(1)
    return conn.execute(due).first() is not None


_COLUMNS = tuple(getattr(_S, name) for name in Wish.__dataclass_fields__)


def _claim(conn: Connection, now: int, busy: Sequence[str]) -> list[Wish]:
    """Claim who is due, the longest due first; what is over, or lost its account, is not asked for any more."""
    open_ = and_(_S.tracking.is_(True), _S.account_id.is_not(None), _S.status.not_in([one.value for one in ENDS]))
    due = select(*_COLUMNS, case((open_, 1), else_=0)).where(_S.subscribe_at.is_not(None), _S.subscribe_at <= now)
    if busy:
        due = due.where(or_(_S.account_id.is_(None), _S.account_id.not_in(busy)))
    claimed: list[Wish] = []
    calls: Counter[AccountKey] = Counter()
    rows = []
    for *values, is_open in conn.execute(due.order_by(_S.subscribe_at).limit(_MOST_AT_ONCE)):
        one = Wish(*values)
        if is_open:
            if calls[one.account] >= _CALLS_OF_AN_ACCOUNT * _batch(one.carrier):
                continue
            calls[one.account] += 1
            claimed.append(one)
        moved_to = now + CLAIM_MS if is_open else None
        rows.append({"key_merchant": one.merchant_id, "key_id": one.id, "moved_to": moved_to})
    if rows:
        conn.execute(_MOVE, rows)
    return claimed


def _batch(carrier: str) -> int:
    try:
        return connector(carrier).facts.push.batch
    except UnknownCarrier:
        return _MOST_AT_ONCE

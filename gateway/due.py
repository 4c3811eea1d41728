"""Who is due: shipments whose carrier is to be asked now, claimed in groups that one call can ask about.

A claim moves `next_poll_at` ahead, so a crash costs a delay and never a parcel.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, bindparam, case, not_, or_, select, update

from connectors import connector
from gateway import cadence
from gateway.ingest import can_poll
from gateway.tables import Tables
from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

    from gateway.carriers import AccountKey

CLAIM_MS = 300_000
"""A claim lasts longer than any call with its wait for a turn and its tries, so nobody is asked about twice at once."""
SOON_MS = 1_800_000
"""Who is due within so long after a claim's time may be asked along with whoever is due now."""
MOST_AT_ONCE = 500
MOST_OF_AN_ACCOUNT = 16
"""Calls of one account claimed at once: one that hangs, or has a mountain to ask, leaves room for all others."""


@dataclass(frozen=True, slots=True)
class Due:
    """A shipment whose carrier is to be asked now; once claimed, `next_poll_at` is when its claim ends."""

    merchant_id: str
    id: str
    carrier: str
    tracking_number: str
    account_id: str | None
    status: str
    created_at: int
    last_event_at: int | None
    poll_failures: int
    not_found: int
    poll_digest: bytes | None
    pushed_at: int | None
    carrier_set_by: str
    second_guess_at: int | None
    promised: bytes | None
    state: bytes
    next_poll_at: int

    @property
    def account(self) -> AccountKey:
        """Whose limits its calls count against."""
        return self.merchant_id, self.carrier, self.account_id

    def doubtful(self, now: int) -> bool:
        """Whether other carriers should be asked for its number first."""
        return cadence.doubtful(
            carrier_set_by=self.carrier_set_by,
            not_found=self.not_found,
            created_at=self.created_at,
            guessed=self.second_guess_at is not None,
            now=now,
        )

    def asked(
        self, now: int, *, failures: int = 0, not_found: int | None = None, retry_after: float | None = None
    ) -> cadence.Asked:
        """Return what decides its next look; `retry_after` in seconds."""
        promises = (orjson.loads(self.state).get("eta"), None if self.promised is None else orjson.loads(self.promised))
        return cadence.Asked(
            status=Status(self.status),
            created_at=self.created_at,
            last_news_at=self.last_event_at or self.created_at,
            not_found=self.not_found if not_found is None else not_found,
            failures=failures,
            retry_after_ms=None if retry_after is None else int(retry_after * 1000),
            pushed_at=self.pushed_at,
            due_today=cadence.is_near(promises, now),
        )

    def after(
        self,
        now: int,
        *,
        next_poll_at: int | None,
        failures: int = 0,
        digest: bytes | None = None,
        not_found: int | None = None,
    ) -> dict[str, Any]:
        """Return the row that notes what came of asking, for `note`."""
        return {
            "key_merchant": self.merchant_id,
            "key_id": self.id,
            "key_carrier": self.carrier,
            "key_claim": self.next_poll_at,
            "polled_at": now,
            "poll_failures": failures,
            "not_found": self.not_found if not_found is None else not_found,
            "poll_digest": digest if digest is not None else self.poll_digest,
            "next_poll_at": next_poll_at,
        }


_NOTE = (
    update(Tables.shipment)
    .where(
        Tables.shipment.c.merchant_id == bindparam("key_merchant"),
        Tables.shipment.c.id == bindparam("key_id"),
        Tables.shipment.c.carrier == bindparam("key_carrier"),  # it may have been corrected meanwhile
        Tables.shipment.c.tracking.is_(True),
    )
    .values({name: bindparam(name) for name in ("polled_at", "not_found", "poll_digest")})
    .values(
        # Who was made due meanwhile, or has news since, was given a time that knows more than this answer.
        {
            name: case((Tables.shipment.c.next_poll_at == bindparam("key_claim"), bindparam(name)), else_=column)
            for name, column in Tables.shipment.c.items()
            if name in ("poll_failures", "next_poll_at")
        }
    )
)


def note(conn: Connection, rows: list[dict[str, Any]]) -> None:
    """Note what came of asking."""
    conn.execute(_NOTE, rows)


def any_due(conn: Connection, now: int) -> bool:
    """Whether anybody is due at all."""
    c = Tables.shipment.c
    due = select(c.id).where(c.next_poll_at.is_not(None), c.next_poll_at <= now).limit(1)
    return conn.execute(due).first() is not None


_COLUMNS = tuple(getattr(Tables.shipment.c, name) for name in Due.__dataclass_fields__)


def claim(conn: Connection, now: int, room: int, busy: Mapping[AccountKey, int]) -> list[list[Due]]:
    """Claim at most `room` groups, the longest due first; `busy` says how many each account has under way."""
    held = dict(busy)
    claimed: list[list[Due]] = []
    seen = MOST_AT_ONCE
    while seen == MOST_AT_ONCE and len(claimed) < room:
        rows = _look(conn, now, [key for key, count in held.items() if count >= MOST_OF_AN_ACCOUNT])
        seen = len(rows)
        taken = []
        for group in _groups(rows):
            key = group[0].account
            if len(claimed) < room and held.get(key, 0) < MOST_OF_AN_ACCOUNT:
                held[key] = held.get(key, 0) + 1
                filled = [replace(one, next_poll_at=now + CLAIM_MS) for one in (*group, *_soon(conn, group, now))]
                claimed.append(filled)
                taken += filled
        if taken:
            _put_off(conn, taken, now + CLAIM_MS)
    return claimed


def _look(conn: Connection, now: int, full: Sequence[AccountKey]) -> list[Due]:
    c = Tables.shipment.c
    wanted: list[ColumnElement[bool]] = [c.next_poll_at.is_not(None), c.next_poll_at <= now]
    named = [account_id for _, _, account_id in full if account_id is not None]
    if named:
        wanted.append(or_(c.account_id.is_(None), c.account_id.not_in(named)))
    for merchant_id, carrier, account_id in full:
        if account_id is None:
            wanted.append(not_(and_(c.account_id.is_(None), c.merchant_id == merchant_id, c.carrier == carrier)))
    chosen = select(*_COLUMNS).where(*wanted).order_by(c.next_poll_at).limit(MOST_AT_ONCE)
    return [Due(*row) for row in conn.execute(chosen)]


def _soon(conn: Connection, group: Sequence[Due], now: int) -> list[Due]:
    """Return those of the same account that a call has room for and that would be due before long.

    A carrier's allowance counts calls, not numbers. Whoever is under way (a claim's time) or was told to wait (a
    failure) is left alone.
    """
    first = group[0]
    room = (connector(first.carrier).facts.api.batch if can_poll(first.carrier) else 0) - len(group)
    if room <= 0:
        return []
    c = Tables.shipment.c
    chosen = (
        select(*_COLUMNS)
        .where(
            c.merchant_id == first.merchant_id,
            c.account_id.is_(None) if first.account_id is None else c.account_id == first.account_id,
            c.carrier == first.carrier,
            c.next_poll_at > now + CLAIM_MS,
            c.next_poll_at <= now + CLAIM_MS + SOON_MS,
            c.poll_failures == 0,
        )
        .order_by(c.next_poll_at)
        .limit(room)
    )
    return [Due(*row) for row in conn.execute(chosen)]


def _put_off(conn: Connection, due: Sequence[Due], until: int) -> None:
    statement = (
        update(Tables.shipment)
        .where(Tables.shipment.c.merchant_id == bindparam("key_merchant"), Tables.shipment.c.id == bindparam("key_id"))
        .values(next_poll_at=until)
    )
    conn.execute(statement, [{"key_merchant": one.merchant_id, "key_id": one.id} for one in due])


def _groups(due: Sequence[Due]) -> Iterator[list[Due]]:
    """Group what one call can ask about: one account, at most the carrier's batch."""
    by_account: dict[AccountKey, list[Due]] = defaultdict(list)
    for one in due:
        by_account[one.account].append(one)
    for (_, carrier, _), theirs in by_account.items():
        size = connector(carrier).facts.api.batch if can_poll(carrier) else len(theirs)
        for start in range(0, len(theirs), size):
            yield theirs[start : start + size]

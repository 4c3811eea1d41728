"""The database's side of sending: notices are claimed before they go, and what came of it is noted after.

A claim lasts `CLAIM_MS`, or until the next start. One that never ended, because the process did, is repeated once and
then given up: nobody can tell whether the provider took it, and a person is better told once too few than for ever.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import and_, bindparam, select, update

from gateway.people import arriving, moot, notices, stops
from gateway.people.planning import PENDING, STOPPED, too_old
from gateway.people.quiet import Quiet
from gateway.people.standing import risen
from gateway.people.stops import Person
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.people.tables import People
from normalizer.normalize import content_id
from webhooks import log
from webhooks.store import Many
from webhooks.tables import Tables as Webhooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

    from webhooks.channels.base import Said
    from webhooks.log import Entry

_W, _N, _A, _M = People.wish.c, People.notice.c, People.account.c, Webhooks.message.c

CLAIM_MS = 120_000
"""Longer than any exchange with a provider."""
RETRIES = (30, 120, 600, 1_800, 7_200, 21_600)
"""Seconds before each further try; a notice's own end comes first where that is sooner."""
_MOST_UNCLEAR = 1
_OURS_MS = 30_000
_LONGEST_PAUSE_MS = 86_400_000


class AccountKey(NamedTuple):
    """A sending account."""

    merchant_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that goes now. `wish` is its wish's row, `data` its message's (empty: it asks for confirmation)."""

    id: str
    subject: str
    channel: str
    address_hash: bytes
    attempts: int
    expires_at: int
    wish: Mapping[str, Any]
    data: Mapping[str, Any]

    @property
    def urgent(self) -> bool:
        """Whether it goes in quiet hours."""
        return self.subject == CONFIRM or SUBJECTS[self.subject].urgent

    def due(self, at: int) -> int:
        """Return when it may go, from an instant on."""
        quiet = Quiet(self.wish["quiet_from"], self.wish["quiet_to"])
        return quiet.due(at, ZoneInfo(self.wish["zone"]), urgent=self.urgent)

    def __repr__(self) -> str:
        """Never show whom it goes to, wherever this is printed."""
        return f"Claimed({self.id!r}, {self.subject!r})"


@dataclass(slots=True)
class Settled:
    """What follows from an answer: messages to be told, and how long the account rests (0: not at all)."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    paused_until: int = 0
    halted: bool = False
    """The provider does not accept the account any more."""


def next_due(conn: Connection, key: AccountKey) -> int | None:
    """Return when an account has something to send next."""
    statement = (
        select(_N.due_at)
        .where(_N.merchant_id == key.merchant_id, _N.account_id == key.account_id, _N.due_at.is_not(None))
        .order_by(_N.due_at)
        .limit(1)
    )
    found: int | None = conn.execute(statement).scalar()
    return found


_BESIDE = "w_"
_DUE = (
    select(
        People.notice,
        *(column.label(_BESIDE + column.name) for column in People.wish.columns),
        _M.body,
    )
    .outerjoin(People.wish, and_(_W.merchant_id == _N.merchant_id, _W.id == _N.wish_id))
    .outerjoin(Webhooks.message, and_(_M.merchant_id == _N.merchant_id, _M.sequence == _N.sequence))
)


def claim(conn: Connection, key: AccountKey, now: int, room: int) -> list[Claimed]:
    """Claim at most `room` notices of an account that are due, and settle those that shall not go after all."""
    statement = (
        _DUE.where(
            _N.merchant_id == key.merchant_id,
            _N.account_id == key.account_id,
            _N.due_at.is_not(None),
            _N.due_at <= now,
        )
        .order_by(_N.due_at, _N.id)
        .limit(room)
    )
    rows = conn.execute(statement).mappings().all()
    stopped = notices.stopped(conn, key.merchant_id, {(row["channel"], row["address_hash"]) for row in rows})
    claimed: list[Claimed] = []
    changes: list[dict[str, Any]] = []
    for row in rows:
        scopes = stopped.get((row["channel"], row["address_hash"]), frozenset())
        change = _before(row, now, is_stopped=bool(scopes & {"", key.account_id}), moot=moot.why(conn, row))
        changes.append({"m": key.merchant_id, "i": row["id"], "t": now} | change)
        if change["state"] == "sending":
            claimed.append(_claimed(row, change["attempts"]))
    if changes:
        _CHANGE(conn, changes)
    return claimed


_CHANGED = ("state", "reason", "due_at", "attempts", "unclear")
_CHANGE = Many.running(
    update(People.notice)
    .where(_N.merchant_id == bindparam("m"), _N.id == bindparam("i"))
    .values({name: bindparam(name) for name in _CHANGED} | {"changed_at": bindparam("t")}),
    (),
)


def _claimed(row: RowMapping, attempts: int) -> Claimed:
    return Claimed(
        id=row["id"],
        subject=row["subject"],
        channel=row["channel"],
        address_hash=row["address_hash"],
        attempts=attempts,
        expires_at=row["expires_at"],
        wish={name: row[_BESIDE + name] for name in _W.keys()},  # noqa: SIM118 - columns, not a dictionary
        data={} if row["body"] is None else orjson.loads(row["body"])["data"],
    )


def _before(row: RowMapping, now: int, *, is_stopped: bool, moot: str) -> dict[str, Any]:
    """Return what becomes of a notice whose time has come. `moot` says why it need not go any more."""
    unclear = row["unclear"] + int(row["state"] == "sending")
    done = {"due_at": None, "attempts": row["attempts"], "unclear": unclear}
    if unclear > _MOST_UNCLEAR:
        return done | {"state": "undelivered", "reason": "it is unclear whether it went: the process ended twice"}
    one = _claimed(row, row["attempts"])
    if reason := moot or _why_not(row, one, now, is_stopped=is_stopped):
        return done | {"state": "skipped", "reason": reason}
    due = one.due(now)
    if due > now:
        return done | {"state": "queued", "reason": row["reason"], "due_at": due}
    return done | {"state": "sending", "reason": "", "due_at": now + CLAIM_MS, "attempts": row["attempts"] + 1}


def _why_not(row: RowMapping, one: Claimed, now: int, *, is_stopped: bool) -> str:
    """Return why a notice shall not go after all, nothing where it shall."""
    if one.wish["id"] is None:
        return "the wish is no longer kept"
    asks = one.subject == CONFIRM
    state = notices.state_of(one.wish, is_stopped=is_stopped)
    if state == "stopped":
        return STOPPED
    if state == "pending" and not asks:
        return PENDING
    if state == "active" and asks:
        return "the person confirmed already"
    due = one.due(now)
    if one.expires_at <= due:
        return too_old(due=due, now=now)
    return "its message is no longer kept" if row["body"] is None and not asks else ""


def take_over(conn: Connection, now: int) -> int:
    """Make due what an ended process had claimed; return how much. For the one process that sends by a database."""
    theirs = update(People.notice).where(_N.due_at.is_not(None), _N.state == "sending")
    return conn.execute(theirs.values(due_at=now)).rowcount


def release(conn: Connection, key: AccountKey, one: Claimed, at: int, now: int) -> None:
    """Give back a claim of what was not sent; it is due again at `at`, and no try is counted."""
    conn.execute(
        update(People.notice)
        .where(_N.merchant_id == key.merchant_id, _N.id == one.id, _N.state == "sending")
        .values(state="queued", due_at=at, attempts=one.attempts - 1, changed_at=now)
    )


def settle(conn: Connection, key: AccountKey, one: Claimed, said: Said, now: int) -> Settled:
    """Note what a provider answered."""
    mine = and_(_N.merchant_id == key.merchant_id, _N.id == one.id)
    state = conn.execute(select(_N.state).where(mine)).scalar_one()
    values: dict[str, Any] = {"code": said.code, "reason": said.reason, "changed_at": now}
    settled = Settled()
    if said.kind == "accepted":
        values |= {"state": risen(state, "sent"), "reason": "", "due_at": None, "provider_id": said.provider_id}
        values["segments"] = said.segments
        arriving.told(conn, key.merchant_id, one.subject, one.wish, one.data)
    elif said.kind == "later":
        values |= _later(one, said, now)
        if said.retry_after is not None:
            settled.paused_until = now + min(int(said.retry_after * 1000), _LONGEST_PAUSE_MS)
            _pause(conn, key, settled.paused_until, now)
    elif said.kind == "ours":
        values |= {"state": "queued", "attempts": one.attempts - 1, "due_at": one.due(now + _OURS_MS)}
        settled.paused_until = now + _OURS_MS
    elif said.kind == "rejected":
        values |= {"state": "queued", "attempts": one.attempts - 1, "due_at": now}
        settled.halted = True
        settled.entries = _reject(conn, key, one.channel, said, now)
    else:
        values |= {"state": risen(state, "undelivered"), "due_at": None}
        if said.kind in ("blocked", "gone"):
            how: stops.How = "blocked" if said.kind == "blocked" else "gone"
            stops.stop(
                conn, Person(key.merchant_id, one.channel, one.address_hash), how, now, account_id=key.account_id
            )
    if state == "sending" or said.kind == "accepted":  # a report that came first has the last word
        conn.execute(update(People.notice).where(mine).values(values))
    return settled


def _later(one: Claimed, said: Said, now: int) -> dict[str, Any]:
    if one.attempts > len(RETRIES):
        return {"state": "undelivered", "due_at": None}
    wait = max(RETRIES[one.attempts - 1] * 1000, int((said.retry_after or 0) * 1000))
    due = one.due(now + wait)
    if due >= one.expires_at:
        return {"state": "undelivered", "due_at": None, "reason": said.reason or "no time was left to try again"}
    return {"state": "queued", "due_at": due}


def _pause(conn: Connection, key: AccountKey, until: int, now: int) -> None:
    conn.execute(
        update(People.account)
        .where(_A.merchant_id == key.merchant_id, _A.id == key.account_id, _A.paused_until < until)
        .values(paused_until=until, changed_at=now)
    )


def _reject(conn: Connection, key: AccountKey, channel: str, said: Said, now: int) -> dict[str, list[Entry]]:
    """Stop an account its provider does not accept and tell its owner, once."""
    stopped = conn.execute(
        update(People.account)
        .where(_A.merchant_id == key.merchant_id, _A.id == key.account_id, _A.state == "active")
        .values(state="rejected", state_reason=said.reason or said.code, state_at=now, changed_at=now)
    )
    if stopped.rowcount == 0:
        return {}
    draft = log.Draft(
        id=content_id("msg", key.account_id, "rejected", str(now)),
        type="account.rejected",
        shipment_id=None,
        shipment_version=0,
        created_at=now,
        data=orjson.dumps({"account": {"id": key.account_id, "channel": channel}, "reason": said.reason}),
    )
    return log.append_many(conn, {key.merchant_id: [draft]})

"""Merchants hear by e-mail of what needs their hand: an endpoint that fails, or that was disabled.

A row is written in the transaction of the message it tells of, and goes away when the mail server took the letter: a
crash in between repeats it, under the same Message-ID. What comes together goes in one letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import and_, delete, or_, select, update

from gateway.clock import now_ms
from gateway.log import logger
from gateway.mail import account_of, words
from gateway.tables import Tables
from webhooks.channels.base import Outgoing
from webhooks.channels.email import Email
from webhooks.store import insert
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from gateway.settings import Settings
    from webhooks.channels.outside import Outside
    from webhooks.log import Entry
    from webhooks.store import Store

log = logger("gateway.alerts")

MAILED = frozenset({"endpoint.paused"})
"""Types of messages a merchant is written to about."""
LOOK_EVERY = 2.0
GATHERED = 1_000
"""Milliseconds an alert waits for others that come with it; whatever came until it goes is told with it."""
QUIET = 600_000
"""Milliseconds between two letters to one merchant: what comes meanwhile goes in the next."""
FIRST_WAIT, LONGEST_WAIT, GIVEN_UP = 60_000, 3_600_000, 96
"""After an hour's steps of at most an hour: some four days."""
MOST_IN_ONE = 50

_A, _M, _W = Tables.alert.c, Tables.merchant.c, WebhookTables.message.c


class _Due(NamedTuple):
    message_id: str
    body: Any
    tries: int


@dataclass(slots=True)
class _Letter:
    to: str
    about: list[_Due]


class Alerts:
    """Writes to merchants. `open` it in the running loop where there is a mail server."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._public_url = settings.public_url.rstrip("/")
        self._keep_days = settings.keep_message_days
        self._account = account_of(settings)
        self._email: Email | None = None
        self._written: dict[str, int] = {}

    @property
    def on(self) -> bool:
        """Tell whether there is a mail server to send by."""
        return self._account is not None

    def open(self, outside: Outside) -> None:
        """Take the way to the mail server."""
        if self._account is not None:
            self._email = Email(self._account, outside)

    async def close(self) -> None:
        """Let the connections go."""
        if self._email is not None:
            await self._email.close()

    def follow(self, conn: Connection, appended: Mapping[str, Sequence[Entry]]) -> None:
        """Note what is to be mailed of fresh messages, in the transaction that appends them."""
        if not self.on:
            return
        rows = [
            {"merchant_id": merchant_id, "message_id": entry.id, "due_at": entry.at + GATHERED, "tries": 0}
            for merchant_id, entries in appended.items()
            for entry in entries
            if entry.type in MAILED
        ]
        if rows:
            conn.execute(insert(conn, Tables.alert).on_conflict_do_nothing(), rows)

    async def tick(self) -> None:
        """Write the letters that are due."""
        if self._email is None:
            return
        now = now_ms()
        waiting = [merchant for merchant, at in self._written.items() if now - at < QUIET]
        self._written = {merchant: self._written[merchant] for merchant in waiting}
        letters = await self._store.read(lambda conn: _due(conn, now, waiting))
        for merchant_id, letter in letters.items():
            await self._send(self._email, merchant_id, letter, now)

    async def _send(self, email: Email, merchant_id: str, letter: _Letter, now: int) -> None:
        ids = [due.message_id for due in letter.about]
        told = [due.body["data"]["endpoint"] for due in letter.about if due.body is not None]
        if letter.to and told:
            subject, text = words(told, self._public_url, self._keep_days)
            said = await email.send(Outgoing(id=ids[0], to=letter.to, subject=subject, text=text))
            if said.kind in {"later", "rejected", "ours"}:
                tries = max(due.tries for due in letter.about) + 1
                log.warning("alert_waits", merchant=merchant_id, code=said.code, reason=said.reason, tries=tries)
                if tries < GIVEN_UP:
                    due_at = now + min(FIRST_WAIT << min(tries - 1, 10), LONGEST_WAIT)
                    await self._store.write(lambda conn: _put_off(conn, merchant_id, ids, due_at, tries))
                    return
            elif said.kind == "accepted":
                self._written[merchant_id] = now
                log.info("alert_mailed", merchant=merchant_id, about=len(told))
            else:
                log.warning("alert_refused", merchant=merchant_id, code=said.code, reason=said.reason)
        await self._store.write(lambda conn: _done(conn, merchant_id, ids))


def _due(conn: Connection, now: int, waiting: Sequence[str]) -> dict[str, _Letter]:
    due = select(_A.merchant_id).where(_A.due_at <= now, _A.merchant_id.not_in(waiting))
    statement = (
        select(_A.merchant_id, _A.message_id, _A.tries, _M.contact_email, _W.body)
        .join_from(Tables.alert, Tables.merchant, _M.id == _A.merchant_id)
        .join(WebhookTables.message, and_(_W.merchant_id == _A.merchant_id, _W.id == _A.message_id), isouter=True)
        .where(_A.merchant_id.in_(due), or_(_A.due_at <= now, _A.tries == 0))
        .order_by(_A.due_at, _A.message_id)
        .limit(1_000)
    )
    letters: dict[str, _Letter] = {}
    for merchant_id, message_id, tries, to, body in conn.execute(statement):
        letter = letters.setdefault(merchant_id, _Letter(to or "", []))
        if len(letter.about) < MOST_IN_ONE:
            letter.about.append(_Due(message_id, None if body is None else orjson.loads(body), tries))
    return letters


def _mine(merchant_id: str, ids: Sequence[str]) -> Any:
    return and_(_A.merchant_id == merchant_id, _A.message_id.in_(ids))


def _put_off(conn: Connection, merchant_id: str, ids: Sequence[str], due_at: int, tries: int) -> None:
    conn.execute(update(Tables.alert).where(_mine(merchant_id, ids)).values(due_at=due_at, tries=tries))


def _done(conn: Connection, merchant_id: str, ids: Sequence[str]) -> None:
    conn.execute(delete(Tables.alert).where(_mine(merchant_id, ids)))

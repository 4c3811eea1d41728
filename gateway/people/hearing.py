"""What providers tell us: what became of notices, and what people wrote. Each call may come twice and in any order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from gateway.people import addresses, stops
from gateway.people.addresses import BadAddress
from gateway.people.standing import risen
from gateway.people.stops import Person
from gateway.people.tables import People
from webhooks.channels import KINDS
from webhooks.channels.base import Inbound, Report
from webhooks.channels.meanings import meaning
from webhooks.channels.words import is_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault

_N = People.notice.c
_BAD = {"undelivered"}


def told_apart(
    conn: Connection, vault: Vault, account: RowMapping, heard: Sequence[Report | Inbound]
) -> list[Report | Inbound]:
    """Return a call with plain answers told apart from words that steer.

    YES begins again what was stopped or waits to be confirmed; of anybody else it is an answer, to a courier perhaps.
    """
    return [
        replace(one, word=None)
        if isinstance(one, Inbound)
        and one.word == "start"
        and not one.handled
        and is_answer(one.text)
        and not _may_start(conn, vault, account, one.sender)
        else one
        for one in heard
    ]


def _may_start(conn: Connection, vault: Vault, account: RowMapping, sender: str) -> bool:
    person = _person(vault, account, sender)
    return person is not None and stops.may_start(conn, person)


def _person(vault: Vault, account: RowMapping, sender: str) -> Person | None:
    """Return who wrote; None for a short code or a name: nobody we write to."""
    merchant_id, channel = account["merchant_id"], account["channel"]
    try:
        address = addresses.read(channel, sender)
    except BadAddress:
        return None
    return Person(merchant_id, channel, addresses.hashed(vault, merchant_id, channel, address))


def hear(
    conn: Connection,
    vault: Vault,
    account: RowMapping,
    heard: Sequence[Report | Inbound],
    now: int,
    *,
    notice_id: str = "",
) -> list[Inbound]:
    """Take in a verified call to an account; return what asks for an answer. `notice_id`: what it was called about."""
    asked = []
    for one in heard:
        if isinstance(one, Report):
            _report(conn, account, one, notice_id, now)
        elif _inbound(conn, vault, account, one, now):
            asked.append(one)
    return asked


def waits_for(conn: Connection, account: RowMapping, heard: Sequence[Report | Inbound]) -> bool:
    """Tell whether a report may be of a notice whose send is not noted yet: the provider was quicker than we."""
    ids = [one.provider_id for one in heard if isinstance(one, Report)]
    if not ids:
        return False
    mine = (_N.merchant_id == account["merchant_id"], _N.account_id == account["id"])
    known = select(_N.provider_id).where(*mine, _N.provider_id.in_(ids))
    if len(conn.execute(known.distinct()).all()) == len(set(ids)):
        return False
    under_way = select(_N.id).where(*mine, _N.due_at.is_not(None), _N.state == "sending").limit(1)
    return conn.execute(under_way).first() is not None


def _report(conn: Connection, account: RowMapping, report: Report, notice_id: str, now: int) -> None:
    mine = (_N.merchant_id == account["merchant_id"], _N.account_id == account["id"])
    which = _N.id == notice_id if notice_id else _N.provider_id == report.provider_id
    columns = (_N.id, _N.state, _N.provider_id, _N.channel, _N.address_hash)
    for row in conn.execute(select(*columns).where(*mine, which)).all():
        if row.provider_id not in ("", report.provider_id):
            continue  # an earlier try of the same notice, of which another became more
        state = risen(row.state, report.state)
        if state == row.state:
            continue
        said = (report.code, report.reason) if state in _BAD else ("", "")
        values = {"state": state, "code": said[0], "reason": said[1], "provider_id": report.provider_id}
        # its time to be sent is over as well: a claim that lost its process must not send it again
        conn.execute(update(People.notice).where(*mine, _N.id == row.id).values(values | _done(state, now)))
        if state in _BAD:
            found = meaning(KINDS[row.channel].tables[0], report.code)
            if found is not None and found.kind in ("blocked", "gone"):
                how: stops.How = "blocked" if found.kind == "blocked" else "gone"
                person = Person(account["merchant_id"], row.channel, row.address_hash)
                stops.stop(conn, person, how, now, account_id=account["id"])


def _done(state: str, now: int) -> dict[str, int | None]:
    return {"changed_at": now} if state in ("queued", "sending") else {"changed_at": now, "due_at": None}


def _inbound(conn: Connection, vault: Vault, account: RowMapping, one: Inbound, now: int) -> bool:
    """Take in what a person wrote; tell whether they ask for help that the provider has not given yet."""
    if one.word is None:
        return False
    person = _person(vault, account, one.sender)
    if person is None:
        return False
    if one.word == "stop":
        stops.stop(conn, person, "inbound", now)
    elif one.word == "start":
        stops.start(conn, person, now)
    return one.word == "help" and not one.handled


def language_of(conn: Connection, vault: Vault, account: RowMapping, sender: str) -> str:
    """Return the language a person is written to in, by their latest wish."""
    person = _person(vault, account, sender)
    if person is None:
        return ""
    c = People.wish.c
    statement = (
        select(c.language)
        .where(c.merchant_id == person.merchant_id, c.channel == person.channel, c.address_hash == person.address_hash)
        .order_by(c.created_at.desc())
        .limit(1)
    )
    return conn.execute(statement).scalar() or ""

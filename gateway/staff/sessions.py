"""Sessions: a browser somebody signed in with. They end by themselves, by signing out, or everywhere at once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from gateway.ids import new_id
from gateway.keys import Principal
from gateway.staff.people import digest
from gateway.staff.tables import StaffTables
from normalizer import render

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

COOKIE = "gateway_session"
IDLE_MS = 12 * 3_600_000
"""A session nobody used for so long is over ..."""
LONGEST_MS = 7 * 86_400_000
"""... and so is any after this time."""
_NOTE_EVERY_MS = 300_000
_S, _P = StaffTables.session.c, StaffTables.person.c
_AGENT = 120


def make(conn: Connection, person: RowMapping, agent: str, now: int) -> str:
    """Sign a person in; return the secret for their browser's cookie."""
    secret = secrets.token_urlsafe(32)
    conn.execute(
        StaffTables.session.insert().values(
            hash=digest(secret),
            id=new_id("ses", now),
            merchant_id=person["merchant_id"],
            person_id=person["id"],
            agent="".join(character for character in agent if character.isprintable())[:_AGENT],
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST_MS,
        )
    )
    return secret


def find(conn: Connection, secret_digest: bytes, now: int) -> tuple[Principal, int] | None:
    """Return whose session a secret opens and when it was last noted; None where it is over."""
    statement = (
        select(_S.id, _S.seen_at, _P.merchant_id, _P.id.label("person_id"), _P.role)
        .select_from(StaffTables.session)
        .join(StaffTables.person, (_P.merchant_id == _S.merchant_id) & (_P.id == _S.person_id))
        .where(_S.hash == secret_digest, _S.expires_at > now, _S.seen_at > now - IDLE_MS, _P.disabled_at.is_(None))
    )
    row = conn.execute(statement).first()
    if row is None:
        return None
    return Principal(row.id, row.merchant_id, row.role, person_id=row.person_id), row.seen_at


def is_stale(seen_at: int, now: int) -> bool:
    """Tell whether it is time to note that a session is used."""
    return now - seen_at > _NOTE_EVERY_MS


def note(conn: Connection, secret_digest: bytes, now: int) -> None:
    """Note that a session is used."""
    conn.execute(update(StaffTables.session).where(_S.hash == secret_digest).values(seen_at=now))


def listed(conn: Connection, merchant_id: str, person_id: str, now: int) -> list[dict[str, Any]]:
    """Return a person's sessions, the latest used first."""
    statement = (
        select(StaffTables.session)
        .where(
            _S.merchant_id == merchant_id,
            _S.person_id == person_id,
            _S.expires_at > now,
            _S.seen_at > now - IDLE_MS,
        )
        .order_by(_S.seen_at.desc())
    )
    return [
        {
            "id": row["id"],
            "agent": row["agent"],
            "created_at": render.millis_instant(row["created_at"]),
            "seen_at": render.millis_instant(row["seen_at"]),
        }
        for row in conn.execute(statement).mappings()
    ]


def end(conn: Connection, merchant_id: str, person_id: str, session_id: str | None = None) -> int:
    """End one session of a person, or all of them; return how many."""
    gone = delete(StaffTables.session).where(_S.merchant_id == merchant_id, _S.person_id == person_id)
    if session_id is not None:
        gone = gone.where(_S.id == session_id)
    return conn.execute(gone).rowcount


def drop_old(conn: Connection, now: int) -> int:
    """Delete sessions that are over."""
    return conn.execute(
        delete(StaffTables.session).where((_S.expires_at <= now) | (_S.seen_at <= now - IDLE_MS))
    ).rowcount

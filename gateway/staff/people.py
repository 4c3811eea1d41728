"""People and invitations in the database. Functions take a connection."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from gateway.ids import new_id
from gateway.staff.tables import StaffTables
from normalizer import render
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from gateway.keys import KeyRole

_P, _I = StaffTables.person.c, StaffTables.invitation.c
INVITATION_MS = 3 * 86_400_000
"""How long an invitation is good."""
_TOTP = "totp"


class Taken(ValueError):  # noqa: N818 - it names what happened
    """Somebody has that e-mail already, at this merchant or another."""


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation just made: `token` is told to the invited alone."""

    id: str
    token: str
    email: str


def plain_email(text: str) -> str:
    """Return an e-mail as people are known by it."""
    return text.strip().casefold()


def digest(token: str) -> bytes:
    """Return what is kept of a token. 256 random bits need no salt."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def by_email(conn: Connection, email: str) -> RowMapping | None:
    """Return who has an e-mail; None for nobody, and for who may not sign in any more."""
    statement = select(StaffTables.person).where(_P.email == plain_email(email), _P.disabled_at.is_(None))
    return conn.execute(statement).mappings().first()


def get(conn: Connection, merchant_id: str, person_id: str) -> RowMapping | None:
    """Return a person of a merchant (empty: an operator)."""
    statement = select(StaffTables.person).where(_P.merchant_id == merchant_id, _P.id == person_id)
    return conn.execute(statement).mappings().first()


def listed(conn: Connection, merchant_id: str) -> list[RowMapping]:
    """Return a merchant's people, those who may not sign in any more last."""
    statement = select(StaffTables.person).where(_P.merchant_id == merchant_id)
    return list(conn.execute(statement.order_by(_P.disabled_at.is_not(None), _P.name, _P.id)).mappings())


def names(conn: Connection, merchant_id: str) -> dict[str, str]:
    """Return the names of a merchant's people by id."""
    statement = select(_P.id, _P.name).where(_P.merchant_id == merchant_id)
    return {row.id: row.name for row in conn.execute(statement)}


def invite(conn: Connection, merchant_id: str, email: str, role: KeyRole, *, by: str, now: int) -> Invited:
    """Make an invitation; older ones to the same e-mail end. Raises `Taken` where it is another merchant's person's."""
    email = plain_email(email)
    known = conn.execute(select(_P.merchant_id).where(_P.email == email)).scalar()
    if known is not None and known != merchant_id:
        raise Taken(email)
    withdraw(conn, merchant_id, now, email=email)
    made = Invited(new_id("inv", now), secrets.token_urlsafe(32), email)
    conn.execute(
        StaffTables.invitation.insert().values(
            hash=digest(made.token),
            id=made.id,
            merchant_id=merchant_id,
            email=email,
            role=role,
            invited_by=by,
            created_at=now,
            expires_at=now + INVITATION_MS,
            used_at=None,
        )
    )
    return made


def invitation(conn: Connection, token: str, now: int) -> RowMapping | None:
    """Return an invitation that is still good."""
    statement = select(StaffTables.invitation).where(
        _I.hash == digest(token), _I.used_at.is_(None), _I.expires_at > now
    )
    return conn.execute(statement).mappings().first()


def open_invitations(conn: Connection, merchant_id: str, now: int) -> list[RowMapping]:
    """Return a merchant's invitations nobody accepted yet."""
    statement = select(StaffTables.invitation).where(
        _I.merchant_id == merchant_id, _I.used_at.is_(None), _I.expires_at > now
    )
    return list(conn.execute(statement.order_by(_I.created_at)).mappings())


def withdraw(conn: Connection, merchant_id: str, now: int, **which: str) -> int:
    """End a merchant's open invitations with this `id` or to this `email`; return how many."""
    statement = update(StaffTables.invitation).where(
        _I.merchant_id == merchant_id,
        _I.used_at.is_(None),
        _I.expires_at > now,
        *(_I[name] == value for name, value in which.items()),
    )
    return conn.execute(statement.values(expires_at=now)).rowcount


def accept(conn: Connection, token: str, name: str, password: str, now: int) -> RowMapping | None:
    """Make the invited a person, or give who is one already a new password; None where the invitation is not good.

    `password` is what is kept of it. Somebody's second factor ends with it, and so do their sessions.
    """
    found = invitation(conn, token, now)
    if found is None:
        return None
    conn.execute(update(StaffTables.invitation).where(_I.hash == found["hash"]).values(used_at=now))
    row = {
        "merchant_id": found["merchant_id"],
        "id": new_id("per", now),
        "email": found["email"],
        "name": name,
        "role": found["role"],
        "password": password,
        "totp": None,
        "totp_used": 0,
        "language": "en",
        "created_at": now,
        "disabled_at": None,
    }
    statement = insert(conn, StaffTables.person).values(row)
    newer = {name: row[name] for name in ("name", "role", "password", "totp", "disabled_at")}
    made = conn.execute(
        statement.on_conflict_do_update(
            index_elements=["email"], set_=newer, where=_P.merchant_id == found["merchant_id"]
        ).returning(StaffTables.person)
    )
    return made.mappings().first()


def change(conn: Connection, merchant_id: str, person_id: str, **values: Any) -> RowMapping | None:
    """Change columns of a person."""
    statement = (
        update(StaffTables.person)
        .where(_P.merchant_id == merchant_id, _P.id == person_id)
        .values(**values)
        .returning(StaffTables.person)
    )
    return conn.execute(statement).mappings().first()


def take_code(conn: Connection, merchant_id: str, person_id: str, step: int) -> bool:
    """Note that a time code was taken; False where it, or a later one, was taken before."""
    taken = update(StaffTables.person).where(_P.merchant_id == merchant_id, _P.id == person_id, _P.totp_used < step)
    return conn.execute(taken.values(totp_used=step)).rowcount == 1


def totp_purpose(person_id: str) -> str:
    """Return the purpose a second factor is sealed for."""
    return f"{_TOTP}:{person_id}"


def document(row: RowMapping) -> dict[str, Any]:
    """Return a person as their colleagues see them."""
    return {
        "id": row["id"],
        "email": row["email"],
        "name": row["name"],
        "role": row["role"],
        "language": row["language"],
        "second_factor": row["totp"] is not None,
        "created_at": render.millis_instant(row["created_at"]),
        "disabled_at": render.millis_instant(row["disabled_at"]),
    }

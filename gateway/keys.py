"""Merchants and API keys. A key is 256 random bits; only its SHA-256 is kept, so it can be shown only once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal, get_args

import orjson
from sqlalchemy import insert, select, update

from gateway.ids import new_id
from gateway.tables import Tables
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

KeyRole = Literal["merchant", "support", "storefront", "operator"]
ROLES: tuple[KeyRole, ...] = get_args(KeyRole)

PREFIX = "gwk_"
"""Begins every key, so that scanners for leaked secrets can know it."""

_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a key's role and the merchant it belongs to (empty for an operator, who belongs to none)."""

    key_id: str
    merchant_id: str
    role: KeyRole
    origins: tuple[str, ...] = ()
    """Web origins a storefront key may be used from."""
    person_id: str = ""
    """Set where it is no machine's key but a person's session, whose id `key_id` is then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made: `text` is what its owner gets to see this once."""

    id: str
    text: str
    role: KeyRole
    merchant_id: str | None
    label: str = ""
    origins: tuple[str, ...] = ()


def make_key(role: KeyRole, merchant_id: str | None, *, label: str = "", origins: Sequence[str] = ()) -> NewKey:
    """Make a key, nothing stored yet. Raises `ValueError` where role and merchant do not fit together."""
    if (role == "operator") == (merchant_id is not None):
        raise ValueError("an operator's key belongs to no merchant, every other key to one")
    text = f"{PREFIX}{role}_{secrets.token_urlsafe(32)}"
    return NewKey(id=new_id("key"), text=text, role=role, merchant_id=merchant_id, label=label, origins=tuple(origins))


def store_key(conn: Connection, key: NewKey, now: int) -> None:
    """Keep a key's digest."""
    conn.execute(
        insert(Tables.api_key).values(
            hash=digest(key.text),
            id=key.id,
            merchant_id=key.merchant_id,
            role=key.role,
            name=key.label,
            origins=orjson.dumps(key.origins),
            created_at=now,
            revoked_at=None,
        )
    )


def create_merchant(
    conn: Connection, merchant_id: str, name: str, now: int, *, contact_email: str | None = None
) -> None:
    """Make a merchant; the id is the caller's (`new_id("mer")`), since work may run twice."""
    values = {"id": merchant_id, "name": name, "contact_email": contact_email, "created_at": now}
    conn.execute(insert(Tables.merchant).values(values))


def merchant(conn: Connection, merchant_id: str) -> RowMapping:
    """Return a merchant's row."""
    table = Tables.merchant
    return conn.execute(select(table).where(table.c.id == merchant_id)).mappings().one()


def change_merchant(conn: Connection, merchant_id: str, given: Mapping[str, Any]) -> RowMapping:
    """Change what is given of a merchant's row; return the row."""
    if given:
        conn.execute(update(Tables.merchant).where(Tables.merchant.c.id == merchant_id).values(dict(given)))
    return merchant(conn, merchant_id)


def digest(text: str) -> bytes:
    """Return what is kept of a key. No salt and no stretching: 256 random bits cannot be guessed."""
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def plausible(text: str) -> bool:
    """Tell whether a text can be a key at all, before anybody asks the database."""
    return text.startswith(PREFIX) and len(text) <= _LONGEST and text.isascii()


def find(conn: Connection, key_digest: bytes) -> Principal | None:
    """Return who a key belongs to; None where it is unknown or revoked."""
    table = Tables.api_key
    row = conn.execute(select(table).where(table.c.hash == key_digest, table.c.revoked_at.is_(None))).mappings().first()
    if row is None:
        return None
    return Principal(row["id"], row["merchant_id"] or "", row["role"], tuple(orjson.loads(row["origins"])))


def listed(conn: Connection, merchant_id: str) -> list[dict[str, Any]]:
    """Return a merchant's keys that are in force, oldest first, without what they open."""
    table = Tables.api_key
    statement = (
        select(table)
        .where(table.c.merchant_id == merchant_id, table.c.revoked_at.is_(None))
        .order_by(table.c.created_at, table.c.id)
    )
    return [document(row) for row in conn.execute(statement).mappings()]


def revoke(conn: Connection, merchant_id: str, key_id: str, now: int) -> bytes | None:
    """End a key; return its digest, or None where the merchant has no such key."""
    table = Tables.api_key
    return conn.execute(
        update(table)
        .where(table.c.merchant_id == merchant_id, table.c.id == key_id, table.c.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(table.c.hash)
    ).scalar()


def document(row: RowMapping) -> dict[str, Any]:
    """Return a key as its merchant sees it."""
    return {
        "id": row["id"],
        "role": row["role"],
        "name": row["name"],
        "origins": orjson.loads(row["origins"]),
        "created_at": render.millis_instant(row["created_at"]),
    }

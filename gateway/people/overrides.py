"""Merchants' own words for notices, in the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from sqlalchemy import delete, select

from gateway.people.tables import People
from gateway.texts import choose
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, RowMapping

_T = People.wording.c


def get(conn: Connection, merchant_id: str, subject: str, language: str) -> RowMapping | None:
    """Return a merchant's own words for a kind of notice in a language."""
    statement = select(People.wording).where(
        _T.merchant_id == merchant_id, _T.subject == subject, _T.language == language
    )
    return conn.execute(statement).mappings().first()


def texts_of(conn: Connection, merchant_id: str, subject: str, language: str) -> dict[str, str]:
    """Return a merchant's own words, by part, in the language somebody who asked for `language` is spoken to in."""
    row = get(conn, merchant_id, subject, choose(language).language)
    texts: dict[str, str] = {} if row is None else orjson.loads(row["texts"])
    return texts


def listed(conn: Connection, merchant_id: str) -> list[RowMapping]:
    """Return all of a merchant's own words."""
    statement = select(People.wording).where(_T.merchant_id == merchant_id).order_by(_T.subject, _T.language)
    return list(conn.execute(statement).mappings())


def put(
    conn: Connection, merchant_id: str, subject: str, language: str, *, texts: Mapping[str, str], now: int
) -> RowMapping:
    """Keep a merchant's own words in place of those that were there."""
    row = {
        "merchant_id": merchant_id,
        "subject": subject,
        "language": language,
        "texts": orjson.dumps(dict(texts)),
        "changed_at": now,
    }
    statement = insert(conn, People.wording).values(row)
    again = {"texts": row["texts"], "changed_at": now}
    conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "subject", "language"], set_=again))
    found = get(conn, merchant_id, subject, language)
    assert found is not None  # noqa: S101 - written just now
    return found


def remove(conn: Connection, merchant_id: str, subject: str, language: str) -> bool:
    """Go back to the house's words; tell whether there were others."""
    gone = delete(People.wording).where(_T.merchant_id == merchant_id, _T.subject == subject, _T.language == language)
    return conn.execute(gone).rowcount == 1

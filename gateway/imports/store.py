"""Imports in the database: begun, gone on with, shown. Functions take a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, func, select, update

from gateway.ids import new_id
from gateway.imports.tables import Imports
from normalizer.render import millis_instant
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.imports.columns import Kind
    from gateway.imports.files import Form
    from gateway.vault import Vault

MOST_OPEN = 5
"""Imports one merchant may have under way."""

_J, _L = Imports.job.c, Imports.line.c
_KEEP_LINES = Many.inserting(Imports.line, twice={})


class TooMany(Exception):  # noqa: N818 - it names what is the matter
    """The merchant has as many imports under way as there may be."""


def sealed(vault: Vault, merchant_id: str, import_id: str, body: bytes) -> bytes:
    """Return a file as it is kept."""
    return vault.seal(merchant_id, f"import:{import_id}", body)


def opened(vault: Vault, row: RowMapping) -> bytes:
    """Return the file of an import under way."""
    return vault.open(row["merchant_id"], f"import:{row['id']}", row["body"])


def begin(
    conn: Connection,
    merchant_id: str,
    import_id: str,
    *,
    kind: Kind,
    form: Form,
    filename: str,
    body: bytes,
    total: int,
    now: int,
) -> RowMapping:
    """Keep a sealed file to be taken in; `filename` is a plain name. Raises `TooMany`."""
    mine = select(func.count()).where(_J.merchant_id == merchant_id, _J.finished_at.is_(None))
    if (conn.execute(mine).scalar() or 0) >= MOST_OPEN:
        raise TooMany
    values = {
        "merchant_id": merchant_id,
        "id": import_id,
        "kind": kind,
        "form": form,
        "filename": filename,
        "body": body,
        "total": total,
        "done": 0,
        "created": 0,
        "known": 0,
        "refused": 0,
        "created_at": now,
    }
    return conn.execute(Imports.job.insert().values(values).returning(Imports.job)).mappings().one()


def fresh_id(now: int) -> str:
    """Return the id of a new import."""
    return new_id("imp", now)


def get(conn: Connection, merchant_id: str, import_id: str) -> RowMapping | None:
    """Return a merchant's import, None where it has none of that id."""
    statement = select(Imports.job).where(_J.merchant_id == merchant_id, _J.id == import_id)
    return conn.execute(statement).mappings().first()


def page(conn: Connection, merchant_id: str, *, before: str | None, limit: int) -> tuple[list[RowMapping], str | None]:
    """Return a merchant's imports, the newest first, and the cursor of the next page."""
    columns = [column for column in Imports.job.columns if column.name != "body"]
    statement = select(*columns).where(_J.merchant_id == merchant_id)
    if before is not None:
        statement = statement.where(_J.id < before)
    rows = list(conn.execute(statement.order_by(_J.id.desc()).limit(limit + 1)).mappings())
    return rows[:limit], rows[limit - 1]["id"] if len(rows) > limit else None


def open_ones(conn: Connection) -> list[tuple[str, str]]:
    """Return (merchant, id) of the oldest import under way of each merchant."""
    statement = select(_J.merchant_id, func.min(_J.id)).where(_J.finished_at.is_(None)).group_by(_J.merchant_id)
    return [(merchant_id, import_id) for merchant_id, import_id in conn.execute(statement)]


def note(conn: Connection, row: RowMapping, lines: Sequence[dict[str, Any]], items: int, now: int) -> RowMapping:
    """Note what became of lines and how far the file has got; the last note ends it and drops the file."""
    _KEEP_LINES(conn, lines)
    done = row["done"] + items
    over = done >= row["total"]
    counts = {
        name: row[name] + sum(line["status"] == status and line["first"] for line in lines)
        for name, status in (("created", 201), ("known", 200), ("refused", 422))
    }
    statement = (
        update(Imports.job)
        .where(_J.merchant_id == row["merchant_id"], _J.id == row["id"])
        .values(done=done, **counts, **({"finished_at": now, "body": None} if over else {}))
        .returning(Imports.job)
    )
    return conn.execute(statement).mappings().one()


def lines(
    conn: Connection, merchant_id: str, import_id: str, *, after: int, limit: int, refused: bool
) -> tuple[list[RowMapping], int | None]:
    """Return what became of an import's lines, in their order, and the cursor of the next page."""
    statement = select(Imports.line).where(_L.merchant_id == merchant_id, _L.import_id == import_id, _L.line > after)
    if refused:
        statement = statement.where(_L.status == 422)  # noqa: PLR2004 - as the line says
    rows = list(conn.execute(statement.order_by(_L.line).limit(limit + 1)).mappings())
    return rows[:limit], rows[limit - 1]["line"] if len(rows) > limit else None


def drop_before(conn: Connection, at: int) -> None:
    """Drop imports that were finished before an instant, with their lines."""
    old = select(_J.merchant_id, _J.id).where(_J.finished_at < at)
    for merchant_id, import_id in conn.execute(old).all():
        conn.execute(delete(Imports.line).where(_L.merchant_id == merchant_id, _L.import_id == import_id))
        conn.execute(delete(Imports.job).where(_J.merchant_id == merchant_id, _J.id == import_id))


def document(row: RowMapping) -> dict[str, Any]:
    """Return an import as its merchant sees it."""
    return {
        "id": row["id"],
        "kind": row["kind"],
        "form": row["form"],
        "filename": row["filename"],
        "state": "running" if row["finished_at"] is None else "finished",
        "total": row["total"],
        "done": row["done"],
        "created": row["created"],
        "known": row["known"],
        "refused": row["refused"],
        "created_at": millis_instant(row["created_at"]),
        "finished_at": millis_instant(row["finished_at"]),
    }


def line_document(row: RowMapping) -> dict[str, Any]:
    """Return what became of one line."""
    return {
        "line": row["line"],
        "status": row["status"],
        "id": row["made_id"],
        "problem": None if row["problem"] is None else orjson.loads(row["problem"]),
    }

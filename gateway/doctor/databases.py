"""Looks at the database itself: is it there, whole, of this program's schema, and has it room."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError

from gateway import schema
from gateway.db import NotNow, run_once, shown
from gateway.db.tables import OwnerTables
from gateway.doctor.findings import Finding
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

WITHOUT_WAL_FAULT = (3, 51, 3)
"""SQLite before this may lose a commit where two connections write or reset the write-ahead log at once."""

LITTLE_ROOM = 1_000_000_000
"""Bytes free on the database's disk below which it is said."""

OLDEST = 140_000
"""PostgreSQL's `server_version_num` below which nothing was tried."""


def version_of_sqlite() -> Finding:
    """Look at the library."""
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= WITHOUT_WAL_FAULT:
        return Finding("sqlite", "ok", version)
    return Finding(
        "sqlite",
        "note",
        f"{version} has the write-ahead-log fault mended in 3.51.3",
        "The gateway avoids it by one connection that writes and checkpoints; let no other tool write to the file",
    )


def file_of(database: str) -> Path:
    """Return where a SQLite database lies."""
    return Path(make_url(database).database or "")


def sqlite_database(database: str) -> Iterator[Finding]:
    """Look at a SQLite file; the last finding tells whether it can be used."""
    path = file_of(database)
    free = shutil.disk_usage(path.absolute().parent).free
    if free < LITTLE_ROOM:
        yield Finding("disk", "note", f"only {free // 1_000_000} MB are free beside {path}", "Make room")
    try:
        said = run_once(database, _quick_check, read_only=True)
        at, newest = schema.revision_of(database), schema.newest()
    except DatabaseError as trouble:
        yield Finding("database", "broken", f"{path} cannot be read: {trouble.orig}", "Bring back a backup")
        return
    if said != ["ok"]:
        yield Finding("database", "broken", f"{path} is damaged: {'; '.join(said)}", "Bring back a backup")
    elif at != newest:
        yield _of_another_schema(at, newest)
    else:
        yield Finding("database", "ok", f"{path}, {path.stat().st_size / 1_000_000:.1f} MB, schema {at}")


def postgres_database(database: str) -> Iterator[Finding]:
    """Look at a PostgreSQL database; the last finding tells whether it can be used."""
    name = shown(database)
    try:
        facts = run_once(database, _facts, read_only=True)
        at, newest = schema.revision_of(database), schema.newest()
    except (DatabaseError, NotNow) as trouble:
        yield Finding("database", "broken", f"{name}: {trouble}", "Start the server, or correct GATEWAY_DATABASE")
        return
    if facts["number"] < OLDEST:
        yield Finding("postgresql", "note", f"{facts['version']} is older than what was tried", "Take 14 or newer")
    else:
        yield Finding("postgresql", "ok", facts["version"])
    for setting in ("fsync", "full_page_writes"):
        if facts[setting] != "on":
            yield Finding(setting, "broken", f"is {facts[setting]}: a power cut loses what was accepted", "Set it on")
    if facts["encoding"] != "UTF8":
        yield Finding("database", "broken", f"{name} is {facts['encoding']}", "Make one with encoding UTF8")
    elif at != newest:
        yield _of_another_schema(at, newest)
    else:
        yield _owner(database)
        yield Finding("database", "ok", f"{name}, {facts['size'] / 1_000_000:.1f} MB, schema {at}")


def _of_another_schema(at: str | None, newest: str) -> Finding:
    advice = "Run carrier-gateway migrate" if schema.is_known(at) else schema.NEWER[:1].upper() + schema.NEWER[1:]
    where = f"at {at}" if at else "not there yet"
    return Finding("database", "broken", f"the schema is {where}, this program needs {newest}", advice)


def _quick_check(conn: Connection) -> list[str]:
    return [str(row[0]) for row in conn.exec_driver_sql("PRAGMA quick_check(3)")]


def _facts(conn: Connection) -> dict[str, Any]:
    asked = select(
        func.current_setting("server_version").label("version"),
        func.current_setting("server_version_num").label("number"),
        func.current_setting("fsync").label("fsync"),
        func.current_setting("full_page_writes").label("full_page_writes"),
        func.current_setting("server_encoding").label("encoding"),
        func.pg_database_size(func.current_database()).label("size"),
    )
    facts = dict(conn.execute(asked).mappings().one())
    return facts | {"number": int(facts["number"])}


def _owner(database: str) -> Finding:
    owner = OwnerTables.owner.c
    held = text("select count(*) from pg_stat_activity where application_name like 'carrier-gateway owner%'")

    def look(conn: Connection) -> Finding:
        holder, since = conn.execute(select(owner.holder, owner.since)).one()
        if not holder:
            return Finding("owner", "ok", "no gateway has served this database yet")
        now = "serves" if conn.execute(held).scalar_one() else "was the last to serve"
        return Finding("owner", "ok", f"{holder} {now} it, since {render.millis_instant(since)}")

    return run_once(database, look, read_only=True)

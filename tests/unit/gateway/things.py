"""A table to try a store on: things have names, and no two the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from gateway.db import run_once

if TYPE_CHECKING:
    from collections.abc import Callable


def make_table(database: str) -> str:
    """Make the table; return the database's address."""
    run_once(database, lambda conn: conn.execute(text("create table thing (name varchar primary key)")))
    return database


def adding(name: str) -> Callable[[Connection], str]:
    """Return work that adds a thing."""

    def work(conn: Connection) -> str:
        conn.execute(text("insert into thing values (:name)"), {"name": name})
        return name

    return work


def names(conn: Connection) -> list[str]:
    """Return the names of all things."""
    return list(conn.execute(text("select name from thing order by name")).scalars())

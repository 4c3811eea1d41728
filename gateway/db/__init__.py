"""The database: SQLite or PostgreSQL, behind one seam (`webhooks.store.Store`) and one group commit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from gateway.db import sqlite
from gateway.db.sqlite import SqliteStore, sqlite_engine
from gateway.db.store import GroupStore, LogFull, NotNow, StoreAway, StoreClosed

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from sqlalchemy import Connection

__all__ = [
    "GroupStore", "LogFull", "NotNow", "SqliteStore", "StoreAway", "StoreClosed",
    "connected", "is_postgres", "open_store", "run_once", "shown", "sqlite_engine",
]  # fmt: skip

T = TypeVar("T")
_PASSWORD = re.compile(r"^(postgresql://[^:@/]*:)[^@/]*(?=@)|((?:^|[?&])password=)[^&]*")


def is_postgres(url: str) -> bool:
    """Tell whether a database's address is one of PostgreSQL."""
    return url.startswith("postgresql://")


def open_store(url: str, *, owner: bool = False) -> GroupStore:
    """Return the store of a database, to be started; as its `owner` it serves, else it works beside who does."""
    if not is_postgres(url):
        return SqliteStore(url)
    from gateway.db.postgres import PostgresStore  # noqa: PLC0415 - its driver, only where it is needed

    return PostgresStore(url, owner=owner)


def connected(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work on a connection of its own, which begins and ends its transactions by itself."""
    done: T = _of(url).connected(url, work, read_only=read_only)
    return done


def run_once(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work in one transaction of its own, beside a gateway that may be serving."""
    done: T = _of(url).run_once(url, work, read_only=read_only)
    return done


def _of(url: str) -> ModuleType:
    if not is_postgres(url):
        return sqlite
    from gateway.db import lines  # noqa: PLC0415 - as above

    return lines


def shown(url: str) -> str:
    """Return a database's address without its password."""
    return _PASSWORD.sub(r"\1\2***", url) if is_postgres(url) else url

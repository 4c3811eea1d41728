"""SQLite behind the group commit."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from gateway.db.store import GroupStore, Job, StoreAway

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


def sqlite_engine(url: str, *, read_only: bool = False) -> Engine:
    """Return an engine for a SQLite file whose transactions begin when SQLAlchemy says so, writers immediately."""
    path = make_url(url).database
    if not path or path == ":memory:":
        raise ValueError("the database must be a file, such as sqlite:///gateway.db")
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False, "timeout": 30},
        hide_parameters=True,  # an error's text must not tell whose row it was
    )

    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in _READ_PRAGMAS if read_only else _WRITE_PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


# FULL costs about as much as NORMAL once many share a commit, and only FULL survives a power cut.
# Only the writer checkpoints: SQLite before 3.51.3 has a fault when two connections reset the log at once.
_WRITE_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "wal_autocheckpoint=4000",
    "cache_size=-65536",
    "temp_store=MEMORY",
    "busy_timeout=30000",
)
_READ_PRAGMAS = ("query_only=ON", "wal_autocheckpoint=0", "cache_size=-16384", "temp_store=MEMORY")


def connected(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work on a connection of its own."""
    engine = sqlite_engine(url, read_only=read_only)
    try:
        with engine.connect() as conn:
            return work(conn)
    finally:
        engine.dispose()


def run_once(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work in a transaction of its own. Leaves checkpoints to the gateway that may be serving."""

    def run(conn: Connection) -> T:
        raw = conn.connection.driver_connection
        assert raw is not None  # noqa: S101 - it was just opened
        raw.execute("PRAGMA wal_autocheckpoint=0")
        with conn.begin():
            return work(conn)

    return connected(url, run, read_only=read_only)


_AWAY = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk answers with an error",
    sqlite3.SQLITE_BUSY: "another process holds the database",
    sqlite3.SQLITE_LOCKED: "another process holds the database",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened",
}
"""What is no fault of the work that met it, by SQLite's primary result code: the same work may succeed later."""

_AWAY_FOR_WRITERS = _AWAY | {sqlite3.SQLITE_READONLY: "the database may not be written to"}


def _away(trouble: BaseException, known: Mapping[int, str]) -> StoreAway | None:
    code = getattr(getattr(trouble, "orig", None), "sqlite_errorcode", 0)
    why = known.get(code & 0xFF)
    return None if why is None else StoreAway(f"the database takes no work: {why}")


class SqliteStore(GroupStore):
    """One writer connection that also checkpoints, and read-only readers beside it."""

    def __init__(self, url: str, *, most_waiting: int = 20_000) -> None:
        super().__init__(url, most_waiting=most_waiting)
        self.path = Path(make_url(url).database or "")
        self._read_engine = sqlite_engine(url, read_only=True)
        self._read_connections: list[Connection] = []

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    def _read(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._read_engine.connect()
            self._local.connection = connection
            self._read_connections.append(connection)
        try:
            with connection.begin():
                return work(connection)
        except OperationalError as trouble:
            if (away := _away(trouble, _AWAY)) is None:
                raise
            raise away from None

    def _let_readers_go(self) -> None:
        for connection in self._read_connections:
            with contextlib.suppress(Exception):
                connection.close()
        self._read_engine.dispose()

    def _write_for_ever(self) -> None:
        engine = sqlite_engine(self.url)
        with engine.connect() as self._connection:
            while (jobs := self._take()) is not None:
                self._commit(jobs)
            raw = self._connection.connection.driver_connection
            if raw is not None:  # outside any transaction, so not through SQLAlchemy, which would begin one
                with contextlib.suppress(sqlite3.OperationalError):  # a full disk: the next life does it
                    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()

    def _try(self, jobs: list[Job]) -> Exception | None:
        """Run jobs in one transaction; return the trouble."""
        try:
            with self._connection.begin():
                for job in jobs:
                    job.result = job.work(self._connection)
        except Exception as trouble:  # noqa: BLE001 - handed to the one who gave the work
            return _away(trouble, _AWAY_FOR_WRITERS) or trouble
        self.commits += 1
        return None

"""The database: sync work on a Core connection; one writer thread that commits many callers' work at once.

`Store` is the whole seam: `write(work)` answers when the commit is on disk, `read(work)` sees what is committed. `work`
may run twice (after a rollback), so it does nothing but use its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")

MOST_IN_A_COMMIT = 500
_READERS = 3


class StoreClosed(RuntimeError):  # noqa: N818 - it names the state
    """Work was given to a store that is shutting down."""


class LogFull(RuntimeError):  # noqa: N818
    """More work waits for the writer than it may: try again shortly."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    trouble: BaseException | None = None


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


class SqliteStore:
    """SQLite behind one writer thread and a few read-only readers, for one process."""

    def __init__(self, url: str, *, most_waiting: int = 20_000) -> None:
        self.url = url
        self.path = Path(make_url(url).database or "")
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._most_waiting = most_waiting
        self._writer = threading.Thread(target=self._write_for_ever, name="store-writer", daemon=True)
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._read_engine = sqlite_engine(url, read_only=True)
        self._read_connections: list[Connection] = []
        self._closed = False
        self.commits = 0
        self.jobs = 0

    def start(self) -> None:
        """Start the writer. The schema must stand."""
        self._writer.start()

    async def close(self) -> None:
        """Finish the work already given, then close all connections."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._read_connections:
            with contextlib.suppress(Exception):
                connection.close()
        self._read_engine.dispose()

    @property
    def waiting(self) -> int:
        """Jobs given to the writer and not yet taken up."""
        return self._jobs.qsize()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer's next transaction; return its result once that is durable.

        Raises what `work` raised (then nothing of it is kept), `LogFull`, or `StoreClosed`.
        """
        if self._closed:
            raise StoreClosed("the store is closed")
        if self._jobs.qsize() >= self._most_waiting:
            raise LogFull("too much waits for the database")
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future(), loop)
        self._jobs.put(job)
        return await job.done  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a read-only connection and a snapshot of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Connection], T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._read_engine.connect()
            self._local.connection = connection
            self._read_connections.append(connection)
        with connection.begin():
            return work(connection)

    def _write_for_ever(self) -> None:
        engine = sqlite_engine(self.url)
        with engine.connect() as connection:
            while (job := self._jobs.get()) is not None:
                jobs = [job]
                last = False
                while len(jobs) < MOST_IN_A_COMMIT:
                    try:
                        more = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if more is None:
                        last = True
                        break
                    jobs.append(more)
                self._commit(connection, jobs)
                if last:
                    break
            raw = connection.connection.driver_connection
            if raw is not None:  # outside any transaction, so not through SQLAlchemy, which would begin one
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()

    def _commit(self, connection: Connection, jobs: list[_Job]) -> None:
        """Run all jobs in one transaction; if one fails, run each in its own, so it harms no other."""
        self.jobs += len(jobs)
        try:
            self._together(connection, jobs)
        except Exception as trouble:  # noqa: BLE001 - handed to the one who gave the work
            if len(jobs) == 1:
                jobs[0].trouble = trouble
            else:
                for job in jobs:
                    try:
                        self._together(connection, [job])
                    except Exception as own:  # noqa: BLE001 - as above
                        job.trouble = own
        _deliver(jobs)

    def _together(self, connection: Connection, jobs: Iterable[_Job]) -> None:
        with connection.begin():
            for job in jobs:
                job.result = job.work(connection)
        self.commits += 1


def _deliver(jobs: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the caller's loop is gone; the work stands
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if job.trouble is not None:
            job.done.set_exception(job.trouble)
        else:
            job.done.set_result(job.result)

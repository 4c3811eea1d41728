"""The group commit: sync work on a Core connection, one writer thread that commits many callers' work at once.

`write(work)` answers when the commit is on disk, `read(work)` sees what is committed. `work` may run twice (after a
rollback), so it does nothing but use its connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

T = TypeVar("T")

MOST_IN_A_COMMIT = 500
READERS = 3


class NotNow(RuntimeError):  # noqa: N818 - it names the answer
    """The store takes no work now: nothing of it is known to be kept, and it may be given again shortly."""


class StoreClosed(NotNow):
    """Work was given to a store that is shutting down."""


class LogFull(NotNow):
    """More work waits for the writer than it may: try again shortly."""


class StoreAway(NotNow):
    """The database cannot be reached, or is no longer ours to write to."""


class InTheWay(NotNow):
    """Somebody held what this one work needs, or stopped it: others of its commit may well go on."""


@dataclass(slots=True)
class _Alongside:
    work: Callable[[Connection], None]
    over: bool = False


_ALONGSIDE: ContextVar[_Alongside | None] = ContextVar("alongside", default=None)


@contextlib.contextmanager
def alongside(work: Callable[[Connection], None]) -> Iterator[None]:
    """Let each write of the code inside commit `work` too. Tasks it leaves behind write without it."""
    held = _Alongside(work)
    token = _ALONGSIDE.set(held)
    try:
        yield
    finally:
        held.over = True  # tasks and timers that were begun inside keep a copy of this context
        _ALONGSIDE.reset(token)


def _joined(work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    held = _ALONGSIDE.get()
    if held is None or held.over:
        return work

    def both(conn: Connection) -> T:
        held.work(conn)
        return work(conn)

    return both


@dataclass(slots=True)
class Job:
    """Somebody's work, and what became of it."""

    work: Callable[[Connection], Any]
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    trouble: BaseException | None = None


class GroupStore(ABC):
    """One writer thread and a few read-only readers, for one process."""

    def __init__(self, url: str, *, most_waiting: int = 20_000) -> None:
        self.url = url
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._most_waiting = most_waiting
        self._writer = threading.Thread(target=self._write_for_ever, name="store-writer", daemon=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._local = threading.local()
        self._closed = False
        self.on_taken: Callable[[], object] = lambda: None
        """Called, in the writer's thread, when the database belongs to another process from now on."""
        self.commits = 0
        self.jobs = 0

    @property
    @abstractmethod
    def name(self) -> str:
        """The database's name, as a log may tell it."""

    @property
    def away(self) -> str:
        """Why no work is taken now, empty where it is."""
        return ""

    def start(self) -> None:
        """Start the writer. The schema must stand."""
        self._writer.start()

    async def close(self) -> None:
        """Finish the work already given, then close all connections."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        if self._writer.ident is not None:
            await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        await asyncio.to_thread(self._let_readers_go)

    @property
    def waiting(self) -> int:
        """Jobs given to the writer and not yet taken up."""
        return self._jobs.qsize()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the writer's next transaction; return its result once that is durable.

        Raises what `work` raised (then nothing of it is kept), or `NotNow`: `LogFull`, `StoreClosed`, `StoreAway`.
        """
        if self._closed:
            raise StoreClosed("the store is closed")
        if self._jobs.qsize() >= self._most_waiting:
            raise LogFull("too much waits for the database")
        if self.away:
            raise StoreAway(self.away)
        loop = asyncio.get_running_loop()
        job = Job(_joined(work), loop.create_future(), loop)
        self._jobs.put(job)
        return await job.done  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a read-only connection and a snapshot of its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, work)

    @abstractmethod
    def _read(self, work: Callable[[Connection], T]) -> T:
        """Run work on the connection of a reader's thread."""

    @abstractmethod
    def _let_readers_go(self) -> None:
        """Close the readers' connections; their threads have ended."""

    @abstractmethod
    def _write_for_ever(self) -> None:
        """Give what `_take` gives to `_commit`, until that gives None."""

    @abstractmethod
    def _try(self, jobs: list[Job]) -> Exception | None:
        """Run jobs in one transaction; return the trouble if nothing of them is kept."""

    def _commit(self, jobs: list[Job]) -> None:
        """Run all jobs in one transaction; if one fails, run each in its own, so it harms no other."""
        trouble = self._try(jobs)
        for job in jobs:
            again = trouble is not None and len(jobs) > 1 and not isinstance(trouble, StoreAway)
            job.trouble = self._try([job]) if again else trouble
        _deliver(jobs)

    def _take(self, seconds: float | None = None) -> list[Job] | None:
        """Wait for jobs, so many seconds at most; return those that are there, None at the end."""
        try:
            job = self._jobs.get(timeout=seconds)
        except queue.Empty:
            return []
        if job is None:
            return None
        jobs = [job]
        while len(jobs) < MOST_IN_A_COMMIT:
            try:
                more = self._jobs.get_nowait()
            except queue.Empty:
                break
            if more is None:
                self._jobs.put(None)
                break
            jobs.append(more)
        self.jobs += len(jobs)
        return jobs


def _deliver(jobs: list[Job]) -> None:
    """Tell those who gave jobs what became of them."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, theirs in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the caller's loop is gone; the work stands
            loop.call_soon_threadsafe(_settle, theirs)


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.done.done():
            continue
        if job.trouble is not None:
            job.done.set_exception(job.trouble)
        else:
            job.done.set_result(job.result)

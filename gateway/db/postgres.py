"""PostgreSQL behind the group commit."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from gateway.db.lines import Line, close, drop, is_lost, not_now, postgres_engine, said_of, state_of
from gateway.db.owner import Owner, Taken, as_guest
from gateway.db.store import GroupStore, Job, StoreAway

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine, RootTransaction

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds that work waits for a database that is away; after these it is refused until the database is back."""
IDLE = 5.0
"""Seconds between two looks whether an idle writer still has its connection."""
_AGAIN = 0.1
_MOST_RETRIES = 5
"""How often the same work runs again, whether it lost against others or the connection broke under it."""
_LOSER = frozenset({"40001", "40P01"})
"""SQLSTATEs of transactions that lost against others and may simply run again."""
_STANDBY = "25006"
"""What a server says to a writer that is no longer the one that is written to, or not for now."""


class PostgresStore(GroupStore):
    """One writing session, and readers with connections of their own.

    With `owner` it holds the database for this process alone: who else comes is told so (`Taken`). Work whose commit
    was cut off is looked for once the database is back: it is told done only if it is, and run again if it is not.
    """

    def __init__(self, url: str, *, owner: bool = False, most_waiting: int = 20_000) -> None:
        super().__init__(url, most_waiting=most_waiting)
        self._owner = Owner() if owner else None
        self._engine = postgres_engine(url, name=self._owner.token if self._owner else "writer")
        self._read_lines: list[tuple[Line, Engine, list[Connection]]] = []
        self._session: Connection | None = None
        self._away_since: float | None = None
        self._why = ""
        self._opened: Future[None] = Future()

    @property
    def name(self) -> str:
        """The database's name."""
        return urlsplit(self.url).path.lstrip("/") or "postgresql"

    @property
    def away(self) -> str:
        """Why no work is taken now."""
        if self._owner is not None and self._owner.taken:
            return self._owner.taken
        since = self._away_since
        return self._why if since is not None and time.monotonic() - since > PATIENCE else ""

    # reading

    def _read(self, work: Callable[[Connection], T]) -> T:
        held: tuple[Line, Engine, list[Connection]] | None = getattr(self._local, "held", None)
        if held is None:
            held = self._local.held = (Line(), postgres_engine(self.url, read_only=True, name="reader"), [])
            self._read_lines.append(held)
        line, engine, connections = held
        return line.run(partial(self._read_with, engine, connections, work))

    @staticmethod
    def _read_with(engine: Engine, connections: list[Connection], work: Callable[[Connection], T]) -> T:
        fresh = False
        while True:
            try:
                if not connections:
                    fresh = True
                    connections.append(engine.connect())
                with connections[0].begin():
                    return work(connections[0])
            except Exception as trouble:
                if not is_lost(trouble):
                    if (refusal := not_now(trouble)) is not None:
                        raise refusal from None
                    raise
                while connections:
                    drop(connections.pop())
                if fresh:
                    raise StoreAway(said_of(trouble)) from None

    def _let_readers_go(self) -> None:
        for line, _, connections in self._read_lines:
            line.run(partial(_close_all, connections))
            line.close()

    # writing

    def start(self) -> None:
        """Start the writer. Raises `Taken` where another gateway owns the database, `StoreAway` where none answers."""
        super().start()
        self._opened.result()

    def _write_for_ever(self) -> None:
        line = Line()
        try:
            line.run(self._write)
        finally:
            line.close()

    def _write(self) -> None:
        try:
            self._open()
        except Exception as trouble:  # noqa: BLE001 - told to who starts
            self._opened.set_exception(StoreAway(said_of(trouble)) if is_lost(trouble) else trouble)
            return
        self._opened.set_result(None)
        while (jobs := self._take(IDLE if self._session is not None else _AGAIN)) is not None:
            if jobs:
                self._commit(jobs)
            else:
                self._look()
        if self._session is not None:
            close(self._session)

    def _look(self) -> None:
        """See whether the session stands, and get another where it does not: nothing else asks while nobody writes."""
        try:
            if self._session is None:
                self._open()
            else:
                self._session.exec_driver_sql("select 1")
                self._session.rollback()
        except Exception as trouble:  # noqa: BLE001 - whatever it is, the next look or work meets it again
            self._lose(trouble)

    def _try(self, jobs: list[Job]) -> Exception | None:
        """Run jobs in one transaction until what became of it is known, or the patience is over; return the trouble."""
        sent: int | None = None
        """The number of a transaction whose commit was sent and not answered."""
        runs = 0
        while True:
            try:
                session = self._session or self._open()
                if sent is None or not self._has_committed(session, sent):
                    sent = None
                    runs += 1
                    transaction, number = self._run(session, jobs)
                    sent = number
                    transaction.commit()
            except Exception as trouble:  # noqa: BLE001 - handed to the one who gave the work
                if state_of(trouble) in _LOSER and runs <= _MOST_RETRIES:
                    sent = None
                    continue
                if sent is None and not _ends_the_session(trouble):
                    return not_now(trouble) or trouble
                self._lose(trouble)
                if sent is not None and (self._owner is None or runs > _MOST_RETRIES):
                    return StoreAway("the connection broke at the commit: whether it is kept is not known")
                if runs > _MOST_RETRIES:  # it is this work that breaks it, or nobody may write
                    return StoreAway(self._why) if state_of(trouble) == _STANDBY else trouble
                if self._closed or self.away:
                    return StoreAway(self._why)
                time.sleep(_AGAIN)
            else:
                self.commits += 1
                return None

    def _run(self, session: Connection, jobs: list[Job]) -> tuple[RootTransaction, int]:
        transaction = session.begin()
        with ExitStack() as undo:
            undo.callback(_undo, transaction)
            number = as_guest(session) if self._owner is None else self._owner.enter(session)
            for job in jobs:
                job.result = job.work(session)
            undo.pop_all()
        return transaction, number

    def _has_committed(self, session: Connection, number: int) -> bool:
        return self._owner is not None and self._owner.has_committed(session, number)

    def _open(self) -> Connection:
        connection = self._engine.connect()
        try:
            if self._owner is not None:
                self._owner.acquire(connection)
        except BaseException:
            drop(connection)
            raise
        self._session, self._away_since, self._why = connection, None, ""
        return connection

    def _lose(self, trouble: Exception) -> None:
        self._why = str(trouble) if isinstance(trouble, Taken) else said_of(trouble)
        if self._away_since is None:
            self._away_since = time.monotonic()
        if self._session is not None:
            drop(self._session)
            self._session = None
        if isinstance(trouble, Taken):
            self.on_taken()


def _ends_the_session(trouble: Exception) -> bool:
    return isinstance(trouble, Taken) or is_lost(trouble) or state_of(trouble) == _STANDBY


def _close_all(connections: list[Connection]) -> None:
    while connections:
        close(connections.pop())


def _undo(transaction: RootTransaction) -> None:
    with suppress(Exception):  # what made it necessary is what is told
        transaction.rollback()

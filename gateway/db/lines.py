"""Connections to PostgreSQL, and what its errors mean and may say.

The driver is asyncpg. Sync work runs on it in a greenlet on a loop of the thread's own (`Line`), so what a store is
given is the same for both databases.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from gateway.db.owner import as_guest
from gateway.db.store import InTheWay, NotNow, StoreAway

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import ExceptionContext

T = TypeVar("T")

_GONE = ("08", "57P", "53300")
"""Beginnings of SQLSTATEs by which a server says that this connection is over, or that it takes none now."""
_OUT_OF_ORDER = ("53", "58")
"""Classes of SQLSTATEs that are no fault of the work that met them: a full disk, no memory, a broken file."""
_IN_THE_WAY = frozenset({"55000", "55006", "55P03", "57014"})
"""SQLSTATEs of what holds one work up: a table that is being altered, a lock, a statement cancelled or over its time.

Corruption (XX001, XX002) is none of these, since no time mends it and one bad page must not hold up everything; nor is
54000, which a payload may be at fault for.
"""
_NOT_LET_IN = {
    "3D000": "there is no database of that name on the server: make it with createdb, or correct GATEWAY_DATABASE",
    "28000": "the server does not let that user in: correct GATEWAY_DATABASE",
    "28P01": "the server refuses the user or the password: correct GATEWAY_DATABASE",
}
"""What SQLSTATEs at the door mean: nothing that time would mend."""
_NO_ADDRESS = (
    "the database's address cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/NAME, with %40 for @, %2F for / "
    "and %3A for : in the password"
)
_SESSION = {
    "jit": "off",
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": "0",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}


class Line:
    """A loop on which sync code may use asyncpg; used by one thread at a time."""

    def __init__(self) -> None:
        factory: Callable[[], asyncio.AbstractEventLoop] | None = None
        with suppress(ImportError):
            import uvloop  # noqa: PLC0415 - not on Windows

            factory = uvloop.new_event_loop
        self._runner = asyncio.Runner(loop_factory=factory)

    def run(self, work: Callable[[], T]) -> T:
        """Run sync code whose database calls wait on this loop."""
        return self._runner.run(greenlet_spawn(work))

    def close(self) -> None:
        """Let go of the loop."""
        self._runner.close()


def postgres_engine(url: str, *, read_only: bool = False, name: str = "", seconds: float | None = 60) -> Engine:
    """Return an engine to be used inside `Line.run`, of one line only: SQLAlchemy gives it locks of that loop.

    `seconds` is how long a statement may take.
    """

    async def connect(**_kept: Any) -> asyncpg.Connection[Any]:
        try:
            return await asyncpg.connect(
                url,
                timeout=10,
                command_timeout=seconds,
                server_settings=_SESSION | {"application_name": f"carrier-gateway {name}".strip()},
            )
        except ValueError:  # whose words may hold parts of the password
            raise StoreAway(_NO_ADDRESS) from None

    engine = create_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        connect_args={"async_creator_fn": connect, "prepared_statement_cache_size": 300},
        hide_parameters=True,  # an error's text must not tell whose row it was
    )
    event.listen(engine, "handle_error", _without_values)
    event.listen(engine, "before_cursor_execute", _without_nul, retval=True)
    if read_only:
        return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return engine


def _without_nul(
    _conn: Connection, _cursor: object, statement: str, told: Any, *_: object
) -> tuple[str, list[tuple[Any, ...]] | tuple[Any, ...]]:
    """Replace NUL in texts, which PostgreSQL cannot keep and carriers and endpoints may well send."""
    rows: list[tuple[Any, ...]] = told if isinstance(told, list) else [told]
    if not any(type(value) is str and "\0" in value for row in rows for value in row):
        return statement, told
    rows = [tuple(one.replace("\0", "\ufffd") if isinstance(one, str) else one for one in row) for row in rows]
    return statement, rows if isinstance(told, list) else rows[0]


def _without_values(context: ExceptionContext) -> None:
    """Let an error say what kind it is, of which table and constraint; the server's own words tell values of rows."""
    adapted = context.original_exception
    cause = adapted.__cause__ or adapted
    said = type(cause).__name__
    if isinstance(cause, asyncpg.PostgresError):
        of = [name for name in (cause.table_name, cause.column_name, cause.constraint_name) if name]
        said += f" {cause.sqlstate}" + (f" of {', '.join(of)}" if of else "")
        cause.detail = cause.hint = cause.where = None
    for one in (cause, adapted, context.sqlalchemy_exception):
        if isinstance(one, asyncpg.PostgresError | asyncpg.InterfaceError | DBAPIError) or one is adapted:
            one.args = (said,)


def connected(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work on a connection of its own that takes as long as it takes.

    Raises `StoreAway` where there is none, `NotNow` where the database does not do it for no fault of the work.
    """
    engine = postgres_engine(url, read_only=read_only, name="command", seconds=None)

    def run() -> T:
        with engine.connect() as connection:
            return work(connection)

    def on_a_line() -> T:
        line = Line()
        try:
            return line.run(run)
        finally:
            line.close()

    with ThreadPoolExecutor(1) as beside:  # the caller's thread may have a loop that runs
        try:
            return beside.submit(on_a_line).result()
        except Exception as trouble:
            if is_lost(trouble):
                raise StoreAway(said_of(trouble)) from None
            if (refusal := not_now(trouble)) is not None:
                raise refusal from None
            if (why := _NOT_LET_IN.get(state_of(trouble))) is not None:
                raise StoreAway(why) from None
            raise


def run_once(url: str, work: Callable[[Connection], T], *, read_only: bool = False) -> T:
    """Run work in a transaction of its own, beside a gateway that serves."""

    def run(connection: Connection) -> T:
        with connection.begin():
            if not read_only:
                as_guest(connection)
            return work(connection)

    return connected(url, run, read_only=read_only)


def is_lost(trouble: BaseException) -> bool:
    """Tell whether an error means that the connection is gone, or none can be had."""
    if isinstance(trouble, DBAPIError):
        return trouble.connection_invalidated or (trouble.orig is not None and is_lost(trouble.orig))
    if isinstance(trouble, OSError) or state_of(trouble).startswith(_GONE):  # a TimeoutError is an OSError
        return True
    if isinstance(trouble, asyncpg.InterfaceError):
        return not isinstance(trouble, ValueError)  # which is a value that does not fit its column
    return trouble.__cause__ is not None and is_lost(trouble.__cause__)


def state_of(trouble: BaseException) -> str:
    """Return the SQLSTATE of an error, empty where it has none."""
    said = trouble.orig if isinstance(trouble, DBAPIError) else trouble
    return getattr(said, "sqlstate", None) or ""


def not_now(trouble: BaseException) -> NotNow | None:
    """Return what to say where an error is no fault of the work that met it, None where it is, or may be."""
    state = state_of(trouble)
    if state.startswith(_OUT_OF_ORDER):
        return StoreAway(f"the database takes no work: {reason_of(trouble)}")
    return InTheWay(f"the database did not do it now: {reason_of(trouble)}") if state in _IN_THE_WAY else None


def said_of(trouble: BaseException) -> str:
    """Return why there is no connection, for people."""
    return f"the database is away: {reason_of(trouble)}"


def reason_of(trouble: BaseException) -> str:
    """Return what the server or the system said, its first line."""
    one: BaseException | None = trouble
    while one is not None and not isinstance(one, asyncpg.PostgresError | OSError):
        one = one.__cause__
    told = getattr(one, "strerror", None) or str(one or trouble) or type(trouble).__name__
    return str(told.splitlines()[0])


def drop(connection: Connection) -> None:
    """Close a connection without a word to a server that may not be there."""
    with suppress(Exception):
        connection.invalidate()
    close(connection)


def close(connection: Connection) -> None:
    """Close a connection, whatever becomes of it."""
    with suppress(Exception):
        connection.close()

"""The seam to the database: sync work on a Core connection, run by somebody else's threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Index, Table, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.crud import REQUIRED
from sqlalchemy.sql.schema import ScalarElementColumnDefault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection
    from sqlmodel import SQLModel

T = TypeVar("T")


class Store(Protocol):
    """Runs database work. The gateway provides it."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the one writer, grouped with others; return its result once the commit is durable.

        `work` may run again after a rollback, so it does nothing but use the connection.
        """
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a read-only connection."""
        ...


class Vault(Protocol):
    """Seals secrets for one merchant and purpose. The gateway provides it."""

    def seal(self, merchant_id: str, purpose: str, plain: bytes) -> bytes:
        """Encrypt."""
        ...

    def open(self, merchant_id: str, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what `seal` made for the same merchant and purpose."""
        ...


def core_table(model: type[SQLModel]) -> Table:
    """Return the Core table behind a model, on which statements are written."""
    table = getattr(model, "__table__")  # noqa: B009 - SQLModel does not declare the attribute it sets
    assert isinstance(table, Table)  # noqa: S101 - tells mypy what SQLModel made
    return table


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows a condition picks, on either database."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


def insert(conn: Connection, table: Table) -> Any:
    """Return the dialect's own insert, whose `on_conflict_*` SQLite and PostgreSQL share."""
    return insert_for(conn.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Any:
    """Return the insert of a dialect by its name, as `insert` does for a connection's."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


class Many:
    """One statement run for many rows, compiled once for each dialect.

    SQLAlchemy spends more on binding a row's values than SQLite on storing it. Here rows are plain dictionaries of
    values the driver takes as they are; a name that a row lacks is what the statement says itself, else its column's
    default, else NULL. Raises `ValueError` for a row without what its column must have.
    """

    def __init__(self, build: Callable[[str], Any], names: Iterable[str], table: Table | None = None) -> None:
        """Take what builds the statement for a dialect's name, and the names its rows have: `table`'s own columns."""
        self._build = build
        self._names = tuple(names)
        self._table = table
        self._ready: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {}
        lacking = _defaults(table) if table is not None else {}
        self._defaults = {name: value for name, value in lacking.items() if value is not REQUIRED}
        self._musts = lacking.keys() - self._defaults.keys()

    @classmethod
    def inserting(cls, table: Table, *, twice: Mapping[str, Sequence[str]] | None = None) -> Many:
        """Insert rows. `twice` says what to do with a key that exists: `{"update": columns}`, or `{}` for nothing."""
        keys = [column.name for column in table.primary_key]

        def build(dialect: str) -> Any:
            statement = insert_for(dialect, table)
            if twice is None:
                return statement
            if not twice:
                return statement.on_conflict_do_nothing()
            newer = {name: statement.excluded[name] for name in twice["update"]}
            return statement.on_conflict_do_update(index_elements=keys, set_=newer)

        return cls(build, [column.name for column in table.columns], table)

    @classmethod
    def running(cls, statement: Any, names: Iterable[str]) -> Many:
        """Run a statement whose bound parameters have these names."""
        return cls(lambda _dialect: statement, names)

    def __call__(self, conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Run it for all rows."""
        sql, order, own = self._compiled(conn)
        filled = [(name, own.get(name)) for name in order]
        values = []
        for row in rows:
            if not row.keys() >= self._musts:
                raise ValueError(f"a row of {self._table} lacks {', '.join(sorted(self._musts - row.keys()))}")
            values.append(tuple([row.get(name, value) for name, value in filled]))
        conn.exec_driver_sql(sql, values)

    def run_tuples(self, conn: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run it for rows whose values stand in the order of the names, none missing."""
        sql, order, _ = self._compiled(conn)
        if order == self._names:
            conn.exec_driver_sql(sql, list(rows))
        else:
            places = [self._names.index(name) for name in order]
            conn.exec_driver_sql(sql, [tuple([row[place] for place in places]) for row in rows])

    def _compiled(self, conn: Connection) -> tuple[str, tuple[str, ...], Mapping[str, Any]]:
        ready = self._ready.get(conn.dialect.name)
        if ready is None:
            columns = {"column_keys": list(self._names)} if self._names else {}
            compiled = self._build(conn.dialect.name).compile(dialect=conn.dialect, **columns)
            # SQLAlchemy's mark of a value that is still to come is a number, which SQLite would keep.
            own = {name: value for name, value in compiled.params.items() if value is not REQUIRED}
            ready = self._ready[conn.dialect.name] = (
                str(compiled),
                tuple(compiled.positiontup or ()),
                self._defaults | own,
            )
        return ready


def _defaults(table: Table) -> dict[str, Any]:
    """Return what columns are where nothing is said, `REQUIRED` where something must be."""
    found: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.default, ScalarElementColumnDefault):
            found[column.name] = column.default.arg
        elif not column.nullable:
            found[column.name] = REQUIRED
    return found

"""The seam to the database: sync work on a Core connection, run by somebody else's threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Table

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


def insert(conn: Connection, table: Table) -> Any:
    """Return the dialect's own insert, whose `on_conflict_*` SQLite and PostgreSQL share."""
    return (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(table)

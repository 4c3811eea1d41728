"""How SQLite goes about what some work asks of it: its own plan, read instead of timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection


class Plan(NamedTuple):
    """The steps by which rows are found, and how many statements look for any."""

    steps: list[str]
    asked: int


def plan_of(conn: Connection, work: Callable[[], Any]) -> Plan:
    """Return how SQLite finds the rows of every statement of `work` that looks for some."""
    asked: list[tuple[str, Any]] = []

    def note(_conn: object, _cursor: object, sql: str, values: Any, _context: object, many: bool) -> None:
        if not many and sql.lower().startswith(("select", "delete")):
            asked.append((sql, values))

    event.listen(conn, "before_cursor_execute", note)
    work()
    event.remove(conn, "before_cursor_execute", note)
    lines = [row[3] for sql, values in asked for row in conn.exec_driver_sql(f"explain query plan {sql}", values)]
    return Plan([line for line in lines if line.startswith(("SEARCH", "SCAN"))], len(asked))

"""Which entries hold which marks: SQLite's FTS5, or an array of marks under PostgreSQL's GIN. Both only grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection


def enter(conn: Connection, entries: Sequence[tuple[int, Collection[str]]]) -> None:
    """Enter numbers with their marks (`index.Marks`)."""
    if conn.dialect.name == "postgresql":
        rows = [(number, sorted(map(_as_number, marks))) for number, marks in entries]
        conn.exec_driver_sql("insert into search_index (number, marks) values ($1, $2)", rows)
    else:
        words = [(number, " ".join(sorted(marks))) for number, marks in entries]
        conn.exec_driver_sql("insert into search_index (rowid, words) values (?, ?)", words)


def look_up(conn: Connection, ways: Sequence[Collection[str]], most: int) -> list[int]:
    """Return the newest numbers that have all marks of one of some ways."""
    if conn.dialect.name == "postgresql":
        return _look_up_in_arrays(conn, ways, most)
    asked = " OR ".join("(" + " AND ".join(f'"{mark}"' for mark in sorted(way)) + ")" for way in ways)
    found = conn.execute(
        text("select rowid from search_index where search_index match :asked order by rowid desc limit :most"),
        {"asked": asked, "most": most},
    )
    return [row[0] for row in found]


def _look_up_in_arrays(conn: Connection, ways: Sequence[Collection[str]], most: int) -> list[int]:
    # How rare a mark is decides the way: by the marks for a rare one, back from the newest for one that many have.
    conn.exec_driver_sql("set local plan_cache_mode = force_custom_plan")
    wanted = " or ".join(f"marks @> ${place}" for place in range(2, len(ways) + 2))
    found = conn.exec_driver_sql(
        f"select number from search_index where {wanted} order by number desc limit $1",  # noqa: S608 - only places
        (most, *(sorted(map(_as_number, way)) for way in ways)),
    )
    return [row[0] for row in found]


def _as_number(mark: str) -> int:
    return int(mark, 16)

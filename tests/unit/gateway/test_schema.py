"""The schema's history and the tables say the same, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlmodel import SQLModel

import gateway.db.tables
import gateway.desk.tables
import gateway.insights.tables
import gateway.pages.tables
import gateway.search.tables
import gateway.staff.tables
import gateway.tables
from gateway import schema
from gateway.db import run_once

if TYPE_CHECKING:
    from pathlib import Path

    from postgres import Databases

assert gateway.desk.tables, gateway.search.tables
assert gateway.insights.tables, gateway.tables
assert gateway.pages.tables
assert gateway.staff.tables, gateway.db.tables


def differences(conn: Connection) -> list[object]:
    """Return what the database has and the models do not say, or the other way round."""
    # The search's index is no table of ours: each database has its own kind.
    ours = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or "search_index" not in name,
    }
    return compare_metadata(MigrationContext.configure(conn, opts=ours), SQLModel.metadata)


def check_the_history(url: str) -> None:
    assert schema.revision_of(url) is None
    assert schema.migrate(url) == schema.newest()
    assert schema.migrate(url) == schema.revision_of(url) == schema.newest()
    assert run_once(url, differences, read_only=True) == []


def test_migrating_gives_exactly_the_tables_of_the_code_and_may_run_twice(tmp_path: Path) -> None:
    check_the_history(f"sqlite:///{tmp_path}/g.db")


def test_migrating_postgresql_gives_exactly_the_tables_of_the_code_and_may_run_twice(databases: Databases) -> None:
    check_the_history(databases.empty())


def test_indexes_pick_the_same_rows_on_both_databases(tmp_path: Path, postgresql: str) -> None:
    url = f"sqlite:///{tmp_path}/g.db"
    schema.migrate(url)
    modelled = {
        index.name: str(index.dialect_options["postgresql"]["where"])
        for table in SQLModel.metadata.sorted_tables
        for index in table.indexes
        if index.dialect_options["postgresql"]["where"] is not None
    }
    sqlite = run_once(
        url,
        lambda conn: {
            name: sql.partition(" WHERE ")[2]
            for name, sql in conn.execute(text("select name, sql from sqlite_master where sql like '% where %'"))
        },
        read_only=True,
    )
    of_postgresql = text("select indexname, indexdef from pg_indexes where indexdef like '% WHERE %'")
    postgresql_has = run_once(postgresql, lambda conn: dict(conn.execute(of_postgresql).all()), read_only=True)
    assert modelled
    assert sqlite == modelled
    assert postgresql_has.keys() == modelled.keys()
    for name, where in modelled.items():
        column = where.split()[0]
        assert f"WHERE (({column}" in postgresql_has[name] or f"WHERE ({column}" in postgresql_has[name], name


def test_postgresql_compares_texts_byte_by_byte_as_sqlite_does(postgresql: str) -> None:
    otherwise = text(
        "select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid "
        "join pg_collation l on l.oid = a.attcollation "
        "where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and l.collname <> 'C' "
        "and c.relname <> 'alembic_version'"
    )
    assert run_once(postgresql, lambda conn: conn.execute(otherwise).scalars().all(), read_only=True) == []


def test_every_key_of_merchant_data_starts_with_the_merchant() -> None:
    reference = {"merchant", "api_key", "session", "invitation", "owner"}
    for table in SQLModel.metadata.sorted_tables:
        if table.name not in reference:
            assert next(iter(table.primary_key)).name == "merchant_id", table.name

"""The schema's history and the tables say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

import gateway.desk.tables
import gateway.insights.tables
import gateway.pages.tables
import gateway.search.tables
import gateway.staff.tables
import gateway.tables
from gateway import schema
from gateway.db import sqlite_engine

if TYPE_CHECKING:
    from pathlib import Path

assert gateway.desk.tables, gateway.search.tables
assert gateway.insights.tables, gateway.tables
assert gateway.pages.tables
assert gateway.staff.tables


def test_migrating_gives_exactly_the_tables_of_the_code_and_may_run_twice(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/g.db"
    assert schema.revision_of(url) is None
    assert schema.migrate(url) == schema.newest()
    assert schema.migrate(url) == schema.revision_of(url) == schema.newest()
    engine = sqlite_engine(url)
    with engine.connect() as conn:
        # The full-text index and the tables SQLite keeps behind it are no tables of ours.
        ours = {
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or "search_index" not in name,
        }
        context = MigrationContext.configure(conn, opts=ours)
        assert compare_metadata(context, SQLModel.metadata) == []
    engine.dispose()


def test_every_key_of_merchant_data_starts_with_the_merchant() -> None:
    reference = {"merchant", "api_key", "session", "invitation"}
    for table in SQLModel.metadata.sorted_tables:
        if table.name not in reference:
            assert next(iter(table.primary_key)).name == "merchant_id", table.name

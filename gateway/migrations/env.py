"""Alembic's entry: runs the history on the connection it is given (see `gateway.schema`)."""

from alembic import context
from sqlalchemy import Column, String, event
from sqlmodel import SQLModel

import gateway.db.tables
import gateway.desk.tables
import gateway.imports.tables
import gateway.insights.tables
import gateway.lastmile.tables
import gateway.orders.tables
import gateway.pages.tables
import gateway.people.tables
import gateway.proofs.tables
import gateway.ratings.tables
import gateway.runs.tables
import gateway.search.tables
import gateway.shops.tables
import gateway.staff.tables
import gateway.tables
import gateway.talk.tables
import webhooks.tables

# Imported so that the metadata is whole.
_WHOLE = (
    gateway.db.tables,
    gateway.imports.tables,
    gateway.insights.tables,
    gateway.desk.tables,
    gateway.lastmile.tables,
    gateway.orders.tables,
    gateway.pages.tables,
    gateway.people.tables,
    gateway.proofs.tables,
    gateway.runs.tables,
    gateway.search.tables,
    gateway.staff.tables,
    gateway.ratings.tables,
    gateway.shops.tables,
    gateway.tables,
    gateway.talk.tables,
    webhooks.tables,
)

connection = context.config.attributes["connection"]


def by_bytes(column, _table):
    """Compare texts as SQLite does, byte by byte, whatever language a PostgreSQL database was made for."""
    if type(column.type) is String:
        column.type = String(column.type.length, collation="C")


def is_of_the_code(_thing, name, kind, reflected, _other):
    """Tell whether a table is to be compared: those of the full text search are SQLite's own, made in plain SQL."""
    return kind != "table" or not reflected or name in SQLModel.metadata.tables


context.configure(
    connection=connection,
    include_object=is_of_the_code,
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    compare_type=True,
)
if connection.dialect.name == "postgresql":
    event.listen(Column, "before_parent_attach", by_bytes)
try:
    with context.begin_transaction():
        context.run_migrations()
finally:
    if event.contains(Column, "before_parent_attach", by_bytes):
        event.remove(Column, "before_parent_attach", by_bytes)

"""The schema's history: bring a database up to date, or say that it is not."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from gateway.db import connected

if TYPE_CHECKING:
    from sqlalchemy import Connection

_HERE = Path(__file__).parent / "migrations"

NEWER = "run the version that made it, or a newer one"


class UnknownSchema(RuntimeError):  # noqa: N818 - it names what was found
    """The database is of a schema this program does not know: a newer version of it made it."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config


@cache
def newest() -> str:
    """Return the id of the newest revision of this program."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None  # noqa: S101 - the history is part of the package
    return head


def is_known(revision: str | None) -> bool:
    """Whether a revision is one of this program's (None: no schema yet)."""
    return revision is None or revision in {
        one.revision for one in ScriptDirectory.from_config(_config()).walk_revisions()
    }


def migrate(database: str) -> str:
    """Bring the database's schema up to date; return its revision. Safe to run twice. Raises `UnknownSchema`."""

    def upgrade(connection: Connection) -> None:
        at = _revision(connection)
        if at == newest():
            return
        if not is_known(at):
            raise UnknownSchema(f"the database's schema is at {at}, which this program does not know: {NEWER}")
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()

    connected(database, upgrade)
    return newest()


def revision_of(database: str) -> str | None:
    """Return the revision a database is at, None where it has no schema yet."""
    return connected(database, _revision)


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def write_revision(message: str) -> None:
    """Write the next revision from what the tables say now: for developers, then read and edited by hand."""

    def write(connection: Connection) -> None:
        config = _config()
        config.attributes["connection"] = connection
        command.revision(config, message=message, autogenerate=True)

    with TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/newest.db"
        migrate(database)
        connected(database, write)

"""The tables of imports. Times are epoch milliseconds."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class Import(SQLModel, table=True):
    """A file that is taken in. `body` is sealed, as it holds people's data, and dropped when all of it is done."""

    __tablename__ = "import_job"
    __table_args__ = (
        partial_index("import_job_open", "merchant_id", "id", where="finished_at is null"),
        Index("import_job_finished", "finished_at"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    kind: str
    """orders or shipments."""
    form: str
    """csv or ndjson."""
    filename: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """As its sender calls it, without a path (`gateway.imports.files.plain_name`); empty where nobody said."""
    body: bytes | None = Field(default=None, sa_type=LargeBinary)
    total: int
    done: int = 0
    """Items done, in the order of the file: where it goes on after a crash."""
    created: int = 0
    known: int = 0
    refused: int = 0
    created_at: int = Field(sa_type=BigInteger)
    finished_at: int | None = Field(default=None, sa_type=BigInteger)


class ImportLine(SQLModel, table=True):
    """What became of one line: `problem` is JSON and holds no value of the line."""

    __tablename__ = "import_line"

    merchant_id: str = Field(primary_key=True)
    import_id: str = Field(primary_key=True)
    line: int = Field(primary_key=True)
    status: int
    made_id: str | None = None
    problem: bytes | None = Field(default=None, sa_type=LargeBinary)


class Imports:
    """The Core tables behind the models."""

    job: ClassVar[Table] = core_table(Import)
    line: ClassVar[Table] = core_table(ImportLine)

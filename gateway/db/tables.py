"""The database's own table: to whom it belongs (`gateway.db.owner`). On SQLite it is not used."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class DatabaseOwner(SQLModel, table=True):
    """The one row of who writes to the database: which owner of it this is, and how often that one has committed."""

    __tablename__ = "owner"

    name: str = Field(primary_key=True)
    epoch: int = Field(sa_type=BigInteger)
    commits: int = Field(sa_type=BigInteger)
    holder: str
    since: int = Field(sa_type=BigInteger)


class OwnerTables:
    """The Core table behind the model."""

    owner: ClassVar[Table] = core_table(DatabaseOwner)

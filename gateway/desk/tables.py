"""Tables of the support desk. Times are epoch milliseconds; what people write is sealed."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class Handling(SQLModel, table=True):
    """Who takes care of a shipment, and until when it sleeps. `version` rises with each change."""

    __tablename__ = "handling"
    __table_args__ = (Index("handling_assignee", "merchant_id", "assignee"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    assignee: str = ""
    """A person's id; empty for nobody."""
    snoozed_until: int = Field(default=0, sa_type=BigInteger)
    version: int = 0
    changed_by: str = ""
    changed_at: int = Field(sa_type=BigInteger)


class Note(SQLModel, table=True):
    """What somebody at the desk wrote about a shipment, for the desk alone."""

    __tablename__ = "desk_note"
    __table_args__ = (Index("desk_note_shipment", "merchant_id", "shipment_id"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    shipment_id: str
    person_id: str
    text: bytes = Field(sa_type=LargeBinary)
    at: int = Field(sa_type=BigInteger)


class SavedFilter(SQLModel, table=True):
    """A work list somebody wants to come back to: the query of its address."""

    __tablename__ = "saved_filter"

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    person_id: str
    name: str
    query: str
    created_at: int = Field(sa_type=BigInteger)


class DeskTables:
    """The Core tables behind the models."""

    handling: ClassVar[Table] = core_table(Handling)
    note: ClassVar[Table] = core_table(Note)
    saved_filter: ClassVar[Table] = core_table(SavedFilter)

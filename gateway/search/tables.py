"""Tables of the search: what waits to be indexed, and which entry of the index is which shipment or order.

The index itself is each database's own kind (`search_index`, made by the migration, see `postings`). It holds keyed
hashes of words and of their beginnings, and no word: a copy of the database tells nobody's name.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Integer, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class SearchDue(SQLModel, table=True):
    """A shipment or an order whose words changed, or that is new: its id tells which of the two it is."""

    __tablename__ = "search_due"

    merchant_id: str = Field(primary_key=True)
    subject_id: str = Field(primary_key=True)


class SearchEntry(SQLModel, table=True):
    """The entry of a shipment or an order. The index only grows: an entry with other words gets a new number."""

    __tablename__ = "search_entry"
    __table_args__ = (UniqueConstraint("number", name="search_entry_number"),)

    merchant_id: str = Field(primary_key=True)
    subject_id: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger().with_variant(Integer, "sqlite"))
    words: bytes = Field(sa_type=LargeBinary)
    """A hash of all its words, by which a change is seen."""


class SearchTables:
    """The Core tables behind the models."""

    due: ClassVar[Table] = core_table(SearchDue)
    entry: ClassVar[Table] = core_table(SearchEntry)

"""The table of ratings. Times are epoch milliseconds; words are sealed."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class RatingRow(SQLModel, table=True):
    """What a recipient said of a delivery, once, and what the merchant answered."""

    __tablename__ = "rating"
    __table_args__ = (Index("rating_at", "merchant_id", "at"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    carrier: str
    stars: int
    reasons: bytes = Field(sa_type=LargeBinary)
    """JSON: a list of names."""
    words: bytes | None = Field(default=None, sa_type=LargeBinary)
    language: str
    at: int = Field(sa_type=BigInteger)
    answer: bytes | None = Field(default=None, sa_type=LargeBinary)
    answered_at: int | None = Field(default=None, sa_type=BigInteger)


class RatingTables:
    """The Core tables behind the models."""

    rating: ClassVar[Table] = core_table(RatingRow)

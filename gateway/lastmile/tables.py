"""The last mile's tables. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote.

What tells where a person is or lives is sealed or goes soon: the live place itself stands in `gateway.tables`.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class LastMile(SQLModel, table=True):
    """How a merchant wants its last mile: one row a merchant, `wishes` is JSON (`gateway.lastmile.wishes`)."""

    __tablename__ = "last_mile"

    merchant_id: str = Field(primary_key=True)
    wishes: bytes = Field(sa_type=LargeBinary)
    changed_at: int = Field(sa_type=BigInteger)


class DropOff(SQLModel, table=True):
    """Where one shipment is handed over, and how near is near there: what differs from the merchant's wishes."""

    __tablename__ = "drop_off"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    latitude: float | None = None
    longitude: float | None = None
    metres: int | None = None
    seconds: int | None = None
    changed_at: int = Field(sa_type=BigInteger)


class ApproachRow(SQLModel, table=True):
    """One courier's approach to one drop-off: `attempt` counts how often the shipment went out for delivery.

    The columns are those of `normalizer.fence.Approach`: instants, and no place.
    """

    __tablename__ = "approach"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    attempt: int = Field(primary_key=True)
    arriving_at: int | None = Field(default=None, sa_type=BigInteger)
    arrived_at: int | None = Field(default=None, sa_type=BigInteger)
    left_at: int | None = Field(default=None, sa_type=BigInteger)
    door_since: int | None = Field(default=None, sa_type=BigInteger)
    last_at: int | None = Field(default=None, sa_type=BigInteger)


class Tables:
    """The Core tables behind the models."""

    last_mile: ClassVar[Table] = core_table(LastMile)
    drop_off: ClassVar[Table] = core_table(DropOff)
    approach: ClassVar[Table] = core_table(ApproachRow)

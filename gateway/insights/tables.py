"""Tables of the insights. Days are counted from 1970, months from year 0, times are epoch milliseconds.

A corridor is from where to where a parcel goes: countries, and the area of the destination's postcode. What is not
known of it is empty.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class InsightDue(SQLModel, table=True):
    """A shipment that arrived, or has, and of which something is new: noted with the news, counted soon after."""

    __tablename__ = "insight_due"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)


class Outcome(SQLModel, table=True):
    """What was counted of a shipment: what it says later is counted as the difference, so nothing counts twice."""

    __tablename__ = "outcome"
    __table_args__ = (Index("outcome_day", "merchant_id", "day"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    day: int
    counted: bytes = Field(sa_type=LargeBinary)
    """JSON: see `gateway.insights.outcome`."""


class Tally(SQLModel, table=True):
    """How many shipments of a day and corridor fell into a bin of a measure."""

    __tablename__ = "tally"

    merchant_id: str = Field(primary_key=True)
    measure: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    carrier: str = Field(primary_key=True)
    service: str = Field(primary_key=True)
    origin: str = Field(primary_key=True)
    destination: str = Field(primary_key=True)
    bin: int = Field(primary_key=True)
    count: int


class NormRow(SQLModel, table=True):
    """What is normal for one kind of parcels: weights of bins by measure, as JSON, of which old ones fade."""

    __tablename__ = "norm"
    __table_args__ = (Index("norm_month", "merchant_id", "month"),)

    merchant_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    month: int
    """As of which the weights are: a month later each is worth less."""
    weights: bytes = Field(sa_type=LargeBinary)


class Said(SQLModel, table=True):
    """When a shipment was said to arrive: by whom, and since when that was known to us. `voice` is carrier or ours."""

    __tablename__ = "arrival_said"
    __table_args__ = (Index("arrival_said_at", "merchant_id", "at"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    voice: str = Field(primary_key=True)
    at: int = Field(primary_key=True, sa_type=BigInteger)
    arrival: bytes = Field(sa_type=LargeBinary)
    """JSON: `{"from", "to"}` as a carrier says it, `{"p50", "p90"}` in epoch milliseconds as we do."""


class InsightTables:
    """The Core tables behind the models."""

    due: ClassVar[Table] = core_table(InsightDue)
    outcome: ClassVar[Table] = core_table(Outcome)
    tally: ClassVar[Table] = core_table(Tally)
    norm: ClassVar[Table] = core_table(NormRow)
    said: ClassVar[Table] = core_table(Said)

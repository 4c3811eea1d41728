"""The tables of runs. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class Run(SQLModel, table=True):
    """One courier's round on one day. Of its link's token a keyed hash is kept; `serial` counts its links."""

    __tablename__ = "run"
    __table_args__ = (UniqueConstraint("hash", name="run_hash"), Index("run_age", "merchant_id", "created_at", "id"))

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    courier: str
    """A first name: recipients see it."""
    vehicle: str = ""
    day: str
    serial: int
    hash: bytes = Field(sa_type=LargeBinary)
    expires_at: int = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class RunStop(SQLModel, table=True):
    """One parcel of a run. One taken off the run stays: what was done there without a network still comes in."""

    __tablename__ = "run_stop"
    __table_args__ = (Index("run_stop_shipment", "merchant_id", "shipment_id"),)

    merchant_id: str = Field(primary_key=True)
    run_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    rank: int
    shipment_id: str
    asks: bytes = Field(sa_type=LargeBinary)
    """What handing it over takes, and when it is expected, as JSON (`gateway.runs.stops.Asks`)."""
    private: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The note and the PIN, sealed."""
    state: str = "open"
    state_at: int = Field(default=0, sa_type=BigInteger)
    """When the courier did what `state` says, by the phone's clock set right."""
    removed_at: int | None = Field(default=None, sa_type=BigInteger)


class RunTables:
    """The Core tables behind the models."""

    run: ClassVar[Table] = core_table(Run)
    stop: ClassVar[Table] = core_table(RunStop)

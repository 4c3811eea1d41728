"""Tables of the pages: the links that open them, and how a merchant's pages look."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class TrackingLink(SQLModel, table=True):
    """A link to a shipment's tracking page. Of its token a keyed hash is kept; `serial` counts a shipment's links."""

    __tablename__ = "tracking_link"
    __table_args__ = (UniqueConstraint("hash", name="tracking_link_hash"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    serial: int = Field(primary_key=True)
    hash: bytes = Field(sa_type=LargeBinary)
    expires_at: int | None = Field(default=None, sa_type=BigInteger)
    """An end the merchant set; None leaves the gateway's own rule in force."""
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)


class Branding(SQLModel, table=True):
    """How a merchant's pages look and what they are called. `body` is JSON; `logo` a PNG."""

    __tablename__ = "branding"

    merchant_id: str = Field(primary_key=True)
    body: bytes = Field(sa_type=LargeBinary)
    logo: bytes | None = Field(default=None, sa_type=LargeBinary)
    changed_at: int = Field(sa_type=BigInteger)


class PageTables:
    """The Core tables behind the models."""

    link: ClassVar[Table] = core_table(TrackingLink)
    branding: ClassVar[Table] = core_table(Branding)

"""The tables of orders. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class Order(SQLModel, table=True):
    """A merchant's order with the state its own events and its shipments add up to. `recipient` is sealed.

    Its shipments are those of the same `order_number`.
    """

    __tablename__ = "merchant_order"
    __table_args__ = (
        UniqueConstraint("merchant_id", "order_number", name="merchant_order_number"),
        Index("merchant_order_updated", "merchant_id", "updated_at", "id"),
        Index("merchant_order_status", "merchant_id", "status", "updated_at"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    order_number: str
    source: str = "merchant"
    """merchant, or the shop that told of it."""
    lines: bytes = Field(default=b"[]", sa_type=LargeBinary)
    """JSON: what was ordered, each with `id`, `sku`, `title` and `quantity`."""
    destination: bytes | None = Field(default=None, sa_type=LargeBinary)
    recipient: bytes | None = Field(default=None, sa_type=LargeBinary)
    promised: bytes | None = Field(default=None, sa_type=LargeBinary)
    attributes: bytes = Field(default=b"{}", sa_type=LargeBinary)
    """The merchant's own metadata."""
    status: str = "ordered"
    version: int = 0
    state: bytes = Field(default=b"{}", sa_type=LargeBinary)
    """The rendered journey, as JSON."""
    runs: bytes = Field(default=b"{}", sa_type=LargeBinary)
    """The messages already told (status -> run), as JSON."""
    told_status: str | None = None
    """The status the last message showed."""
    told_again: int = 0
    """How often a status was told once more because what came before it had changed."""
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class OrderEvent(SQLModel, table=True):
    """An event of the order itself. The columns are what the fold needs; `body` is the whole of it as JSON."""

    __tablename__ = "order_event"

    merchant_id: str = Field(primary_key=True)
    order_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    status: str
    substatus: str
    case_name: str
    """The return it belongs to; empty for none or the only one."""
    parcel: str
    items: bytes = Field(sa_type=LargeBinary)
    """JSON: (line, quantity) pairs; empty means all of it."""
    body: bytes = Field(sa_type=LargeBinary)


class Packed(SQLModel, table=True):
    """What is in a shipment, and the return it belongs to: only where somebody told."""

    __tablename__ = "order_packed"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    case_name: str
    items: bytes = Field(sa_type=LargeBinary)


class Orders:
    """The Core tables behind the models."""

    order: ClassVar[Table] = core_table(Order)
    event: ClassVar[Table] = core_table(OrderEvent)
    packed: ClassVar[Table] = core_table(Packed)

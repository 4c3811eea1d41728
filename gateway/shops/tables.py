"""The tables of shops. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class ShopAccount(SQLModel, table=True):
    """A merchant's shop. `secrets` is sealed; `state` is active or deleted."""

    __tablename__ = "shop_account"
    __table_args__ = (UniqueConstraint("id", name="shop_account_id"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    shop: str
    label: str = ""
    order_prefix: str = ""
    """Stands before the shop's own order numbers: for merchants with several shops."""
    secrets: bytes = Field(sa_type=LargeBinary)
    state: str = "active"
    told_until: int | None = Field(default=None, sa_type=BigInteger)
    """The message of the merchant's log up to which the shop was told of its parcels; None: it is not told."""
    tell_at: int | None = Field(default=None, sa_type=BigInteger)
    """When to go on after trouble."""
    tell_failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    told_trouble: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Why the shop is not told, in its own words as far as they may be shown."""
    pushed_at: int | None = Field(default=None, sa_type=BigInteger)
    """When its last push was kept."""
    refused_at: int | None = Field(default=None, sa_type=BigInteger)
    refusal: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Why a push was last refused, with these secrets."""
    old_secrets: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What it signed with before, each with until when that counts (`gateway.shops.old_secrets`); the last of these:"""
    old_until: int | None = Field(default=None, sa_type=BigInteger)
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class ShopPush(SQLModel, table=True):
    """Bytes from a shop as received, sealed: they hold people's data.

    `state` is kept, read, waiting (for the order `waits_for`, by the shop's own id) or unreadable.
    """

    __tablename__ = "shop_push"
    __table_args__ = (
        partial_index("shop_push_kept", "id", where="state = 'kept'"),
        partial_index("shop_push_waiting", "merchant_id", "account_id", "waits_for", where="state = 'waiting'"),
        Index("shop_push_time", "id"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    account_id: str
    shop: str
    headers: bytes = Field(sa_type=LargeBinary)
    received_at: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)
    state: str = "kept"
    reason: str = ""
    waits_for: str | None = None


class ShopOrder(SQLModel, table=True):
    """Which of our orders a shop's order is. `told_at` is the shop's own time of what is kept of it."""

    __tablename__ = "shop_order"
    __table_args__ = (Index("shop_order_ours", "merchant_id", "order_id"),)

    merchant_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    shop_order: str = Field(primary_key=True)
    order_id: str
    told_at: int = Field(sa_type=BigInteger)


class ShopFulfilment(SQLModel, table=True):
    """Which of a shop's fulfilments a shipment came with: what its status is written back to."""

    __tablename__ = "shop_fulfilment"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    account_id: str
    fulfilment: str


class Shops:
    """The Core tables behind the models."""

    account: ClassVar[Table] = core_table(ShopAccount)
    push: ClassVar[Table] = core_table(ShopPush)
    fulfilment: ClassVar[Table] = core_table(ShopFulfilment)
    order: ClassVar[Table] = core_table(ShopOrder)

"""Shops that push their orders."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from gateway.api.answers.carriers import Credential


class ShopCredential(Credential):
    """A credential of a shop's account."""

    own: bool = Field(description="Whether you think it up yourself and give it to the shop.")
    prefix: str = Field(description="What one of your own begins with, before random bytes in base64.")


class ShopKind(BaseModel, extra="forbid"):
    """A kind of shop there is a connector for."""

    code: str
    name: str
    website: str
    credentials: list[ShopCredential]
    setup: list[str] = Field(description="What to do in the shop, step by step, with the `push_url` at hand.")
    unconfirmed: list[str]


class ShopKinds(BaseModel, extra="forbid"):
    """All kinds of shops."""

    data: list[ShopKind]
    next_cursor: str | None


class ShopAccount(BaseModel, extra="forbid"):
    """A shop: give it `push_url`."""

    id: str
    shop: str
    label: str = ""
    order_prefix: str = ""
    push_url: str | None = None
    writes_back: bool = Field(description="Whether the shop is told what becomes of its parcels.")
    writes_back_trouble: str = Field(default="", description="Why it is not, or not just now.")
    orders: int = Field(default=0, description="Orders it told us of first.")
    last_push_at: datetime | None = Field(description="When the last push that proved to be the shop's came.")
    last_refused_at: datetime | None = Field(
        description="When a push to its address was last refused, to some seconds; null again with new secrets."
    )
    last_refusal: str = Field(description="Why it was: most often the shop signs with another secret.")
    old_secret_until: datetime | None = Field(
        default=None, description="Until when what the shop signed with before still counts; null where nothing does."
    )
    waiting: int = Field(description="Pushes of orders that nobody has told us of yet.")
    unreadable: int = Field(description="Pushes that are not as documented: they are kept, and wait for a new version.")
    unreadable_reason: str = Field(description="Why the newest of these cannot be read.")
    created_at: datetime
    updated_at: datetime


class ShopAccounts(BaseModel, extra="forbid"):
    """All shops."""

    data: list[ShopAccount]
    next_cursor: str | None

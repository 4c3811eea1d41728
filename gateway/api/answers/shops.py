"""Shops that push their orders."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class ShopAccount(BaseModel, extra="forbid"):
    """A shop: give it `push_url`."""

    id: str
    shop: str
    label: str = ""
    order_prefix: str = ""
    push_url: str | None = None
    writes_back: bool = Field(description="Whether the shop is told what becomes of its parcels.")
    writes_back_trouble: str = Field(default="", description="Why it is not, or not just now.")
    waiting: int = Field(description="Pushes of orders that nobody has told us of yet.")
    unreadable: int = Field(description="Pushes that are not as documented: they are kept, and wait for a new version.")
    created_at: datetime
    updated_at: datetime


class ShopAccounts(BaseModel, extra="forbid"):
    """All shops."""

    data: list[ShopAccount]
    next_cursor: str | None

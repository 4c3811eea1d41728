"""Merchants and their API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class Merchant(BaseModel, extra="forbid"):
    """Who ships and receives our webhooks."""

    id: str
    name: str
    contact_email: str | None
    created_at: datetime


class Key(BaseModel, extra="forbid"):
    """An API key, without what it opens."""

    id: str
    role: Literal["merchant", "support", "storefront"]
    name: str
    origins: list[str]
    created_at: datetime


class NewKey(Key):
    """An API key just made: the only time it is shown."""

    key: str


class Keys(BaseModel, extra="forbid"):
    """A merchant's keys in force."""

    data: list[Key]
    next_cursor: str | None

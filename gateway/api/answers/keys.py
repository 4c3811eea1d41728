"""API keys."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


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

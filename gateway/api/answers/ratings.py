"""Ratings, as merchants read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field

from gateway.ratings.ratings import Reason


class RatingOut(BaseModel, extra="forbid"):
    """What a recipient said of a delivery, and what the merchant answered. Words are kept as long as messages."""

    shipment_id: str
    carrier: str
    stars: Annotated[int, Field(ge=1, le=5)]
    low: bool = Field(description="One or two stars.")
    reasons: list[Reason]
    text: str | None
    language: str = Field(description="That of the page it was written on.")
    at: datetime
    answer: str | None
    answered_at: datetime | None


class RatingsOut(BaseModel, extra="forbid"):
    """A page of ratings."""

    data: list[RatingOut]
    next_cursor: str | None

"""What callers send about ratings."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from gateway.api.fields import CarrierCode, Cursor, Limit, Moment, Query, Short, Strict
from gateway.api.talk_requests import said
from gateway.ratings.ratings import LONGEST_ANSWER


class RatingAnswerIn(Strict):
    """What the merchant answers: whoever holds the tracking link reads it."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ANSWER), AfterValidator(said)]


class RatingsQuery(Query):
    """Which ratings to list."""

    low: bool | None = Field(default=None, description="One or two stars; or three and more.")
    answered: bool | None = None
    carrier: CarrierCode | None = None
    shipment_id: Short | None = Field(default=None, description="That of one shipment: one rating, or none.")
    since: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 50

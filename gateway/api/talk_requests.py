"""What callers send about conversations."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from gateway.api.fields import Country, Cursor, Language, Limit, Query, Strict
from gateway.talk.conversation import LONGEST, clean


def said(text: str) -> str:
    """Return a text as it is kept, without what nobody sees. Raises `ValueError` where nothing is left."""
    if not (cleaned := clean(text)):
        raise ValueError("is blank")
    return cleaned


class UtteranceIn(Strict):
    """What support says."""

    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), AfterValidator(said)]
    to: Literal["recipient", "courier", "everybody"] = Field(default="recipient", description="Who reads it.")


class CourierLineIn(Strict):
    """How the courier of a shipment is reached by SMS. Kept sealed, and shown to nobody."""

    phone: Annotated[str, StringConstraints(max_length=40)] | None = Field(description="Null: the number is forgotten.")
    country: Country | None = Field(
        default=None,
        description="Where a number without a calling code is meant; left out, the country the parcel goes to.",
    )
    language: Language | None = Field(default=None, description="Left out, English.")


class ConversationsQuery(Query):
    """Which conversations to list."""

    waiting: bool | None = Field(
        default=None, description="Those in which the recipient waits for the desk, the longest waiting first."
    )
    cursor: Cursor | None = None
    limit: Limit = 50

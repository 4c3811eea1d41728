"""Conversations, as the desk reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class Utterance(BaseModel, extra="forbid"):
    """One thing said. No number of anybody stands in it."""

    id: str
    author: Literal["recipient", "courier", "support"]
    audience: Literal["support", "recipient", "courier", "everybody"] = Field(
        description="Who reads it beside support: `support` is nobody else."
    )
    kind: Literal["words", "instruction"]
    quick: Literal["leave_with_neighbour", "gate_code", "safe_place", "be_right_there"] | None = Field(
        description="A ready sentence, which each reader gets in their language, before `text`."
    )
    text: str
    at: datetime
    came_by: Literal["page", "api", "sms", "courier_page"]
    through: Literal["page", "platform", "sms", "courier_page", "desk"] | None = Field(
        description="The way to whom it is meant for; null: it waits until the courier is on the way."
    )
    state: Literal["waiting", "sent", "delivered", "read", "failed", "replaced"]
    reason: str | None


class ConversationSummary(BaseModel, extra="forbid"):
    """A conversation in a list."""

    shipment_id: str
    carrier: str
    tracking_number: str
    last_at: datetime
    waits_since: datetime | None = Field(description="Since when the recipient waits for the desk.")


class Conversation(BaseModel, extra="forbid"):
    """What was said of a shipment, oldest first."""

    shipment_id: str
    open: bool
    closes_at: datetime | None = Field(description="Null while its end is not in sight.")
    last_at: datetime | None
    waits_since: datetime | None
    courier_by: Literal["platform", "sms", "courier_page"] | None = Field(
        description="The way to the courier, while the parcel is out for delivery; null: there is none."
    )
    utterances: list[Utterance]


class CourierLine(BaseModel, extra="forbid"):
    """Whether a courier's number is known. The number itself is never shown."""

    has_phone: bool
    language: str | None


class Conversations(BaseModel, extra="forbid"):
    """A page of conversations."""

    data: list[ConversationSummary]
    next_cursor: str | None

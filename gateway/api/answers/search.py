"""What the search answers."""

from __future__ import annotations

from pydantic import BaseModel, Field

from gateway.api.answers.orders import Order
from gateway.api.answers.shipments import Shipment


class SearchAsked(BaseModel, extra="forbid"):
    """One thing that was asked for, and the ids of what answers it, best first; none where nothing does."""

    text: str
    shipments: list[str]
    orders: list[str]


class SearchAnswer(BaseModel, extra="forbid"):
    """What was found."""

    data: list[Shipment]
    orders: list[Order] = Field(description="Orders that answer by themselves, with parcels or without.")
    asked: list[SearchAsked] = Field(description="Each number of several, or the one question.")
    next_cursor: str | None

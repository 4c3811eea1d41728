"""Messages: the log, and to whom each was told."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.api.answers.people import Notice


class Message(BaseModel, extra="forbid"):
    """A webhook message, and what stands in the live stream."""

    id: str
    type: str
    created_at: datetime
    sequence: int
    shipment_version: int
    api_version: str
    data: dict[str, Any] = Field(description="Where an endpoint names `fields`, only those.")


class Polled(BaseModel, extra="forbid"):
    """Messages in the order of the log. Ask again with `next_cursor`; it is never null."""

    data: list[Message]
    next_cursor: str


class Delivery(BaseModel, extra="forbid"):
    """A message's state at one endpoint."""

    endpoint_id: str
    state: Literal["delivered", "retrying", "waiting", "pending", "dead", "superseded", "skipped"]
    attempts: int
    last_status: int | None
    last_outcome: str | None
    last_at: datetime | None
    next_at: datetime | None
    reason: str


class Told(BaseModel, extra="forbid"):
    """A message of the log: to whom it was told, with what answer."""

    id: str
    sequence: int
    type: str
    shipment_id: str | None
    order_id: str | None = None
    shipment_version: int = Field(description="Of `order.*`, the order's version.")
    created_at: datetime
    body: Message | None = Field(default=None, description="Only where one message is asked for.")
    deliveries: list[Delivery]
    notices: list[Notice] = Field(default=[], description="Only where one message is asked for.")


class ToldPage(BaseModel, extra="forbid"):
    """A page of messages, the newest first."""

    data: list[Told]
    next_cursor: str | None


class Resent(BaseModel, extra="forbid"):
    """The endpoints a message goes to once more."""

    endpoints: list[str]

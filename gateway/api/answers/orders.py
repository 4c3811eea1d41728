"""Orders, their events and their returns."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.api.answers.common import Window
from gateway.api.answers.shipments import Event
from gateway.api.requests import Address, Recipient
from normalizer.model import OrderStatus, Status


class OrderItem(BaseModel, extra="forbid"):
    """So many of one line."""

    line: str
    quantity: int


class OrderLine(BaseModel, extra="forbid"):
    """Something ordered, and what became of how many."""

    id: str
    sku: str | None = None
    title: str | None = None
    quantity: int
    ordered: int
    cancelled: int
    shipped: int
    delivered: int
    returned: int
    refunded: int


class OrderMilestones(BaseModel, extra="forbid"):
    """The first instants of what mattered."""

    ordered_at: datetime | None
    first_shipped_at: datetime | None
    shipped_at: datetime | None
    first_delivered_at: datetime | None
    delivered_at: datetime | None
    returning_at: datetime | None
    returned_at: datetime | None
    refunded_at: datetime | None
    cancelled_at: datetime | None


class OrderReturn(BaseModel, extra="forbid"):
    """Goods that come back. `id` is null where nobody gave the return a name."""

    id: str | None
    status: Status
    substatus: str
    since: datetime
    reason: str = ""
    items: list[OrderItem] = []
    shipments: list[str] = []


class OrderShipment(BaseModel, extra="forbid"):
    """A shipment of an order: where it is, and what is in it where somebody told."""

    id: str
    carrier: str
    tracking_number: str
    direction: Literal["outbound", "return"]
    status: Status
    substatus: str
    continues: str | None
    return_id: str | None
    items: list[OrderItem]


class Order(BaseModel, extra="forbid"):
    """An order: one journey of its own events and of all its shipments."""

    id: str
    order_number: str
    source: str
    lines: list[OrderLine]
    destination: Address | None = None
    promised: Window | None = None
    metadata: dict[str, Any] = {}
    recipient: Recipient | None = None
    version: int
    created_at: datetime
    updated_at: datetime
    status: OrderStatus
    substatus: str
    status_since: datetime | None
    milestones: OrderMilestones
    returns: list[OrderReturn]
    shipments: list[OrderShipment]


class OrderPage(BaseModel, extra="forbid"):
    """A page of orders."""

    data: list[Order]
    next_cursor: str | None


class OrderEvent(BaseModel, extra="forbid"):
    """An event of the order itself."""

    id: str
    order_id: str
    status: Status
    substatus: str
    at: datetime
    text: str = ""
    return_id: str | None = None
    parcel: str | None = None
    items: list[OrderItem] = []
    source: str
    received_at: datetime


class JourneyStep(BaseModel, extra="forbid"):
    """One step of an order's journey: an event of the order itself, or of one of its shipments."""

    at: datetime | None = Field(description="Null where no clock tells it; such steps come first.")
    shipment_id: str | None
    direction: Literal["outbound", "return"] | None
    order_event: OrderEvent | None
    event: Event | None


class Journey(BaseModel, extra="forbid"):
    """An order's whole journey, oldest first."""

    data: list[JourneyStep]
    next_cursor: str | None


class OrderEvents(BaseModel, extra="forbid"):
    """An order's own events, oldest first."""

    data: list[OrderEvent]
    next_cursor: str | None

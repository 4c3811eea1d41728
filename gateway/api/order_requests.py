"""What callers send of orders: the models of request bodies and queries."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.api.fields import Cursor, Limit, Line, Metadata, Moment, Number, Query, ReturnId, Short, Strict, Text
from gateway.api.requests import Address, Items, Promise, Recipient
from normalizer.model import OrderStatus, Status

MOST_LINES = 500


class LineIn(Strict):
    """Something ordered. Left out, `id` is the `sku`, or the place in the list, counted from one."""

    id: Short | None = None
    sku: Short | None = None
    title: Line | None = None
    quantity: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class _Lines(Strict):
    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        seen: set[str] = set()
        for place, line in enumerate(getattr(self, "lines", None) or (), 1):
            line.id = line.id or line.sku or str(place)
            if line.id in seen:
                raise ValueError(f"`lines` has {line.id!r} twice: give each an `id` of its own")
            seen.add(line.id)
        return self


class OrderIn(_Lines):
    """An order. Its shipments are those registered with the same `order_number`, before or after."""

    order_number: Number
    placed_at: Moment | None = Field(default=None, description="Left out, it is placed now.")
    lines: list[LineIn] = Field(
        default=[],
        max_length=MOST_LINES,
        description="What was ordered; left out, the order is as whole as its shipments are.",
    )
    destination: Address | None = None
    recipient: Recipient | None = None
    promised: Promise | None = None
    metadata: Metadata = Field(default={}, description="The merchant's own facts: at most 4 kB of JSON.")


class OrderChange(_Lines):
    """What may be changed of an order; what is left out stays, null clears it."""

    lines: list[LineIn] | None = Field(default=None, max_length=MOST_LINES)
    destination: Address | None = None
    recipient: Recipient | None = None
    promised: Promise | None = None
    metadata: Metadata | None = None


class OrderEventIn(Strict):
    """An event of the order itself: from the shop, a warehouse, or by hand."""

    status: Status = Field(description="As of shipments: what happened to the order, a delivery or a return.")
    substatus: Short | None = Field(default=None, description="One of the status's details; left out, `other`.")
    at: Moment = Field(description="When it happened.")
    text: Text = ""
    return_id: ReturnId | None = Field(default=None, description="The return or refund it is about.")
    parcel: Short | None = Field(
        default=None,
        description="The delivery it is about, by a name of yours: for goods that travel without a number.",
    )
    items: Items = Field(default=[], description="What it is about; left out, all of the order.")


class ReturnShipment(Strict):
    """The parcel that brings goods back."""

    tracking_number: Number
    carrier: Short | None = Field(default=None, description="Its code; left out, it is found from the number.")
    account: Short | None = Field(default=None, description="The carrier account to ask with, by its id.")


class ReturnIn(Strict):
    """Goods are to come back. What becomes of it later are events with its `return_id`."""

    id: ReturnId | None = Field(default=None, description="Your own number of it; left out, one is made.")
    status: Literal["requested", "approved", "label_created"] = "requested"
    at: Moment | None = Field(default=None, description="Left out, it is now.")
    reason: Text = ""
    items: Items = Field(default=[], description="What comes back; left out, all of the order.")
    shipment: ReturnShipment | None = None


class OrdersQuery(Query):
    """Which orders to list, the latest changed first."""

    order_number: Number | None = None
    status: list[OrderStatus] | None = Field(default=None, description="One status, or several between commas.")
    updated_since: Moment | None = None
    cursor: Cursor | None = None
    limit: Limit = 50

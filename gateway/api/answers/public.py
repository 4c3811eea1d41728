"""What a page on the web is told of a parcel."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.answers.lastmile import Courier
from gateway.api.answers.shipments import Event
from normalizer.model import Status


class SaidStep(BaseModel, extra="forbid"):
    """One step of the line."""

    words: str
    state: Literal["done", "now", "next"]


class SaidTrouble(BaseModel, extra="forbid"):
    """Trouble in the order people ask."""

    happened: str
    then: str
    you: str


class SaidEntry(BaseModel, extra="forbid"):
    """One line of the history; `at` is empty where only the words are known."""

    words: str
    when: str
    at: str
    place: str
    carrier_words: str
    tone: str
    earlier: bool


class Said(BaseModel, extra="forbid"):
    """A shipment in the reader's language, in the same words, shape and tone as on the tracking page."""

    language: str
    direction: Literal["ltr", "rtl"]
    status: str
    tone: Literal["move", "wait", "good", "bad", "still"]
    shape: list[str] = Field(description="The `d` of each path of its shape, on 24 by 24.")
    headline: str
    beside: str
    steps: list[SaidStep]
    trouble: SaidTrouble | None
    history: list[SaidEntry]
    more: str = Field(description="How many entries of the history are older than those seen at once.")
    updated: str
    pickup_until: str
    carrier: str


class Shop(BaseModel, extra="forbid"):
    """The shop it comes from."""

    name: str
    help_url: str | None
    privacy_url: str | None


class PublicShipment(BaseModel):
    """A shipment's fields as far as the viewer may see them (`x-visible-to` of `Shipment`), and the same in words."""

    model_config = ConfigDict(extra="allow")

    carrier: str
    tracking_number: str
    status: Status
    substatus: str
    eta: dict[str, Any] | None
    events: list[Event]
    last_mile: Courier | None
    said: Said
    shop: Shop


class LookedUp(BaseModel, extra="forbid"):
    """The parcels of a number that go to whom the second fact names, the newest first."""

    data: list[PublicShipment]
    next_cursor: None

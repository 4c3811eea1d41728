"""Shipments, their events, and what became of a batch."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from gateway.api.answers.common import Place, Problem, Window
from gateway.api.requests import Address, Recipient
from normalizer.model import Status
from normalizer.trouble import Trouble


class Proof(BaseModel, extra="forbid"):
    """A proof of delivery and where it can be had."""

    kind: Literal["signature", "photo", "document", "pin", "name", "id_check", "barcode"]
    reference: str | None
    inline: bool
    text: str | None


Basis = Literal["area", "lane", "carrier_lane", "service", "carrier"]
"""Parcels of the same carrier and service to the same area, or of the same lane; of that lane by any service; of that
service, or of that carrier, anywhere."""


class Milestones(BaseModel, extra="forbid"):
    """The first instants of what mattered."""

    ordered_at: datetime | None
    info_received_at: datetime | None
    shipped_at: datetime | None
    out_for_delivery_at: datetime | None
    first_attempt_at: datetime | None
    available_for_pickup_at: datetime | None
    delivered_at: datetime | None
    returning_at: datetime | None
    returned_at: datetime | None
    refunded_at: datetime | None
    cancelled_at: datetime | None


class Continuation(BaseModel, extra="forbid"):
    """The next carrier and its number, and the shipment it is tracked as where we can ask that carrier."""

    carrier: str | None
    tracking_number: str
    shipment_id: str | None


class TroubleSince(BaseModel, extra="forbid"):
    """A reason to look at a shipment, and since when there is one."""

    kind: Trouble
    since: datetime


class Prediction(BaseModel, extra="forbid"):
    """In half of all cases it arrives by `p50`, in nine of ten by `p90`."""

    p50: datetime
    p90: datetime


class PredictedFrom(BaseModel, extra="forbid"):
    """What a prediction rests on: your own parcels of the finest kind there are enough of; older ones count less."""

    samples: int = Field(description="How many parcels; where there is no prediction, too few or all of them quicker.")
    needed: int
    basis: Basis
    at: datetime = Field(description="As of when it was predicted.")


class Shipment(BaseModel, extra="forbid"):
    """A shipment: one number at one carrier, with the state its events add up to."""

    id: str
    carrier: str
    tracking_number: str
    account: str | None = None
    order_number: str | None = None
    direction: Literal["outbound", "return"]
    destination: Address | None = None
    promised: Window | None = None
    metadata: dict[str, Any] = {}
    ship_date: date | None = None
    recipient: Recipient | None = Field(default=None, description="Only where one shipment is asked for.")
    tracking: bool = True
    trouble: list[TroubleSince] = []
    version: int
    created_at: datetime | None = None
    updated_at: datetime
    status: Status
    substatus: str
    status_since: datetime | None
    returning: bool
    action_required: bool
    action: str | None
    milestones: Milestones
    delivered_at: datetime | None
    last_event_at: datetime | None
    delivery_attempts: int
    days_in_transit: float | None
    pieces_total: int
    pieces_delivered: int
    eta: Window | None
    predicted: Prediction | None = Field(
        default=None, description="When we think it will arrive; the carrier's own word is `eta`, yours `promised`."
    )
    predicted_from: PredictedFrom | None = Field(
        default=None, description="What that rests on, or that there are too few parcels yet."
    )
    signed_by: str | None = None
    proofs: list[Proof] = []
    service: str | None
    service_code: str | None = None
    weight_grams: int | None = None
    dimensions_mm: list[int] | None = None
    references: list[str] = []
    origin: Place | None = None
    carrier_destination: Place | None = None
    pickup_point: Place | None = None
    pickup_hours: str | None = None
    pickup_until: str | None = None
    continues_as: Continuation | None
    continued_from: str | None = Field(default=None, description="The shipment of the carrier before.")
    returns_as: str | None = None
    courier: str | None = None
    courier_vehicle: str | None = None
    stops_before: int | None = None
    tracking_url: str | None = Field(
        default=None,
        description="The recipient's tracking page; null where its link was revoked. Treat it as a secret.",
    )
    carrier_tracking_url: str | None = None
    extra: dict[str, Any] = {}
    warnings: list[str] = Field(default=[], description="Only on registration: what keeps it from being asked for.")


class CountsAs(BaseModel, extra="forbid"):
    """A status and its detail."""

    status: Status
    substatus: str


class Event(BaseModel, extra="forbid"):
    """A normalised fact of one shipment."""

    id: str
    shipment_id: str
    carrier: str
    tracking_number: str
    piece: str | None = None
    status: Status
    substatus: str
    code: str | None = None
    codes: list[str] = []
    text: str = ""
    basis: Literal["code", "text", "given", "none"] = "none"
    moves: Literal["tells", "informs", "corrects"] = "tells"
    returning: bool
    at: datetime | None
    local_time: str | None
    utc_offset: str | None
    time_basis: Literal["offset", "place", "carrier", "date_only", "assumed", "received"] | None = Field(
        description="How `at` was found. `received`: the carrier told a time more than 14 hours ahead of the receipt, "
        "so the receipt stands for it."
    )
    told_time: str | None = Field(
        default=None, description="Only where `time_basis` is `received`: the time as the carrier told it."
    )
    place: Place = Place()
    place_basis: Literal["carrier", "gazetteer"] = "carrier"
    eta: Window | None = None
    signed_by: str | None = None
    proofs: list[Proof] = []
    source: Literal["poll", "push", "merchant", "system"] = "poll"
    received_at: datetime | None = None
    payload_id: str | None = None
    extra: dict[str, Any] = {}
    earlier_parcel: bool = Field(
        default=False, description="It is told of an earlier parcel of the same number: it moves nothing."
    )
    counts_as: CountsAs | None = Field(
        default=None,
        description="What it is on this parcel's way, where that is something else: of a parcel that goes back, a "
        "carrier's `delivered` is `returned`.",
    )


class TrackingLink(BaseModel, extra="forbid"):
    """A link to a tracking page."""

    tracking_url: str | None
    expires_at: datetime | None = Field(description="Null: some time after the shipment came to its end.")


class Shipments(BaseModel, extra="forbid"):
    """A page of shipments."""

    data: list[Shipment]
    next_cursor: str | None


class Events(BaseModel, extra="forbid"):
    """A shipment's events, oldest first."""

    data: list[Event]
    next_cursor: str | None


class BatchItem(BaseModel, extra="forbid"):
    """What became of one item of a batch."""

    index: int
    status: int
    shipment: Shipment | None = None
    problem: Problem | None = None


class Batch(BaseModel, extra="forbid"):
    """What became of each item, in the order given."""

    data: list[BatchItem]

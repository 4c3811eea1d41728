"""The last mile: where a courier is, and how near is near."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class CourierPosition(BaseModel, extra="forbid"):
    """Where a courier is held to be: degrees WGS 84, metres, metres per second, degrees from north.

    Blurred, it is the middle of a cell of about a kilometre, told once a minute, without heading and speed.
    """

    at: datetime
    latitude: float
    longitude: float
    accuracy: float | None
    heading: float | None
    speed: float | None
    eta: datetime | None
    stops_before: int | None


class ProofPlace(BaseModel, extra="forbid"):
    """Where it was handed over, as the carrier told it."""

    latitude: float
    longitude: float


class Approach(BaseModel, extra="forbid"):
    """How far the courier's approach to the drop-off has come."""

    arriving_at: datetime | None
    arrived_at: datetime | None
    left_at: datetime | None
    dwell_seconds: int | None


class Courier(BaseModel, extra="forbid"):
    """A shipment's courier, as far as the asking role may see."""

    stage: Literal["before", "far", "near", "door", "over"]
    precision: Literal["exact", "blurred", "proof", "none"]
    position: CourierPosition | None
    stale: bool = Field(description="Too long nothing was heard: show how old the position is.")
    proof_place: ProofPlace | None = None
    approach: Approach | None = None


class Arriving(BaseModel, extra="forbid"):
    """The fence round a drop-off: one of the two is set."""

    metres: int | None
    minutes: float | None


class Near(BaseModel, extra="forbid"):
    """When a recipient's turn is near, so that the courier is seen exactly: the first known one decides."""

    stops: int
    minutes: int
    metres: int


class ConversationWish(BaseModel, extra="forbid"):
    """How recipient, courier and support write to each other."""

    hours: int
    text_in_messages: bool


class RatingWish(BaseModel, extra="forbid"):
    """Whether recipients are asked how the delivery was, and how long after it."""

    ask: bool
    hours: int


class ArrivalWish(BaseModel, extra="forbid"):
    """By how much an arrival must move from the one a recipient was told last before they hear of it."""

    moved_minutes: int


class LastMile(BaseModel, extra="forbid"):
    """How a merchant wants its last mile."""

    arriving: Arriving
    near: Near
    conversation: ConversationWish
    rating: RatingWish
    arrival: ArrivalWish


class DropOff(BaseModel, extra="forbid"):
    """Where a shipment is handed over, and the fence there. Null: the destination's place, the merchant's fence."""

    latitude: float | None
    longitude: float | None
    arriving: Arriving | None


class FleetShipment(BaseModel, extra="forbid"):
    """A parcel that is out with a courier."""

    id: str
    tracking_number: str
    stops_before: int | None
    late: bool = Field(description="Its promise is missed or will be, or the window of its stop has passed.")


class FleetCourier(BaseModel, extra="forbid"):
    """A courier who is out now, with the parcels still ahead, in order where that is known."""

    run_id: str | None = Field(description="The run of a courier of your own; null for a platform's.")
    carrier: str
    courier: str | None
    vehicle: str | None
    position: CourierPosition | None
    stale: bool = Field(description="Too long nothing was heard: show how old the position is.")
    stops_total: int | None = Field(description="Of the run.")
    stops_done: int | None
    late: int = Field(description="How many of the parcels are late.")
    shipments: list[FleetShipment]


class Fleet(BaseModel, extra="forbid"):
    """Every courier who is out now."""

    data: list[FleetCourier]
    next_cursor: None

"""The one tracking model: statuses, scans, events, positions and details, from order to return.

Carriers' connectors yield what a carrier *says* (`Scan`, `Detail`, `Position`, `Missing`); `normalizer.normalize`
turns a `Scan` into an `Event`; `normalizer.journey` folds events into a shipment's state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime


class Status(StrEnum):
    """Where in its life a shipment is; stands on every event and every shipment."""

    PENDING = "pending"
    ORDERED = "ordered"
    INFO_RECEIVED = "info_received"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPT_FAILED = "attempt_failed"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURNING = "returning"
    RETURNED = "returned"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


SUBSTATUSES: dict[Status, tuple[str, ...]] = {
    Status.PENDING: ("registered", "not_found", "other"),
    Status.ORDERED: ("placed", "confirmed", "on_hold", "picking", "packed", "other"),
    Status.INFO_RECEIVED: ("label_created", "pickup_scheduled", "awaiting_handover", "pickup_failed", "other"),
    Status.IN_TRANSIT: (
        "picked_up",
        "accepted",
        "arrived",
        "departed",
        "sorted",
        "handed_over",
        "export_started",
        "arrived_in_country",
        "customs_started",
        "customs_cleared",
        "at_delivery_depot",
        "redirected",
        "rescheduled",
        "appointment_set",
        "resumed",
        "other",
    ),
    Status.OUT_FOR_DELIVERY: ("loaded", "on_route", "next_stop", "arriving", "arrived_at_door", "other"),
    Status.ATTEMPT_FAILED: (
        "recipient_absent",
        "business_closed",
        "no_access",
        "wrong_address",
        "payment_missing",
        "id_missing",
        "carrier_reason",
        "weather",
        "other",
    ),
    Status.AVAILABLE_FOR_PICKUP: ("at_locker", "at_shop", "at_depot", "reminder", "expiring", "other"),
    Status.DELIVERED: (
        "to_recipient",
        "to_neighbour",
        "to_safe_place",
        "to_mailbox",
        "to_reception",
        "to_locker",
        "collected",
        "signed",
        "other",
    ),
    Status.EXCEPTION: (
        "delayed",
        "weather",
        "customs_held",
        "documents_missing",
        "duties_unpaid",
        "damaged",
        "lost",
        "wrong_address",
        "refused",
        "unclaimed",
        "undeliverable",
        "held",
        "missorted",
        "security",
        "disposed",
        "strike_or_disaster",
        "contact_carrier",
        "other",
    ),
    Status.RETURNING: ("requested", "approved", "label_created", "to_sender", "in_transit", "other"),
    Status.RETURNED: ("to_sender", "received", "inspected", "rejected", "other"),
    Status.REFUNDED: ("refunded", "exchanged", "store_credit", "other"),
    Status.CANCELLED: ("by_merchant", "by_carrier", "by_recipient", "other"),
    Status.EXPIRED: ("no_scan", "no_movement", "other"),
    Status.UNKNOWN: ("unlisted_code", "other"),
}
"""Every status with its finer details or reasons; each has `other`."""

RANK: dict[Status, int] = {
    Status.UNKNOWN: -1,
    Status.PENDING: 0,
    Status.ORDERED: 1,
    Status.INFO_RECEIVED: 2,
    Status.IN_TRANSIT: 3,
    Status.EXCEPTION: 3,
    Status.OUT_FOR_DELIVERY: 4,
    Status.ATTEMPT_FAILED: 5,
    Status.AVAILABLE_FOR_PICKUP: 5,
    Status.RETURNING: 6,
    Status.CANCELLED: 7,
    Status.EXPIRED: 7,
    Status.DELIVERED: 8,
    Status.RETURNED: 9,
    Status.REFUNDED: 10,
}
"""How far along a status is; breaks ties between events of one instant and finds the least advanced piece."""

ENDS = frozenset({Status.DELIVERED, Status.RETURNED, Status.REFUNDED, Status.CANCELLED, Status.EXPIRED})
"""Statuses after which nothing more is expected, so nobody asks the carrier as a routine any more."""


class OrderStatus(StrEnum):
    """Where an order is: the words of shipments, and four for what only a part of the order has reached."""

    ORDERED = "ordered"
    PARTIALLY_SHIPPED = "partially_shipped"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ATTEMPT_FAILED = "attempt_failed"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    EXCEPTION = "exception"
    PARTIALLY_DELIVERED = "partially_delivered"
    DELIVERED = "delivered"
    RETURNING = "returning"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    CANCELLED = "cancelled"


Moves = Literal["tells", "informs", "corrects"]
"""What an event does to its shipment: moves its status, only informs, or corrects even a delivery."""

TimeBasis = Literal["offset", "place", "carrier", "date_only", "assumed", "received"]
"""How an instant was found: the carrier's offset, the place's zone, the carrier's documented zone, a day, a guess; or
our receipt, as the time that was told lies too far ahead of it."""

Source = Literal["poll", "push", "merchant", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something happened, as far as the carrier told.

    `country` is ISO 3166-1 alpha-2 in capitals; coordinates are WGS 84 degrees. `facility_id` is the carrier's own
    number for a depot or shop.
    """

    facility: str | None = None
    facility_id: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Window:
    """A promised time of arrival; either side may be open. A bare `date` means "that day, where the parcel goes"."""

    start: datetime | date | None = None
    end: datetime | date | None = None


ProofKind = Literal["signature", "photo", "document", "pin", "name", "id_check", "barcode"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One proof of delivery: what it is and where the carrier keeps it.

    `reference` is the carrier's own id or address for fetching it (`Proves`); `inline` says the bytes stand in the
    payload itself, so they are read from there and never copied into an event.
    """

    kind: ProofKind
    reference: str | None = None
    inline: bool = False
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One thing a carrier says happened to one parcel, in the carrier's own terms.

    Attributes:
        number: the tracking number it is about.
        at: an aware datetime where the carrier gave an offset (or the instant in UTC); a naive one where it gave
            the clock on the wall; a `date` where it gave only a day; None where it gave no usable time.
        codes: the carrier's codes, most specific first; the first with a row in `codes.csv` gives the meaning.
        text: the carrier's words, in the carrier's language.
        piece: the piece of a multi-piece shipment this is about.
        event_id: the carrier's own id of this event, if it has one.
        order: the carrier's own order, greater is later; breaks ties between equal instants only.
        zone: an IANA zone for a naive `at`, where the carrier itself names it for this scan.
        returning: the carrier marks this scan as part of the way back.
        eta: the arrival promised at this scan.
        phrase: the words to look up in the connector's `phrases.csv` where no code has a row.
        extra: other facts worth keeping, JSON values, keys in snake_case.
    """

    number: str
    at: datetime | date | None
    codes: tuple[str, ...] = ()
    text: str = ""
    place: Place = NOWHERE
    piece: str | None = None
    event_id: str | None = None
    order: int = 0
    zone: str | None = None
    returning: bool = False
    eta: Window | None = None
    signed_by: str | None = None
    proofs: tuple[Proof, ...] = ()
    phrase: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What a carrier says of a shipment as a whole, true as of the payload it came in.

    Every field is optional; what is None was not said. For each field the latest saying wins, so details may arrive
    in any order and any number of times. Weight in grams; dimensions in millimetres (length, width, height).
    """

    number: str
    eta: Window | None = None
    service: str | None = None
    service_code: str | None = None
    weight_grams: int | None = None
    dimensions_mm: tuple[int, int, int] | None = None
    pieces_total: int | None = None
    pieces: tuple[str, ...] | None = None
    references: tuple[str, ...] | None = None
    signed_by: str | None = None
    proofs: tuple[Proof, ...] | None = None
    origin: Place | None = None
    destination: Place | None = None
    pickup_point: Place | None = None
    pickup_hours: str | None = None
    pickup_until: date | None = None
    continues_as: tuple[str | None, str] | None = None
    """The next carrier's code (None where only the number is told) and its number."""
    returns_as: str | None = None
    """The tracking number under which the same carrier brings it back."""
    returning: bool | None = None
    courier: str | None = None
    """The courier's name as the recipient may see it: a first name."""
    courier_vehicle: str | None = None
    stops_before: int | None = None
    tracking_url: str | None = None
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The live place of the courier who has a shipment: short-lived, never an event.

    Degrees WGS 84; `heading` in degrees from north, `speed` in metres per second, `accuracy` in metres.
    """

    number: str
    at: datetime
    latitude: float
    longitude: float
    heading: float | None = None
    speed: float | None = None
    accuracy: float | None = None
    eta: datetime | None = None
    stops_before: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The carrier says it does not know a number (many do so inside a 200)."""

    number: str
    text: str = ""


Said = Scan | Detail | Position | Missing
"""Anything a connector can read out of a payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A normalised fact about one shipment. Its `id` is made from its content (see `normalizer.normalize`)."""

    id: str
    carrier: str
    tracking_number: str
    piece: str | None
    status: Status
    substatus: str
    code: str | None
    codes: tuple[str, ...]
    text: str
    basis: Literal["code", "text", "given", "none"]
    """What the status rests on: a code's row, a phrase's row, a merchant's word, or nothing (`unknown`)."""
    moves: Moves
    returning: bool
    at: datetime | None
    local_time: datetime | date | None
    utc_offset: str | None
    time_basis: TimeBasis | None
    order: int
    place: Place
    place_basis: Literal["carrier", "gazetteer"]
    eta: Window | None
    signed_by: str | None
    proofs: tuple[Proof, ...]
    source: Source
    received_at: datetime
    payload_id: str | None
    extra: Mapping[str, Any]
    told_time: datetime | date | None = None
    """What the carrier told, where its time is not believed (`normalizer.ahead`)."""

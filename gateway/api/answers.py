"""What callers get: the shapes of answers, for the OpenAPI document. Tests and fuzzing hold the answers to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.requests import Address, Recipient
from normalizer.model import Status


class Shape(BaseModel):
    """An answer's part. Fields that a role may not see are left out, so see `gateway.visibility` for who sees what."""

    model_config = ConfigDict(extra="forbid")


class Window(Shape):
    """A promised time; a bare date or a local time where that is all that was promised."""

    start: str | None = Field(alias="from")
    end: str | None = Field(alias="to")


class Place(Shape):
    """Where something happened; what is not known is left out."""

    facility: str | None = None
    facility_id: str | None = None
    street: str | None = None
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    latitude: float | None = None
    longitude: float | None = None


class Proof(Shape):
    """A proof of delivery and where it can be had."""

    kind: Literal["signature", "photo", "document", "pin", "name", "id_check", "barcode"]
    reference: str | None
    inline: bool
    text: str | None


class Milestones(Shape):
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


class Continuation(Shape):
    """The next carrier and its number, and the shipment it is tracked as where we can ask that carrier."""

    carrier: str | None
    tracking_number: str
    shipment_id: str | None


class Shipment(Shape):
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
    carrier_tracking_url: str | None = None
    extra: dict[str, Any] = {}
    warnings: list[str] = Field(default=[], description="Only on registration: what keeps it from being asked for.")


class Event(Shape):
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
    time_basis: Literal["offset", "place", "carrier", "date_only", "assumed"] | None
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


class FieldError(Shape):
    """What is wrong with one field: its JSON pointer, or `?name` of a query parameter."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """An RFC 9457 problem. `type` is an address that explains it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str | None = None
    errors: list[FieldError] = []
    request_id: str | None = None


class Shipments(Shape):
    """A page of shipments."""

    data: list[Shipment]
    next_cursor: str | None


class Events(Shape):
    """A shipment's events, oldest first."""

    data: list[Event]
    next_cursor: str | None


class BatchItem(Shape):
    """What became of one item of a batch."""

    index: int
    status: int
    shipment: Shipment | None = None
    problem: Problem | None = None


class Batch(Shape):
    """What became of each item, in the order given."""

    data: list[BatchItem]


class Candidate(Shape):
    """A carrier a number may belong to."""

    carrier: str
    name: str | None
    service: str | None
    checksum: Literal["passed", "none"]
    confidence: float
    connector: bool


class Candidates(Shape):
    """Whose a number may be, best first."""

    data: list[Candidate]
    next_cursor: str | None


class Credential(Shape):
    """A credential that an account at this carrier needs."""

    name: str
    title: str
    help: str
    optional: bool
    use: Literal["poll", "push", "both"]


class Carrier(Shape):
    """A carrier there is a connector for."""

    code: str
    name: str
    kind: str
    website: str
    tracking_page: str | None
    countries: list[str]
    capabilities: list[Literal["polls", "pushes", "subscribes", "locates", "proves", "contacts"]]
    proof_level: Literal["written", "documented", "recorded"]
    credentials: list[Credential]
    unconfirmed: list[str]


class Carriers(Shape):
    """All connectors."""

    data: list[Carrier]
    next_cursor: str | None


class AccountLimits(Shape):
    """The contract's own limits; null where the carrier's documented ones are in force."""

    per_second: float | None
    per_day: int | None


class Account(Shape):
    """A carrier account. Its secrets are never shown."""

    id: str
    carrier: str
    label: str
    mode: Literal["production", "test"]
    state: Literal["active", "rejected"]
    state_reason: str
    state_since: datetime
    limits: AccountLimits
    push_url: str | None = Field(default=None, description="Give this address to a carrier that pushes.")
    created_at: datetime
    updated_at: datetime


class Accounts(Shape):
    """A merchant's carrier accounts."""

    data: list[Account]
    next_cursor: str | None


class Key(Shape):
    """An API key, without what it opens."""

    id: str
    role: Literal["merchant", "support", "storefront"]
    name: str
    origins: list[str]
    created_at: datetime


class NewKey(Key):
    """An API key just made: the only time it is shown."""

    key: str


class Keys(Shape):
    """A merchant's keys in force."""

    data: list[Key]
    next_cursor: str | None


class Message(Shape):
    """A webhook message, and what stands in the live stream."""

    id: str
    type: str
    created_at: datetime
    sequence: int
    shipment_version: int
    api_version: str
    data: dict[str, Any]


class Lane(Shape):
    """How far an endpoint has got, and how it fares."""

    behind: int = Field(description="Messages of the log it has not passed yet.")
    breaker: str
    paused_until: datetime | None
    failing_since: datetime | None
    retrying: int
    dead: int


class Endpoint(Shape):
    """An address for webhooks."""

    id: str
    url: str
    description: str
    event_types: list[str] | None
    filter: dict[str, Any] | None
    ordering: Literal["latest", "strict", "none"]
    rate_per_second: float | None
    concurrency: int
    timeout_ms: int
    schedule: list[float] | None
    state: Literal["enabled", "disabled"]
    state_reason: str
    state_since: datetime
    lane: Lane
    version: int
    created_at: datetime


class NewEndpoint(Endpoint):
    """An endpoint just made, with the secret its messages are signed with."""

    secret: str


class Endpoints(Shape):
    """A merchant's endpoints."""

    data: list[Endpoint]
    next_cursor: str | None


class Secret(Shape):
    """The secret an endpoint's messages are signed with."""

    secret: str


class TestResult(Shape):
    """What an endpoint answered to a `ping`."""

    outcome: str
    status: int | None
    ms: int
    ip: str | None
    response: str


class Replay(Shape):
    """A replay under way."""

    id: str


class Attempt(Shape):
    """One request to an endpoint, and what came of it."""

    message_id: str | None
    sequence: int
    number: int
    at: datetime
    status: int | None
    outcome: str
    ms: int
    ip: str | None
    response: str


class Attempts(Shape):
    """A page of attempts, the newest first."""

    data: list[Attempt]
    next_cursor: str | None


class Polled(Shape):
    """Messages in the order of the log. Ask again with `next_cursor`; it is never null."""

    data: list[Message]
    next_cursor: str


class Delivery(Shape):
    """A message's state at one endpoint."""

    endpoint_id: str
    state: Literal["delivered", "retrying", "waiting", "pending", "dead", "superseded", "skipped"]
    attempts: int
    last_status: int | None
    last_outcome: str | None
    last_at: datetime | None
    next_at: datetime | None
    reason: str


class Told(Shape):
    """A message of the log: to whom it was told, with what answer."""

    id: str
    sequence: int
    type: str
    shipment_id: str | None
    shipment_version: int
    created_at: datetime
    body: Message | None = Field(default=None, description="Only where one message is asked for.")
    deliveries: list[Delivery]


class ToldPage(Shape):
    """A page of messages, the newest first."""

    data: list[Told]
    next_cursor: str | None


class Resent(Shape):
    """The endpoints a message goes to once more."""

    endpoints: list[str]


class Health(BaseModel):
    """How the gateway fares; `reasons` say what is wrong."""

    status: Literal["ok", "unavailable"]
    reasons: list[str] = []

"""Endpoints, how their lanes fare, and every attempt."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field


class Lane(BaseModel, extra="forbid"):
    """How far an endpoint has got, and how it fares."""

    state: Literal["active", "throttled", "recovering", "open", "paused", "disabled", "polled"] = Field(
        description="throttled: it asked for less; open: it fails, one request in a while tries it; recovering: it "
        "answers again, requests come back little by little; paused: until `paused_until`, as it asked."
    )
    behind: int = Field(description="Messages of the log it has not passed yet.")
    breaker: Literal["closed", "open", "slow"]
    throttled_to: float | None = Field(description="Requests a second it was taken down to.")
    paused_until: datetime | None
    failing_since: datetime | None
    retrying: int
    dead: int


class ClientCertificate(BaseModel, extra="forbid"):
    """The certificate we show to an endpoint."""

    subject: str
    sha256: str
    ends_at: datetime


class Endpoint(BaseModel, extra="forbid"):
    """An address for webhooks."""

    id: str
    url: str | None = Field(description="Null for one that is only read by polling.")
    description: str
    event_types: list[str] | None
    filter: dict[str, Any] | None
    fields: list[str] | None
    ordering: Literal["latest", "strict", "none"]
    rate_per_second: float | None
    concurrency: int
    timeout_ms: int
    schedule: list[float] | None
    headers: dict[str, str] = Field(description="Their values are masked.")
    auth: dict[str, str] | None = Field(description="Its secrets are masked.")
    client_certificate: ClientCertificate | None
    signature_compat: Literal["aftership", "easypost"] | None
    state: Literal["enabled", "disabled"]
    state_reason: str
    state_since: datetime
    lane: Lane
    version: int
    created_at: datetime


class NewEndpoint(Endpoint):
    """An endpoint just made, with the secret its messages are signed with."""

    secret: str


class Endpoints(BaseModel, extra="forbid"):
    """A merchant's endpoints."""

    data: list[Endpoint]
    next_cursor: str | None


class Secret(BaseModel, extra="forbid"):
    """The secret an endpoint's messages are signed with."""

    secret: str


class PublicKey(BaseModel, extra="forbid"):
    """The key that verifies an endpoint's `v1a` signatures; null where they are switched off."""

    public_key: str | None


class Replay(BaseModel, extra="forbid"):
    """A replay and how far it has got. Replays of one endpoint run one after the other."""

    id: str
    state: Literal["running", "done", "cancelled"]
    only_failed: bool
    event_types: list[str] | None
    progress: float = Field(description="From 0 to 1: how much of the stretch the lane has passed.")
    left: int = Field(description="Places of the log still to be looked at.")
    created_at: datetime
    ended_at: datetime | None


class Requeued(Replay):
    """Dead messages being sent once more."""

    messages: int = Field(description="How many there are.")


class Replays(BaseModel, extra="forbid"):
    """A page of replays, the newest first."""

    data: list[Replay]
    next_cursor: str | None


class Dead(BaseModel, extra="forbid"):
    """A message given up for this endpoint."""

    message_id: str
    sequence: int
    type: str
    shipment_id: str | None
    given_up_at: datetime
    reason: str


class DeadPage(BaseModel, extra="forbid"):
    """A page of dead messages, the newest first."""

    data: list[Dead]
    next_cursor: str | None


class Phases(BaseModel, extra="forbid"):
    """Milliseconds each phase took; null for one not gone through, as on a connection used before."""

    dns: float | None = Field(description="Finding the address.")
    connect: float | None = Field(description="TCP, and the tunnel through a proxy.")
    tls: float | None = Field(description="The handshake.")
    first_byte: float | None = Field(description="From there to the answer's headers.")
    total: float


class Tls(BaseModel, extra="forbid"):
    """What a handshake came to."""

    version: str
    cipher: str
    certificate_ends_at: datetime | None = Field(description="When the endpoint's certificate ends.")


class TestResult(BaseModel, extra="forbid"):
    """One request to an endpoint, and what came of it."""

    status: int | None
    outcome: str
    ms: int
    ip: str | None = Field(description="The address that was called.")
    response: str = Field(description="The answer's first 16 kB; of older attempts only its beginning.")
    response_cut: bool = Field(description="Whether the answer was longer.")
    request_headers: dict[str, str] | None = Field(description="Secrets masked; null of older attempts.")
    response_headers: list[tuple[str, str]] | None
    phases: Phases | None
    tls: Tls | None


class Attempt(TestResult):
    """One request of a message to an endpoint."""

    message_id: str | None
    sequence: int
    number: int = Field(description="Which try it was; 0 for one that was sent again at once.")
    at: datetime


class Attempts(BaseModel, extra="forbid"):
    """A page of attempts, the newest first."""

    data: list[Attempt]
    next_cursor: str | None

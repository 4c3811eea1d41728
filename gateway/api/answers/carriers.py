"""Carriers, whose a number may be, and merchants' accounts at carriers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from normalizer.model import Moves, Status


class Candidate(BaseModel, extra="forbid"):
    """A carrier a number may belong to."""

    carrier: str
    name: str | None
    service: str | None
    checksum: Literal["passed", "none"]
    confidence: float
    connector: bool


class Candidates(BaseModel, extra="forbid"):
    """Whose a number may be, best first."""

    data: list[Candidate]
    next_cursor: str | None


class Credential(BaseModel, extra="forbid"):
    """A credential that an account at this carrier needs."""

    name: str
    title: str
    help: str
    optional: bool
    use: Literal["poll", "push", "both"]


class Carrier(BaseModel, extra="forbid"):
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


class Carriers(BaseModel, extra="forbid"):
    """All connectors."""

    data: list[Carrier]
    next_cursor: str | None


class AccountLimits(BaseModel, extra="forbid"):
    """The contract's own limits; null where the carrier's documented ones are in force."""

    per_second: float | None
    per_day: int | None


class Account(BaseModel, extra="forbid"):
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
    last_refused_at: datetime | None = Field(
        description="When a push to its address was last refused, to some seconds; null again with new secrets."
    )
    last_refusal: str = Field(description="Which proof was missing or wrong: most often the secrets differ.")
    created_at: datetime
    updated_at: datetime


class Accounts(BaseModel, extra="forbid"):
    """A merchant's carrier accounts."""

    data: list[Account]
    next_cursor: str | None


class OwnCode(BaseModel, extra="forbid"):
    """What a merchant says a code means."""

    code: str
    status: Status
    substatus: str
    moves: Moves
    note: str


class UnlistedCode(BaseModel, extra="forbid"):
    """A code that the carrier sent and nothing is known of: how often, with the words beside it."""

    code: str
    count: int
    example: str
    last_at: datetime


class AccountCodes(BaseModel, extra="forbid"):
    """An account's own codes, and its carrier's codes without a meaning, the most frequent first."""

    data: list[OwnCode]
    unlisted: list[UnlistedCode]

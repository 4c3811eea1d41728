"""The desk: queues, who takes care of what, notes, kept bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from gateway.api.answers.common import Problem
from gateway.api.answers.shipments import Shipment


class Queues(BaseModel, extra="forbid"):
    """How much waits in each queue."""

    counts: dict[str, int]
    conversations: int = Field(description="In how many conversations a recipient waits for the desk.")
    low_ratings: int = Field(description="Low ratings of the last thirty days that nobody answered.")


class Handling(BaseModel, extra="forbid"):
    """Who takes care of a shipment."""

    assignee: str | None
    snoozed_until: datetime | None
    version: int
    changed_by: str | None
    changed_at: datetime | None


class WorkItem(BaseModel, extra="forbid"):
    """A shipment somebody should look at."""

    since: datetime
    shipment: Shipment
    handling: Handling


class WorkPage(BaseModel, extra="forbid"):
    """A page of a queue, what waits longest first."""

    data: list[WorkItem]
    next_cursor: str | None


class Handled(BaseModel, extra="forbid"):
    """What became of one of many."""

    shipment_id: str
    handling: Handling | None = None
    problem: Problem | None = None


class ManyHandled(BaseModel, extra="forbid"):
    """What became of each."""

    data: list[Handled]


class Note(BaseModel, extra="forbid"):
    """A note of the desk."""

    id: str
    at: datetime
    person_id: str
    person: str
    text: str


class Notes(BaseModel, extra="forbid"):
    """The desk's notes about a shipment, oldest first."""

    data: list[Note]
    next_cursor: str | None


class KeptPayload(BaseModel, extra="forbid"):
    """What a carrier sent, as it was kept."""

    id: str
    carrier: str
    source: str
    received_at: datetime
    state: str
    reason: str
    headers: dict[str, Any]
    body: str = Field(description="As text; what is none is base64 after `base64:`.")


class SavedFilter(BaseModel, extra="forbid"):
    """A work list somebody comes back to."""

    id: str
    name: str
    query: str


class SavedFilters(BaseModel, extra="forbid"):
    """One's saved work lists."""

    data: list[SavedFilter]
    next_cursor: str | None


class ConnectorHealth(BaseModel, extra="forbid"):
    """How a connector fares."""

    carrier: str
    name: str
    proof_level: str
    accounts_active: int
    accounts_rejected: int
    shipments: int = Field(description="Tracked ones that are asked for or were pushed.")
    shipments_failing: int = Field(description="Of these, those whose last question failed.")
    polled_at: datetime | None
    answered_at: datetime | None = Field(description="When a question was last answered.")
    pushed_at: datetime | None
    payloads_today: int
    unreadable_today: int
    unlisted_codes: int
    breakers_open: int = Field(description="Accounts not asked with for now: too many questions in a row failed.")
    limit_used: float | None = Field(
        description="The part of a day's allowance the busiest account used (0 to 1); null without one."
    )


class ConnectorsHealth(BaseModel, extra="forbid"):
    """How the connectors in use fare."""

    data: list[ConnectorHealth]
    next_cursor: str | None

"""Runs of a merchant's own couriers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from gateway.api.answers.common import Window
from gateway.runs.stops import Need


class RunStop(BaseModel, extra="forbid"):
    """One parcel of a run. The note and the number are told to the courier alone, the PIN to nobody."""

    id: str
    shipment_id: str
    tracking_number: str
    state: Literal["open", "loaded", "on_the_way", "arrived", "delivered", "failed"]
    state_since: datetime | None
    window: Window | None
    needs: list[Need]
    min_age: int | None
    has_note: bool
    has_call: bool
    has_pin: bool


class Run(BaseModel, extra="forbid"):
    """A courier's round on one day."""

    id: str
    courier: str
    vehicle: str
    day: date
    courier_url: str | None = Field(
        description="The courier's page: send it to the courier alone. Null once it was ended."
    )
    expires_at: datetime
    stops_total: int
    stops_done: int
    created_at: datetime
    updated_at: datetime
    stops: list[RunStop] = Field(default=[], description="Only where one run is asked for.")


class Runs(BaseModel, extra="forbid"):
    """A page of runs."""

    data: list[Run]
    next_cursor: str | None

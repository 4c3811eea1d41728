"""What callers send about runs."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from gateway.api.fields import Cursor, Day, Limit, Line, Moment, Number, Query, Short, Strict, Text
from gateway.api.requests import Address, Promise, Recipient
from gateway.runs.stops import Need

MOST_STOPS = 300


class StopIn(Strict):
    """One parcel of a run: a shipment that is there, or a number with an address, which becomes one."""

    id: Short | None = Field(default=None, description="In a change: a stop of the run, which keeps its state.")
    shipment_id: Short | None = None
    tracking_number: Number | None = None
    order_number: Short | None = None
    recipient: Recipient | None = Field(default=None, description="Kept sealed; only the courier of the run reads it.")
    destination: Address | None = None
    window: Promise | None = Field(default=None, description="When it is expected at the door.")
    note: Text | None = Field(default=None, description="For the courier: kept sealed.")
    needs: Annotated[list[Need], Field(max_length=5)] = Field(
        default=[], description="What the courier must bring back for a delivery."
    )
    pin: Annotated[str, StringConstraints(pattern=r"^[0-9]{4,8}$")] | None = Field(
        default=None, description="The PIN the recipient was given. Kept sealed; never shown to the courier."
    )
    call: Annotated[str, StringConstraints(pattern=r"^\+[0-9]{6,15}(,{1,3}[0-9]{1,8}#?)?$")] | None = Field(
        default=None,
        description="A number the courier may call: a masked one of your telephone provider, or your own; not the "
        "recipient's. After commas, which wait, a code may follow (`+351210000000,,4711#`). Kept sealed.",
    )
    min_age: Annotated[int, Field(ge=12, le=25)] | None = None

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.shipment_id is None) == (self.tracking_number is None) and self.id is None:
            raise ValueError("give `shipment_id` or `tracking_number`, one of them")
        if self.tracking_number is None and (self.order_number or self.recipient or self.destination):
            raise ValueError("`order_number`, `recipient` and `destination` belong to a `tracking_number`")
        if "pin" in self.needs and self.pin is None and self.id is None:
            raise ValueError("`pin` is among the needs and not given")
        return self


FirstName = Annotated[Number, StringConstraints(max_length=40)]
Stops = Annotated[list[StopIn], Field(max_length=MOST_STOPS)]


class RunIn(Strict):
    """A courier's round on one day."""

    courier: FirstName = Field(description="A first name: recipients see it.")
    vehicle: Annotated[Line, Field(max_length=60)] = ""
    day: Day
    expires_at: Moment | None = Field(default=None, description="Left out: 36 hours after the day began in UTC.")
    stops: Stops = Field(default=[])


class RunChange(Strict):
    """What may be changed of a run; what is left out stays. `stops` is the whole list as it shall be, in order."""

    courier: FirstName | None = None
    vehicle: Annotated[Line, Field(max_length=60)] | None = None
    day: Day | None = None
    expires_at: Moment | None = None
    stops: Stops | None = None


class RunLinkIn(Strict):
    """A new link to a courier's page."""

    expires_at: Moment | None = None


class RunsQuery(Query):
    """Which runs to list."""

    day: date | None = None
    cursor: Cursor | None = None
    limit: Limit = 50

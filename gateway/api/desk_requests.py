"""What the desk sends."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, field_validator

from gateway.api.fields import CarrierCode, Cursor, Limit, Moment, Query, Short, Strict, Text, not_blank
from gateway.desk.work import QUEUES
from gateway.plainly import did_you_mean


class WorkQuery(Query):
    """A part of the work list."""

    queue: str = Field(description="A kind of trouble, `mine` or `snoozed`.")
    carrier: CarrierCode | None = None
    assignee: Short | None = Field(default=None, description="A person's id; `none` for what nobody has taken.")
    cursor: Cursor | None = None
    limit: Limit = 50
    format: Literal["json", "csv"] = "json"

    @field_validator("queue")
    @classmethod
    def _is_queue(cls, value: str) -> str:
        if value not in QUEUES:
            raise ValueError(f"is none of {', '.join(QUEUES)}{did_you_mean(value, QUEUES)}")
        return value


class HandlingChange(Strict):
    """What changes of who takes care; what is left out stays."""

    assignee: Short | None = Field(default=None, description="A person's id, `me`; empty for nobody: `none`.")
    snoozed_until: Moment | None = Field(default=None, description="Out of the queues until then.")
    awake: bool = Field(default=False, description="True: end the sleep now.")


class HandlingIn(HandlingChange):
    """The same, unless somebody else changed it meanwhile."""

    version: int | None = Field(default=None, description="The version that was seen; 409 where it is another by now.")


class ManyHandlingIn(HandlingChange):
    """The same for many shipments."""

    shipment_ids: Annotated[list[Short], Field(min_length=1, max_length=200)]
    versions: dict[str, int] = Field(
        default={}, description="By shipment, the version that was seen; one that is another by now is left as it is."
    )


class NoteIn(Strict):
    """A note for the desk alone."""

    text: Annotated[Text, AfterValidator(not_blank)]


class FilterIn(Strict):
    """A work list to come back to."""

    name: Short
    query: Annotated[str, StringConstraints(min_length=1, max_length=500)]

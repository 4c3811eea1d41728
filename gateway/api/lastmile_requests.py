"""What callers send about the last mile."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.api.fields import Strict
from gateway.people.subjects import ETA_MOVES_LEAST, ETA_MOVES_MINUTES, ETA_MOVES_MOST

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class ArrivingIn(Strict):
    """How near is near: a distance from the door, or a time before the arrival."""

    metres: Annotated[int, Field(ge=50, le=50_000)] | None = None
    minutes: Annotated[float, Field(ge=1, le=180)] | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.metres is None) == (self.minutes is None):
            raise ValueError("give `metres` or `minutes`, one of them")
        return self

    @property
    def seconds(self) -> int | None:
        """The minutes in seconds."""
        return None if self.minutes is None else round(self.minutes * 60)


class NearIn(Strict):
    """When a recipient's turn is near: the first that is known of a courier decides."""

    stops: Annotated[int, Field(ge=0, le=100)] = 3
    minutes: Annotated[int, Field(ge=1, le=240)] = 30
    metres: Annotated[int, Field(ge=100, le=50_000)] = 2_000


class ConversationWishIn(Strict):
    """How recipient, courier and support write to each other."""

    hours: Annotated[int, Field(ge=0, le=720)] = Field(
        default=24, description="How long after the delivery something may still be said."
    )
    text_in_messages: bool = Field(
        default=False, description="Whether `conversation.message` says what was said, and not only that something was."
    )


class RatingWishIn(Strict):
    """Whether recipients are asked how the delivery was."""

    ask: bool = Field(
        default=False,
        description="Ask those who did not say what to tell them as well: see that you may. Who named `rate` is asked.",
    )
    hours: Annotated[int, Field(ge=1, le=48)] = Field(default=3, description="How long after the delivery.")


class ArrivalWishIn(Strict):
    """When recipients hear that the parcel arrives at another time."""

    moved_minutes: Annotated[int, Field(ge=ETA_MOVES_LEAST, le=ETA_MOVES_MOST)] = Field(
        default=ETA_MOVES_MINUTES,
        description="By how much an end of the arrival must have moved from the one a person was told last.",
    )


class LastMileIn(Strict):
    """How a merchant wants its last mile; what is left out goes back to the usual."""

    arriving: ArrivingIn | None = None
    near: NearIn | None = None
    conversation: ConversationWishIn | None = None
    rating: RatingWishIn | None = None
    arrival: ArrivalWishIn | None = None


class DropOffIn(Strict):
    """Where a shipment is handed over: the door itself, not its town; and how near is near there."""

    latitude: Latitude | None = None
    longitude: Longitude | None = None
    arriving: ArrivingIn | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("`latitude` and `longitude` belong together")
        return self

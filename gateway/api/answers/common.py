"""Problems, health, and the parts that several resources show."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FieldError(BaseModel, extra="forbid"):
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


class Window(BaseModel, extra="forbid"):
    """A promised time; a bare date or a local time where that is all that was promised."""

    start: str | None = Field(alias="from")
    end: str | None = Field(alias="to")


class Place(BaseModel, extra="forbid"):
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


class Health(BaseModel):
    """How the gateway fares; `reasons` say what is wrong."""

    status: Literal["ok", "unavailable"]
    reasons: list[str] = []

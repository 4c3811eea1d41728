"""Kinds of fields that requests are made of. Strict, so that a wrong kind is an error and not a guess."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any

import orjson
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
)

from connectors import carrier_codes
from gateway.registering import no_such_carrier

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LARGEST_METADATA = 4_096


class Strict(BaseModel):
    """A part of a request: unknown fields and wrong kinds are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """A query: all values arrive as texts, unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


def _printable(text: str) -> str:
    if any(character < " " and character not in "\n\t" for character in text) or "\x7f" in text:
        raise ValueError("control characters are not allowed")
    return text


def _written_out(value: Any) -> Any:
    counted = isinstance(value, str) and value.strip().lstrip("+-").replace(".", "", 1).isdecimal()
    if counted or not isinstance(value, str):  # seconds or milliseconds: who knows
        raise ValueError("is no time: write it as 2026-11-01T08:00:00+01:00")
    return value


def _in_our_time(at: datetime) -> datetime:
    if not EARLIEST <= at <= LATEST:
        raise ValueError("lies outside of 1990 to 2200")
    return at


def _day_of_our_time(day: date) -> date:
    if not EARLIEST.date() <= day <= LATEST.date():
        raise ValueError("lies outside of 1990 to 2200")
    return day


def _size(value: Any) -> int:
    try:
        return len(orjson.dumps(value))
    except (TypeError, ValueError, RecursionError):  # a number of more than 64 bits, for instance
        raise ValueError("holds what cannot be written as JSON") from None


def _writable(value: Any) -> Any:
    _size(value)
    return value


def _small(value: dict[str, Any]) -> dict[str, Any]:
    size = _size(value)
    if size > LARGEST_METADATA:
        raise ValueError(f"is {size} bytes of JSON; at most {LARGEST_METADATA}")
    return value


def not_blank(text: str) -> str:
    """Return a text that says something. Raises `ValueError` for one of blanks."""
    if not text.strip():
        raise ValueError("is blank")
    return text


Short = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable)]
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=1_000), AfterValidator(_printable)]
Number = Annotated[
    str, StringConstraints(min_length=1, max_length=100), AfterValidator(_printable), AfterValidator(not_blank)
]
ReturnId = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_printable)
]
Moment = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out), AfterValidator(_in_our_time)]
Day = Annotated[date, AfterValidator(_day_of_our_time)]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
Metadata = Annotated[dict[str, JsonValue], AfterValidator(_small)]
Plain = Annotated[JsonValue, AfterValidator(_writable)]
Cursor = Annotated[str, StringConstraints(max_length=400), AfterValidator(_printable)]
Limit = Annotated[int, Field(ge=1, le=200)]


def _carrier(code: str) -> str:
    if code not in carrier_codes():
        raise ValueError(no_such_carrier(code))
    return code


CarrierCode = Annotated[Short, AfterValidator(_carrier)]
"""The code of a carrier there is a connector of."""

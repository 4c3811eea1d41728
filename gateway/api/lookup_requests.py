"""What a lookup by two known facts is asked with."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from gateway.api.fields import Language, Line, Number, Query, Short, Strict

_NUMBERS = ("number", "tracking_number", "order_number")
_FACTS = ("postal_code", "email")
_EMAIL = r"^[^@\s]+@[^@\s]+$"


class LookupQuery(Query):
    """A number and one more fact about where the parcel goes."""

    number: Number | None = Field(default=None, description="A tracking number or an order number.")
    tracking_number: Number | None = None
    order_number: Short | None = None
    postal_code: Annotated[Short, Field(max_length=20)] | None = None
    email: Annotated[Line, Field(pattern=_EMAIL, max_length=254)] | None = None
    lang: Language | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        _one_each(self)
        return self


class LookupIn(Strict):
    """A number and one more fact about where the parcel goes."""

    number: Number | None = Field(default=None, description="A tracking number or an order number.")
    tracking_number: Number | None = None
    order_number: Short | None = None
    postal_code: Annotated[Short, Field(max_length=20)] | None = None
    email: Annotated[Line, Field(pattern=_EMAIL, max_length=254)] | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        _one_each(self)
        return self


class LanguageQuery(Query):
    """The language to be answered in; left out, the browser's."""

    lang: Language | None = None


def _one_each(wish: LookupQuery | LookupIn) -> None:
    for names in (_NUMBERS, _FACTS):
        if sum(getattr(wish, name) is not None for name in names) != 1:
            raise ValueError(f"exactly one of {', '.join(f'`{name}`' for name in names)} is needed")

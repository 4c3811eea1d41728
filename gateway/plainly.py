"""What pydantic finds wrong, in our own words: of a request's field as of a setting. It never repeats a value."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pydantic_core import ErrorDetails

_NO_TIME = "is no time: write it as 2026-11-01T08:00:00+01:00"
_NO_DAY = "is no day: write it as 2026-11-01"
_WORDS = {
    "missing": "is required",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be an object",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "timezone_aware": "says no time zone: write it as 2026-11-01T08:00:00+01:00",
    "datetime_type": _NO_TIME,
    "datetime_parsing": _NO_TIME,
    "datetime_from_date_parsing": _NO_TIME,
    "date_type": _NO_DAY,
    "date_parsing": _NO_DAY,
    "date_from_datetime_parsing": _NO_DAY,
    "date_from_datetime_inexact": _NO_DAY,
}
_FORMS = {
    r"^[A-Z]{2}$": "must be two capital letters such as DE (ISO 3166)",
    r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "is no language: write it as de or pt-BR",
    r"^#[0-9a-f]{6}$": "must be a colour such as #1a2b3c, in small letters",
    r"^https://[^\s\"'<>]+$": "must be an address that begins with https://",
    r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$": "must be an origin such as https://shop.example, without a path",
    r"^[^@\s]+@[^@\s]+$": "is no e-mail address",
    r"^[^@\s]+@[^@\s]+\.[^@\s]+$": "is no e-mail address",
    r"^\+?[0-9 ()./-]{4,30}$": "is no telephone number",
    r"^[0-9]{6}$": "must be six digits",
    r"^[0-9]{4,8}$": "must be four to eight digits",
    r"^[0-2][0-9]:[0-5][0-9]$": "is no time of day: write it as 08:30",
}
"""What is said in place of a pattern."""
_PATTERN = "String should match pattern "
_LONGEST_MISSPELT = 60


_CHOICE = frozenset({"enum", "literal_error"})
_CHOICES = re.compile(r"'([^']*)'")


def did_you_mean(value: object, known: Iterable[str]) -> str:
    """Return the end of a sentence that names what a misspelt value is near to; empty where it is near to nothing."""
    if not isinstance(value, str) or len(value) > _LONGEST_MISSPELT:
        return ""
    names, asked = {name.casefold(): name for name in known}, value.casefold()
    near = get_close_matches(asked, names, n=2) or [
        name for name in names if asked and (name.startswith(asked) or name.endswith(f".{asked}"))
    ]
    return f"; did you mean {' or '.join(names[one] for one in near[:3])}?" if near else ""


def chosen(errors: Sequence[ErrorDetails]) -> str | None:
    """Return what is wrong with a value that had to be one of some, None where that is not what is wrong.

    `errors` are all of one value: where several lists were to choose from, each has one.
    """
    if not all(one["type"] in _CHOICE for one in errors):
        return None
    choices = [choice for one in errors for choice in _CHOICES.findall(one["msg"])]
    if not choices:
        return None
    *most, last = (f"'{choice}'" for choice in choices)
    words = f"must be {', '.join(most)} or {last}" if most else f"must be {last}"
    return words + did_you_mean(errors[0]["input"], choices)


def place(one: ErrorDetails) -> tuple[int | str, ...]:
    """Return the steps to the value that is wrong, without the name of the list it was held against."""
    steps = one["loc"]
    return steps[:-1] if one["type"] in _CHOICE and steps and "[" in str(steps[-1]) else steps


def said(one: ErrorDetails, known: Collection[str] = (), *, what: str = "field") -> str:
    """Return what is wrong, as the rest of a sentence that begins with the name. `known` are the names there are."""
    kind = one["type"]
    if kind == "extra_forbidden":
        near = get_close_matches(str(one["loc"][0]), known, n=1) if len(one["loc"]) == 1 else []
        return f"there is no such {what}" + (f"; did you mean {near[0]}?" if near else "")
    if kind == "string_too_short" and one["msg"].endswith(" 1 character"):
        return "is empty"
    if one["msg"].startswith(_PATTERN):
        pattern = one["msg"].removeprefix(_PATTERN)
        return _FORMS.get(pattern[1:-1], f"must match {pattern}")
    words = _WORDS.get(kind, one["msg"]).removeprefix("Value error, ")
    for theirs in ("Input should be ", "Input should have ", "String should have ", "List should have "):
        if words.startswith(theirs):
            return f"must {'be' if ' be ' in theirs else 'have'} {words.removeprefix(theirs)}"
    return words

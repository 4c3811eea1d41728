"""What a channel account is set up with: named values, said in one place for help, forms and checks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhooks.origins import origin_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_VALUE = 4_000


class BadSettings(ValueError):  # noqa: N818 - it names what is bad
    """A channel account that cannot work. The text names the field and the reason, and repeats no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One value of a channel account. All values are texts; an empty one counts as not given."""

    name: str
    help: str
    secret: bool = False
    required: bool = False
    default: str = ""
    pattern: str = ""
    """What the whole value must match."""
    choices: tuple[str, ...] = ()
    address: bool = False
    """It says where the account's secrets are sent (`origin`)."""


def read(fields: Sequence[Field], settings: Mapping[str, str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Return every field's value, defaults filled in. Raises `BadSettings` naming the first field that is wrong."""
    for given, secret, holder in ((settings, False, "settings"), (secrets, True, "secrets")):
        known = {field.name for field in fields if field.secret is secret}
        for name in given:
            if name not in known:
                raise BadSettings(f"{holder}: nothing is called {name[:50]!r} here; there is {_listed(known)}")
    return {field.name: _value(field, secrets if field.secret else settings) for field in fields}


def origin(fields: Sequence[Field], settings: Mapping[str, str]) -> str:
    """Return where an account's secrets are sent, defaults filled in; "" where that is not set but fixed."""
    return " ".join(
        origin_of((settings.get(field.name, "").strip() or field.default).lower()) for field in fields if field.address
    )


def _value(field: Field, given: Mapping[str, str]) -> str:
    value = given.get(field.name, "")
    if not isinstance(value, str):
        raise BadSettings(f"{field.name}: must be a text")
    value = value.strip()
    if not value:
        if field.required:
            raise BadSettings(f"{field.name}: missing")
        return field.default
    if len(value) > MAX_VALUE:
        raise BadSettings(f"{field.name}: longer than {MAX_VALUE} characters")
    if field.choices and value not in field.choices:
        raise BadSettings(f"{field.name}: must be one of {_listed(field.choices)}")
    if field.pattern and not re.fullmatch(field.pattern, value):
        raise BadSettings(f"{field.name}: does not look like one; {field.help[:1].lower()}{field.help[1:]}")
    return value


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names) if isinstance(names, set) else names) or "nothing to set"

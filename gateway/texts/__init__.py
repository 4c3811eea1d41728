"""Every text people read, by language: TOML files, one folder per language, none in code or templates.

A language's files are one tree; `status.delivered` names a text in it. A table of `one`, `other`, ... is a plural: the
form follows from `count` by the language's own rules. What a name lacks is an error, and a test holds that all
languages have the same names with the same values to fill in.
"""

from __future__ import annotations

import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from babel import Locale, UnknownLocaleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
LANGUAGES = ("en", "de", "fr", "es", "pl", "ar")
"""In the order they are offered; the first is spoken where nothing better is known."""
PLURALS = frozenset({"zero", "one", "two", "few", "many", "other"})

_HOME = {"en": "en_GB"}
"""Where a language is spoken when nobody says where, if not where most of its speakers live."""


class NoText(LookupError):  # noqa: N818 - it names what is missing
    """There is no text of that name."""


class Speech:
    """One language as spoken in one region: what is said, and how its numbers and dates are written."""

    def __init__(self, language: str, tree: Mapping[str, Any], locale: Locale) -> None:
        self.language = language
        self.locale = locale
        self._tree = tree

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """The direction of its script."""
        return "rtl" if self.locale.text_direction == "rtl" else "ltr"

    @property
    def tag(self) -> str:
        """Its language tag, as HTML writes it: `de`, or `en-US` where a region was asked for."""
        region = self.locale.territory
        return f"{self.language}-{region}" if region else self.language

    def say(self, name: str, /, *, count: float | None = None, **values: str) -> str:
        """Return the text of a dotted name with its values filled in. Raises `NoText`, `KeyError` for a value."""
        found = self._find(name)
        if isinstance(found, dict):
            if count is None or not is_plural(found):
                raise NoText(f"{self.language}: {name} is no text")
            found = found.get(self.locale.plural_form(count)) or found["other"]
        if count is not None:
            values = {"count": self.number(count), **values}
        return str(found).format_map(values) if values else str(found)

    def has(self, name: str) -> bool:
        """Tell whether there is a text of that name."""
        try:
            found = self._find(name)
        except NoText:
            return False
        return not isinstance(found, dict) or is_plural(found)

    def raw(self, name: str) -> str:
        """Return the text of a dotted name as it is written, its values not filled in. Raises `NoText`."""
        found = self._find(name)
        if isinstance(found, dict):
            raise NoText(f"{self.language}: {name} is no text")
        return str(found)

    def number(self, value: float) -> str:
        """Return a number as the region writes it."""
        from babel.numbers import format_decimal  # noqa: PLC0415 - only where a number is said

        return str(format_decimal(value, locale=self.locale))

    def status(self, status: str, substatus: str | None = None) -> str:
        """Return what a status is called, or its finer detail."""
        if substatus is not None and self.has(f"substatus.{status}.{substatus}"):
            return self.say(f"substatus.{status}.{substatus}")
        return self.say(f"status.{status}")

    def _find(self, name: str) -> Any:
        found: Any = self._tree
        for step in name.split("."):
            found = found.get(step) if isinstance(found, dict) else None
            if found is None:
                raise NoText(f"{self.language}: there is no text {name}")
        return found


def is_plural(table: Mapping[str, Any]) -> bool:
    """Tell whether a table holds the plural forms of one text."""
    return "other" in table and PLURALS.issuperset(table) and len(table) > 1


def names(tree: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Walk a tree's texts: the dotted name with the text, or with the table of its plural forms."""
    for step, value in tree.items():
        if isinstance(value, dict) and not is_plural(value):
            yield from names(value, f"{before}{step}.")
        else:
            yield before + step, value


@cache
def tree_of(language: str) -> dict[str, Any]:
    """Return all texts of a language as one tree. Raises `ValueError` where two files claim the same name."""
    tree: dict[str, Any] = {}
    for file in sorted((HERE / language).glob("*.toml")):
        told = tomllib.loads(file.read_text("utf-8"))
        if twice := tree.keys() & told.keys():
            raise ValueError(f"{language}/{file.name}: {sorted(twice)} stand in another file already")
        tree |= told
    return tree


@cache
def speech(language: str, region: str | None = None) -> Speech:
    """Return a language we speak, as in a region where that is known. Raises `NoText` for another language."""
    if language not in LANGUAGES:
        raise NoText(f"nobody here speaks {language!r}")
    locale = Locale.parse(_HOME.get(language, language))
    if region is not None:
        with suppress(UnknownLocaleError):
            locale = Locale(language, territory=region)
    return Speech(language, tree_of(language), locale)


def choose(asked: str | None, accept_language: str = "") -> Speech:
    """Return the language asked for by name, else the best of an `Accept-Language` header, else the first of ours."""
    for language, region in (*_tags(asked or ""), *_tags(accept_language)):
        if language in LANGUAGES:
            return speech(language, region)
    return speech(LANGUAGES[0])


_MOST_TAGS = 20


def _tags(header: str) -> list[tuple[str, str | None]]:
    """Return (language, region) of a header's tags, the most wanted first; what cannot be read is passed over."""
    found: list[tuple[float, int, str, str | None]] = []
    for index, part in enumerate(header.split(",")[:_MOST_TAGS]):
        tag, _, weight = part.partition(";")
        language, *more = tag.strip().replace("_", "-").split("-")
        try:
            wanted = float(weight.strip().removeprefix("q=")) if weight else 1.0
        except ValueError:
            continue
        region = next((one.upper() for one in more if one.isascii() and one.isalpha() and len(one) == 2), None)  # noqa: PLR2004
        if wanted > 0 and language.isascii():
            found.append((-wanted, index, language.lower(), region))
    return [(language, region) for _, _, language, region in sorted(found, key=lambda one: one[:2])]

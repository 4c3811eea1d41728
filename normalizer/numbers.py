"""Tracking numbers: their canonical spelling, their formats as data, and whose a number may be.

A format is a row of data that carries its own proof: it is refused at load when one of its `valid` numbers does not
match or one of its `invalid` numbers does. A match is a hint and never proof, so `detect` answers a ranked list.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

if TYPE_CHECKING:
    from collections.abc import Iterable

Algorithm = Literal["mod10", "mod7", "luhn", "s10", "weighted", "mod_37_36"]

LONGEST = 64
"""No carrier's number is longer; a longer text is not looked at."""

_ASCII_NOISE = {ord(character): None for character in " \t\n\r\f\v.-"}
_NOISE = {"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"}
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_SURPRISE = {"mod10": log2(10), "mod7": log2(7), "luhn": log2(10), "s10": log2(10), "weighted": log2(10)}
_HALF_DOUBT = 6.0
"""So many bits of agreement halve the doubt that is left; chosen so that `1Z...` of UPS comes out above 0.8."""


def normal_number(text: str) -> str:
    """Return the canonical spelling of a number: upper case, ASCII digits, without spaces, dots and dashes.

    Full-width letters and digits of other scripts are folded, invisible characters are dropped. Doing it twice
    changes nothing.
    """
    if text.isascii():
        return text.translate(_ASCII_NOISE).upper()
    # Dropping a character may bring a letter and its accent together, so it is folded until nothing changes.
    while (folded := _fold(text)) != text:
        text = folded
    return folded


def _fold(text: str) -> str:
    upper = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).upper())
    return "".join(_plain(character) for character in upper).translate(_ASCII_NOISE)


def _plain(character: str) -> str:
    if unicodedata.category(character) in _NOISE or character == "\N{MINUS SIGN}":
        return ""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


class Check(BaseModel):
    """How the check digit of a format is made from the `serial` group.

    Attributes:
        algorithm: `mod10` (alternating multipliers), `mod7` (the whole number modulo 7), `luhn`, `s10` (UPU),
            `weighted` (sum of digit times weight, then each modulo in turn), `mod_37_36` (ISO 7064).
        evens: `mod10`: multiplier of the first, third, ... character.
        odds: `mod10`: multiplier of the second, fourth, ... character.
        reverse: `mod10`: count the characters from the right.
        weights: `weighted`: one per character.
        modulo: `weighted`: applied one after the other.
        prepend: characters put before the serial first ...
        prepend_unless: ... unless the serial begins with these.
        letters: `refuse` a letter in the serial, or count it as UPS does (`ups`: A is 2, B 3, ... H 9, I 0, J 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    algorithm: Algorithm
    evens: int = 1
    odds: int = 1
    reverse: bool = False
    weights: tuple[int, ...] = ()
    modulo: tuple[int, ...] = ()
    prepend: str = ""
    prepend_unless: str = ""
    letters: Literal["refuse", "ups"] = "refuse"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.algorithm == "weighted") != bool(self.weights and self.modulo):
            raise ValueError("weights and modulo belong to the algorithm 'weighted', and only to it")
        return self

    def digit(self, serial: str) -> str | None:
        """Return the check character of a serial, or None where the rule does not apply to it."""
        if self.prepend and not (self.prepend_unless and serial.startswith(self.prepend_unless)):
            serial = self.prepend + serial
        if self.algorithm == "mod_37_36":
            return _mod_37_36(serial)
        if not serial.isdecimal():
            if self.letters == "refuse":
                return None
            serial = "".join(c if c.isdecimal() else str((ord(c) - 3) % 10) for c in serial)
        if self.algorithm == "mod7":
            return str(int(serial) % 7)
        figures = [int(c) for c in serial]
        made = {"mod10": self._mod10, "luhn": _luhn, "s10": _s10, "weighted": self._weighted}
        return made[self.algorithm](figures)

    def _mod10(self, figures: list[int]) -> str:
        if self.reverse:
            figures.reverse()
        total = sum(figures[::2]) * self.evens + sum(figures[1::2]) * self.odds
        return str(-total % 10)

    def _weighted(self, figures: list[int]) -> str | None:
        if len(figures) != len(self.weights):
            return None
        total = sum(figure * weight for figure, weight in zip(figures, self.weights, strict=True))
        for modulo in self.modulo:
            total %= modulo
        return str(total)


def _luhn(figures: list[int]) -> str:
    doubled = sum(2 * figure - 9 * (figure > 4) for figure in figures[::-2])  # noqa: PLR2004 - from 5 on it carries
    return str(-(doubled + sum(figures[-2::-2])) % 10)


def _s10(figures: list[int]) -> str | None:
    if len(figures) != len(_S10_WEIGHTS):
        return None
    left = 11 - sum(figure * weight for figure, weight in zip(figures, _S10_WEIGHTS, strict=True)) % 11
    return {10: "0", 11: "5"}.get(left) or str(left)


def _mod_37_36(serial: str) -> str:
    state = 36
    for character in serial:
        state += _VALUES[character]
        state = (state - 36 if state > 36 else state) * 2  # noqa: PLR2004 - the modulus of ISO 7064
        state = state - 37 if state > 36 else state  # noqa: PLR2004 - as above
    return _ALPHABET[(37 - state) % 36]


class NumberFormat(BaseModel):
    """One format of tracking numbers, as a `[[numbers]]` table.

    Attributes:
        id: short name, unique within its carrier.
        name: what people call it.
        pattern: a Python regular expression for the whole canonical number; its groups `serial` and `check` feed the
            check digit, `country` and `service` the lists below, any other group is description.
        check: the check digit rule; None where the number has none.
        countries: the only values of `country` there are; empty allows all.
        services: beginnings of `service` and what they mean; the longest that fits names the service.
        services_closed: refuse a number whose `service` is not listed.
        carriers: value of `country` -> code of the carrier at home there, which is named before this format's own.
        valid: numbers of this format, at least one.
        invalid: numbers that are not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str
    pattern: str
    check: Check | None = None
    countries: tuple[str, ...] = ()
    services: dict[str, str] = {}
    services_closed: bool = False
    carriers: dict[str, str] = {}
    valid: tuple[str, ...] = Field(min_length=1)
    invalid: tuple[str, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as trouble:
            raise ValueError(f"is no regular expression: {trouble}") from None
        return pattern

    @model_validator(mode="after")
    def _proves_itself(self) -> Self:
        groups = self._regex.groupindex
        needed = {"serial", "check"} if self.check else set()
        needed |= {"country"} if self.countries or self.carriers else set()
        needed |= {"service"} if self.services else set()
        if missing := needed - set(groups):
            raise ValueError(f"the pattern lacks the group {min(missing)!r}")
        for number in self.valid:
            if self.match(normal_number(number)) is None:
                raise ValueError(f"{number!r} stands under valid and does not match")
        for number in self.invalid:
            if self.match(normal_number(number)) is not None:
                raise ValueError(f"{number!r} stands under invalid and matches")
        return self

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @cached_property
    def _known_countries(self) -> frozenset[str]:
        return frozenset(self.countries)

    @cached_property
    def bits(self) -> float:
        """How much a number must agree with to match: the specificity of the format, in bits.

        Measured on the first valid number: each character counts by how few others the pattern takes in its place
        (of the ten digits where the number is all digits, else of digits and letters), and the check digit counts.
        """
        sample = normal_number(self.valid[0])
        others = _ALPHABET[:10] if sample.isdecimal() else _ALPHABET
        total = _SURPRISE.get(self.check.algorithm, log2(36)) if self.check else 0.0
        for at in range(len(sample)):
            taken = sum(self._regex.fullmatch(sample[:at] + c + sample[at + 1 :]) is not None for c in others)
            total += log2(len(others) / max(taken, 1))
        if self.countries:
            total += (
                log2(26 * 26 / len(self.countries)) if self.countries[0].isalpha() else log2(1000 / len(self.countries))
            )
        return total

    def match(self, number: str) -> re.Match[str] | None:
        """Return the match of a canonical number, or None: wrong shape, wrong check digit, or not in a list."""
        found = self._regex.fullmatch(number)
        if found is None:
            return None
        if self.check is not None and self.check.digit(found["serial"]) != found["check"]:
            return None
        if self.countries and found["country"] not in self._known_countries:
            return None
        if self.services_closed and self.service(found) is None:
            return None
        return found

    def service(self, found: re.Match[str]) -> str | None:
        """Return what the `service` group means, or None where that is not known."""
        code = found["service"] if self.services else None
        while code:
            if code in self.services:
                return self.services[code]
            code = code[:-1]
        return None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A carrier a number may belong to.

    Attributes:
        carrier: the carrier's code.
        service: what the number says about the service, if it does.
        format_id: the format it matches.
        checksum: `passed`, or `none` where the format has no check digit. A wrong one is never a candidate.
        confidence: 0 to 1, how unlikely it is that a number of somebody else looks like this. A hint.
    """

    carrier: str
    service: str | None
    format_id: str
    checksum: Literal["passed", "none"]
    confidence: float


def detect(number: str, formats: Iterable[tuple[str, NumberFormat]]) -> list[Candidate]:
    """Return whose a number may be, best first: with check digit, then by specificity, then with a known service.

    Each carrier is named once, by its best format; equal ones keep the order of `formats`. The number may be spelled
    in any way `normal_number` understands.
    """
    canonical = normal_number(number)
    if not canonical or len(canonical) > LONGEST:
        return []
    ranked: list[tuple[tuple[bool, float, bool, bool], Candidate]] = []
    for carrier, known in formats:
        found = known.match(canonical)
        if found is None:
            continue
        service = known.service(found)
        home = known.carriers.get(found["country"]) if known.carriers else None
        confidence = round(1 - 0.95 * 2 ** (-known.bits / _HALF_DOUBT), 3)
        for code in (home, carrier) if home else (carrier,):
            rank = (known.check is None, -known.bits, service is None, code != home)
            ranked.append((rank, Candidate(code, service, known.id, "passed" if known.check else "none", confidence)))
    ranked.sort(key=lambda entry: entry[0])
    best: dict[str, Candidate] = {}
    for _, candidate in ranked:
        best.setdefault(candidate.carrier, candidate)
    return list(best.values())

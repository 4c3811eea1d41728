"""All number formats we know: those of the connectors' own facts and, for other carriers, `numbers.toml`."""

from __future__ import annotations

import tomllib
from functools import cache

from pydantic import BaseModel, ConfigDict, Field

from connectors import HERE, carrier_codes
from connectors.facts import Facts, read_facts
from normalizer.numbers import NumberFormat


class _Carrier(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str
    numbers: tuple[NumberFormat, ...] = ()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    carrier: tuple[_Carrier, ...]


@cache
def known_formats() -> tuple[tuple[str, NumberFormat], ...]:
    """Return (carrier code, format) of every format, the connectors' first: what `normalizer.numbers.detect` takes.

    A connector that states formats of its own wins over the entry of the same code in `numbers.toml`.
    """
    own = [(code, known) for code, facts in _connectors().items() for known in facts.numbers]
    told = {code for code, _ in own}
    others = [(code, known) for code, entry in _others().items() if code not in told for known in entry.numbers]
    return (*own, *others)


def carrier_name(code: str) -> str | None:
    """Return what people call a carrier, or None where neither a connector nor `numbers.toml` knows the code."""
    facts = _connectors().get(code)
    if facts is not None:
        return facts.name
    entry = _others().get(code)
    return entry.name if entry else None


@cache
def _connectors() -> dict[str, Facts]:
    return {code: read_facts(HERE / code.replace("-", "_") / "carrier.toml") for code in carrier_codes()}


@cache
def _others() -> dict[str, _Carrier]:
    read = _File.model_validate(tomllib.loads((HERE / "numbers.toml").read_text("utf-8")))
    return {entry.code: entry for entry in read.carrier}

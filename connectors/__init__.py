"""Carriers: one folder each. The folder is the registration; nothing here names a carrier."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from connectors.base import CAPABILITIES, Connector
from connectors.facts import read_facts
from normalizer.codes import CodeTable, read_codes, read_phrases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from normalizer.codes import Meaning

HERE = Path(__file__).parent


class UnknownCarrier(LookupError):  # noqa: N818 - it names what is unknown
    """There is no connector of that code."""


@cache
def carrier_codes() -> tuple[str, ...]:
    """Return the codes of all connectors, sorted."""
    return tuple(sorted(facts.parent.name.replace("_", "-") for facts in HERE.glob("*/carrier.toml")))


@cache
def connector(code: str) -> Connector:
    """Load one connector. Raises `UnknownCarrier`; a folder that breaks a rule raises its own error."""
    if code not in carrier_codes():
        raise UnknownCarrier(f"there is no carrier {code!r}")
    folder = HERE / code.replace("-", "_")
    module = import_module(f"connectors.{folder.name}")
    facts = read_facts(folder / "carrier.toml")
    common = {} if facts.falls_back_on is None else _codes(facts.falls_back_on)
    phrases_file = folder / "phrases.csv"
    phrases = (
        read_phrases(phrases_file.read_text("utf-8").splitlines(), f"{code}/phrases.csv")
        if phrases_file.exists()
        else {}
    )
    loaded: Connector = module.Carrier(facts, CodeTable(_codes(code), phrases, common))
    return loaded


def _codes(code: str) -> dict[str, Meaning]:
    lines = (HERE / code.replace("-", "_") / "codes.csv").read_text("utf-8").splitlines()
    return read_codes(lines, f"{code}/codes.csv")


def connectors() -> Mapping[str, Connector]:
    """Load all connectors, by code."""
    return {code: connector(code) for code in carrier_codes()}


def capabilities(of: Connector) -> tuple[str, ...]:
    """Return what a connector can do, in the order of the documentation."""
    return tuple(name for name, kind in CAPABILITIES.items() if isinstance(of, kind))

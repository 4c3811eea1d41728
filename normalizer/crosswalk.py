"""Our statuses in the vocabularies people come from, and theirs in ours: tables under `normalizer/data/crosswalk/`."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from normalizer.model import SUBSTATUSES, Status

DATA = Path(__file__).parent / "data" / "crosswalk"

Vocabulary = Literal["aftership", "easypost", "ship24", "17track", "upu", "epcis", "x12-214", "schema-org"]
"""AfterShip tag + subtag, EasyPost status + status_detail, Ship24 milestone + code, 17TRACK main + sub status, UPU
event code, GS1 CBV bizStep + disposition, X12 status (1650) + reason (1651), schema.org OrderStatus."""

VOCABULARIES: tuple[Vocabulary, ...] = get_args(Vocabulary)

Value = tuple[str, str]
"""A word of theirs and its detail; the detail is empty where there is none."""

_UNLISTED = (Status.UNKNOWN, "unlisted_code")


def to(vocabulary: Vocabulary, status: Status, substatus: str) -> Value | None:
    """Return their value for one of ours, or None where their vocabulary cannot say it.

    Raises `KeyError` for a substatus that the status does not have.
    """
    return outgoing(vocabulary)[status, substatus]


def from_(vocabulary: Vocabulary, value: str, detail: str = "") -> tuple[Status, str]:
    """Return ours for a value of theirs: by value and detail, else by the value alone.

    A value that stands in no list is `unknown`, `unlisted_code`: it is never guessed.
    """
    table = incoming(vocabulary)
    return table.get((value, detail)) or table.get((value, ""), _UNLISTED)


@cache
def outgoing(vocabulary: Vocabulary) -> dict[tuple[Status, str], Value | None]:
    """Return the whole table from ours to theirs. Raises `ValueError` for a row that breaks a rule."""
    table: dict[tuple[Status, str], Value | None] = {}
    for row in _rows(vocabulary, "to"):
        value = (row["value"], row["detail"])
        table[_ours(row, vocabulary)] = value if value[0] else None
    return table


@cache
def incoming(vocabulary: Vocabulary) -> dict[Value, tuple[Status, str]]:
    """Return the whole table from theirs to ours. Raises `ValueError` for a row that breaks a rule."""
    return {(row["value"], row["detail"]): _ours(row, vocabulary) for row in _rows(vocabulary, "from")}


def _rows(vocabulary: Vocabulary, direction: Literal["to", "from"]) -> list[dict[str, str]]:
    if vocabulary not in VOCABULARIES:
        raise ValueError(f"there is no crosswalk for {vocabulary!r}")
    with (DATA / f"{vocabulary}.{direction}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _ours(row: dict[str, str], vocabulary: str) -> tuple[Status, str]:
    status, substatus = Status(row["status"]), row["substatus"]
    if substatus not in SUBSTATUSES[status]:
        raise ValueError(f"{vocabulary}: {status} has no substatus {substatus!r}")
    return status, substatus

"""Meaning is data: a carrier's code table, row by row, from `codes.csv` and `phrases.csv`."""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from normalizer.model import SUBSTATUSES, Moves, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COLUMNS = ("code", "status", "substatus", "moves", "source", "note")
"""`moves` empty means `tells`. `source` names the document a code stands in; `note` says why, where it is not plain."""

PHRASE_COLUMNS = ("language", "phrase", "status", "substatus", "moves", "source")


_MOVES: dict[str, Moves] = {one: one for one in get_args(Moves)}


class BadTable(ValueError):  # noqa: N818 - it names what is bad
    """A row of a code table breaks a rule; the text names file, row and rule."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code says about a shipment."""

    status: Status
    substatus: str
    moves: Moves = "tells"


@dataclass(frozen=True, slots=True)
class CodeTable:
    """All codes and reviewed phrases of one carrier. A code without a row has no meaning: never guess one.

    `common` is a standard's table the carrier's trade shares (posts: the UPU's events); the carrier's own rows win.
    """

    codes: Mapping[str, Meaning] = field(default_factory=dict)
    phrases: Mapping[str, Meaning] = field(default_factory=dict)
    common: Mapping[str, Meaning] = field(default_factory=dict)

    def look_up(self, codes: Sequence[str], phrase: str | None = None) -> tuple[str | None, Meaning | None]:
        """Return (matching code, meaning) of the first code with a row, else of the phrase, else (None, None)."""
        for code in codes:
            meaning = self.codes.get(code)
            if meaning is not None:
                return code, meaning
        if self.common:
            for code in codes:
                meaning = self.common.get(code)
                if meaning is not None:
                    return code, meaning
        if phrase is not None and self.phrases:
            return None, self.phrases.get(normal_phrase(phrase))
        return None, None


def normal_phrase(text: str) -> str:
    """Return a phrase as `phrases.csv` spells it: NFKC, case folded, single spaces, no closing punctuation."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"\s+", " ", folded).strip(" .!:;,-")


def read_codes(lines: Iterable[str], name: str = "codes.csv") -> dict[str, Meaning]:
    """Read a code table. Rows are sorted by code and unique. Raises `BadTable`."""
    reader = csv.DictReader(lines)
    _expect_columns(reader, COLUMNS, name)
    table: dict[str, Meaning] = {}
    last = ""
    for row in reader:
        code, where = row["code"], f"{name}:{reader.line_num}"
        if not code or code <= last:
            raise BadTable(f"{where}: {code!r} stands out of order or twice after {last!r}")
        last = code
        if not row["source"]:
            raise BadTable(f"{where}: {code!r} names no source")
        table[code] = _meaning(row, where)
    return table


def read_phrases(lines: Iterable[str], name: str = "phrases.csv") -> dict[str, Meaning]:
    """Read a phrase table. A phrase stands there as `normal_phrase` spells it. Raises `BadTable`."""
    reader = csv.DictReader(lines)
    _expect_columns(reader, PHRASE_COLUMNS, name)
    table: dict[str, Meaning] = {}
    for row in reader:
        phrase, where = row["phrase"], f"{name}:{reader.line_num}"
        if phrase != normal_phrase(phrase) or not phrase:
            raise BadTable(f"{where}: {phrase!r} is not spelled as {normal_phrase(phrase)!r}")
        meaning = _meaning(row, where)
        if table.setdefault(phrase, meaning) != meaning:
            raise BadTable(f"{where}: {phrase!r} has two meanings")
    return table


def _expect_columns(reader: csv.DictReader[str], columns: tuple[str, ...], name: str) -> None:
    if tuple(reader.fieldnames or ()) != columns:
        raise BadTable(f"{name}: the columns are {reader.fieldnames}, expected {list(columns)}")


def _meaning(row: Mapping[str, str], where: str) -> Meaning:
    try:
        status = Status(row["status"])
    except ValueError:
        raise BadTable(f"{where}: there is no status {row['status']!r}") from None
    if row["substatus"] not in SUBSTATUSES[status]:
        raise BadTable(f"{where}: {status} has no substatus {row['substatus']!r}")
    moves = _MOVES.get(row["moves"] or "tells")
    if moves is None:
        raise BadTable(f"{where}: {row['moves']!r} is none of tells, informs, corrects")
    return Meaning(status, row["substatus"], moves)

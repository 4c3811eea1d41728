"""Files read into items: CSV with dotted columns, or JSON a line. Pure; one bad line is one bad item.

A CSV line of an order with `line.*` columns is one line of that order: lines with the same `order_number` that follow
each other are one order.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import orjson

from gateway.imports.columns import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.imports.columns import Kind

Form = Literal["csv", "ndjson"]

MOST_BYTES = 20_000_000
MOST_LINES = 200_000
_LONGEST_LINE = 200_000
_LONGEST_NAME = 100

_WHOLE = frozenset({"quantity"})
_DECIMAL = frozenset({"latitude", "longitude"})


class BadFile(ValueError):  # noqa: N818 - it names what is bad
    """The file as a whole cannot be taken: the reason."""


@dataclass(slots=True)
class Item:
    """One thing to make. `lines` are the numbers of the file's lines it stands on, `trouble` why it cannot be read."""

    lines: list[int]
    value: dict[str, Any] = field(default_factory=dict)
    trouble: tuple[str, str] | None = None
    """(JSON pointer, reason)."""


def read(kind: Kind, form: Form, body: bytes) -> list[Item]:
    """Return the items of a file. Raises `BadFile`."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as trouble:
        raise BadFile(f"is not UTF-8 (byte {trouble.start}): save it as such, in spreadsheets as “CSV UTF-8”") from None
    if "\0" in text:
        raise BadFile("holds a zero character")
    items = list(_ndjson(text) if form == "ndjson" else _csv(kind, text))
    if not items:
        raise BadFile("holds no line")
    if sum(len(item.lines) for item in items) > MOST_LINES:
        raise BadFile(f"holds more than {MOST_LINES} lines: split it")
    return items


def _ndjson(text: str) -> Iterator[Item]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if len(line) > _LONGEST_LINE:
            yield Item([number], trouble=("", f"is longer than {_LONGEST_LINE} characters"))
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield Item([number], trouble=("", "is not JSON"))
            continue
        if isinstance(value, dict):
            yield Item([number], value)
        else:
            yield Item([number], trouble=("", "is no JSON object"))


def _csv(kind: Kind, text: str) -> Iterator[Item]:
    head = text.split("\n", 1)[0]
    delimiter = max((",", ";", "\t"), key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [column.strip() for column in next(rows, [])]
        _check(kind, columns)
        before: Item | None = None
        seen: set[str] = set()
        last = rows.line_num
        for row in rows:
            first, last = last + 1, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            item = _item(columns, row, first)
            joined = None if before is None else _joined(before, item)
            if joined is None:
                if before is not None:
                    yield before
                    seen.add(before.value.get("order_number", ""))
                if "lines" in item.value and item.value.get("order_number") in seen:
                    item.trouble = ("/order_number", "stands further up already: put the lines of an order together")
                before = item
        if before is not None:
            yield before
    except csv.Error as trouble:
        raise BadFile(f"line {rows.line_num} cannot be read as CSV: {trouble}") from None


def _check(kind: Kind, columns: list[str]) -> None:
    known = COLUMNS[kind]
    for column in columns:
        if column not in known and not (column.startswith("metadata.") and len(column) > len("metadata.")):
            raise BadFile(
                f"has the column {column[:50]!r}, and {kind} have none of that name; they have {', '.join(known)} and "
                "metadata.<name>"
            )
        if columns.count(column) > 1:
            raise BadFile(f"has the column {column!r} twice")


def _item(columns: list[str], row: list[str], number: int) -> Item:
    item = Item([number])
    if len(row) > len(columns):
        item.trouble = ("", f"has {len(row)} cells for {len(columns)} columns")
        return item
    for column, cell in zip(columns, row, strict=False):
        text = cell.strip()
        if not text:
            continue
        head, _, name = column.partition(".")
        value: Any = text
        try:
            value = int(text) if name in _WHOLE else float(text) if name in _DECIMAL else text
        except ValueError:
            item.trouble = item.trouble or (f"/{head}/{name}", "is no number")
        if not name:
            item.value[head] = value
        else:
            item.value.setdefault(head, {})[name] = value
    if (line := item.value.pop("line", None)) is not None:
        item.value["lines"] = [line]
    return item


def _joined(before: Item, item: Item) -> Item | None:
    """Return the item before with another line of the same order added, None where it is another thing."""
    number = item.value.get("order_number")
    if "lines" not in item.value or "lines" not in before.value or number != before.value.get("order_number"):
        return None
    if number is None:
        return None
    before.lines += item.lines
    before.value["lines"] += item.value["lines"]
    before.trouble = before.trouble or item.trouble
    return before


def plain_name(told: str) -> str:
    """Return a file's name as it is kept: without a path, without characters that cannot be seen, not too long."""
    last = told.replace("\\", "/").rpartition("/")[2]
    name = "".join(one for one in last if not unicodedata.category(one).startswith("C")).strip()
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 5]}…{name[-4:]}"

"""Reads the reviewed tables that lie beside the channels."""

from __future__ import annotations

import csv
from pathlib import Path


def read_rows(name: str, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of `<name>.csv`. Raises `ValueError` where its columns are others or a cell is empty."""
    with (Path(__file__).parent / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if tuple(reader.fieldnames or ()) != columns:
            raise ValueError(f"{name}.csv: the columns must be {','.join(columns)}")
        rows = list(reader)
    for row in rows:
        if not all(row.values()) or None in row:
            raise ValueError(f"{name}.csv: a cell of {row[columns[0]]!r} is empty or one too many")
    return rows

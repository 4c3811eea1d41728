"""What people take home of imports: samples to fill in, and what was refused. Pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from gateway.imports import files
from gateway.imports.columns import COLUMNS, METADATA, REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.imports.columns import Kind
    from gateway.imports.files import Form

HEAD = ("line", "field", "reason")


def sample(kind: Kind, form: Form) -> bytes:
    """Return a file to fill in, which is taken in whole as it is."""
    table = (Path(__file__).parent / f"{kind}.csv").read_bytes()
    if form == "csv":
        return table
    return b"".join(orjson.dumps(item.value) + b"\n" for item in files.read(kind, "csv", table))


def kind_document(kind: Kind) -> dict[str, Any]:
    """Return what a file of a kind may hold."""
    columns = COLUMNS[kind] | {"metadata.<name>": METADATA}
    return {
        "kind": kind,
        "columns": [{"name": name, "help": text, "required": name == REQUIRED[kind]} for name, text in columns.items()],
        "most_bytes": files.MOST_BYTES,
        "most_lines": files.MOST_LINES,
    }


def refusals(form: Form, line: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (line, field, reason) of what is wrong with a refused line."""
    problem = line["problem"]
    for error in problem.get("errors") or [{"pointer": "", "detail": problem.get("detail") or problem["title"]}]:
        yield str(line["line"]), field_of(form, error["pointer"]), error["detail"]


def field_of(form: Form, pointer: str) -> str:
    """Return what a JSON pointer is called in the file: of a CSV file its column."""
    name = pointer.removeprefix("/").replace("/", ".")
    return re.sub(r"^lines\.\d+\.", "line.", name) if form == "csv" else name

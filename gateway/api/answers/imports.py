"""Imports and what became of their lines."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from gateway.api.answers.common import Problem


class Import(BaseModel, extra="forbid"):
    """A file that is taken in. `created`, `known` (there already) and `refused` count what is done."""

    id: str
    kind: Literal["orders", "shipments"]
    form: Literal["csv", "ndjson"]
    filename: str = Field(description="As its sender called it, without a path; empty where nobody said.")
    state: Literal["running", "finished"]
    total: int = Field(description="Orders or shipments in the file; of a CSV file several lines may be one order.")
    done: int
    created: int
    known: int
    refused: int
    created_at: datetime
    finished_at: datetime | None


class ImportColumn(BaseModel, extra="forbid"):
    """A column of a CSV file."""

    name: str
    help: str
    required: bool


class ImportKind(BaseModel, extra="forbid"):
    """What a file of orders or of shipments may hold."""

    kind: Literal["orders", "shipments"]
    columns: list[ImportColumn]
    most_bytes: int
    most_lines: int


class ImportKinds(BaseModel, extra="forbid"):
    """What files may hold."""

    data: list[ImportKind]
    next_cursor: str | None


class ImportPage(BaseModel, extra="forbid"):
    """A page of imports."""

    data: list[Import]
    next_cursor: str | None


class ImportedLine(BaseModel, extra="forbid"):
    """What became of one line: `status` is what the API would have answered, `id` what it made or found."""

    line: int = Field(description="Its number in the file, from one; of a CSV file the header is the first.")
    status: Literal[200, 201, 422]
    id: str | None
    problem: Problem | None


class ImportLines(BaseModel, extra="forbid"):
    """A page of lines."""

    data: list[ImportedLine]
    next_cursor: str | None

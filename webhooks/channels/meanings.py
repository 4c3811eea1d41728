"""What a provider's codes mean for a notice: reviewed rows with a source, and no guess where there is none."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple, get_args

from webhooks.channels.base import Said, SaidKind
from webhooks.channels.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS: dict[str, SaidKind] = {kind: kind for kind in get_args(SaidKind)}


class Meaning(NamedTuple):
    """One row: what follows from a code, in the words of `Said`."""

    kind: SaidKind
    reason: str


@cache
def read_meanings(table: str) -> Mapping[str, Meaning]:
    """Read `<table>.csv` of this package: sorted by code, unique, sourced. Raises `ValueError` naming the row."""
    found: dict[str, Meaning] = {}
    last = ""
    for row in read_rows(table, ("code", "kind", "reason", "source")):
        code, kind = row["code"], _KINDS.get(row["kind"])
        if code <= last:
            raise ValueError(f"{table}.csv: {code!r} stands out of order or twice after {last!r}")
        if kind is None:
            raise ValueError(f"{table}.csv: {code!r} has the unknown kind {row['kind']!r}")
        found[code] = Meaning(kind, row["reason"])
        last = code
    return found


def meaning(table: str, *codes: str) -> Meaning | None:
    """Return what the first of some codes, most specific first, that has a row means."""
    rows = read_meanings(table)
    return next((rows[code] for code in codes if code in rows), None)


def answered(table: str, status: int, code: str = "", retry_after: float | None = None) -> Said:
    """Say what an HTTP answer that is no acceptance means: by the provider's code, else by its status."""
    by_status = f"http {status}", f"http {status // 100}xx"
    found = meaning(table, code, *by_status) or meaning("http", *by_status)
    if found is None:
        found = Meaning("later", "an answer of no known kind")
    return Said(kind=found.kind, code=code or str(status), reason=found.reason, retry_after=retry_after)

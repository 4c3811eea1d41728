"""The insights: what was counted, asked by days, carrier and lane, and put into figures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from sqlalchemy import Integer, func, literal_column, select

from gateway.insights.tables import InsightTables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

By = Literal["carrier", "service", "lane", "week"]

_T = InsightTables.tally.c
_MONDAY = _T.day - (_T.day + literal_column("3", Integer)) % literal_column("7", Integer)
"""Days since 1970 begin on a Thursday. Literals, as PostgreSQL takes bound values for other expressions to group by."""

_COLUMNS: Mapping[By, Mapping[str, ColumnElement[Any]]] = {
    "week": {"week": _MONDAY},
    "carrier": {"carrier": _T.carrier},
    "service": {"carrier": _T.carrier, "service": _T.service},
    "lane": {"origin_country": _T.origin, "destination_country": _T.destination},
}
GROUP = ("week", "carrier", "service", "origin_country", "destination_country")

Bins = dict[int, int]
Counts = defaultdict[str, Bins]
"""Measure -> bin -> how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked: days since 1970, both included; whose; and how the answer is grouped."""

    first: int
    last: int
    carrier: str | None = None
    service: str | None = None
    origin: str | None = None
    destination: str | None = None
    by: Sequence[By] = ("carrier",)


@dataclass(slots=True)
class Group:
    """What was counted of one group. `names` are those of `GROUP` that it is grouped by; an unknown one is empty."""

    names: dict[str, Any]
    counts: Counts = field(default_factory=lambda: defaultdict(dict))

    @property
    def key(self) -> str:
        """What tells it from the other groups, in ASCII; weeks come in order."""
        texts = (f"{value:06}" if isinstance(value, int) else value for value in self.names.values())
        return "/".join(quote(text, safe="") for text in texts)

    def add(self, measure: str, bin_: int, count: int) -> None:
        """Add what was counted."""
        bins = self.counts[measure]
        bins[bin_] = bins.get(bin_, 0) + count


def asked(conn: Connection, merchant_id: str, measures: Sequence[str], wanted: Wanted) -> tuple[Group, list[Group]]:
    """Return what was counted of a merchant's shipments altogether, and by group."""
    chosen = {name: column for by in _COLUMNS if by in wanted.by for name, column in _COLUMNS[by].items()}
    columns = [column.label(name) for name, column in chosen.items()]
    statement = (
        select(_T.measure, _T.bin, func.sum(_T.count), *columns)
        .where(*_conditions(merchant_id, measures, wanted))
        .group_by(_T.measure, _T.bin, *columns)
    )
    total, groups = Group({}), dict[tuple[Any, ...], Group]()
    for measure, bin_, count, *values in conn.execute(statement).all():
        if not count:
            continue
        group = groups.setdefault(tuple(values), Group(dict(zip(chosen, values, strict=True))))
        for one in (total, group):
            one.add(measure, bin_, int(count))
    return total, list(groups.values())


def _conditions(merchant_id: str, measures: Sequence[str], wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    yield _T.merchant_id == merchant_id
    yield _T.measure.in_(measures)
    yield _T.day.between(wanted.first, wanted.last)
    columns = {
        _T.carrier: wanted.carrier,
        _T.service: wanted.service,
        _T.origin: wanted.origin,
        _T.destination: wanted.destination,
    }
    for column, value in columns.items():
        if value is not None:
            yield column == value


def page(
    groups: Sequence[Group], size: Callable[[Group], int], after: tuple[int, str] | None, limit: int
) -> tuple[list[Group], tuple[int, str] | None]:
    """Return one page of groups, the largest first or week by week, and after what the next one begins."""

    def place(group: Group) -> tuple[int, str]:
        return (0 if "week" in group.names else size(group), group.key)

    def order(of: tuple[int, str]) -> tuple[int, str]:
        return -of[0], of[1]

    found = sorted(groups, key=lambda group: order(place(group)))
    if after is not None:
        found = [group for group in found if order(place(group)) > order(after)]
    return found[:limit], place(found[limit - 1]) if len(found) > limit else None

"""What shops call carriers: one table, `companies.csv`, with the connectors a name may mean, the likeliest first."""

from __future__ import annotations

import csv
from functools import cache

from connectors import carrier_codes
from connectors.shops import HERE


class BadCompanies(ValueError):  # noqa: N818 - it names what is bad
    """A row of the table breaks a rule."""


@cache
def companies() -> dict[str, tuple[str, ...]]:
    """Return company -> carrier codes. Rows are sorted and unique. Raises `BadCompanies`."""
    table: dict[str, tuple[str, ...]] = {}
    last = ""
    with (HERE / "companies.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            company, carriers = row["company"], tuple(row["carriers"].split())
            if company <= last or company != company.casefold() or not carriers:
                raise BadCompanies(
                    f"{company!r} stands out of order or twice, is not in small letters or means nothing"
                )
            if unknown := set(carriers) - set(carrier_codes()):
                raise BadCompanies(f"{company!r} means {', '.join(sorted(unknown))}, which is no connector")
            table[company] = carriers
            last = company
    return table


def carriers_called(company: str) -> tuple[str, ...]:
    """Return the connectors a shop's name of a carrier may mean, the likeliest first; none where nobody has said so."""
    return companies().get(" ".join(company.casefold().replace("-", " ").replace("_", " ").split()), ())

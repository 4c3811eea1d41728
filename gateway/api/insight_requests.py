"""What callers ask of the insights."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.api.fields import EARLIEST, LATEST, CarrierCode, Country, Cursor, Limit, Query, Short
from gateway.insights.asking import By


def _in_our_time(day: date) -> date:
    if not EARLIEST.date() <= day <= LATEST.date():
        raise ValueError("lies outside of 1990 to 2200")
    return day


Day = Annotated[date, AfterValidator(_in_our_time)]


class InsightsQuery(Query):
    """Which shipments, by their day of arrival where that was, and how to group them."""

    since: Day | None = Field(default=None, alias="from", description="The first day; 30 days to the last by default.")
    until: Day | None = Field(default=None, alias="to", description="The last day; today (UTC) by default.")
    carrier: CarrierCode | None = None
    service: Short | None = Field(default=None, description="As the carrier calls it.")
    origin_country: Country | None = None
    destination_country: Country | None = None
    by: list[By] = Field(
        default=["carrier"],
        min_length=1,
        description="What to group by, several between commas: `carrier`, `service` (of a carrier), `lane` (from "
        "country to country), `week` (Monday to Sunday).",
    )
    cursor: Cursor | None = None
    limit: Limit = 50

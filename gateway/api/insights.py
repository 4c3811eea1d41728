"""Insights: what became of promises, how long it took, how far off arrivals were, and what recipients said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from gateway import listing
from gateway.api import answers, insight_requests
from gateway.api.calls import STAFF, Ask, Calls, answer
from gateway.api.problems import invalid
from gateway.insights import asking, figures
from gateway.insights.asking import GROUP, Group, Wanted
from gateway.insights.outcome import FIRST_DAY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohttp import web

    from gateway.api.insight_requests import InsightsQuery
    from gateway.insights.asking import Counts

CALLS = Calls("Insights")

USUAL_DAYS = 30
MOST_DAYS = 400


@CALLS.add(
    "GET",
    "/v1/insights/on-time",
    "How many shipments came in time, by the merchant's promise and by the carrier's; those without one apart.",
    roles=STAFF,
    query=insight_requests.InsightsQuery,
    answers={200: answers.OnTimeInsights},
    problems=("validation",),
)
async def on_time(ask: Ask) -> web.StreamResponse:
    """Answer how promises were kept."""
    return await _answer(ask, figures.ON_TIME, figures.on_time)


@CALLS.add(
    "GET",
    "/v1/insights/transit-times",
    "How long shipments took from the first physical scan to the arrival.",
    roles=STAFF,
    query=insight_requests.InsightsQuery,
    answers={200: answers.TransitTimesInsights},
    problems=("validation",),
)
async def transit_times(ask: Ask) -> web.StreamResponse:
    """Answer how long it took."""
    return await _answer(ask, figures.TRANSIT_TIMES, figures.transit_times)


@CALLS.add(
    "GET",
    "/v1/insights/eta-accuracy",
    "How far off the carrier's, the merchant's and our own word on an arrival were.",
    roles=STAFF,
    query=insight_requests.InsightsQuery,
    answers={200: answers.EtaAccuracyInsights},
    problems=("validation",),
)
async def eta_accuracy(ask: Ask) -> web.StreamResponse:
    """Answer how far off each voice was."""
    return await _answer(ask, figures.ETA_ACCURACY, figures.eta_accuracy)


@CALLS.add(
    "GET",
    "/v1/insights/satisfaction",
    "What recipients said of their deliveries, and why.",
    roles=STAFF,
    query=insight_requests.InsightsQuery,
    answers={200: answers.SatisfactionInsights},
    problems=("validation",),
)
async def satisfaction(ask: Ask) -> web.StreamResponse:
    """Answer how deliveries were rated."""
    return await _answer(ask, figures.SATISFACTION, figures.satisfaction)


async def _answer(
    ask: Ask, measures: Sequence[str], figures_of: Callable[[Counts], dict[str, Any]]
) -> web.StreamResponse:
    query: InsightsQuery = ask.query
    first, last = _days(query, ask.now)
    wanted = Wanted(
        first=(first - FIRST_DAY).days,
        last=(last - FIRST_DAY).days,
        carrier=query.carrier,
        service=query.service,
        origin=query.origin_country,
        destination=query.destination_country,
        by=query.by,
    )
    try:
        after = None if query.cursor is None else listing.read_cursor(query.cursor)
    except listing.BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    total, groups = await ask.gateway.store.read(lambda conn: asking.asked(conn, ask.merchant_id, measures, wanted))
    some, further = asking.page(groups, lambda group: figures.size(group.counts), after, query.limit)
    return answer(
        {
            "from": first.isoformat(),
            "to": last.isoformat(),
            "total": figures_of(total.counts),
            "data": [{"group": _names(group)} | figures_of(group.counts) for group in some],
            "next_cursor": None if further is None else listing.make_cursor(*further),
        }
    )


def _days(query: InsightsQuery, now: int) -> tuple[date, date]:
    """Return the first and the last day asked for. Raises the 422 problem."""
    last = query.until or max(datetime.fromtimestamp(now / 1000, UTC).date(), query.since or date.min)
    first = query.since or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise invalid(("?from", "lies after the last day"))
    if (last - first).days >= MOST_DAYS:
        raise invalid(("?from", f"at most {MOST_DAYS} days at once"))
    return first, last


def _names(group: Group) -> dict[str, Any]:
    names = {name: group.names.get(name) or None for name in GROUP}
    week = group.names.get("week")
    return names | {"week": None if week is None else (FIRST_DAY + timedelta(days=week)).isoformat()}

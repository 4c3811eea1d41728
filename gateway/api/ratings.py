"""Ratings of deliveries: read them, find the low ones, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api import answers, rating_requests
from gateway.api.calls import STAFF, Ask, Calls, answer, listing
from gateway.api.problems import invalid
from gateway.api.shipments import found
from gateway.listing import BadCursor
from gateway.ratings import ratings
from gateway.ratings.ratings import Wanted

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection, RowMapping

    from gateway.api.rating_requests import RatingAnswerIn, RatingsQuery

CALLS = Calls("Ratings")


@CALLS.add(
    "GET",
    "/v1/ratings",
    "Ratings of deliveries, the latest first.",
    roles=STAFF,
    query=rating_requests.RatingsQuery,
    answers={200: answers.RatingsOut},
    problems=("validation",),
)
async def find(ask: Ask) -> web.StreamResponse:
    """List ratings."""
    query: RatingsQuery = ask.query
    wanted = Wanted(
        low=query.low,
        answered=query.answered,
        carrier=query.carrier,
        shipment_id=query.shipment_id,
        since=None if query.since is None else int(query.since.timestamp() * 1000),
        after=query.cursor,
        limit=query.limit,
    )
    try:
        rows, cursor = await ask.gateway.store.read(lambda conn: ratings.listed(conn, ask.merchant_id, wanted))
    except BadCursor as trouble:
        raise invalid(("?cursor", str(trouble))) from None
    return listing([ratings.document(ask.gateway.vault, row) for row in rows], cursor)


@CALLS.add(
    "GET",
    "/v1/shipments/{shipment_id}/rating",
    "The rating of a delivery; 404 while there is none.",
    roles=STAFF,
    answers={200: answers.RatingOut},
    problems=("not-found",),
)
async def show(ask: Ask) -> web.StreamResponse:
    """Show a rating."""
    shipment_id = ask.path("shipment_id")
    row = await ask.gateway.store.read(lambda conn: ratings.of(conn, ask.merchant_id, shipment_id))
    return answer(ratings.document(ask.gateway.vault, found(row)))


@CALLS.add(
    "POST",
    "/v1/shipments/{shipment_id}/rating/answer",
    "Answer a rating, in place of an earlier answer. It stands on the tracking page.",
    roles=STAFF,
    body=rating_requests.RatingAnswerIn,
    answers={200: answers.RatingOut},
    problems=("not-found", "validation"),
)
async def reply(ask: Ask) -> web.StreamResponse:
    """Keep an answer."""
    wish: RatingAnswerIn = ask.body
    gateway, merchant_id, shipment_id = ask.gateway, ask.merchant_id, ask.path("shipment_id")

    def work(conn: Connection) -> RowMapping:
        row = found(ratings.of(conn, merchant_id, shipment_id))
        return ratings.answer(conn, gateway.vault, row, wish.text, ask.now)

    row = await gateway.store.write(work)
    gateway.positions.say((merchant_id, shipment_id), "changed")
    return answer(ratings.document(gateway.vault, row))

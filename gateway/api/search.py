"""Finding shipments by whatever somebody has in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import shipments
from gateway.api import answers, search_requests
from gateway.api.calls import STAFF, Ask, Calls, listing
from gateway.visibility import shown

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.api.search_requests import SearchQuery

CALLS = Calls("Shipments")


@CALLS.add(
    "GET",
    "/v1/search",
    "Find shipments by tracking or order number, name, e-mail, phone, postcode or town: whole, or as far as typed.",
    roles=STAFF,
    query=search_requests.SearchQuery,
    answers={200: answers.Shipments},
    problems=("validation",),
    personal=True,
)
async def find(ask: Ask) -> web.StreamResponse:
    """Search; what was registered half a second ago is found."""
    query: SearchQuery = ask.query
    found = await ask.gateway.search.find(ask.merchant_id, query.q, query.limit)
    urls = await ask.gateway.links.urls(ask.merchant_id, [row["id"] for row, _ in found])
    documents = [
        shipments.document(row) | {"tracking_url": urls[row["id"]], "recipient": recipient} for row, recipient in found
    ]
    return listing([shown(ask.principal.role, "shipment", one) for one in documents])

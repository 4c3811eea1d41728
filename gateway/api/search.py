"""Finding shipments and orders by whatever somebody has in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import shipments
from gateway.api import answers, search_requests
from gateway.api.calls import STAFF, Ask, Calls, answer
from gateway.api.problems import Problem
from gateway.orders import documents
from gateway.search.asked import BadQuestion
from gateway.search.index import is_order
from gateway.visibility import shown

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.api.search_requests import SearchQuery

CALLS = Calls("Shipments")


@CALLS.add(
    "GET",
    "/v1/search",
    "Find shipments and orders by number, name, e-mail, phone, postcode or town: whole, or as far as typed. "
    "Addresses of tracking pages and up to 50 numbers may be pasted.",
    roles=STAFF,
    query=search_requests.SearchQuery,
    answers={200: answers.SearchAnswer},
    problems=("validation",),
    personal=True,
)
async def find(ask: Ask) -> web.StreamResponse:
    """Search; what was registered half a second ago is found, by its number at once."""
    query: SearchQuery = ask.query
    try:
        found = await ask.gateway.search.find(ask.merchant_id, query.q, query.limit)
    except BadQuestion as trouble:  # people read it as it is, beside the box they typed in
        raise Problem("validation", str(trouble), errors=[("?q", str(trouble))]) from None
    urls = await ask.gateway.links.urls(ask.merchant_id, [id_ for id_ in found.rows if not is_order(id_)])
    role = ask.principal.role
    parcels, orders = [], []
    for id_, (row, recipient) in found.rows.items():
        if is_order(id_):
            orders.append(shown(role, "order", documents.order(row) | {"recipient": recipient}))
        else:
            more = {"tracking_url": urls[id_], "recipient": recipient}
            parcels.append(shown(role, "shipment", shipments.document(row) | more))
    asked = [
        {
            "text": one.text,
            "shipments": [id_ for id_ in ids if not is_order(id_)],
            "orders": [id_ for id_ in ids if is_order(id_)],
        }
        for one, ids in found.answers
    ]
    return answer({"data": parcels, "orders": orders, "asked": asked, "next_cursor": None})

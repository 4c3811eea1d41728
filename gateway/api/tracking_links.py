"""Links to tracking pages: made with the shipment by itself; here one is replaced or ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from gateway import shipments
from gateway.api import answers, requests
from gateway.api.calls import STAFF, Ask, Calls, answer
from gateway.api.problems import invalid
from gateway.api.shipments import found
from gateway.pages import links
from normalizer import render

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.api.requests import TrackingLinkIn

CALLS = Calls("Shipments")
_PATH = "/v1/shipments/{shipment_id}/tracking-link"


@CALLS.add(
    "POST",
    _PATH,
    "Make a new link to the tracking page. The old one ends at once.",
    roles=STAFF,
    body=requests.TrackingLinkIn,
    body_optional=True,
    answers={201: answers.TrackingLink},
    problems=("not-found", "validation"),
)
async def renew(ask: Ask) -> web.StreamResponse:
    """Replace a shipment's link."""
    wish: TrackingLinkIn = ask.body
    ends = None if wish.expires_at is None else int(wish.expires_at.timestamp() * 1000)
    if ends is not None and ends <= ask.now:
        raise invalid(("/expires_at", "is past"))

    def work(conn: Connection) -> str:
        row = found(shipments.get(conn, ask.merchant_id, ask.path("shipment_id")))
        return ask.gateway.links.renew(conn, ask.merchant_id, row["id"], ends, ask.now)

    token = await ask.gateway.store.write(work)
    return answer({"tracking_url": ask.gateway.links.url(token), "expires_at": render.millis_instant(ends)}, 201)


@CALLS.add(
    "DELETE",
    _PATH,
    "End the link to the tracking page. There is none until another one is asked for.",
    roles=STAFF,
    answers={204: None},
    problems=("not-found",),
)
async def revoke(ask: Ask) -> web.StreamResponse:
    """End a shipment's link."""

    def work(conn: Connection) -> None:
        row = found(shipments.get(conn, ask.merchant_id, ask.path("shipment_id")))
        ask.gateway.links.ensure(conn, ask.merchant_id, [row["id"]], ask.now)  # what was never made cannot be ended
        links.revoke(conn, ask.merchant_id, row["id"], ask.now)

    await ask.gateway.store.write(work)
    return web.Response(status=204)

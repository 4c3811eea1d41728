"""A parcel by the token of its tracking page, as JSON: its recipient's view, or a shop page's with a storefront key."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import orjson
from aiohttp import web

from gateway import shipments
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.pages import views
from gateway.pages.callers import address_of
from gateway.pages.statics import has
from gateway.storefront import telling
from gateway.texts import choose

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.api.calls import Desk
    from gateway.keys import KeyRole
    from gateway.pages.links import Opened
    from gateway.pages.views import View
    from gateway.visibility import Viewer

PATH = "/v1/public/shipments/{token}"
_ROLES: tuple[KeyRole, ...] = ("storefront",)


class PublicShipments:
    """What a token opens. Unknown, revoked and expired tokens, and those of another merchant's, look the same."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Show the shipment. With a storefront key it is cut to what a storefront sees, for pages of its origins."""
        gateway, token = self._desk.gateway, request.match_info["token"]
        merchant_id: str | None = None
        viewer: Viewer = "recipient"
        if "Authorization" in request.headers:
            principal = await self._desk.keeper.who(request)
            self._desk.keeper.admit(request, principal, _ROLES)
            merchant_id, viewer = principal.merchant_id, "storefront"
        opened = await gateway.links.opened(token)
        if opened is None or merchant_id not in (None, opened.merchant_id):
            self._desk.counts.token(address_of(request, forwarded=gateway.settings.trust_forwarded_for))
            raise Problem("not-found")
        spoken = choose(request.query.get("lang"), request.headers.get("Accept-Language", ""))
        now = now_ms()
        view = await self._view(opened, viewer, token, now)
        return _answer(request, orjson.dumps(telling.document(view, spoken, now, courier=viewer == "recipient")))

    async def _view(self, opened: Opened, viewer: Viewer, token: str, now: int) -> View:
        gateway = self._desk.gateway
        unseal = partial(shipments.recipient, gateway.vault)
        url = gateway.links.url(token)

        def work(conn: Connection) -> View:
            return views.look(conn, opened.row, viewer, now, unseal, url=url)

        return await gateway.store.read(work)


def _answer(request: web.Request, body: bytes) -> web.StreamResponse:
    etag = sha256(body).hexdigest()[:24]
    headers = {
        "Cache-Control": "private, no-cache",
        "ETag": f'W/"{etag}"',
        "Vary": "Accept-Language, Authorization, Origin",
        "X-Robots-Tag": "noindex",
    }
    if has(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", charset="utf-8", headers=headers)

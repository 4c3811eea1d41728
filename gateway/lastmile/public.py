"""What recipients reach by the token of their tracking page. Unknown, revoked and expired tokens look the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.api.calls import answer
from gateway.api.positions import follow
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.lastmile import seeing

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.app import Gateway

ROOT = "/v1/public/shipments/{token}"


class PublicCourier:
    """The courier as a recipient sees it."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get(f"{ROOT}/courier", self.courier)
        app.router.add_get(f"{ROOT}/courier/stream", self.stream, allow_head=False)

    async def courier(self, request: web.Request) -> web.StreamResponse:
        """Show the courier."""
        merchant_id, shipment_id = await self.shipment(request)
        document = await self._gateway.store.read(
            lambda conn: seeing.courier(conn, merchant_id, shipment_id, "recipient", now_ms())
        )
        if document is None:
            raise Problem("not-found")
        return answer(document)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Stream the courier for as long as the token is good."""
        key = await self.shipment(request)

        async def still_good() -> bool:
            return await self._gateway.links.shipment_of(request.match_info["token"]) == key

        return await follow(request, self._gateway.positions, key, "recipient", still_good)

    async def shipment(self, request: web.Request) -> tuple[str, str]:
        """Return the merchant and shipment a request's token opens. Raises the 404 problem."""
        key = await self._gateway.links.shipment_of(request.match_info["token"])
        if key is None:
            raise Problem("not-found")
        return key

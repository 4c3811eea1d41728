"""A sample merchant: receives webhooks on loopback and checks each with the independent package `standardwebhooks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Told:
    """One message, verified: what a merchant learns from a webhook."""

    id: str
    type: str
    shipment: dict[str, Any]
    event: dict[str, Any] | None

    @property
    def number(self) -> str:
        """The tracking number it is about; empty where it is about no shipment."""
        return str(self.shipment.get("tracking_number", ""))


class SampleMerchant:
    """What a shop would run: an endpoint that verifies, remembers ids, and answers at once.

    `secret` is set once the gateway has told it; before that nothing verifies.
    """

    def __init__(self, on_told: Callable[[Told], None] = lambda _told: None) -> None:
        self.secret = ""
        self.url = ""
        self.told: dict[str, Told] = {}
        """Verified messages by their id; one that comes twice stands here once."""
        self.repeated = 0
        self.refused: list[str] = []
        """Why webhooks were not believed."""
        self._on_told = on_told
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1_000_000)
        app.router.add_post("/webhooks", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/webhooks"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        try:
            message = Webhook(self.secret).verify(body, dict(request.headers))
        except (WebhookVerificationError, ValueError, RuntimeError) as trouble:
            self.refused.append(str(trouble) or type(trouble).__name__)
            return web.Response(status=400)
        data = message["data"]
        told = Told(message["id"], message["type"], data.get("shipment") or {}, data.get("event"))
        if told.id != request.headers["webhook-id"]:
            self.refused.append("the body and the header webhook-id name different messages")
            return web.Response(status=400)
        if told.id in self.told:
            self.repeated += 1
        else:
            self.told[told.id] = told
            self._on_told(told)
        return web.Response(status=204)

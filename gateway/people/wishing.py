"""Recipients ask for notices themselves, by the link to their tracking page. Nothing goes before they confirm.

Whoever holds a page's link could name somebody else's telephone, so what is answered does not tell whether the address
is known, has said stop, or is asked at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.api.calls import answer, parse, read_body
from gateway.api.people_requests import PublicSubscriptionIn, SubscriptionIn
from gateway.api.problems import Problem, invalid
from gateway.api.subscriptions import new_wish
from gateway.clock import now_ms
from gateway.pages.callers import address_of
from gateway.pages.links import PATTERN
from gateway.pages.tries import Tries
from gateway.people import accounts, notices, wishes
from gateway.people.wishes import Book
from webhooks.channels.push import public_key

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

    from gateway.app import Gateway
    from gateway.pages.links import Opened

ROOT = f"/v1/public/shipments/{PATTERN}"
_MOST_BYTES = 16_384
_MOST_WISHES = 10
"""Wishes of one shipment that came by its page."""
_TRIES, _WINDOW = 20, 3_600.0
PUBLIC = "tracking page"
"""How consent was given."""


class PublicWishes:
    """What a tracking page offers: by which ways its reader may hear, and taking down that they want to."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._book = Book(gateway.vault, gateway.tickets)
        self._tries = Tries(_TRIES, _WINDOW)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get(f"{ROOT}/channels", self.channels)
        app.router.add_post(f"{ROOT}/subscriptions", self.subscribe)

    async def channels(self, request: web.Request) -> web.StreamResponse:
        """List the ways a merchant writes to people by, with the key that browsers subscribe with."""
        merchant_id = (await self._opened(request)).merchant_id

        return answer({"data": await self._gateway.store.read(lambda conn: self.ways(conn, merchant_id))})

    def ways(self, conn: Connection, merchant_id: str) -> list[dict[str, Any]]:
        """Return the ways a merchant writes to people by, with the key that browsers subscribe with."""
        sending = set(notices.sending_accounts(conn, merchant_id).values())
        rows = [row for row in accounts.listed(conn, merchant_id) if row["id"] in sending]
        vault = self._gateway.vault
        return [
            {
                "channel": row["channel"],
                "public_key": public_key(accounts.secrets_of(vault, row)["vapid_private_key"])
                if row["channel"] == "push"
                else None,
            }
            for row in rows
            if row["state"] == "active" and row["channel"] != "console"
        ]

    async def subscribe(self, request: web.Request) -> web.StreamResponse:
        """Take down a wish. A browser's own subscription is its yes; any other address is asked first."""
        opened = await self._opened(request)
        caller = address_of(request, forwarded=self._gateway.settings.trust_forwarded_for)
        if request.content_type != "application/json":
            raise Problem("unsupported-media-type", "send JSON as application/json")
        told = parse(PublicSubscriptionIn, await read_body(request, _MOST_BYTES))
        asks = await self.take(opened, told, caller)
        return answer({"state": "pending" if asks else "active"}, 202)

    async def take(self, opened: Opened, told: PublicSubscriptionIn, caller: str) -> bool:
        """Take down a wish; tell whether the person is asked first. Raises the problem of what cannot be taken."""
        if not self._tries.allow(f"{opened.shipment_id} {caller}"):
            raise Problem("rate-limited", headers={"Retry-After": str(int(_WINDOW))})
        asks = told.channel != "push"
        fields = told.model_dump(exclude_unset=True, by_alias=True)
        wish = SubscriptionIn.model_validate(fields | {"consent": {"how": PUBLIC}, "double_opt_in": asks})
        now = now_ms()
        new = new_wish(wish, opened.row, self._gateway.vault, now)

        def work(conn: Connection) -> None:
            if all(way["channel"] != told.channel for way in self.ways(conn, opened.merchant_id)):
                raise invalid(("/channel", "the shop does not write to people by it"))
            if wishes.count(conn, opened.merchant_id, opened.shipment_id) >= _MOST_WISHES:
                raise Problem("conflict", f"a parcel has at most {_MOST_WISHES} wishes")
            row, fresh = self._book.add(conn, opened.merchant_id, new, now, keep=True)
            if fresh:
                wishes.ask(conn, row, now)

        await self._gateway.store.write(work)
        self._gateway.postroom.hint(opened.merchant_id)
        return asks

    async def _opened(self, request: web.Request) -> Opened:
        opened = await self._gateway.links.opened(request.match_info["token"])
        if opened is None:
            raise Problem("not-found")
        return opened

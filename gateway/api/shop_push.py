"""Shops call us: size-checked, verified over the raw bytes, kept, answered. Nothing is parsed here."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from connectors.base import Push
from connectors.errors import Forged
from connectors.shops import UnknownShop, shop
from gateway import metrics
from gateway.api.calls import read_body
from gateway.api.problems import Problem
from gateway.api.push import kept_headers
from gateway.clock import now_ms
from gateway.shops import accounts, inbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.app import Gateway

PATH = "/shops/{shop}/push/{account_id}"


def handler(gateway: Gateway) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of `/shops/{shop}/push/{account_id}`."""

    async def take(request: web.Request) -> web.StreamResponse:
        code, account_id = request.match_info["shop"], request.match_info["account_id"]
        try:
            of = shop(code)
        except UnknownShop:
            raise Problem("not-found") from None
        row = await gateway.store.read(partial(accounts.by_id, account_id=account_id))
        if row is None or row["shop"] != code:
            metrics.UNKNOWN_ACCOUNTS.inc()
            raise Problem("not-found")
        body = await read_body(request, of.facts.push.max_bytes)
        now = now_ms()
        headers = {name.lower(): value for name, value in request.headers.items()}
        push = Push(request.method, headers, request.query, body, datetime.fromtimestamp(now / 1000, UTC))
        reply = of.challenge(push)
        if reply is not None:
            metrics.pushes(code, "challenge").inc()
            return web.Response(status=reply.status, body=reply.body)
        account = accounts.opened(gateway.vault, row)
        try:
            of.verify(push, account.secrets)
        except Forged:
            metrics.pushes(code, "forged").inc()
            raise Problem("forged") from None
        kept = inbox.sealed(gateway.vault, row, kept_headers(headers), body, now)
        await gateway.store.write(lambda conn: inbox.keep(conn, kept))
        metrics.pushes(code, "kept").inc()
        gateway.read_shops()
        return web.Response(status=200)

    return take

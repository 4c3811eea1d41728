"""Shops call us: size-checked, verified over the raw bytes, kept, answered. Nothing is parsed here."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from connectors.base import Push
from connectors.errors import Forged
from connectors.shops import UnknownShop, shop
from gateway import metrics
from gateway.api.calls import read_body
from gateway.api.problems import Problem
from gateway.api.push import kept_headers
from gateway.clock import now_ms
from gateway.shops import accounts, inbox, old_secrets

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from sqlalchemy import Connection, RowMapping

    from connectors.shops.base import Shop
    from gateway.app import Gateway
    from gateway.shops.accounts import OpenShop

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATH = "/shops/{shop}/push/{account_id}"
_NOTED_AGAIN_MS = 10_000


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
        now, most = now_ms(), of.facts.push.max_bytes
        try:
            body = await read_body(request, most)
        except Problem as trouble:
            if trouble.kind.name == "too-large":
                await _refuse(gateway, row, f"larger than {most} bytes", now)
            raise
        headers = {name.lower(): value for name, value in request.headers.items()}
        push = Push(request.method, headers, request.query, body, datetime.fromtimestamp(now / 1000, UTC))
        reply = of.challenge(push)
        if reply is not None:
            metrics.pushes(code, "challenge").inc()
            return web.Response(status=reply.status, body=reply.body)
        account = accounts.opened(gateway.vault, row)
        try:
            _verify(of, push, account, old_secrets.counting(gateway.vault, row, now))
        except Forged as trouble:
            metrics.pushes(code, "forged").inc()
            await _refuse(gateway, row, str(trouble), now)
            raise Problem("forged", trouble.told) from None
        kept = inbox.sealed(gateway.vault, row, kept_headers(headers), body, now)

        def work(conn: Connection) -> None:
            inbox.keep(conn, kept)
            accounts.note_push(conn, row, now)

        await gateway.store.write(work)
        metrics.pushes(code, "kept").inc()
        gateway.read_shops()
        return web.Response(status=200)

    return take


def _verify(of: Shop, push: Push, account: OpenShop, old: Iterable[Mapping[str, str]]) -> None:
    """Return if a push is the shop's own, by its secrets or by old ones that still count. Raises `Forged`."""
    try:
        of.verify(push, account.secrets)
    except Forged:
        for secrets in old:
            with suppress(Forged):
                of.verify(push, {**account.secrets, **secrets})
                return
        raise


async def _refuse(gateway: Gateway, row: RowMapping, reason: str, now: int) -> None:
    """Note a refusal for the shop's merchant, one at a time: who sends it may be anybody who knows the address."""
    if row["refused_at"] is None or now - row["refused_at"] >= _NOTED_AGAIN_MS:
        log.warning("push_refused", shop=row["shop"], account=row["id"], reason=reason)
        await gateway.store.write(lambda conn: accounts.note_refusal(conn, row, reason, now))

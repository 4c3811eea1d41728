"""Carriers call us: size-checked, verified, kept, answered in the carrier's own way. Nothing is parsed here.

This is the hot path: no models, no log lines but of refusals, one look-up in memory, one shared commit.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import web

from connectors import UnknownCarrier, connector
from connectors.base import Connector, Push, Pushes
from connectors.errors import Forged
from gateway import metrics
from gateway.api.calls import read_body
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.db import LogFull
from gateway.inbox import NewPayload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from connectors.base import Reply
    from gateway.api.calls import Desk

_NOT_KEPT = ("authorization", "cookie", "signature", "secret", "token", "api-key", "apikey", "password", "hmac")
_NOT_TOLD = frozenset({"x-forwarded-for", "x-real-ip", "forwarded", "host", "connection", "content-length"})


class _PushingConnector(Connector, Pushes):
    """A connector that pushes, for the type checker: never made."""


@cache
def _pusher(code: str) -> tuple[_PushingConnector, int] | None:
    """Return a connector that pushes and its largest body; None for any other code. Codes are bounded by routes."""
    found = connector(code)
    return (found, found.facts.push.max_bytes) if isinstance(found, Pushes) else None  # type: ignore[return-value]


def handler(desk: Desk) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the handler of `/carriers/{carrier}/push/{account_id}`."""
    find_account = desk.accounts.get
    outside = urlsplit(desk.gateway.settings.public_url).path.rstrip("/")
    keep = desk.gateway.inbox.keep

    async def take(request: web.Request) -> web.StreamResponse:
        carrier = request.match_info["carrier"]
        try:
            pusher = _pusher(carrier)
        except UnknownCarrier:
            raise Problem("not-found") from None
        account = await find_account(request.match_info["account_id"])
        if pusher is None or account is None or account.carrier != carrier:
            metrics.UNKNOWN_ACCOUNTS.inc()
            raise Problem("not-found")
        by, most = pusher
        try:
            body = await read_body(request, most)
        except Problem as trouble:
            metrics.pushes(carrier, "too_large" if trouble.kind.name == "too-large" else "broken").inc()
            raise
        now = now_ms()
        headers = {name.lower(): value for name, value in request.headers.items()}
        at, path = datetime.fromtimestamp(now / 1000, UTC), outside + request.path
        push = Push(request.method, headers, request.query, body, at, path)
        try:
            challenge = by.challenge(push, account.secrets)
            if challenge is not None:
                metrics.pushes(carrier, "challenge").inc()
                return _answer(challenge)
            by.verify(push, account.secrets)
        except Forged as trouble:
            metrics.pushes(carrier, "forged").inc()
            await desk.accounts.note_refusal(account, str(trouble), now)
            raise Problem("forged", trouble.told) from None
        if body:
            payload = NewPayload(
                merchant_id=account.merchant_id,
                carrier=carrier,
                account_id=account.id,
                source="push",
                received_at=now,
                body=by.kept(push),
                headers=kept_headers(headers),
            )
            try:
                await keep(payload)
            except LogFull:
                metrics.pushes(carrier, "full").inc()
                raise
            metrics.pushes(carrier, "kept").inc()
        return _answer(by.answer(push))

    return take


@lru_cache(1_000)
def _is_kept(name: str) -> bool:
    return name not in _NOT_TOLD and not any(part in name for part in _NOT_KEPT)


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers worth keeping: none that proves an origin or tells an address."""
    if len(headers) > _MOST_HEADERS:
        headers = dict(list(headers.items())[:_MOST_HEADERS])
    return {name: value for name, value in headers.items() if len(name) <= _LONGEST_NAME and _is_kept(name)}


_MOST_HEADERS = 60
_LONGEST_NAME = 64


def _answer(reply: Reply) -> web.Response:
    response = web.Response(status=reply.status, body=reply.body)
    if reply.body:
        response.headers["Content-Type"] = reply.content_type
    return response

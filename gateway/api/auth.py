"""Who asks, and how much: keys, roles, origins, and a bucket of requests per key."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from aiohttp import web

from gateway import keys
from gateway.api.problems import Problem
from gateway.clock import now_ms
from gateway.staff import people, sessions

if TYPE_CHECKING:
    from collections.abc import Collection

    from gateway.keys import KeyRole, Principal
    from webhooks.store import Store

_FRESH_SECONDS = 5.0
"""A key revoked by another process stops working within this time; in this process at once."""
_MOST_REMEMBERED = 20_000
_WINDOW = 60
_LOOKING = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="carrier-gateway"'}


LIMITS: web.RequestKey[dict[str, str]] = web.RequestKey("limits", dict[str, str])
"""Where a request keeps the headers that every answer to it carries."""


class Doorkeeper:
    """Knows keys for a moment, so that not every request asks the database."""

    def __init__(self, store: Store, requests_per_minute: int) -> None:
        self._store = store
        self._known: dict[bytes, tuple[float, Principal | None]] = {}
        self._buckets: dict[str, tuple[float, float]] = {}
        self._most = requests_per_minute

    async def who(self, request: web.Request) -> Principal:
        """Return whose key, or whose session, a request carries. Raises the 401 problem.

        A session's cookie goes by itself, so what changes something must come from the console's own pages: other
        sites can neither set `X-Console` nor say `same-origin`.
        """
        if "Authorization" not in request.headers and (secret := request.cookies.get(sessions.COOKIE)):
            return await self._of_session(request, secret)
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        text = text.strip()
        if scheme.lower() != "bearer" or not text:
            raise Problem("unauthorized", "the request carries no bearer key", headers=_CHALLENGE)
        principal = await self._find(text) if keys.plausible(text) else None
        if principal is None:
            wrong = {"WWW-Authenticate": _CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'}
            raise Problem("unauthorized", "the key is unknown or revoked", headers=wrong)
        return principal

    async def _of_session(self, request: web.Request, secret: str) -> Principal:
        if request.method not in _LOOKING and (
            request.headers.get("X-Console") is None
            or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin"
        ):
            raise Problem("forbidden", "this was not asked by the console itself")
        wanted, now = people.digest(secret), now_ms()
        known = self._known.get(wanted)
        if known is None or time.monotonic() - known[0] >= _FRESH_SECONDS:
            found = await self._store.read(lambda conn: sessions.find(conn, wanted, now))
            if found is not None and sessions.is_stale(found[1], now):
                await self._store.write(lambda conn: sessions.note(conn, wanted, now))
            known = self._remember(wanted, None if found is None else found[0])
        if known[1] is None:
            raise Problem("unauthorized", "the session is over: sign in again", headers=_CHALLENGE)
        return known[1]

    def _remember(self, wanted: bytes, principal: Principal | None) -> tuple[float, Principal | None]:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        kept = self._known[wanted] = (time.monotonic(), principal)
        return kept

    def forget_people(self) -> None:
        """Look all sessions up afresh: some were ended, or somebody's role changed."""
        self._known = {wanted: kept for wanted, kept in self._known.items() if kept[1] and not kept[1].person_id}

    async def _find(self, text: str) -> Principal | None:
        wanted = keys.digest(text)
        now = time.monotonic()
        known = self._known.get(wanted)
        if known is not None and now - known[0] < _FRESH_SECONDS:
            return known[1]
        principal = await self._store.read(lambda conn: keys.find(conn, wanted))
        return self._remember(wanted, principal)[1]

    def forget(self, key_digest: bytes) -> None:
        """Look a key up afresh next time: it was revoked."""
        self._known.pop(key_digest, None)

    def allow(self, principal: Principal, roles: Collection[KeyRole], origin: str | None) -> None:
        """Raise the 403 problem where the role, or the page the request comes from, rules the call out."""
        if principal.role not in roles:
            raise Problem("forbidden", f"a {principal.role} key may not do this")
        if principal.role == "storefront" and origin not in principal.origins:
            raise Problem("forbidden", "this key is bound to the origins it was made for")

    def admit(self, request: web.Request, principal: Principal, roles: Collection[KeyRole]) -> None:
        """Take one request of a key and let it in. Raises the 429 problem, or the 403 problem where it may not.

        Every answer carries what is left, and, to a page of one of the key's origins, that it may be read there.
        """
        origin = request.headers.get("Origin")
        told = request[LIMITS] = {}
        if principal.role == "storefront":
            told["Vary"] = "Origin"
            if origin is not None and origin in principal.origins:
                told |= {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}
        told |= self.spend(principal)
        self.allow(principal, roles, origin)

    def spend(self, principal: Principal) -> dict[str, str]:
        """Take one request from the key's bucket; return the headers that tell of it. Raises the 429 problem."""
        now = time.monotonic()
        per_second = self._most / _WINDOW
        left, at = self._buckets.get(principal.key_id, (float(self._most), now))
        left = min(self._most, left + (now - at) * per_second)
        policy = f'"default";q={self._most};w={_WINDOW}'
        if left < 1:
            wait = math.ceil((1 - left) / per_second)
            self._buckets[principal.key_id] = (left, now)
            headers = {
                "Retry-After": str(wait),
                "RateLimit-Policy": policy,
                "RateLimit": f'"default";r=0;t={wait}',
            }
            raise Problem("rate-limited", f"try again in {wait} s", headers=headers)
        left -= 1
        if len(self._buckets) >= _MOST_REMEMBERED:
            self._buckets.clear()
        self._buckets[principal.key_id] = (left, now)
        full_in = math.ceil((self._most - left) / per_second)
        return {"RateLimit-Policy": policy, "RateLimit": f'"default";r={int(left)};t={full_in}'}

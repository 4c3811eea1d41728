"""Tokens for endpoints behind OAuth 2.0: client credentials (RFC 6749 section 4.4), asked for once and used until late.

The token server's own troubles are not the endpoint's: they are told apart, and nothing is charged for them.
"""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from re import compile as pattern
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import orjson
from yarl import URL

from webhooks.outcome import Target

if TYPE_CHECKING:
    from webhooks.sender import Sender

DEADLINE = 10.0
LONGEST_LIFE = 3600.0
"""Seconds a token is used at most; those that do not say how long they live are used so long, or until refused."""
SPARE = 60.0
"""Seconds before its end that a token is used no more, at most half of its life."""
_OK = 200
_CODE = pattern(r"[a-z0-9_]{1,50}")
_TOKEN = pattern(r"[\x21-\x7e]{1,10000}")


class NoTokenError(Exception):
    """No token was to be had; the text says why, without secrets. `ours` where we could not get out at all."""

    def __init__(self, reason: str, *, ours: bool = False) -> None:
        super().__init__(reason)
        self.ours = ours


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks for tokens, where, and for what."""

    url: str
    id: str
    secret: str = field(repr=False)
    scope: str = ""
    audience: str = ""
    in_body: bool = False
    """Whether it shows itself in the body, in place of a header."""


class Tokens:
    """The token of one endpoint."""

    __slots__ = ("_client", "_good_until", "_one_asks", "_token")

    def __init__(self, client: Client) -> None:
        self._client = client
        self._token = ""
        self._good_until = 0.0
        self._one_asks = asyncio.Lock()

    async def get(self, sender: Sender) -> tuple[str, bool]:
        """Return a token, and whether it was asked for just now. Raises `NoTokenError`."""
        fresh = False
        if time.monotonic() >= self._good_until:
            async with self._one_asks:
                if time.monotonic() >= self._good_until:  # else another request has asked meanwhile
                    self._token, life = await self._ask(sender)
                    self._good_until = time.monotonic() + life - min(SPARE, life / 2)
                    fresh = True
        return self._token, fresh

    def refused(self, token: str) -> None:
        """Note that the endpoint does not take a token any more."""
        if token == self._token:
            self._good_until = 0.0

    async def _ask(self, sender: Sender) -> tuple[str, float]:
        client = self._client
        form = {"grant_type": "client_credentials"}
        if client.scope:
            form["scope"] = client.scope
        if client.audience:
            form["audience"] = client.audience
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        if client.in_body:
            form |= {"client_id": client.id, "client_secret": client.secret}
        else:
            pair = f"{quote_plus(client.id)}:{quote_plus(client.secret)}".encode()  # RFC 6749 section 2.3.1
            headers["authorization"] = "Basic " + base64.b64encode(pair).decode()
        outcome, body = await sender.ask(Target(URL(client.url), DEADLINE), headers, urlencode(form).encode())
        if outcome.status is None:
            why = outcome.response if outcome.kind == "forbidden" else outcome.kind
            raise NoTokenError(f"the token server could not be asked: {why}", ours=outcome.kind == "ours")
        told = _read(body)
        if outcome.status != _OK:
            code = told.get("error")
            named = f" ({code})" if isinstance(code, str) and _CODE.fullmatch(code) else ""
            raise NoTokenError(f"the token server answered {outcome.status}{named}")
        token, kind = told.get("access_token"), told.get("token_type", "bearer")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise NoTokenError("the token server's answer holds no access_token")
        if str(kind).lower() != "bearer":
            raise NoTokenError("the token server gives no bearer tokens")
        return token, _life(told.get("expires_in"))


def _read(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _life(told: Any) -> float:
    try:
        life = float(told)
    except (TypeError, ValueError):
        return LONGEST_LIFE
    return min(life, LONGEST_LIFE) if life > 0 else LONGEST_LIFE

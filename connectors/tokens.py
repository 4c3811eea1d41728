"""Tokens: fetched once, shared by all requests of an account, renewed ahead of their end and once where refused.

How a token is asked for, taken and shown is a subclass's business: `connectors.auth.OAuth2ClientCredentials`,
`connectors.soap_login.SoapLogin`.
"""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import httpx

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

MOST_TOKENS = 4096


@dataclass(slots=True)
class _Token:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    value: str | None = None
    good_until: float = 0.0


class TokenCache:
    """Tokens of all accounts in this process, the longest unused dropped first.

    The key is a digest over everything the token was asked with, so two merchants share a token only if they share
    the very same credentials.
    """

    def __init__(self, most: int = MOST_TOKENS) -> None:
        self._most = most
        self._tokens: OrderedDict[bytes, _Token] = OrderedDict()

    def slot(self, key: bytes) -> _Token:
        """Return the place of one token, new or known."""
        token = self._tokens.setdefault(key, _Token())
        self._tokens.move_to_end(key)
        if len(self._tokens) > self._most:
            self._tokens.popitem(last=False)
        return token


_caches: WeakKeyDictionary[asyncio.AbstractEventLoop, TokenCache] = WeakKeyDictionary()


def _shared_cache() -> TokenCache:
    return _caches.setdefault(asyncio.get_running_loop(), TokenCache())


class TokenAuth(httpx.Auth):
    """A token fetched, shared, renewed a little ahead of its end, and renewed once where the API refuses it.

    Args:
        token_url: a path under the account's base address, or a whole address; a mapping from mode (`production`,
            `test`) to either where the two differ. With an overridden base address the token is asked for there too.
        cache: for tests; all accounts of a process share one.
        clock: for tests; seconds.
    """

    def __init__(
        self,
        token_url: str | Mapping[str, str],
        *,
        cache: TokenCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._token_url = token_url
        self._cache = cache
        self._clock = clock

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Fetch a token if need be, send the request, and once more with a fresh token after a refusal."""
        url = self.token_address(request)
        slot = (self._cache or _shared_cache()).slot(self._key(url))
        for last in (False, True):
            async with slot.lock:  # one refresh however many requests wait for it
                if slot.value is None or self._clock() >= slot.good_until:
                    answer = yield self._token_request(url, request)
                    await answer.aread()
                    slot.value, seconds = self._take(answer)
                    slot.good_until = self._clock() + seconds - min(60.0, seconds / 10)
                token = slot.value
            response = yield self._proved(request, token)
            if not await self._refuses(response, last=last) or last:
                return
            if slot.value == token:  # else another request has renewed it meanwhile
                slot.value = None

    def token_address(self, request: httpx.Request) -> httpx.URL:
        """Return where the token of this request comes from.

        The client says in the request's extensions which base address and mode it works with.
        """
        mode = request.extensions.get("mode", "production")
        target = self._token_url if isinstance(self._token_url, str) else self._token_url[mode]
        base = str(request.extensions.get("base_url") or request.url.join("/")).rstrip("/")
        if target.startswith("/"):
            return httpx.URL(base + target)
        url = httpx.URL(target)
        return httpx.URL(base + url.raw_path.decode("ascii")) if request.extensions.get("overridden") else url

    @abstractmethod
    def sample_answer(self) -> httpx.Response:
        """Return an answer of a token server that grants a token, for samples played back."""

    @abstractmethod
    def _key(self, url: httpx.URL) -> bytes:
        """Return a digest over all that the token is asked with."""

    @abstractmethod
    def _token_request(self, url: httpx.URL, request: httpx.Request) -> httpx.Request:
        """Return the request that fetches a token for `request`."""

    @abstractmethod
    def _take(self, answer: httpx.Response) -> tuple[str, float]:
        """Return the token and its life in seconds. Raises `Rejected`, `Unavailable` or `Unreadable`."""

    @abstractmethod
    def _proved(self, request: httpx.Request, token: str) -> httpx.Request:
        """Return the request with the token in it."""

    async def _refuses(self, response: httpx.Response, *, last: bool) -> bool:  # noqa: ARG002 - for subclasses
        """Say whether the API refuses the token; `last` says that it is a fresh one or that nobody tries again."""
        return response.status_code == httpx.codes.UNAUTHORIZED

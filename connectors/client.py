"""The one way to a carrier's API: base address, auth, limits, retry, breaker, size cap. One client, one account."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

import aiohttp
import httpx
import orjson
import tenacity
from httpx_aiohttp import AiohttpTransport

from connectors.errors import CarrierError, NotFound, Rejected, Unavailable, Unreadable
from connectors.limits import Breaker, RateLimiter
from connectors.wire import capping, retry_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping

    from connectors.facts import Facts

# httpx logs every request's address with its query, where some carriers want their key. Nothing of that is kept.
logging.getLogger("httpx").addFilter(lambda record: False)  # noqa: ARG005 - the filter's protocol

TRIES = 3
SHORT_WAIT = 2.0
"""Seconds: a longer Retry-After is waited out by the row that is due, not inside a call."""

NEVER_KEPT = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authenticate", "www-authenticate"})


@dataclass(frozen=True, slots=True)
class Answer:
    """A carrier's answer: the whole body, decompressed and within the cap; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CarrierClient(Protocol):
    """What a connector calls. Paths are relative to the account's base address (production, test or an override)."""

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
    ) -> Answer:
        """GET; see `request`."""

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
        repeatable: bool = False,
    ) -> Answer:
        """POST; tried again within the call only where `repeatable` says that asking twice does no harm."""


class _Passing(Unavailable):
    """Trouble that a second try within the call may find gone."""


class _Busy(CarrierError):  # noqa: N818 - as its public sisters
    """429: the carrier is there and this account is too fast, which is no sign of trouble to its other accounts."""

    def __init__(self, wait: float | None) -> None:
        super().__init__("the carrier answered 429")
        self.retry_after = wait


def shared_transport(*, connections: int = 100, verify: bool = True) -> AiohttpTransport:
    """Return a transport that the clients of many accounts may share: a pool of connections without any memory.

    It keeps no cookies, so nothing of one account reaches another. Close it with `aclose`.
    """
    limits = httpx.Limits(max_connections=connections, keepalive_expiry=15.0)
    transport = AiohttpTransport(verify=verify, trust_env=False, limits=limits)
    transport.client = lambda: aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=15.0, ssl=transport.ssl_context),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )
    return transport


class HttpClient:
    """A `CarrierClient` over httpx with aiohttp's transport below.

    Args:
        facts: where and how this carrier is asked (`facts.api`).
        auth: the account's proof; the only holder of its secrets.
        mode: `production` or `test`: which of the carrier's addresses.
        base_url: an address instead of the carrier's own. Given by the composition, never by a merchant.
        limiter: the account's rate limiter; by default one made from the facts.
        breaker: the carrier's breaker, shared by its accounts; by default one of its own.
        transport: a shared transport; by default one of its own, closed with the client.
        sleep: how to wait for a turn and between tries; for tests.
    """

    def __init__(
        self,
        facts: Facts,
        auth: httpx.Auth | None = None,
        *,
        mode: Literal["production", "test"] = "production",
        base_url: str | None = None,
        limiter: RateLimiter | None = None,
        breaker: Breaker | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        api = facts.api
        address = base_url or (api.production if mode == "production" else api.test)
        if not address:
            raise ValueError(f"{facts.code} has no {mode} address")
        self._base = address.rstrip("/")
        self._api = api
        self._extensions = {"base_url": self._base, "mode": mode, "overridden": base_url is not None}
        self._limiter = limiter or RateLimiter(per_second=api.per_second, per_day=api.per_day, sleep=sleep)
        self._breaker = breaker or Breaker()
        self._sleep = sleep
        self._own = transport is None
        self._client = httpx.AsyncClient(
            transport=transport or shared_transport(connections=20),
            auth=auth,
            trust_env=False,
            follow_redirects=False,
            timeout=api.timeout,
            headers={"User-Agent": "carrier-gateway", "Accept": "*/*", "Accept-Encoding": "gzip"},
            event_hooks={"response": [capping(api.max_bytes)]},
        )
        self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections, unless the transport is shared."""
        if self._own:
            await self._client.aclose()

    async def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
    ) -> Answer:
        """GET; see `request`."""
        return await self.request("GET", path, params=params, headers=headers, expect=expect, repeatable=True)

    async def post(
        self,
        path: str,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Collection[int] = (200,),
        repeatable: bool = False,
    ) -> Answer:
        """POST a JSON value, a form or bytes; see `request`."""
        sent = dict(headers or {})
        if json is not None:
            content = orjson.dumps(json)
            sent = {"Content-Type": "application/json"} | sent
        return await self.request(
            "POST",
            path,
            params=params,
            headers=sent,
            expect=expect,
            repeatable=repeatable,
            content=content,
            data=form,
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int] = (200,),
        repeatable: bool = False,
        params: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Ask once, within the account's limits and one deadline for everything up to the body's last byte.

        A `repeatable` request is tried up to three times where the connection or a gateway (502, 503, 504) failed.

        Raises:
            Unavailable: no answer in time, 408, 425, 429, 5xx, a redirect, an open breaker, or a used-up allowance.
            Rejected: 401, 402 or 403, from the API or its token server.
            NotFound: 204, 400, 404, 410 or 422, unless expected.
            Unreadable: any other status, or a body beyond `facts.api.max_bytes`.
        """
        if path and not path.startswith("/"):
            raise ValueError("a path starts with a slash: addresses belong into carrier.toml")
        self._breaker.check()
        await self._limiter.wait()
        self._breaker.enter()
        build = {"method": method, "url": self._base + path, "params": params, "extensions": self._extensions} | options
        try:
            answer = await self._within_deadline(build, expect, tries=TRIES if repeatable else 1)
        except Unavailable as trouble:
            self._breaker.failed(trouble.retry_after)
            raise
        except (_Busy, Rejected, NotFound, Unreadable) as answered:
            self._breaker.succeeded()
            if isinstance(answered, _Busy):
                self._limiter.hold(answered.retry_after or 0.0)
                raise Unavailable(str(answered), retry_after=answered.retry_after) from None
            raise
        except BaseException:
            self._breaker.abandoned()
            raise
        self._breaker.succeeded()
        return answer

    async def _within_deadline(self, build: dict[str, Any], expect: Collection[int], tries: int) -> Answer:
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(tries),
            wait=_short_wait,
            retry=tenacity.retry_if_exception_type(_Passing),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            async with asyncio.timeout(self._api.timeout):
                async for attempt in retrying:
                    with attempt:
                        if attempt.retry_state.attempt_number > 1:
                            await self._limiter.wait()
                        return await self._once(build, expect)
        except TimeoutError:
            raise Unavailable(f"no whole answer within {self._api.timeout:g} s") from None
        raise AssertionError  # pragma: no cover - tenacity returns or raises

    async def _once(self, build: dict[str, Any], expect: Collection[int]) -> Answer:
        try:
            response = await self._client.send(self._client.build_request(**build), stream=True)
            try:
                if response.status_code not in expect:
                    raise _refusal(response)
                body = b"".join([piece async for piece in response.aiter_bytes()])
            finally:
                await response.aclose()
        except httpx.InvalidURL:
            raise NotFound("no carrier knows a number that makes no address") from None
        except ValueError as trouble:
            if "in headers" not in str(trouble):  # how aiohttp refuses control characters, and in no other way
                raise
            raise Rejected("a credential holds a character that no request can carry") from None
        except (httpx.TransportError, aiohttp.ClientError, OSError) as trouble:
            # Their texts quote addresses, so only the kind is told.
            raise _Passing(f"no connection to the carrier: {type(trouble).__name__}") from None
        kept = {name: value for name, value in response.headers.items() if name not in NEVER_KEPT}
        return Answer(response.status_code, kept, body)


def _refusal(response: httpx.Response) -> CarrierError:
    """Name an unexpected answer by what happens next."""
    status, wait = response.status_code, retry_after(response.headers.get("retry-after"))
    said = f"the carrier answered {status}"
    if status in (401, 402, 403):
        return Rejected(said)
    if status in (204, 400, 404, 410, 422):
        return NotFound(said)
    if status == httpx.codes.TOO_MANY_REQUESTS:
        return _Busy(wait)
    if status in (502, 503, 504) and (wait or 0.0) <= SHORT_WAIT:
        return _Passing(said, retry_after=wait)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR or status in (301, 302, 303, 307, 308, 408, 425):
        return Unavailable(said, retry_after=wait)
    return Unreadable(said)


def _short_wait(state: tenacity.RetryCallState) -> float:
    trouble = state.outcome.exception() if state.outcome else None
    asked = trouble.retry_after or 0.0 if isinstance(trouble, Unavailable) else 0.0
    return max(asked, random.uniform(0.2, 0.6) * state.attempt_number)  # noqa: S311 - jitter, not a secret

"""One webhook request: a shared aiohttp session, one deadline, no redirects, a bounded answer, a plain outcome."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import structlog
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar

from webhooks.connections import Connector
from webhooks.egress import UPSTREAM, Pinned, timed_socket
from webhooks.guard import Dial, Guard, current_dial
from webhooks.outcome import Exchange, Outcome, Phases, Target, kept_headers, printable
from webhooks.schedule import retry_after
from webhooks.tls import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

    from webhooks.egress import Proxy

MAX_RESPONSE = 16_384
"""Bytes read of an answer; the connection is closed on more."""
KEPT_ON_FAILURE, KEPT_ON_SUCCESS = 2_000, 200
"""Characters of an answer kept with the attempt for as long as it is kept itself."""
USER_AGENT = "carrier-gateway-webhooks/1"
_HEADERS = {"content-type": "application/json", "user-agent": USER_AGENT, "accept-encoding": "identity"}
_ALWAYS_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_PERHAPS_OURS = frozenset({errno.ENETUNREACH, errno.ENETDOWN})
_PROOF_OF_EGRESS = 60.0
"""Seconds for which an answer from one host proves that our own network works."""
_PROXY_LOGIN = 407

_log = structlog.get_logger(__name__)


class _Answer(NamedTuple):
    status: int
    retry_after: int | None
    headers: list[tuple[str, str]]
    body: bytes
    cut: bool
    began_at: float
    """When its headers were there."""


class _NoCookies(DummyCookieJar):
    """Keeps none and sends none, without making an empty jar for every request."""

    _none: SimpleCookie = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:  # noqa: ARG002 - aiohttp's own signature
        return self._none


class Sender:
    """Sends webhooks. Open it inside the running loop, close it at the end.

    Args:
        guard: decides which addresses may be dialled.
        trust: whose certificates are believed; the system's authorities by default.
        proxy: by which everything goes out, where the operator has one.
    """

    def __init__(self, guard: Guard, trust: Trust | None = None, proxy: Proxy | None = None) -> None:
        self.trust = trust or Trust()
        self._pinned = None if proxy is None else Pinned(guard, proxy)
        # No limit of its own: each lane bounds its own requests, so that one that hangs takes nothing from others.
        pool: dict[str, Any] = {"limit": 0, "ssl": self.trust.context, "keepalive_timeout": 30}
        if proxy is None:
            connector = Connector(resolver=guard, socket_factory=guard.make_socket, **pool)
        else:
            connector = Connector(socket_factory=timed_socket, **pool)
            connector.proxied = True
        self._session = ClientSession(
            connector=connector,
            timeout=ClientTimeout(total=None, sock_connect=None),  # the deadline below covers the whole exchange
            headers=_HEADERS,
            cookie_jar=_NoCookies(),
            auto_decompress=False,  # a small gzip may unpack to gigabytes
            trust_env=False,
            requote_redirect_url=False,
        )
        self._answered: tuple[str, float] = ("", 0.0)
        self._proxy_trouble = ""

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one body and return what came of it; raises nothing but cancellation."""
        outcome, _ = await self.ask(target, headers, body)
        return outcome

    async def ask(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[Outcome, bytes]:
        """Send one body and return what came of it with the answer's first bytes; raises nothing but cancellation."""
        began = time.perf_counter()
        answer: _Answer | None = None
        text = ""
        dial = Dial(plain=target.url.scheme == "http")
        token = current_dial.set(dial)
        before: Outcome | None = None
        try:
            async with asyncio.timeout(target.timeout):
                try:
                    answer = await self._exchange(target, headers, body)
                except (aiohttp.ServerDisconnectedError, ConnectionError, aiohttp.ClientOSError):
                    if not dial.reused:
                        raise
                    # The endpoint had closed an idle connection just as we took it: common, and no fault of anybody's.
                    before = Outcome("reset", ip=dial.ip, response="reused connection")
                    answer = await self._exchange(target, headers, body)
        except TimeoutError:
            kind = self._late(dial, target)
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            kind = self._classify(trouble, dial, target)
            text = dial.refused if kind == "forbidden" else ""
        else:
            kind = _kind(answer.status)
            if self._pinned is not None and answer.status == _PROXY_LOGIN:
                kind = self._proxys("it asks for a login")
            else:
                self._answered = (target.url.raw_host or "", time.monotonic())
                self._proxy_works()
        finally:
            current_dial.reset(token)
        exchange = Exchange({**_HEADERS, **headers}, tls=dial.tls)
        if answer is not None:
            exchange.received, exchange.cut = answer.headers, answer.cut
            exchange.answer = printable(answer.body.decode("utf-8", "replace"))
            text = exchange.answer[: KEPT_ON_SUCCESS if kind == "delivered" else KEPT_ON_FAILURE]
        took = (time.perf_counter() - began) * 1000
        exchange.phases = _phases(dial, began, None if answer is None else answer.began_at, took)
        outcome = Outcome(
            kind=kind,
            status=None if answer is None else answer.status,
            ms=int(took),
            ip=dial.ip,
            response=text,
            retry_after=None if answer is None else answer.retry_after,
            before=before,
            exchange=exchange,
        )
        return outcome, b"" if answer is None else answer.body

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> _Answer:
        request: dict[str, Any] = {"url": target.url}
        if self._pinned is not None:
            request = await self._pinned.request(target)
            headers = {**headers, **self._pinned.own_headers(target)}
        if target.tls is not None:
            request["ssl"] = target.tls
        async with self._session.post(data=body, headers=headers, allow_redirects=False, **request) as response:
            began_at = time.perf_counter()
            status = response.status
            content = response.content
            raw = b""
            while len(raw) < MAX_RESPONSE:
                try:
                    chunk = await content.read(MAX_RESPONSE - len(raw))
                except aiohttp.ClientPayloadError:
                    response.close()  # the status stands; a body cut short says nothing about it
                    break
                if not chunk:
                    break
                raw += chunk
                if content.at_eof():
                    break
            cut = not content.at_eof()
            if cut:
                response.close()
            wait = None
            if status in (429, 503):
                wait = retry_after(response.headers.get("retry-after"), int(time.time() * 1000))
            return _Answer(status, wait, kept_headers(response.headers.items()), raw, cut, began_at)

    def _late(self, dial: Dial, target: Target) -> str:
        if self._pinned is None or dial.connected_at is not None or self._network_works(target):
            return "timeout"
        return self._proxys("it does not connect us")

    def _classify(self, trouble: Exception, dial: Dial, target: Target) -> str:
        if dial.refused:
            return "forbidden"
        if isinstance(trouble, aiohttp.ClientProxyConnectionError):
            return self._proxys("it cannot be reached")
        if isinstance(trouble, aiohttp.ClientHttpProxyError) and trouble.status not in UPSTREAM:
            return self._proxys(f"it answers {trouble.status}")
        number = _errno(trouble)
        if number in _ALWAYS_OURS:
            return "ours"
        kind, perhaps_ours = _named(trouble, number)
        if kind == "reset" and self._pinned is not None and dial.connected_at is None:
            perhaps_ours = True  # the proxy hung up, of its own or because its other side did
        if not perhaps_ours or self._network_works(target):
            return kind
        return "ours" if self._pinned is None else self._proxys("it reaches nobody")

    def _network_works(self, target: Target) -> bool:
        """Tell whether another host answered lately: then the trouble is this endpoint's and not our network's."""
        host, at = self._answered
        return bool(host) and host != target.url.raw_host and time.monotonic() - at < _PROOF_OF_EGRESS

    def _proxys(self, reason: str) -> str:
        """Note a trouble with the proxy, which is the operator's to mend."""
        if reason != self._proxy_trouble:
            _log.error("egress_proxy_fails", reason=reason)
        self._proxy_trouble = reason
        return "ours"

    def _proxy_works(self) -> None:
        if self._proxy_trouble:
            _log.info("egress_proxy_works")
            self._proxy_trouble = ""


def _named(trouble: Exception, number: int | None) -> tuple[str, bool]:
    """Return what kind of failure this is, and whether it may as well be our own network's."""
    if isinstance(trouble, aiohttp.ClientHttpProxyError):
        return "connect", True
    if isinstance(trouble, aiohttp.ClientConnectorDNSError | socket.gaierror):
        cause = getattr(trouble, "os_error", trouble)
        return "dns", isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
    if isinstance(trouble, aiohttp.ClientSSLError | ssl.SSLError):
        return "tls", False
    if isinstance(trouble, aiohttp.ClientConnectorError):
        return "connect", number in _PERHAPS_OURS
    if isinstance(trouble, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
        return "reset", False
    return "protocol", False


def _phases(dial: Dial, began: float, answered: float | None, total: float) -> Phases:
    """Return what each phase took; of one that was not ended nothing is told."""

    def between(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else round(max(0.0, other - one) * 1000, 1)

    ready = dial.connected_at
    first_byte = between(ready or began, answered)
    if dial.reused:
        return Phases(first_byte=first_byte, total=round(total, 1))
    return Phases(
        dns=None if dial.dns is None else round(dial.dns, 1),
        connect=between(dial.dialled_at, dial.shaking_at or ready),
        tls=between(dial.shaking_at, ready),
        first_byte=first_byte,
        total=round(total, 1),
    )


def _kind(status: int) -> str:
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's classes
        return "delivered"
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's classes
        return "redirect"
    return "gone" if status == 410 else "status"  # noqa: PLR2004 - HTTP's Gone


def _errno(trouble: BaseException) -> int | None:
    cause = getattr(trouble, "os_error", trouble)
    number = getattr(cause, "errno", None)
    return number if isinstance(number, int) and not isinstance(cause, socket.gaierror) else None

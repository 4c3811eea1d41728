"""One webhook request: a shared aiohttp session, one deadline, no redirects, a bounded answer, a plain outcome."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from webhooks.guard import Dial, Guard, current_dial
from webhooks.schedule import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace
    from yarl import URL

MAX_RESPONSE = 16_384
"""Bytes read of an answer; the connection is closed on more."""
KEPT_ON_FAILURE, KEPT_ON_SUCCESS = 2_000, 200
"""Characters of an answer kept with the attempt."""
USER_AGENT = "carrier-gateway-webhooks/1"
_HEADERS = {"content-type": "application/json", "user-agent": USER_AGENT, "accept-encoding": "identity"}
_ALWAYS_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})
_PERHAPS_OURS = frozenset({errno.ENETUNREACH, errno.ENETDOWN})
_PROOF_OF_EGRESS = 60.0
"""Seconds for which an answer from one host proves that our own network works."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint's requests go, prepared once."""

    url: URL
    timeout: float = 15.0


class Outcome(NamedTuple):
    """What came of one request.

    `kind` is `delivered` or what went wrong: status, redirect, gone, timeout, connect, dns, tls, reset, protocol,
    forbidden, or ours (our own fault, not charged to the endpoint). `retry_after` in milliseconds. `broken_before`
    says that a reused connection broke and the request was sent once more on a fresh one.
    """

    kind: str
    status: int | None = None
    ms: int = 0
    ip: str | None = None
    response: str = ""
    retry_after: int | None = None
    broken_before: bool = False


class _Connector(TCPConnector):
    """Notes which address an exchange talks to, and whether the connection had been used before."""

    _used: WeakSet[ResponseHandler]

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        dial, protocol = current_dial.get(), connection.protocol
        if dial is not None and protocol is not None:
            dial.reused = protocol in self._used
            if not dial.reused:
                self._used.add(protocol)
            peer = connection.transport.get_extra_info("peername") if connection.transport is not None else None
            dial.ip = peer[0] if peer else None
        return connection


class _NoCookies(DummyCookieJar):
    """Keeps none and sends none, without making an empty jar for every request."""

    _none: SimpleCookie = SimpleCookie()

    def filter_cookies(self, request_url: URL) -> SimpleCookie:  # noqa: ARG002 - aiohttp's own signature
        return self._none


class Sender:
    """Sends webhooks. Open it inside the running loop, close it at the end.

    Args:
        guard: decides which addresses may be dialled.
        tls: the TLS settings; the system's authorities by default.
    """

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        # No limit of its own: each lane bounds its own requests, so that one that hangs takes nothing from others.
        connector = _Connector(
            limit=0, resolver=guard, socket_factory=guard.make_socket, ssl=tls or True, keepalive_timeout=30
        )
        connector._used = WeakSet()  # noqa: SLF001 - our own class, two lines up
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

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(self, target: Target, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Send one body and return what came of it; raises nothing but cancellation."""
        began = time.perf_counter()
        status: int | None = None
        wait: int | None = None
        text = ""
        dial = Dial(plain=target.url.scheme == "http")
        token = current_dial.set(dial)
        broken = False
        try:
            async with asyncio.timeout(target.timeout):
                try:
                    status, wait, text = await self._exchange(target, headers, body)
                except (aiohttp.ServerDisconnectedError, ConnectionError, aiohttp.ClientOSError):
                    if not dial.reused:
                        raise
                    # The endpoint had closed an idle connection just as we took it: common, and no fault of anybody's.
                    broken = True
                    status, wait, text = await self._exchange(target, headers, body)
        except TimeoutError:
            kind = "timeout"
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            kind = self._classify(trouble, dial, target)
            text = dial.refused if kind == "forbidden" else ""
        else:
            kind = _kind(status)
            self._answered = (target.url.raw_host or "", time.monotonic())
        finally:
            current_dial.reset(token)
        return Outcome(
            kind=kind,
            status=status,
            ms=int((time.perf_counter() - began) * 1000),
            ip=dial.ip,
            response=text,
            retry_after=wait,
            broken_before=broken,
        )

    async def _exchange(self, target: Target, headers: Mapping[str, str], body: bytes) -> tuple[int, int | None, str]:
        async with self._session.post(target.url, data=body, headers=headers, allow_redirects=False) as response:
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
            if not content.at_eof():
                response.close()
            wait = None
            if status in (429, 503):
                wait = retry_after(response.headers.get("retry-after"), int(time.time() * 1000))
            keep = KEPT_ON_SUCCESS if 200 <= status < 300 else KEPT_ON_FAILURE  # noqa: PLR2004 - HTTP's classes
            return status, wait, _printable(raw, keep)

    def _classify(self, trouble: Exception, dial: Dial, target: Target) -> str:
        if dial.refused:
            return "forbidden"
        number = _errno(trouble)
        if number in _ALWAYS_OURS:
            return "ours"
        kind = "protocol"
        perhaps_ours = False
        if isinstance(trouble, aiohttp.ClientConnectorDNSError):
            kind = "dns"
            cause = trouble.os_error
            perhaps_ours = isinstance(cause, socket.gaierror) and cause.errno == socket.EAI_AGAIN
        elif isinstance(trouble, aiohttp.ClientSSLError | ssl.SSLError):
            kind = "tls"
        elif isinstance(trouble, aiohttp.ClientConnectorError):
            kind, perhaps_ours = "connect", number in _PERHAPS_OURS
        elif isinstance(trouble, aiohttp.ServerDisconnectedError | ConnectionError | aiohttp.ClientOSError):
            kind = "reset"
        return "ours" if perhaps_ours and not self._network_works(target) else kind

    def _network_works(self, target: Target) -> bool:
        """Tell whether another host answered lately: then the trouble is this endpoint's and not our network's."""
        host, at = self._answered
        return bool(host) and host != target.url.raw_host and time.monotonic() - at < _PROOF_OF_EGRESS


def _kind(status: int | None) -> str:
    if status is None:
        return "protocol"
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP's classes
        return "delivered"
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP's classes
        return "redirect"
    return "gone" if status == 410 else "status"  # noqa: PLR2004 - HTTP's Gone


def _errno(trouble: BaseException) -> int | None:
    cause = getattr(trouble, "os_error", trouble)
    number = getattr(cause, "errno", None)
    return number if isinstance(number, int) and not isinstance(cause, socket.gaierror) else None


def _printable(raw: bytes, keep: int) -> str:
    """Return the start of an answer as text that is safe to show and to store (PostgreSQL refuses NUL)."""
    if not raw:
        return ""
    text = raw[: keep * 4].decode("utf-8", "replace")[:keep]
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )

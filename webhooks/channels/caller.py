"""Calls providers over HTTP: one guarded session for all accounts, one deadline, no redirects, a bounded answer."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from webhooks.channels.base import Said
from webhooks.guard import BadUrl, Dial, Guard, current_dial, parse_url
from webhooks.schedule import retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

MAX_ANSWER = 65_536
"""Bytes read of an answer; the connection is closed on more."""
_OURS = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.ENETDOWN}
)
_HEADERS = {"user-agent": "carrier-gateway-channels/1", "accept-encoding": "identity"}


class Answer(NamedTuple):
    """What a provider answered. `retry_after` in seconds."""

    status: int
    body: bytes
    retry_after: float | None


class Caller:
    """Posts to providers. Open it inside the running loop, close it at the end.

    Args:
        guard: decides which addresses may be dialled.
        timeout: seconds for a whole exchange.
        tls: the TLS settings; the system's authorities by default.
    """

    def __init__(self, guard: Guard, timeout: float = 15.0, tls: ssl.SSLContext | None = None) -> None:
        self._timeout = timeout
        self._session = ClientSession(
            connector=TCPConnector(
                limit=0,
                resolver=guard,
                socket_factory=guard.make_socket,
                ssl=tls or True,
                keepalive_timeout=10,  # shorter than providers' own, so that an idle connection is rarely found closed
            ),
            timeout=ClientTimeout(total=None, sock_connect=None),  # the deadline covers the whole exchange
            headers=_HEADERS,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            requote_redirect_url=False,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, *, forbidden: Literal["refused", "rejected"]
    ) -> Answer | Said:
        """Post and return the answer, or what to say where none came; raises nothing but cancellation.

        `forbidden` is what is said of an address that may not be dialled: `refused` where it is the person's,
        `rejected` where it is the account's.
        """
        try:
            target = parse_url(url)
        except BadUrl as bad:
            return Said(kind=forbidden, code="address", reason=str(bad))
        dial = Dial(plain=target.scheme == "http")
        token = current_dial.set(dial)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exchange(str(target), headers, body)
        except TimeoutError:
            return Said(kind="later", code="timeout", reason=f"no answer within {self._timeout:g} seconds")
        except (aiohttp.ClientError, OSError, ValueError) as trouble:
            if dial.refused:
                return Said(kind=forbidden, code="address", reason="the address leads to where we may not dial")
            return no_connection(trouble)
        finally:
            current_dial.reset(token)

    async def _exchange(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            read = b""
            try:
                read = await response.content.read(MAX_ANSWER)
                while len(read) < MAX_ANSWER and (more := await response.content.read(MAX_ANSWER - len(read))):
                    read += more
            except aiohttp.ClientPayloadError:
                pass  # the status stands; what of the body is missing is found when it is read
            if not response.content.at_eof():
                response.close()
            wait = retry_after(response.headers.get("retry-after"), int(time.time() * 1000))
            return Answer(
                response.status,
                read,
                None if wait is None else wait / 1000,
            )


def no_connection(trouble: BaseException) -> Said:
    """Say what a broken or missing connection means: our own network's fault, or a provider to be tried later."""
    cause = getattr(trouble, "os_error", trouble)
    number = getattr(cause, "errno", None)
    if isinstance(cause, socket.gaierror):
        if number == socket.EAI_AGAIN:
            return Said(kind="ours", code="dns", reason="names cannot be looked up at the moment")
        return Said(kind="later", code="dns", reason="the provider's name was not found")
    if number in _OURS:
        return Said(kind="ours", code="network", reason="we could not get out")
    if isinstance(trouble, aiohttp.ClientSSLError | ssl.SSLError):
        return Said(kind="later", code="tls", reason="no secure connection to the provider could be made")
    if isinstance(trouble, aiohttp.ClientConnectorError | ConnectionRefusedError):
        return Said(kind="later", code="connect", reason="the provider takes no connection")
    return Said(kind="later", code="reset", reason="the connection broke before the answer")

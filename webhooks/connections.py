"""The pool of connections to endpoints, which tells each exchange what connection it got."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiohttp import ClientPayloadError, TCPConnector
from aiohttp.client_proto import ResponseHandler

from webhooks.guard import current_dial
from webhooks.tls import facts_of

if TYPE_CHECKING:
    from aiohttp import ClientTimeout
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from webhooks.tls import TlsFacts

_HEAD_ENDS = b"\r\n\r\n"


class _Handler(ResponseHandler):
    """Reads an answer's head on its own.

    A body behind a 204 (some frameworks send one) or more than the length that was told would otherwise make aiohttp's
    parser refuse the whole piece, head and all, and a receiver that took the message would be sent it for days.
    """

    def data_received(self, data: bytes) -> None:
        end = data.find(_HEAD_ENDS) + len(_HEAD_ENDS)
        if len(_HEAD_ENDS) <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        if self.exception() is None:
            super().data_received(data)
        body = self._payload
        if self.exception() is not None and body is not None and not body.is_eof():
            body.set_exception(ClientPayloadError("unreadable"))  # or whoever reads it would wait for the deadline


class Connector(TCPConnector):
    """Notes which address an exchange talks to, how the handshake came out, and whether it was used before."""

    proxied = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        handlers: Any = partial(_Handler, loop=self._loop)  # mypy takes no subclass for what a partial makes
        self._factory = handlers
        self._used: WeakKeyDictionary[ResponseHandler, TlsFacts | None] = WeakKeyDictionary()

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's own signature
    ) -> Connection:
        """Connect, and note what came of it."""
        connection = await super().connect(req, traces, timeout)
        while connection.protocol in self._used and _has_spoken(connection):
            connection.close()
            connection = await super().connect(req, traces, timeout)
        dial, protocol, transport = current_dial.get(), connection.protocol, connection.transport
        if dial is not None and protocol is not None and transport is not None:
            dial.connected_at = perf_counter()
            dial.reused = protocol in self._used
            if not dial.reused:
                self._used[protocol] = facts_of(transport)
            dial.tls = self._used[protocol]
            if not self.proxied:
                peer = transport.get_extra_info("peername")
                dial.ip = peer[0] if peer else None
        return connection


def _has_spoken(connection: Connection) -> bool:
    """Tell whether something came over a connection while it lay idle: an answer that nobody asked for, or its end.

    aiohttp would take it for the answer to the next request, which may be another endpoint's at the same host. What
    comes after that request has left cannot be told from its answer.
    """
    protocol = connection.protocol
    return protocol is None or protocol.should_close

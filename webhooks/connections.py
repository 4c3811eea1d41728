"""The pool of connections to endpoints, which tells each exchange what connection it got."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from aiohttp import TCPConnector

from webhooks.guard import current_dial
from webhooks.tls import facts_of

if TYPE_CHECKING:
    from aiohttp import ClientTimeout
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.client_reqrep import ClientRequest
    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace

    from webhooks.tls import TlsFacts


class Connector(TCPConnector):
    """Notes which address an exchange talks to, how the handshake came out, and whether it was used before."""

    proxied = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
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

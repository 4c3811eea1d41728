"""What all channels of a process share towards the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from webhooks.channels.caller import Caller
from webhooks.guard import Guard

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

MAIL_PORTS = frozenset({25, 465, 587, 2525})


class Outside:
    """The HTTP session, the guards over what may be dialled, and the console's stream. Open it in the running loop.

    Args:
        allow: private ranges the operator opens; plain http and every port are allowed inside them.
        timeout: seconds for one notice's whole exchange with a provider.
        tls: the TLS settings; the system's authorities by default.
        console: where the console channel writes notices in full; None for nowhere.
    """

    def __init__(
        self,
        allow: Iterable[IPv4Network | IPv6Network] = (),
        *,
        timeout: float = 15.0,
        tls: ssl.SSLContext | None = None,
        console: TextIO | None = None,
    ) -> None:
        allow = tuple(allow)
        self.timeout = timeout
        self.tls = tls
        self.console = console
        self._web = Guard(allow)
        self.mail = Guard(allow, MAIL_PORTS)
        self.caller = Caller(self._web, timeout, tls)

    async def close(self) -> None:
        """Close all connections."""
        await self.caller.close()
        await self._web.close()
        await self.mail.close()

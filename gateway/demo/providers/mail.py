"""A mail server on loopback that keeps what it is handed.

async with MailServer() as server:
    channel = build("email", {"host": "127.0.0.1", "port": str(server.port), "security": "none", ...}, {}, outside)
"""

from __future__ import annotations

import asyncio
import email
import logging
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING, Self

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from aiosmtpd.smtp import Envelope, Session


class MailServer:
    """The server. `letters` are in the order they came; who is in `unknown` has no mailbox."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.letters: list[EmailMessage] = []
        self.unknown: set[str] = set()
        self._server: asyncio.Server | None = None
        self._open: list[SMTP] = []

    async def __aenter__(self) -> Self:
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # it would write down whose mail it is
        loop = asyncio.get_running_loop()

        def make() -> SMTP:
            self._open.append(SMTP(self, hostname="mail.example", loop=loop, enable_SMTPUTF8=True))
            return self._open[-1]

        self._server = await loop.create_server(make, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            for one in self._open:
                if isinstance(one.transport, asyncio.WriteTransport):
                    one.transport.abort()
            await self._server.wait_closed()
            await asyncio.sleep(0)

    def to(self, address: str) -> list[EmailMessage]:
        """Return the letters of one mailbox."""
        return [letter for letter in self.letters if letter["To"] == address]

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take a recipient, or say that there is no such mailbox."""
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - as above
        """Keep a letter."""
        content = envelope.content
        raw = content.encode() if isinstance(content, str) else content or b""
        self.letters.append(email.message_from_bytes(raw, EmailMessage, policy=default))
        return "250 2.0.0 kept"

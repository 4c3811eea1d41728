"""A mail server on loopback that keeps what it takes, and answers what it is told to."""

from __future__ import annotations

import asyncio
import email
from contextlib import asynccontextmanager
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from email.message import EmailMessage

    from aiosmtpd.smtp import Envelope, Session


class Mailbox:
    """What came, and what is said to the next letter."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.answer = ""
        self.refused = 0
        self.port = 0

    async def handle_DATA(self, _server: Any, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        if self.answer:
            self.refused += 1
            return self.answer
        self.envelopes.append(envelope)
        return "250 2.0.0 queued"

    @property
    def mails(self) -> list[EmailMessage]:
        return [email.message_from_bytes(one.content or b"", policy=default) for one in self.envelopes]


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """Run a mail server."""
    box = Mailbox()
    loop = asyncio.get_running_loop()
    open_now: list[SMTP] = []

    def make() -> SMTP:
        open_now.append(SMTP(box, hostname="mx.example", loop=loop))
        return open_now[-1]

    server = await loop.create_server(make, "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()
    for one in open_now:
        if one.transport is not None:
            one.transport.abort()
    await server.wait_closed()
    await asyncio.sleep(0)

"""E-mail through the merchant's own mail server (SMTP submission), which the guard keeps out of private networks."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiosmtplib
from aiosmtplib import SMTP

from webhooks.channels.base import Kind, Outgoing, Said
from webhooks.channels.caller import no_connection
from webhooks.channels.fields import BadSettings, Field
from webhooks.channels.letter import POLICY, BadAddress, Sender, compose, message_id, read_address
from webhooks.channels.meanings import meaning
from webhooks.guard import Dial, current_dial

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhooks.channels.outside import Outside

FIELDS = (
    Field(name="host", help="The mail server's name", required=True, pattern=r"[A-Za-z0-9.:-]{1,253}", address=True),
    Field(name="port", help="25, 465, 587 or 2525", default="587", pattern=r"[0-9]{1,5}", address=True),
    Field(
        name="security",
        help="starttls, tls from the first byte, or none, only inside the ranges the operator opened",
        default="starttls",
        choices=("starttls", "tls", "none"),
        address=True,
    ),
    Field(name="username", help="Who logs in; empty where the server asks for no login"),
    Field(name="password", help="The login's password", secret=True),
    Field(name="from", help="The address mail comes from", required=True),
    Field(name="from_name", help="The name that stands before it"),
    Field(name="reply_to", help="Where answers go, if elsewhere"),
)
_HIGHEST_PORT = 65_535
_MOST = 8
"""Connections of one account at a time: servers put up with a few."""
_KEPT = 15.0
"""Seconds a connection waits for the next notice."""
_ENHANCED = re.compile(r"\s*([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")
_STAGES: tuple[tuple[type[aiosmtplib.SMTPResponseException], str], ...] = (
    (aiosmtplib.SMTPRecipientRefused, "recipient"),
    (aiosmtplib.SMTPSenderRefused, "sender"),
    (aiosmtplib.SMTPDataError, "data"),
    (aiosmtplib.SMTPAuthenticationError, "auth"),
    (aiosmtplib.SMTPConnectResponseError, "connect"),
)


class Email:
    """An account at a mail server.

    Args:
        values: as `FIELDS` names them.
        outside: guards what is dialled.
    """

    kind: Kind = "email"

    def __init__(self, values: Mapping[str, str], outside: Outside) -> None:
        self._host, self._port, self._security = values["host"], int(values["port"]), values["security"]
        if not 0 < self._port <= _HIGHEST_PORT:
            raise BadSettings("port: there is none of that number")
        self._login = (values["username"] or None, values["password"] or None)
        if (self._login[0] is None) is not (self._login[1] is None):
            raise BadSettings("password: username and password belong together")
        reply_to = _address("reply_to", values["reply_to"]) if values["reply_to"] else ""
        self._sender = Sender(_address("from", values["from"]), values["from_name"], reply_to)
        self._outside = outside
        self._idle: list[tuple[SMTP, float]] = []
        self._turns = asyncio.Semaphore(_MOST)

    async def send(self, notice: Outgoing) -> Said:
        """Send one notice. A repeat carries the same Message-ID, by which many mailboxes drop it."""
        try:
            to = read_address(notice.to)
        except BadAddress as bad:
            return Said(kind="refused", code="address", reason=str(bad))
        composed = compose(notice, to, self._sender, datetime.now(UTC))
        abroad = not to.isascii()
        letter = composed.as_bytes(policy=POLICY.clone(utf8=True) if abroad else POLICY)
        dial = Dial(plain=self._security == "none")
        token = current_dial.set(dial)
        try:
            async with self._turns, asyncio.timeout(self._outside.timeout):
                await self._deliver(to, letter, ["SMTPUTF8"] if abroad else [])
        except (aiosmtplib.SMTPException, OSError, ValueError) as trouble:  # a time-out is an OSError
            return self._said(trouble, dial)
        finally:
            current_dial.reset(token)
        return Said(kind="accepted", provider_id=message_id(notice, self._sender))

    async def close(self) -> None:
        """Say goodbye on the connections that wait."""
        while self._idle:
            client, _since = self._idle.pop()
            with suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=1)
            client.close()

    async def _deliver(self, to: str, letter: bytes, options: list[str]) -> None:
        client = self._waiting()
        if client is not None:
            try:
                return await self._hand_over(client, to, letter, options)
            except aiosmtplib.SMTPServerDisconnected:
                pass  # it had closed the connection while it waited
            except aiosmtplib.SMTPResponseException as trouble:
                if trouble.code != _CLOSING:
                    raise
        await self._hand_over(await self._connect(), to, letter, options)
        return None

    async def _hand_over(self, client: SMTP, to: str, letter: bytes, options: list[str]) -> None:
        sound = False
        try:
            await client.sendmail(self._sender.address, [to], letter, mail_options=options)
            sound = True
        except (aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPNotSupported):
            sound = True  # the next notice goes to somebody else
            raise
        finally:
            if sound and client.is_connected:
                self._idle.append((client, time.monotonic()))
            else:
                client.close()

    def _waiting(self) -> SMTP | None:
        """Return the connection used last, and close those that waited too long."""
        while self._idle:
            client, since = self._idle.pop()
            if client.is_connected and time.monotonic() - since < _KEPT:
                return client
            client.close()
        return None

    async def _connect(self) -> SMTP:
        username, password = self._login
        client = SMTP(
            hostname=self._host,
            sock=await self._dial(),
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
            tls_context=self._outside.tls,
            username=username,
            password=password,
            local_hostname=self._sender.domain,
            timeout=self._outside.timeout,
        )
        await client.connect()
        return client

    async def _dial(self) -> socket.socket:
        """Connect to the first of the server's addresses that takes it; every one is looked at first."""
        guard, loop = self._outside.mail, asyncio.get_running_loop()
        last: OSError = OSError()
        for found in await guard.resolve(self._host, self._port):
            where = (found["host"], found["port"])
            made = guard.make_socket((found["family"], socket.SOCK_STREAM, found["proto"], "", where))
            made.setblocking(False)
            try:
                await loop.sock_connect(made, where)
            except OSError as trouble:
                made.close()
                last = trouble
            except asyncio.CancelledError:
                made.close()
                raise
            else:
                return made
        raise last

    def _said(self, trouble: Exception, dial: Dial) -> Said:
        if isinstance(trouble, aiosmtplib.SMTPRecipientsRefused):
            trouble = trouble.recipients[0]
        if isinstance(trouble, aiosmtplib.SMTPResponseException):
            return _answered(trouble)
        if dial.refused:
            return Said(kind="rejected", code="address", reason="the mail server's address or port is none we may dial")
        if isinstance(trouble, TimeoutError):
            return Said(kind="later", code="timeout", reason=f"no answer within {self._outside.timeout:g} seconds")
        if isinstance(trouble, aiosmtplib.SMTPNotSupported):
            return Said(kind="refused", code="smtputf8", reason="the mail server takes plain ASCII addresses only")
        if isinstance(trouble, aiosmtplib.SMTPException) and not isinstance(trouble, OSError):
            return Said(kind="rejected", code="unsupported", reason="the mail server offers no STARTTLS or no login")
        return no_connection(trouble.__cause__ or trouble)


_CLOSING = 421
"""The reply of a server that ends the connection (RFC 5321 section 3.8)."""


def _address(field: str, text: str) -> str:
    try:
        address = read_address(text)
    except BadAddress as bad:
        raise BadSettings(f"{field}: {bad}") from None
    if not address.isascii():
        raise BadSettings(f"{field}: before the @ only plain ASCII")
    return address


def _answered(trouble: aiosmtplib.SMTPResponseException) -> Said:
    stage = next((name for kind, name in _STAGES if isinstance(trouble, kind)), "other")
    told = _ENHANCED.match(trouble.message)
    enhanced = told[1] if told else ""
    found = meaning("smtp", f"{stage} {enhanced}", f"{stage} {trouble.code}", f"{stage} {trouble.code // 100}xx")
    code = f"{trouble.code} {enhanced}".strip()
    if found is None:
        return Said(kind="later", code=code, reason="an answer of no known kind")
    return Said(kind=found.kind, code=code, reason=found.reason)

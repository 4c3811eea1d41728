"""A recipient of the demo: one person with a telephone, a mailbox and a browser, at real providers on loopback.

The first SMS is answered with STOP, so the rest of the story must reach the mailbox and the browser alone.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

import orjson

from gateway.demo.providers.mail import MailServer
from gateway.demo.providers.push import PushService
from gateway.demo.providers.sms import SmsProvider
from webhooks.channels.push import new_private_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.demo.providers.push import Browser

NAME, LANGUAGE, ZONE = "Vera", "de", "Europe/Vienna"
PHONE, MAILBOX, SENDER = "+436641234567", "vera@example.org", "+15005550006"
_LOOK_EVERY = 0.05
WAYS = {"sms": "SMS", "email": "e-mail", "push": "browser"}


class Recipient:
    """One person. `on_heard` gets the way and the text of everything that reaches them."""

    def __init__(self, on_heard: Callable[[str, str], None] = lambda _way, _text: None) -> None:
        self.sms, self.mail, self.push = SmsProvider(), MailServer(), PushService()
        self.heard: dict[str, list[str]] = {way: [] for way in WAYS}
        """By each way, what reached them: an SMS's text, the others' subjects."""
        self.stopped = False
        self._browser: Browser | None = None
        self._on_heard = on_heard
        self._stack = AsyncExitStack()
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        for provider in (self.sms, self.mail, self.push):
            await self._stack.enter_async_context(provider)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
        await self._stack.aclose()

    def accounts(self) -> Iterable[dict[str, Any]]:
        """Return what the shop sets its channels up with."""
        account = {"account_sid": self.sms.account_sid, "from": SENDER, "base_url": self.sms.address}
        yield {"channel": "sms", "settings": account, "secrets": {"auth_token": self.sms.token}}
        server = {"host": "127.0.0.1", "port": str(self.mail.port), "security": "none", "from": "news@shop.example"}
        yield {"channel": "email", "settings": server}
        key = {"vapid_private_key": new_private_key()}
        yield {"channel": "push", "settings": {"contact": "mailto:ops@shop.example"}, "secrets": key}

    def take(self, account: dict[str, Any]) -> None:
        """Learn of a channel what a person's provider or browser must know."""
        if account["channel"] == "sms":
            self.sms.inbound = account["callback_url"]
        elif account["channel"] == "push":
            self._browser = self.push.subscribe(account["public_key"])

    def wishes(self) -> Iterable[dict[str, Any]]:
        """Return what this person wants to hear, as the shop's checkout tells it."""
        assert self._browser is not None  # noqa: S101 - its channel was set up before
        addresses = {"sms": PHONE, "email": MAILBOX, "push": orjson.loads(self._browser.subscription)}
        for channel, address in addresses.items():
            yield {
                "channel": channel,
                "address": address,
                "language": LANGUAGE,
                "zone": ZONE,
                "quiet_hours": None,
                "consent": {"how": "checkout"},
            }

    def live(self) -> None:
        """Begin to look at telephone, mailbox and browser."""
        self._watching = asyncio.create_task(self._watch(), name="recipient")

    async def _watch(self) -> None:
        while True:
            for text in self.sms.texted[len(self.heard["sms"]) :]:
                self._hear("sms", text.body)
                for state in ("sent", "delivered"):
                    await self.sms.report(text, state)
                if not self.stopped:
                    self.stopped = await self.sms.write(PHONE, SENDER, "STOP") == 200  # noqa: PLR2004 - OK
                    self._on_heard("sms", "(answered with STOP)")
            for letter in self.mail.letters[len(self.heard["email"]) :]:
                self._hear("email", str(letter["Subject"]))
            if self._browser is not None:
                for shown in self._browser.shown[len(self.heard["push"]) :]:
                    self._hear("push", shown["title"])
            await asyncio.sleep(_LOOK_EVERY)

    def _hear(self, way: str, text: str) -> None:
        self.heard[way].append(text)
        self._on_heard(way, text)

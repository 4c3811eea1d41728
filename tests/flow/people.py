"""People in the tests: a house with channels at real providers on loopback, and recipients who wish to hear."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flow.conftest import demo_push

from gateway.demo.providers.mail import MailServer
from gateway.demo.providers.push import PushService
from gateway.demo.providers.sms import SmsProvider
from webhooks.channels.push import new_private_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web
    from flow.conftest import Answer, House

    from gateway.demo.providers.push import Browser
    from gateway.demo.providers.sms import Texted

PHONE = "+4915112345678"
MAIL = "ines@example.com"
SENDER = "+15005550006"
CONSENT = {"how": "checkout", "wording": "Send me news of my parcel."}
ALWAYS = {"quiet_hours": None, "zone": "Europe/Berlin"}


@dataclass
class Town:
    """The house, its providers, and its channels by name."""

    house: House
    sms: SmsProvider
    mail: MailServer
    push: PushService
    channels: dict[str, dict[str, Any]] = field(default_factory=dict)
    began: str = field(default_factory=lambda: (datetime.now(UTC) - timedelta(hours=3)).isoformat(timespec="seconds"))

    async def channel(self, name: str, settings: dict[str, str], secrets: dict[str, str]) -> dict[str, Any]:
        """Add an account."""
        made = await self.house.call(
            "POST", "/v1/channels", {"channel": name, "settings": settings, "secrets": secrets}
        )
        assert made.status == 201, made.body
        self.channels[name] = made.json
        return made.json

    async def tell(self, account_id: str, number: str, *codes: str) -> None:
        """Let the demo carrier tell of a parcel of these hours: what is old is no news."""
        answer = await self.house.push(account_id, demo_push(number, *codes, start=self.began))
        assert answer.status == 200, answer.body
        await self.house.read_all()

    async def subscribe(self, shipment_id: str, channel: str, address: Any, **more: Any) -> Answer:
        """Wish for a person."""
        wish = {"channel": channel, "address": address, "consent": CONSENT} | ALWAYS | more
        return await self.house.call("POST", f"/v1/shipments/{shipment_id}/subscriptions", wish)

    def browser(self) -> Browser:
        """Let a browser subscribe."""
        return self.push.subscribe(self.channels["push"]["public_key"])

    async def call(self, url: str, form: dict[str, str], *, signature: str | None = None) -> Answer:
        """Call the house as the SMS provider does, to an address of its public name."""
        headers = {
            "X-Twilio-Signature": self.sms.sign(url, form) if signature is None else signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        path = url.removeprefix(self.house.gateway.settings.public_url)
        return await self.house.call("POST", path, data=urlencode(form).encode(), headers=headers, key=None)

    async def report(self, text: Texted, state: str, code: str = "") -> Answer:
        """Tell what became of an SMS."""
        form = {"MessageSid": text.sid, "MessageStatus": state, "To": text.to, "From": text.sender}
        return await self.call(text.callback, form | ({"ErrorCode": code} if code else {}))

    async def write(self, body: str, person: str = PHONE, **more: str) -> Answer:
        """Let a person answer."""
        form = {"MessageSid": "SMin", "SmsStatus": "received", "From": person, "To": SENDER, "Body": body} | more
        return await self.call(self.channels["sms"]["callback_url"], form)

    async def settled(self, kind: str) -> list[dict[str, Any]]:
        """Wait until nothing of the latest message of a type is on its way; return its notices."""

        async def nothing_waits() -> bool:
            return all(one["state"] not in ("queued", "sending") for one in await self.notices(kind))

        await self.house.until(nothing_waits)
        return await self.notices(kind)

    async def notices(self, kind: str) -> list[dict[str, Any]]:
        """Return the notices of the latest message of a type."""
        (told, *_) = (await self.house.call("GET", f"/v1/messages?type={kind}")).json["data"]
        shown: list[dict[str, Any]] = (await self.house.call("GET", f"/v1/messages/{told['id']}")).json["notices"]
        return sorted(shown, key=lambda one: list(self.channels).index(one["channel"]))


class Interrupted(SmsProvider):
    """An SMS provider; before it answers, something else happens."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    async def _take(self, request: web.Request) -> web.Response:
        await asyncio.to_thread(self.meanwhile)
        return await super()._take(request)


@asynccontextmanager
async def town(house: House, sms: SmsProvider | None = None) -> AsyncIterator[Town]:
    """Open the providers and an account at each."""
    async with AsyncExitStack() as stack:
        sms = await stack.enter_async_context(sms or SmsProvider())
        mail = await stack.enter_async_context(MailServer())
        push = await stack.enter_async_context(PushService())
        one = Town(house, sms, mail, push)
        await one.channel(
            "sms",
            {"account_sid": sms.account_sid, "from": SENDER, "base_url": sms.address},
            {"auth_token": sms.token},
        )
        await one.channel(
            "email",
            {"host": "127.0.0.1", "port": str(mail.port), "security": "none", "from": "news@shop.example"},
            {},
        )
        await one.channel("push", {"contact": "mailto:ops@shop.example"}, {"vapid_private_key": new_private_key()})
        await house.until(lambda: len(house.gateway.postroom._lanes) == 3)
        yield one

"""An SMS provider that speaks Twilio's format: it checks the account, keeps messages, and calls back signed.

async with SmsProvider() as provider:
    channel = build("sms", {"base_url": provider.address, ...}, {"auth_token": provider.token}, outside)
"""

from __future__ import annotations

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha1
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from gateway.demo.providers.serving import Serving

if TYPE_CHECKING:
    from collections.abc import Mapping

STOPS, STARTS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}, {"START", "YES", "UNSTOP"}
_ERRORS = {
    "unauthorized": (401, 20003, "Authenticate"),
    "missing_to": (400, 21604, "A 'To' phone number is required."),
    "bad_to": (400, 21211, "The 'To' number {to} is not a valid phone number."),
    "missing_body": (400, 21602, "Message body is required."),
    "missing_from": (400, 21603, "A 'From' phone number is required."),
    "too_long": (400, 21617, "The concatenated message body exceeds the 1600 character limit."),
    "stopped": (400, 21610, "Attempt to send to unsubscribed recipient {to}"),
    "busy": (429, 20429, "Too Many Requests"),
}
_MAX_BODY = 1_600


@dataclass
class Texted:
    """A message the provider took."""

    sid: str
    to: str
    sender: str
    body: str
    callback: str
    states: list[str] = field(default_factory=lambda: ["queued"])


class SmsProvider(Serving):
    """One account at the provider.

    Args:
        account_sid: the account's name; its token is made anew for each server.
        inbound: where messages that people write are reported.
    """

    def __init__(
        self,
        *,
        account_sid: str = "AC" + "0" * 32,
        inbound: str = "",
        port: int = 0,
    ) -> None:
        super().__init__(port)
        self.account_sid = account_sid
        self.token = secrets.token_hex(16)
        self.inbound = inbound
        self.texted: list[Texted] = []
        self.blocked: set[tuple[str, str]] = set()
        """Pairs of sender and person: this person said stop to this sender."""
        self.busy = 0
        """So many calls are yet to be put off."""

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers to."""
        return [web.post("/2010-04-01/Accounts/{sid}/Messages.json", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        given = request.headers.get("authorization", "")
        wanted = "Basic " + base64.b64encode(f"{self.account_sid}:{self.token}".encode()).decode()
        if request.match_info["sid"] != self.account_sid or not hmac.compare_digest(given.encode(), wanted.encode()):
            return _refuse("unauthorized")
        if self.busy:
            self.busy -= 1
            return _refuse("busy", {"retry-after": "2"})
        form = {name: str(value) for name, value in (await request.post()).items()}
        to, body = form.get("To", ""), form.get("Body", "")
        sender = form.get("From") or form.get("MessagingServiceSid") or ""
        trouble = ""
        if not to:
            trouble = "missing_to"
        elif not (to.startswith("+") and to[1:].isdigit()):
            trouble = "bad_to"
        elif not sender:
            trouble = "missing_from"
        elif not body:
            trouble = "missing_body"
        elif len(body) > _MAX_BODY:
            trouble = "too_long"
        elif (sender, to) in self.blocked:
            trouble = "stopped"
        if trouble:
            return _refuse(trouble, to=to)
        text = Texted(f"SM{len(self.texted) + 1:032x}", to, sender, body, form.get("StatusCallback", ""))
        self.texted.append(text)
        return web.json_response(
            {
                "sid": text.sid,
                "account_sid": self.account_sid,
                "to": to,
                "from": form.get("From"),
                "messaging_service_sid": form.get("MessagingServiceSid"),
                "body": body,
                "status": "queued",
                "num_segments": "0" if form.get("MessagingServiceSid") else "1",
                "error_code": None,
                "error_message": None,
            },
            status=201,
        )

    async def report(self, text: Texted, state: str, error_code: str = "") -> int:
        """Tell what became of a message; return the status of the answer."""
        text.states.append(state)
        form = {
            "AccountSid": self.account_sid,
            "MessageSid": text.sid,
            "SmsSid": text.sid,
            "MessageStatus": state,
            "SmsStatus": state,
            "From": text.sender,
            "To": text.to,
        }
        return await self.call(text.callback, form | ({"ErrorCode": error_code} if error_code else {}))

    async def write(self, person: str, to: str, body: str) -> int:
        """Let a person write to a sender; the stop words block as at the provider. Returns the answer's status."""
        word = body.strip().upper()
        form = {
            "AccountSid": self.account_sid,
            "MessageSid": f"SM{len(self.texted) + 1:032x}",
            "SmsStatus": "received",
            "From": person,
            "To": to,
            "Body": body,
            "NumMedia": "0",
        }
        if word in STOPS:
            self.blocked.add((to, person))
        elif word in STARTS:
            self.blocked.discard((to, person))
        return await self.call(self.inbound, form)

    async def call(self, url: str, form: Mapping[str, str]) -> int:
        """Post a signed form."""
        headers = {"x-twilio-signature": self.sign(url, form), "content-type": "application/x-www-form-urlencoded"}
        async with (
            aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(url, data=urlencode(form), headers=headers) as answer,
        ):
            return answer.status

    def sign(self, url: str, form: Mapping[str, str]) -> str:
        """Return the signature of a form posted to an address."""
        signed = url + "".join(name + form[name] for name in sorted(form))
        return base64.b64encode(hmac.new(self.token.encode(), signed.encode(), sha1).digest()).decode()


def _refuse(what: str, headers: Mapping[str, str] | None = None, to: str = "") -> web.Response:
    status, code, message = _ERRORS[what]
    told = {
        "code": code,
        "message": message.format(to=to),
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(told, status=status, headers=headers)

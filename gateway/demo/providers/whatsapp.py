"""A sender at a provider that speaks WhatsApp's Cloud API: it checks the token and templates, and calls back signed."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from gateway.demo.providers.serving import Serving


@dataclass
class Templated:
    """A message the provider took."""

    id: str
    to: str
    template: str
    language: str
    values: list[str]


class WhatsAppProvider(Serving):
    """The provider. `templates` are the names it approved."""

    version = "v21.0"

    def __init__(self, *, templates: frozenset[str] = frozenset({"out_for_delivery"}), port: int = 0) -> None:
        super().__init__(port)
        self.phone_number_id, self.number = "100200300400500", "15555550001"
        self.access_token, self.app_secret = secrets.token_hex(16), secrets.token_hex(16)
        self.templates = templates
        self.busy = 0
        self.taken: list[Templated] = []

    def routes(self) -> list[web.RouteDef]:
        """Return what it answers to."""
        return [web.post(f"/{self.version}/{self.phone_number_id}/messages", self._take)]

    async def _take(self, request: web.Request) -> web.Response:
        given, wanted = request.headers.get("authorization", ""), f"Bearer {self.access_token}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            return _refuse(401, 190)
        if self.busy:
            self.busy -= 1
            return _refuse(429, 130429)
        told = await request.json()
        template = told.get("template", {})
        if template.get("name") not in self.templates or told.get("type") != "template":
            return _refuse(400, 131008)
        values = [value["text"] for part in template["components"] for value in part["parameters"]]
        taken = Templated(
            f"wamid.{len(self.taken) + 1}", told["to"], template["name"], template["language"]["code"], values
        )
        self.taken.append(taken)
        contacts = [{"input": taken.to, "wa_id": taken.to}]
        answer = {"messaging_product": "whatsapp", "contacts": contacts, "messages": [{"id": taken.id}]}
        return web.json_response(answer)

    def status(self, message: Templated, state: str, code: int = 0) -> dict[str, Any]:
        """Return the body that tells what became of a message."""
        told: dict[str, Any] = {"id": message.id, "status": state, "recipient_id": message.to}
        if code:
            told["errors"] = [{"code": code}]
        return self._body({"statuses": [told]})

    def written(self, sender: str, text: str) -> dict[str, Any]:
        """Return the body that tells what a person wrote."""
        message = {"from": sender, "id": f"wamid.in.{secrets.token_hex(4)}", "type": "text", "text": {"body": text}}
        return self._body({"messages": [message]})

    def _body(self, value: dict[str, Any]) -> dict[str, Any]:
        metadata = {"display_phone_number": self.number, "phone_number_id": self.phone_number_id}
        change = {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata} | value}
        return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}

    def sign(self, body: bytes) -> str:
        """Return the signature of a body."""
        return "sha256=" + hmac.new(self.app_secret.encode(), body, sha256).hexdigest()

    async def call(self, url: str, told: dict[str, Any]) -> int:
        """Post a signed body; return the status of the answer."""
        body = orjson.dumps(told)
        headers = {"x-hub-signature-256": self.sign(body), "content-type": "application/json"}
        async with (
            aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.post(url, data=body, headers=headers) as answer,
        ):
            return answer.status


def _refuse(status: int, code: int) -> web.Response:
    return web.json_response({"error": {"message": "no", "type": "OAuthException", "code": code}}, status=status)

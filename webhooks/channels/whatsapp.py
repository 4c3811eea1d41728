"""WhatsApp's Cloud API: approved templates out, what became of them and what people write in.

What is unconfirmed is listed beside its kind, in the package.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Literal

import orjson

from webhooks.channels.base import Forged, Inbound, Kind, Outgoing, Report, Said
from webhooks.channels.fields import Field
from webhooks.channels.meanings import answered, meaning
from webhooks.channels.told import code_of, dig, parse
from webhooks.channels.words import word_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from webhooks.channels.caller import Caller

FIELDS = (
    Field(
        name="phone_number_id",
        help="The id (not the number) messages come from",
        required=True,
        pattern=r"[0-9]{4,30}",
    ),
    Field(name="version", help="The API's version, such as v21.0", required=True, pattern=r"v[0-9]{1,3}\.[0-9]{1,2}"),
    Field(name="access_token", help="What the provider knows the account by", secret=True, required=True),
    Field(name="app_secret", help="What the provider signs its calls with", secret=True, required=True),
    Field(
        name="verify_token",
        help="A word of your own, entered at the provider too: it proves that the webhook's address is ours",
        secret=True,
        required=True,
    ),
    Field(
        name="base_url",
        help="The provider's address",
        default="https://graph.facebook.com",
        pattern=r"https?://\S+",
        address=True,
    ),
)

_STATES: Mapping[str, Literal["sent", "delivered", "read", "undelivered"]] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "failed": "undelivered",
}
_TAKEN = range(200, 300)


class WhatsApp:
    """One sender at the provider.

    Args:
        values: as `FIELDS` names them.
        caller: carries the calls; it stays its owner's.
    """

    kind: Kind = "whatsapp"

    def __init__(self, values: Mapping[str, str], caller: Caller) -> None:
        self._sender = values["phone_number_id"]
        self._url = f"{values['base_url'].rstrip('/')}/{values['version']}/{self._sender}/messages"
        self._headers = {
            "authorization": f"Bearer {values['access_token']}",
            "content-type": "application/json",
            "accept": "application/json",
        }
        self._secret = values["app_secret"].encode()
        self._word = values["verify_token"].encode()
        self._caller = caller

    async def send(self, notice: Outgoing) -> Said:
        """Send one notice as its template. A repeat may arrive twice: the provider knows no key against it."""
        if not notice.template:
            return Said(kind="refused", code="template", reason="WhatsApp takes approved templates only")
        try:
            body = orjson.dumps(_template(notice))
        except TypeError:  # half a surrogate pair
            return Said(kind="refused", code="text", reason="a value cannot be encoded")
        answer = await self._caller.post(self._url, self._headers, body, forbidden="rejected")
        if isinstance(answer, Said):
            return answer
        told = parse(answer.body)
        if answer.status not in _TAKEN:
            return answered("whatsapp", answer.status, code_of(dig(told, "error", "code")), answer.retry_after)
        message = dig(told, "messages", 0, "id")
        if not isinstance(message, str) or not message:
            return Said(kind="later", code="unreadable", reason="the answer is not one of this provider's")
        return Said(kind="accepted", provider_id=message)

    async def close(self) -> None:
        """Nothing of its own to give back."""

    def challenge(self, query: Mapping[str, str]) -> str:
        """Return what to answer the provider's check of the webhook's address. Raises `Forged`."""
        known = hmac.compare_digest(query.get("hub.verify_token", "").encode("utf-8", "replace"), self._word)
        if query.get("hub.mode") != "subscribe" or not known or not query.get("hub.challenge", "").isalnum():
            raise Forged("hub.verify_token")
        return query["hub.challenge"]

    def verify(self, url: str, headers: Mapping[str, str], body: bytes) -> None:  # noqa: ARG002 - the seam's
        """Check `X-Hub-Signature-256`. Raises `Forged`."""
        given = next((value for name, value in headers.items() if name.lower() == "x-hub-signature-256"), "")
        expected = "sha256=" + hmac.digest(self._secret, body, "sha256").hex()
        if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
            raise Forged("x-hub-signature-256")

    def hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Report | Inbound]:  # noqa: ARG002 - the seam's
        """Read what became of messages and what people wrote to this sender, in the call's order."""
        told = parse(body)
        heard: list[Report | Inbound] = []
        for entry in _items(told, "entry"):
            for change in _items(entry, "changes"):
                value = dig(change, "value")
                if str(dig(value, "metadata", "phone_number_id")) == self._sender:
                    heard.extend(_reports(value))
                    heard.extend(_inbound(value))
        return heard

    def answer(self, text: str) -> tuple[bytes, str]:  # noqa: ARG002 - the seam's; this provider relays no answers
        """Return an empty answer."""
        return b"", "text/plain"


def _template(notice: Outgoing) -> dict[str, Any]:
    values = [{"type": "text", "text": value} for value in notice.template_values]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": notice.to.removeprefix("+"),
        "type": "template",
        "template": {
            "name": notice.template,
            "language": {"code": notice.language.replace("-", "_")},
            "components": [{"type": "body", "parameters": values}] if values else [],
        },
    }


def _items(told: Any, name: str) -> list[Any]:
    found = dig(told, name)
    return found if isinstance(found, list) else []


def _reports(value: Any) -> Iterator[Report]:
    for one in _items(value, "statuses"):
        message, state = dig(one, "id"), _STATES.get(str(dig(one, "status")))
        if isinstance(message, str) and state is not None:
            code = code_of(dig(one, "errors", 0, "code"))
            known = meaning("whatsapp", code)
            yield Report(provider_id=message, state=state, code=code, reason=known.reason if known else "")


def _inbound(value: Any) -> Iterator[Inbound]:
    ours = str(dig(value, "metadata", "display_phone_number") or "")
    for one in _items(value, "messages"):
        message, sender = dig(one, "id"), dig(one, "from")
        # a tap on a template's button carries its words elsewhere (unconfirmed)
        text = dig(one, "text", "body") or dig(one, "button", "text")
        if isinstance(message, str) and isinstance(sender, str) and isinstance(text, str):
            yield Inbound(provider_id=message, sender=_plus(sender), to=_plus(ours), text=text, word=word_of(text))


def _plus(number: str) -> str:
    digits = "".join(one for one in number if one.isdigit())
    return f"+{digits}" if digits else ""

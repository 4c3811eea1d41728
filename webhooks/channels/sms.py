"""SMS in Twilio's wire format, at Twilio or at any provider that speaks it: the base address is a setting.

https://www.twilio.com/docs/messaging/api/message-resource (sending), .../docs/usage/security (proof of callbacks).
"""

from __future__ import annotations

import base64
import hmac
from contextlib import suppress
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

from webhooks.channels.base import Forged, Inbound, Kind, Outgoing, Report, Said
from webhooks.channels.fields import BadSettings, Field
from webhooks.channels.meanings import answered, meaning
from webhooks.channels.segments import count
from webhooks.channels.told import code_of, dig, parse
from webhooks.channels.words import word_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhooks.channels.caller import Caller

FIELDS = (
    Field(
        name="account_sid",
        help="The account's SID, AC and 32 characters at Twilio",
        required=True,
        pattern=r"[A-Za-z0-9_-]{2,64}",
    ),
    Field(
        name="auth_token",
        help="The account's auth token; it also signs the provider's calls to us",
        secret=True,
        required=True,
    ),
    Field(
        name="from",
        help="The number, short code or name messages come from; or give messaging_service_sid",
        pattern=r"\+[0-9]{4,15}|[0-9]{3,8}|[A-Za-z0-9][A-Za-z0-9 &_+-]{0,10}",
    ),
    Field(
        name="messaging_service_sid",
        help="The messaging service that picks the sender, instead of from",
        pattern=r"[A-Za-z0-9_-]{2,64}",
    ),
    Field(
        name="base_url",
        help="The provider's address",
        default="https://api.twilio.com",
        pattern=r"https?://\S+",
        address=True,
    ),
)

_STATES: Mapping[str, Literal["queued", "sent", "delivered", "read", "undelivered"]] = {
    "accepted": "queued",
    "scheduled": "queued",
    "queued": "queued",
    "sending": "queued",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "undelivered": "undelivered",
    "failed": "undelivered",
    "canceled": "undelivered",
}
"""The provider's states of a message; the others (partially_delivered among them) say nothing we know."""
_OPT_OUT: Mapping[str, Literal["stop", "start", "help"]] = {"STOP": "stop", "START": "start", "HELP": "help"}
_DEFAULT_PORTS = {"https": ":443", "http": ":80"}
_MAX_FIELDS = 200
_CREATED = range(200, 300)


class Sms:
    """An account at a provider that speaks Twilio's format.

    Args:
        values: as `FIELDS` names them.
        caller: carries the calls; it stays its owner's.
    """

    kind: Kind = "sms"

    def __init__(self, values: Mapping[str, str], caller: Caller) -> None:
        if bool(values["from"]) is bool(values["messaging_service_sid"]):
            raise BadSettings("from: give either this or messaging_service_sid, and not both")
        account, token = values["account_sid"], values["auth_token"]
        self._token = token.encode()
        self._caller = caller
        self._url = f"{values['base_url'].rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
        self._headers = {
            "authorization": "Basic " + base64.b64encode(f"{account}:{token}".encode()).decode(),
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        self._sender = (
            {"From": values["from"]} if values["from"] else {"MessagingServiceSid": values["messaging_service_sid"]}
        )

    async def send(self, notice: Outgoing) -> Said:
        """Send one notice. A repeat may arrive twice: the provider knows no key against it."""
        form = {"To": notice.to, **self._sender, "Body": notice.text}
        if notice.callback_url:
            form["StatusCallback"] = notice.callback_url
        body = urlencode(form, errors="replace").encode()
        answer = await self._caller.post(self._url, self._headers, body, forbidden="rejected")
        if isinstance(answer, Said):
            return answer
        told = parse(answer.body)
        if answer.status not in _CREATED:
            return answered("twilio", answer.status, code_of(dig(told, "code")), answer.retry_after)
        sid = dig(told, "sid")
        if not isinstance(sid, str) or not sid:
            return Said(kind="later", code="unreadable", reason="the answer is not one of this provider's")
        if _STATES.get(str(dig(told, "status"))) == "undelivered":
            return answered("twilio", 400, code_of(dig(told, "error_code")))
        return Said(kind="accepted", provider_id=sid, segments=_segments(told, notice.text))

    async def close(self) -> None:
        """Nothing of its own to give back."""

    def verify(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Check `X-Twilio-Signature`. Raises `Forged`."""
        given = next((value for name, value in headers.items() if name.lower() == "x-twilio-signature"), "")
        expected = signatures(self._token, url, body)
        # every candidate is compared, so that the time tells nothing of which it was
        if not sum(hmac.compare_digest(one, given.encode()) for one in expected):
            raise Forged("x-twilio-signature")

    def hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Report | Inbound]:  # noqa: ARG002 - the seam's
        """Read a status callback or a message somebody wrote."""
        form = dict(_form(body))
        sid = form.get("MessageSid") or form.get("SmsSid") or ""
        status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
        if not sid:
            return []
        state = _STATES.get(status)
        if state is not None:
            code = form.get("ErrorCode", "")[:20]
            known = meaning("twilio", code)
            return [Report(provider_id=sid, state=state, code=code, reason=known.reason if known else "")]
        if status in ("received", "receiving", "") and form.get("From") and "Body" in form:
            word = _OPT_OUT.get(form.get("OptOutType", "").upper()) or word_of(form["Body"])
            # with its own handling of these words on, the provider names the word and has answered it
            handled = "OptOutType" in form
            sender, to, text = form["From"], form.get("To", ""), form["Body"]
            return [Inbound(provider_id=sid, sender=sender, to=to, text=text, word=word, handled=handled)]
        return []

    def answer(self, text: str) -> tuple[bytes, str]:
        """Return TwiML: nothing more to do, or a message to whoever wrote."""
        message = f"<Message>{escape(text)}</Message>" if text else ""
        return f'<?xml version="1.0" encoding="UTF-8"?><Response>{message}</Response>'.encode(), "text/xml"


def signatures(token: bytes, url: str, body: bytes) -> list[bytes]:
    """Return the signatures that prove a call: the provider signs the address with or without its default port.

    The address is followed by the form's names and values in the order of the names, the values of a name that is
    repeated sorted and once each. A body that is no form is named by its digest in the address (`bodySHA256`).
    Empty where the body does not fit that digest.
    """
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    digest = dict(parse_qsl(path.partition("?")[2])).get("bodySHA256")
    if digest is None:
        joined = "".join(name + value for name, value in sorted(set(_form(body))))
    elif hmac.compare_digest(sha256(body).hexdigest().encode(), digest.lower().encode()):
        joined = ""
    else:
        return []
    candidates = {url}
    port = _DEFAULT_PORTS.get(scheme, "")
    if port and (authority.endswith(port) or not authority.rpartition(":")[2].isdigit()):
        bare = authority.removesuffix(port)
        candidates |= {f"{scheme}://{bare}{slash}{path}", f"{scheme}://{bare}{port}{slash}{path}"}
    return [
        base64.b64encode(hmac.new(token, (one + joined).encode("utf-8", "replace"), sha1).digest())
        for one in sorted(candidates)
    ]


def _form(body: bytes) -> list[tuple[str, str]]:
    with suppress(ValueError):
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    return []


def _segments(told: Any, text: str) -> int:
    """Return what the provider counted; a messaging service counts later and says 0 first, so we count."""
    said = code_of(dig(told, "num_segments"))
    return int(said) if said and int(said) else count(text).segments

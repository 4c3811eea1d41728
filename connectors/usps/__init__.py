"""USPS: Tracking v3 for one number, v3r2 for several, pushes whose news is JSON inside a string."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Payload, Polls, Pushes, Subscribed, Subscribes, dig, rows, text_of
from connectors.errors import Forged, NotFound, Rejected, Unavailable, Unreadable
from connectors.signatures import require_header, require_hmac, require_secret
from connectors.soap import is_web_page
from connectors.usps import reading
from normalizer.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

OUR_FAULT = b"OASValidation"
"""The gateway's word for a request that is not of its specification: nothing is said about the number then."""

UNKNOWN_NUMBER = frozenset({"400", "404"})
"""Errors of a number inside a batch that mean the same as these statuses for one number."""


class Part(NamedTuple):
    """One parcel of an answer, and the number that was asked in its place."""

    parcel: Any
    asked: str | None


class Carrier(Connector, Polls, Pushes, Subscribes):
    """Tracking v3 and v3r2, Subscriptions - Tracking v3."""

    signs_body = False  # time stamp and news are signed, the wrapping around them is not

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """Client credentials in a JSON body; the app's own scopes apply."""
        return OAuth2ClientCredentials("/oauth2/v3/token", secrets["client_id"], secrets["client_secret"], style="json")

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for the details of one number (v3), or of several in one call (v3r2)."""
        if len(numbers) == 1:
            path = f"/tracking/v3/tracking/{quote(numbers[0], safe='')}"
            answer = await http.get(path, params={"expand": "DETAIL"}, expect=(200, 400))
        else:
            wanted = [{"trackingNumber": number} for number in numbers]
            try:
                answer = await http.post("/tracking/v3r2/tracking", json=wanted, expect=(200, 207), repeatable=True)
            except NotFound as refusal:  # of the call as a whole: it says nothing about any number
                raise Unreadable(f"the batch is refused: {refusal}") from None
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        if answer.status == 400:  # noqa: PLR2004 - Bad Request
            if OUR_FAULT in answer.body:
                raise Unreadable("the carrier's gateway refuses the request")
            raise NotFound("the carrier knows no such number")
        return answer

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Check `X-HMAC`: Base64 of HMAC-SHA256 over time stamp and payload as they stand in the body, joined."""
        secret, given = require_secret(secrets, "push_secret"), require_header(push.headers, "x-hmac")
        try:
            body = orjson.loads(push.body)
            signed = f"{_stamp(body['timestamp'])}{_stamp(body['payload'])}"
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise Forged("the push holds no time stamp and payload") from None
        require_hmac(secret.encode(), signed.encode("utf-8", "surrogatepass"), given, encoding="base64")

    async def subscribe(
        self, http: CarrierClient, numbers: Sequence[str], callback: str, secrets: Mapping[str, str]
    ) -> Subscribed:
        """Ask for pushes of all events of one number. It lives as long as it has news, at least 30 days.

        Raises `Rejected` where the account has no secret of 32 characters: nothing would prove such pushes.
        """
        secret = secrets.get("push_secret", "")
        if len(secret) != 32:  # noqa: PLR2004 - the carrier's own length
            raise Rejected("the account has no push_secret of 32 characters")
        number = numbers[0]
        wanted: dict[str, Any] = {
            "listenerURL": callback,
            "secret": secret,
            "filterProperties": {"trackingNumber": number, "trackingEventTypes": ["ALL_UPDATES"]},
        }
        if secrets.get("admin_email"):
            wanted["adminNotification"] = [{"email": secrets["admin_email"]}]
        path = "/subscriptions-tracking/v3/subscriptions"
        answer = await http.post(path, json=wanted, expect=(200, 201))
        until = datetime.now(UTC) + timedelta(days=self.facts.push.lives_days or 30)
        return Subscribed((number,), until=until, reference=_reference(answer.body))

    def parts(self, payload: Payload) -> list[Part]:
        """One parcel at a time: an answer is one or a list of them, a push carries them as JSON in a string."""
        body = payload.json()
        if isinstance(body, dict) and "payload" in body:
            try:
                body = orjson.loads(body["payload"])
            except orjson.JSONDecodeError:
                raise Unreadable("the push's payload is not JSON") from None
        if not isinstance(body, list):
            return [Part(body, payload.numbers[0] if len(payload.numbers) == 1 else None)]
        in_order = len(body) == len(payload.numbers)
        return [Part(one, payload.numbers[at] if in_order else None) for at, one in enumerate(body)]

    def parse(self, payload: Payload, part: Part) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield a parcel's events, newest first as they come, and what is said of it as a whole."""
        parcel = part.parcel
        number = text_of(parcel, "trackingNumber") or part.asked
        if number is None:
            raise KeyError("trackingNumber")
        if (error := dig(parcel, "error")) is not None:
            if text_of(error, "code") not in UNKNOWN_NUMBER:
                raise Unreadable("the carrier answers a number with an error")
            yield Missing(number=number, text=text_of(error, "message") or "")
            return
        if "eventTimestamp" in parcel:  # a push may bring one event alone
            yield reading.scan(number, parcel, 0, self.codes.codes)
            return
        if "trackingEvents" not in parcel:  # a summary tells sentences only
            raise KeyError("trackingEvents")
        events = rows(parcel, "trackingEvents")
        for later, event in enumerate(events, start=1):
            yield reading.scan(number, event, len(events) - later, self.codes.codes)
        yield reading.detail(number, parcel)


def _stamp(value: Any) -> str:
    """Return a signed field as it stood in the body: a text, or the digits of a whole number."""
    if isinstance(value, str) or type(value) is int:
        return str(value)
    raise TypeError("expected a text")


def _reference(body: bytes) -> str | None:
    """Return the subscription's id, where the answer names one."""
    try:
        return text_of(orjson.loads(body), "subscriptionId")
    except (orjson.JSONDecodeError, TypeError):
        return None

"""FedEx: tracking of up to 30 numbers a call, signed pushes held loose, proofs of delivery as documents."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Document, Payload, Polls, Proves, Pushes, dig, rows, text_of
from connectors.errors import NotFound, Unavailable, Unreadable
from connectors.fedex import reading
from connectors.signatures import require_header, require_hmac, require_secret
from connectors.soap import is_web_page
from normalizer.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

LOCALE = {"x-locale": "en_US"}

_DEEPEST = 6
"""How many levels of a push are searched for results; a tracking answer has them at the fourth."""

_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"%PDF-": "application/pdf"}


class Carrier(Connector, Polls, Pushes, Proves):
    """Track API v1 and Advanced Integrated Visibility."""

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """Client credentials in a form."""
        return OAuth2ClientCredentials("/oauth/token", secrets["client_id"], secrets["client_secret"], style="form")

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all scans of up to 30 numbers.

        Raises `Unreadable` where several are refused together: that says nothing of any one of them.
        """
        wanted = [{"trackingNumberInfo": {"trackingNumber": number}} for number in numbers]
        try:
            return await _ask(http, "trackingnumbers", {"includeDetailedScans": True, "trackingInfo": wanted})
        except NotFound as refusal:
            if len(numbers) == 1:
                raise
            raise Unreadable(f"the batch is refused: {refusal}") from None

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Check `fdx-signature`, the Base64 HMAC-SHA256 of the raw body under the webhook's security token."""
        token = require_secret(secrets, "push_token")
        require_hmac(token.encode(), push.body, require_header(push.headers, "fdx-signature"), encoding="base64")

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:  # noqa: ARG002 - one kind
        """Fetch the signature proof of delivery as a PDF: the only proof there is."""
        wanted = {
            "trackDocumentDetail": {"documentType": reading.SIGNATURE, "documentFormat": "PDF"},
            "trackDocumentSpecification": [{"trackingNumberInfo": {"trackingNumber": number}}],
        }
        answer = await _ask(http, "trackingdocuments", wanted)
        return _document(answer)

    def parts(self, payload: Payload) -> list[Any]:
        """One number of an answer at a time; a push is searched for results of that shape."""
        body = payload.json()
        if payload.source == "poll":
            return rows(body["output"]["completeTrackResults"])
        found = list(_results(body, _DEEPEST))
        if not found:
            raise Unreadable("the push holds no result of a tracking number")
        return [{"trackResults": [one]} for one in found]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield a number's scans, newest first as they come, and what is said of it as a whole.

        A number that was used more than once brings several results: the one with the latest scan counts.
        """
        results = rows(part["trackResults"])
        result = max(results, key=reading.latest)
        own = text_of(result, "trackingNumberInfo", "trackingNumber")
        number = text_of(part, "trackingNumber") or own
        if number is None:
            raise KeyError("trackingNumber")
        events = rows(result, "scanEvents")
        error = dig(result, "error")
        status = dig(result, "latestStatusDetail")
        told = text_of(status, "code") or text_of(status, "derivedCode")
        if error and not events and not told:
            code = error["code"]
            if not code.endswith("NOTFOUND"):
                raise Unreadable(f"the carrier answers a number with {code if code.isascii() else 'an error'}")
            yield Missing(number=number, text=text_of(error, "message") or "")
            return
        for later, event in enumerate(events, start=1):
            yield reading.scan(number, event, len(events) - later)
        if told and not events:
            yield reading.latest_status(number, result)
        yield reading.detail(number, own, result, uses=len(results))


def _results(node: Any, depth: int) -> Iterator[Any]:
    if isinstance(node, list):
        for one in node:
            yield from _results(one, depth)
    elif isinstance(node, dict) and depth:
        if isinstance(node.get("trackingNumberInfo"), dict) and {"scanEvents", "latestStatusDetail"} & node.keys():
            yield node
            return
        for one in node.values():
            yield from _results(one, depth - 1)


async def _ask(http: CarrierClient, what: str, wanted: Any) -> Answer:
    answer = await http.post(f"/track/v1/{what}", json=wanted, headers=LOCALE, repeatable=True)
    if is_web_page(answer):
        raise Unavailable("a web page came instead of an answer")
    return answer


def _document(answer: Answer) -> Document:
    said = Payload(carrier="fedex", body=answer.body, source="poll", received_at=datetime.now(UTC)).json()
    try:
        # The schema's name is document, the example's documents.
        kept = dig(said, "output", "documents", 0) or dig(said, "output", "document", 0)
        body = base64.b64decode(kept, validate=True) if kept else b""
    except (binascii.Error, ValueError, TypeError):
        raise Unreadable("the proof is not base64 in a list") from None
    if not body:
        raise NotFound("the carrier keeps no such proof of this parcel")
    kind = next((kind for start, kind in _BEGINNINGS.items() if body.startswith(start)), "application/octet-stream")
    return Document(body, kind)

"""DHL Parcel Germany: an XML question inside the query, up to 20 numbers, signatures as hex text."""

from __future__ import annotations

import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lxml import etree

from connectors.auth import Basic, Proof, Together
from connectors.base import Connector, Document, Payload, Polls, Proves
from connectors.dhl_parcel_de import reading
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

DETAILS, SIGNATURE = "d-get-piece-detail", "d-get-signature"

UNKNOWN_NUMBER = frozenset({"41", "57", "61", "100", "200"})
"""Wrong check digit, another postal code, no such order, no data, no electronic data."""

NOT_LET_IN = frozenset({"5", "6", "62", "64"})
"""Wrong login, too many of them, no right to this."""

THEIR_TROUBLE = frozenset({"-1", "-2", "-1000", "63"})
"""No database, a failed query, a technical error, an archive out of reach."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="no"?>'


class TrackingUser(Proof):
    """The tracking user's name and password inside the question, which itself stands in the query."""

    def __init__(self, appname: str, password: str) -> None:
        self._user = {"appname": appname, "password": password}

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Write both into the question."""
        question = etree.fromstring(request.url.params["xml"].removeprefix(_HEAD))
        request.url = request.url.copy_set_param("xml", _question({**self._user, **_texts(question)}))
        return request


class Carrier(Connector, Polls, Proves):
    """Parcel DE Tracking v0."""

    def auth(self, secrets: Mapping[str, str]) -> Together:
        """The app's key and secret for the gateway, the tracking user for the service behind it."""
        return Together(
            Basic(secrets["api_key"], secrets["api_secret"]), TrackingUser(secrets["appname"], secrets["password"])
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all scans of up to 20 numbers, in English.

        Raises `Unreadable` where several are refused together: that says nothing of any one of them.
        """
        try:
            answer = await _ask(http, DETAILS, ";".join(numbers))
        except NotFound as refusal:
            if len(numbers) == 1:
                raise
            raise Unreadable(f"the batch is refused: {refusal}") from None
        _raise_refusal(_root(answer))
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:  # noqa: ARG002 - one kind
        """Fetch the signature, a GIF sent as hex digits."""
        root = _root(await _ask(http, SIGNATURE, number))
        _raise_refusal(root)
        if root.get("code") in UNKNOWN_NUMBER:
            raise NotFound("the carrier keeps no signature of this parcel")
        digits = next((text for node in root.iter("data") if (text := node.get("image"))), None)
        if not digits:
            raise NotFound("the carrier keeps no signature of this parcel")
        try:
            image = binascii.unhexlify(digits)
        except ValueError:
            raise Unreadable("the signature is not hex") from None
        return Document(image, "image/gif" if image.startswith(b"GIF8") else "application/octet-stream")

    def parts(self, payload: Payload) -> Iterator[etree._Element | Missing]:
        """Split an answer into its numbers; one error for all means that none of them is known."""
        root = payload.xml()
        code = root.get("code")
        if code in UNKNOWN_NUMBER:
            for number in payload.numbers:
                yield Missing(number=number, text=root.get("error") or "")
            return
        if code != "0" or root.get("name") != "piece-shipment-list":
            raise Unreadable("the answer is no list of parcels")
        yield from root.iterchildren("data")

    def parse(self, payload: Payload, part: etree._Element | Missing) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield a parcel's scans, oldest first as they come, and what is said of it as a whole."""
        if isinstance(part, Missing):
            yield part
            return
        number = part.get("searched-piece-code") or part.attrib["piece-code"]
        status = part.get("error-status") or "0"
        if status in UNKNOWN_NUMBER:
            yield Missing(number=number, text=part.get("status") or "")
            return
        if status != "0":
            raise Unreadable("the carrier answers a number with an error")
        events = part.findall("data[@name='piece-event-list']/data[@name='piece-event']")
        for order, event in enumerate(events):
            yield reading.scan(number, event, order)
        if not events and part.get("status-timestamp"):
            yield reading.present_status(number, part)
        yield reading.detail(number, part)


async def _ask(http: CarrierClient, request: str, numbers: str) -> Answer:
    try:
        question = _question({"request": request, "language-code": "en", "piece-code": numbers})
    except ValueError:
        raise NotFound("no carrier knows a number with characters that XML forbids") from None
    answer = await http.get("/shipments", params={"xml": question})
    if is_web_page(answer):
        raise Unavailable("a web page came instead of an answer")
    return answer


def _question(attributes: Mapping[str, str]) -> str:
    return _HEAD + etree.tostring(etree.Element("data", dict(attributes)), encoding="unicode")


def _texts(node: etree._Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in node.attrib.items()}


def _root(answer: Answer) -> etree._Element:
    """Read a body under the same guards as any payload."""
    return Payload(carrier="dhl-parcel-de", body=answer.body, source="poll", received_at=datetime.now(UTC)).xml()


def _raise_refusal(root: etree._Element) -> None:
    """Raise what the answer's own code means for the account or the moment; return where it is about numbers."""
    code = root.get("code") or ""
    if code in NOT_LET_IN:
        raise Rejected(f"the carrier refuses the tracking user ({code})")
    if code in THEIR_TROUBLE:
        raise Unavailable(f"the carrier has technical trouble ({code})")

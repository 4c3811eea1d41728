"""Canada Post: one XML question a parcel; the codes are its own, four digits, the same in both languages."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Document, Payload, Polls, Proves
from connectors.errors import NotFound, Rejected, Unavailable, Unreadable
from normalizer.clock import named_zone
from normalizer.codes import normal_phrase
from normalizer.model import Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

HEADERS = {"Accept": "application/vnd.cpc.track-v2+xml", "Accept-Language": "en-CA"}
"""This very media type: any other, `*/*` included, is answered with an error. Codes do not depend on the language."""

SAYS_WHY = frozenset({200, 400, 403, 404, 406, 412, 500})
"""Statuses whose body is read: the reason stands in `messages`, and no document ties a reason to a status."""

NO_HISTORY = "004"
THROTTLE_SECONDS = 60.0
"""A throttled account is blocked for up to a minute."""

PROVINCES = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})

CERTIFICATE = "certificate"
SIGNATURE = "signatureimage"

_DNC = re.compile(r"\d{15}")
_CANADIAN = re.compile(r"[A-Z]\d[A-Z] ?\d[A-Z]\d")
_BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
    b"\xff\xd8\xff": "image/jpeg",
    b"%PDF-": "application/pdf",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}


class Carrier(Connector, Polls, Proves):
    """Tracking details and proofs of the carrier's REST services (`/vis`)."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """An API key is a pair of user name and password; development and production have one each."""
        return Basic(secrets["username"], secrets["password"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of one parcel, by its PIN or by the 15 digits of a delivery notice card."""
        number = numbers[0]
        kind = "dnc" if _DNC.fullmatch(number) else "pin"
        answer = await http.get(f"/vis/track/{kind}/{quote(number, safe='')}/detail", headers=HEADERS, expect=SAYS_WHY)
        _raise_refusal(answer)
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the signature's image, or the delivery certificate where `reference` is `certificate`."""
        what = CERTIFICATE if reference == CERTIFICATE else SIGNATURE
        answer = await http.get(f"/vis/{what}/{quote(number, safe='')}", headers=HEADERS, expect=SAYS_WHY)
        _raise_refusal(answer)
        image = _text(_root(answer.body), "image")
        if image is None:
            raise NotFound("the carrier keeps no such proof of this parcel")
        try:
            body = base64.b64decode(image, validate=False)
        except ValueError:
            raise Unreadable("the proof is not base64") from None
        return Document(body, _media_type(body))

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One answer, one parcel. A blank before the XML declaration is forgiven: captured answers begin with one."""
        yield replace(payload, body=payload.body.lstrip()).xml()

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:
        """Yield the parcel's events, newest first as they come, and what is said of it as a whole."""
        if _name(part) == "messages":
            if NO_HISTORY not in dict(_messages(part)):
                raise Unreadable(f"the carrier answers with the errors {[code for code, _ in _messages(part)]}")
            for number in payload.numbers:
                yield Missing(number=number, text=dict(_messages(part))[NO_HISTORY])
            return
        if _name(part) != "tracking-detail":
            raise Unreadable("the answer is neither tracking-detail nor messages")
        pin = _required(part, "pin")
        card = next((one for one in payload.numbers if _DNC.fullmatch(one) and one != pin), None)
        number = card or pin
        history = _child(part, "significant-events")
        if history is None:
            raise KeyError("significant-events")
        events = list(_children(history, "occurrence"))
        for later, event in enumerate(events, start=1):
            yield self._scan(number, event, len(events) - later)
        yield _detail(number, part, events, pin if card else None)

    def _scan(self, number: str, event: etree._Element, order: int) -> Scan:
        code = _required(event, "event-identifier").zfill(4)  # 20 and 0174 stand side by side
        words = _text(event, "event-description") or ""
        # A few codes serve the way back as well, told apart by the words: such a pair has a row of its own.
        worded = f"{code}/{normal_phrase(words)}"
        return Scan(
            number=number,
            at=_when(event),
            codes=(worded, code) if worded in self.codes.codes else (code,),
            text=words,
            place=_place(event),
            order=order,
            signed_by=_text(event, "signatory-name"),
        )


def _when(event: etree._Element) -> datetime | date:
    """Return the event's time: the zone is a short name such as EST, or blank, or none that is known."""
    day, clock = _required(event, "event-date"), _text(event, "event-time")
    if clock is None:
        return date.fromisoformat(day)
    at = datetime.fromisoformat(f"{day}T{clock}")
    name = _text(event, "event-time-zone")
    if name is None:
        return at
    try:
        return at.replace(tzinfo=named_zone(name))
    except ValueError:  # foreign scans name their country instead, so the place has to tell
        return at


def _place(event: etree._Element) -> Place:
    province = _text(event, "event-province")
    return Place(
        facility=_text(event, "event-retail-name"),
        facility_id=_text(event, "event-retail-location-id"),
        city=_text(event, "event-site"),
        region=province,
        country="CA" if province in PROVINCES else None,
    )


def _detail(number: str, root: etree._Element, events: Sequence[etree._Element], pin: str | None) -> Detail:
    promised = _text(root, "changed-expected-date") or _text(root, "expected-delivery-date")
    day = date.fromisoformat(promised) if promised else None
    destination = _text(root, "destination-postal-id")
    signed = _text(root, "signature-image-exists") == "true"
    signers = (_text(event, "signatory-name") for event in events)
    references = (pin, _text(root, "customer-ref-1"), _text(root, "customer-ref-2"))
    options = [
        option
        for item in _children(_child(root, "delivery-options"), "item")
        if (option := _text(item, "delivery-option"))
    ]
    extra: dict[str, Any] = {
        "eta_reason": _text(root, "changed-expected-delivery-reason"),
        "original_pin": _text(root, "original-pin"),
        "delivery_options": options,
    }
    return Detail(
        number=number,
        eta=Window(day, day) if day else None,
        service=_text(root, "service-name"),
        references=tuple(one for one in references if one) or None,
        signed_by=next((one for one in signers if one), None),
        proofs=(Proof(kind="signature", reference=SIGNATURE),) if signed else None,
        destination=Place(postal_code=destination, country="CA" if _CANADIAN.fullmatch(destination) else None)
        if destination
        else None,
        returns_as=_text(root, "return-pin"),
        extra={name: value for name, value in extra.items() if value} or None,
    )


def _raise_refusal(answer: Answer) -> None:
    """Raise what an answer's `messages` mean, whatever its HTTP status; return where it is an answer to keep."""
    try:
        root = _root(answer.body)
        messages = list(_messages(root)) if _name(root) == "messages" else []
    except (Unreadable, KeyError):  # a gateway's own page, or a message without its code: the status has to do
        messages = []
    for code, words in messages:
        if code == "Server" or "SLM Monitor" in words:
            raise Unavailable("the carrier throttles this account", retry_after=THROTTLE_SECONDS)
        if code.startswith("AA") or code == "E002":
            raise Rejected(f"the carrier refuses the account's credentials ({code})")
        if code == NO_HISTORY:
            raise NotFound("the carrier has no history of this number")
    codes = ", ".join(code for code, _ in messages) or "no reason"
    said = f"the carrier answered {answer.status} with {codes}"
    if answer.status == 403:  # noqa: PLR2004 - Forbidden
        raise Rejected(said)
    if answer.status >= 500:  # noqa: PLR2004 - server errors
        raise Unavailable(said)
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise NotFound(said)


def _root(body: bytes) -> etree._Element:
    """Read a body under the same guards as any payload."""
    return Payload(carrier="canada-post", body=body.lstrip(), source="poll", received_at=datetime.now(UTC)).xml()


def _media_type(body: bytes) -> str:
    return next((kind for start, kind in _BEGINNINGS.items() if body.startswith(start)), "application/octet-stream")


def _messages(root: etree._Element) -> Iterator[tuple[str, str]]:
    for message in _children(root, "message"):
        yield _required(message, "code"), _text(message, "description") or ""


def _name(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _children(node: etree._Element | None, name: str) -> Iterator[etree._Element]:
    """Return the children of a local name: the namespace differs between the REST and SOAP twins."""
    return (child for child in ([] if node is None else node) if _name(child) == name)


def _child(node: etree._Element, name: str) -> etree._Element | None:
    return next(_children(node, name), None)


def _text(node: etree._Element, name: str) -> str | None:
    """Return a child's text with single spaces (captured texts are broken over lines); None where it is blank."""
    child = _child(node, name)
    return (" ".join((child.text or "").split()) or None) if child is not None else None


def _required(node: etree._Element, name: str) -> str:
    text = _text(node, name)
    if text is None:
        raise KeyError(name)
    return text

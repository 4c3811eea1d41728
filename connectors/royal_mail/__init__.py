"""Royal Mail Tracking v2: one mail piece's events, its summary of the last one, and the signature's image."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from connectors.auth import KeyAuth, Together
from connectors.base import Connector, Document, Payload, Polls, Proves, dig, rows, text_of
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

HEADERS = {"X-Accept-RMG-Terms": "yes", "Accept": "application/json"}
"""The terms are accepted request by request; without the header every call is refused."""

SAYS_WHY = frozenset({200, 400, 404})
"""Statuses whose body is read: an unknown barcode comes with 400 as well as with 404."""

UNKNOWN = frozenset({"E1142", "E1283", "E1284", "E1308"})
"""Not recognised, not tracked, no update (yet)."""

HOME = "GBR"
_OK = 200
_NOT_FOUND = 404
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif", b"\xff\xd8\xff": "image/jpeg"}


class Carrier(Connector, Polls, Proves):
    """Events and signatures of `/mailpieces/v2`."""

    def auth(self, secrets: Mapping[str, str]) -> Together:
        """An app's id and secret, a header each."""
        return Together(
            KeyAuth("X-IBM-Client-Id", secrets["client_id"]), KeyAuth("X-IBM-Client-Secret", secrets["client_secret"])
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of one piece. The summary takes thirty, yet tells the last event of each only."""
        answer = await http.get(f"/mailpieces/v2/{quote(numbers[0], safe='')}/events", headers=HEADERS, expect=SAYS_WHY)
        _raise_refusal(answer)
        if answer.body.lstrip().startswith(b"<"):
            raise Unavailable("the carrier's gateway answers with a page")
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:  # noqa: ARG002 - one signature a piece
        """Fetch the signature's image: SVG as text, anything else as base64."""
        path = f"/mailpieces/v2/{quote(number, safe='')}/signature"
        answer = await http.get(path, headers=HEADERS, expect=SAYS_WHY)
        _raise_refusal(answer)
        image = text_of(_json(answer.body), "mailPieces", "signature", "image")
        if image is None:
            raise NotFound("the carrier shows no signature of this piece")
        return _document(image)

    def parts(self, payload: Payload) -> list[Any]:
        """One piece at a time: an object for events, a list for a summary."""
        pieces = rows(payload.json(), "mailPieces")
        if not pieces:
            raise Unreadable("the answer holds no mail piece")
        return pieces

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield a piece's events as they stand, or its summary's last one where there are none."""
        number, summary = _number(part, payload.numbers), dig(part, "summary")
        if summary is None and dig(part, "error") is not None:
            code = text_of(part, "error", "errorCode")
            if code not in UNKNOWN:
                raise Unreadable(f"Royal Mail answers for a piece with the error {code}")
            yield Missing(number=number, text=text_of(part, "error", "errorDescription") or code)
            return
        events = rows(part, "events")
        for event in events:
            yield _scan(number, event, "event", "location")
        if not events and text_of(summary, "lastEventCode"):
            yield _scan(number, summary, "lastEvent", "lastEventLocation")
        yield _detail(number, part, summary)


def _raise_refusal(answer: Answer) -> None:
    """Name a refusal by its error code; the gateway in front sends another body, without a list of errors."""
    if answer.status == _OK:
        return
    try:
        said = orjson.loads(answer.body)
        codes = [text_of(error, "errorCode") for error in rows(said, "errors")]
        more = text_of(said, "moreInformation") or ""
    except (orjson.JSONDecodeError, TypeError):
        codes, more = [], ""
    if "rate limit" in more.lower():
        raise Unavailable("the account has used up its allowance")
    if answer.status == _NOT_FOUND or (codes and all(code in UNKNOWN for code in codes)):
        raise NotFound("the carrier does not know the number")
    raise Unreadable(f"the carrier refuses the question: {', '.join(code or '?' for code in codes) or answer.status}")


def _number(piece: Any, asked: Sequence[str]) -> str:
    """Return the number that was asked, for a piece answers to its barcode and to its longer unique id."""
    unique, barcode = text_of(piece, "mailPieceId"), text_of(piece, "summary", "oneDBarcode")
    if unique is None:
        raise KeyError("mailPieceId")
    if len(asked) == 1:
        return asked[0]
    return unique if unique in asked or barcode is None else barcode


def _scan(number: str, event: Any, prefix: str, place: str) -> Scan:
    return Scan(
        number=number,
        at=iso(event[f"{prefix}DateTime"]),
        codes=(event[f"{prefix}Code"],),
        text=text_of(event, f"{prefix}Name") or "",
        place=Place(facility=text_of(event, f"{place}Name")),
    )


def _detail(number: str, piece: Any, summary: Any) -> Detail:
    barcode, unique = text_of(summary, "oneDBarcode"), text_of(piece, "mailPieceId")
    provider = dig(summary, "internationalPostalProvider")
    kept = {
        "status_category": text_of(summary, "statusCategory"),
        "provider": text_of(provider, "title"),
        "provider_url": text_of(provider, "url"),
        "origin_country": text_of(summary, "originCountryName"),
        "destination_country": text_of(summary, "destinationCountryName"),
    }
    signed = dig(piece, "signature") is not None
    return Detail(
        number=number,
        eta=_eta(dig(piece, "estimatedDelivery")),
        service=text_of(summary, "productName"),
        service_code=text_of(summary, "productId"),
        references=tuple(one for one in (barcode, unique) if one and one != number) or None,
        signed_by=text_of(piece, "signature", "recipientName"),
        proofs=(Proof(kind="signature", reference=text_of(piece, "signature", "imageId")),) if signed else None,
        origin=_country(summary, "originCountryCode"),
        destination=_country(summary, "destinationCountryCode"),
        extra={name: said for name, said in kept.items() if said} or None,
    )


def _country(summary: Any, name: str) -> Place | None:
    """Return the country where it is home: codes are of three letters, and only this one is on record."""
    return Place(country="GB") if text_of(summary, name) == HOME else None


def _eta(said: Any) -> Window | None:
    """Return the promised day, or its frame of two clock times that carry an offset of their own."""
    day = text_of(said, "date")
    if day is None:
        return None
    start, end = text_of(said, "startOfEstimatedWindow"), text_of(said, "endOfEstimatedWindow")
    return Window(_on(day, start), _on(day, end))


def _on(day: str, time: str | None) -> datetime | date:
    return iso(f"{day}T{time}") if time else iso(day)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the proof is not JSON") from None


def _document(image: str) -> Document:
    if image.lstrip().startswith("<svg"):
        return Document(image.encode(), "image/svg+xml")
    try:
        body = base64.b64decode(image, validate=True)
    except binascii.Error:
        raise Unreadable("the signature is neither SVG nor base64") from None
    for beginning, media_type in _BEGINNINGS.items():
        if body.startswith(beginning):
            return Document(body, media_type)
    raise Unreadable("the signature is no image of a known kind")

"""DHL Express (MyDHL API): one shipment a call with its pieces, local clocks with their offset, proofs as documents."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Document, Payload, Polls, Proves, dig, rows
from connectors.dhl_express import reading
from connectors.errors import NotFound, Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

HEADERS = {"x-version": "3.1.0", "Accept-Language": "eng"}
"""The interface's version as its document fixes it, and the language of the words."""

DETAILS = {"trackingView": "all-checkpoints-with-remarks", "levelOfDetail": "all"}

SUMMARY = "epod-summary"
"""The one kind of proof that needs no account number."""

_BEGINNINGS = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"II*\x00": "image/tiff"}


class Carrier(Connector, Polls, Proves):
    """Tracking and electronic proof of delivery of MyDHL API 3."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """User name and password of the API, which are not those of the web site."""
        return Basic(secrets["username"], secrets["password"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all checkpoints of one waybill; of a piece by the service for many, which knows no offsets."""
        number = numbers[0]
        if number.startswith("J"):
            answer = await http.get("/tracking", params={"pieceTrackingNumber": number, **DETAILS}, headers=HEADERS)
        else:
            answer = await http.get(
                f"/shipments/{quote(number, safe='')}/tracking",
                params={**DETAILS, "requestGMTOffsetPerEvent": "true"},
                headers=HEADERS,
            )
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the electronic proof of delivery; `reference` is a kind of it, by default the summary."""
        path = f"/shipments/{quote(number, safe='')}/proof-of-delivery"
        headers = {"x-version": HEADERS["x-version"]}
        return _document(await http.get(path, params={"content": reference or SUMMARY}, headers=headers))

    def parts(self, payload: Payload) -> list[Any]:
        """One shipment of an answer at a time; an empty list means that the number is unknown."""
        shipments = payload.json()["shipments"]
        return rows(shipments) or [None]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield a shipment's checkpoints, its pieces' own ones, and what is said of it as a whole.

        With several pieces, a checkpoint of the shipment that a piece repeats is told of the pieces only. A piece that
        was asked for tells its own, where it has any; a single piece speaks for a shipment without checkpoints.
        """
        if part is None:
            for number in payload.numbers:
                yield Missing(number=number)
            return
        # A piece is asked by its own number: then it is the shipment that was asked for.
        asked = next((one for one in payload.numbers if one.startswith("J")), None)
        number = asked or part["shipmentTrackingNumber"]
        areas = reading.countries(part)
        pieces = rows(part, "pieces")
        told: set[tuple[str, str, str]] = set()
        if len(pieces) > 1 and not asked:
            for piece in pieces:
                name = reading.piece_name(piece)
                for order, event in reading.in_order(rows(piece, "events")):
                    told.add(reading.same(event))
                    yield reading.scan(number, event, order, areas, piece=name)
        own = [event for one in pieces if reading.piece_name(one) == asked for event in rows(one, "events")]
        only = rows(pieces[0], "events") if len(pieces) == 1 else []
        for order, event in reading.in_order(own or rows(part, "events") or only):
            if reading.same(event) not in told:
                yield reading.scan(number, event, order, areas)
        yield reading.detail(number, part, pieces)


def _document(answer: Answer) -> Document:
    said = Payload(carrier="dhl-express", body=answer.body, source="poll", received_at=datetime.now(UTC)).json()
    try:
        kept = dig(said, "documents", 0, "content")
        body = base64.b64decode(kept, validate=True) if kept else b""
    except (binascii.Error, ValueError, TypeError):
        raise Unreadable("the proof is not base64 in a list") from None
    if not body:
        raise NotFound("the carrier keeps no such proof of this shipment")
    kind = next((kind for start, kind in _BEGINNINGS.items() if body.startswith(start)), "application/octet-stream")
    return Document(body, kind)

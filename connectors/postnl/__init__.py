"""PostNL Shipping Status v2: one barcode a question, signatures, and the shape of the feed of changed shipments.

An answer tells one history twice: as events (scans, of which few codes are known) and as statuses (coarser, with
phases). Both are read; an event and a status of the same second are one scan with the codes of both.
"""

from __future__ import annotations

import base64
import binascii
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from connectors.auth import KeyAuth
from connectors.base import Connector, Document, Payload, Polls, Proves, rows
from connectors.base import text_of as plain_text
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

NOT_FOUND = "2"
"""The warning in a 200 that no shipment was found."""

NOT_APPLICABLE = "99"
"""A status that tells nothing, under a phase that tells nothing: up to two of three entries of a history."""

RECEIVER = "01"
_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"GIF8": "image/gif", b"\xff\xd8\xff": "image/jpeg"}


class Part(NamedTuple):
    """One parcel of an answer, and the piece it is where the answer holds several."""

    number: str
    piece: str | None
    shipment: Any


class Carrier(Connector, Polls, Proves):
    """`/shipment/v2/status`."""

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """A key in a header of its own."""
        return KeyAuth("apikey", secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for the whole history of one barcode, in English."""
        path = f"/shipment/v2/status/barcode/{quote(numbers[0], safe='')}"
        answer = await http.get(path, params={"detail": "true", "language": "EN"})
        if answer.body.lstrip().startswith(b"<"):
            raise Unavailable("the carrier's gateway answers with a page")
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:  # noqa: ARG002 - one signature a parcel
        """Fetch the image of the signature."""
        answer = await http.get(f"/shipment/v2/status/signature/{quote(number, safe='')}")
        try:
            image = _text(orjson.loads(answer.body), "Signature", "SignatureImage")
        except (orjson.JSONDecodeError, TypeError):
            raise Unreadable("the proof is not the documented JSON") from None
        if image is None:
            raise NotFound("the carrier keeps no signature of this parcel")
        try:
            body = base64.b64decode(image, validate=True)
        except binascii.Error:
            raise Unreadable("the signature is not base64") from None
        for beginning, media_type in _BEGINNINGS.items():
            if body.startswith(beginning):
                return Document(body, media_type)
        raise Unreadable("the signature is no image of a known kind")

    def parts(self, payload: Payload) -> list[Part | Missing]:
        """One parcel at a time: of an answer (an object, or a list of pieces) or of the feed (a bare list)."""
        said = payload.json()
        if isinstance(said, list):
            return [Part(one["Barcode"], None, one) for one in said]
        body = said["CompleteStatus"] if "CompleteStatus" in said else said["CurrentStatus"]
        shipments = rows(body, "Shipment")
        if not shipments:
            return _missing(said, payload.numbers)
        asked = payload.numbers[0] if len(payload.numbers) == 1 else None
        if len(shipments) == 1:
            return [Part(asked or shipments[0]["Barcode"], None, shipments[0])]
        return [Part(asked or one["MainBarcode"], one["Barcode"], one) for one in shipments]

    def parse(self, payload: Payload, part: Part | Missing) -> Iterator[Said]:  # noqa: ARG002 - the parts know it all
        """Yield a parcel's scans in the order they come, and what is said of it as a whole."""
        if isinstance(part, Missing):
            yield part
            return
        statuses = _statuses(part.shipment)
        for event in rows(part.shipment, "Event"):
            yield _scan(part, event, statuses.pop(event["TimeStamp"], None))
        for at, status in statuses.items():
            yield Scan(
                number=part.number,
                at=_time(at),
                codes=_codes(status),
                text=_text(status, "StatusDescription") or "",
                piece=part.piece,
            )
        yield _detail(part)


def _text(node: Any, *path: str | int) -> str | None:
    """Return a text; an empty value comes as an empty object, in some answers as the text of one."""
    said = plain_text(node, *path)
    return None if said == "{}" else said


def _missing(said: Any, asked: Sequence[str]) -> list[Part | Missing]:
    warnings = rows(said, "Warnings")
    if not any(_text(one, "Code") == NOT_FOUND for one in warnings):
        raise Unreadable(f"an answer without a shipment, with the warnings {[_text(one, 'Code') for one in warnings]}")
    return [Missing(number=number, text=_text(warnings[0], "Message") or "") for number in asked]


def _statuses(shipment: Any) -> dict[str, Any]:
    """Return the statuses that tell something by their time, the present one first; the past repeats it."""
    told: dict[str, Any] = {}
    for status in (shipment["Status"], *rows(shipment, "OldStatus")):
        if _text(status, "StatusCode") != NOT_APPLICABLE:
            # The feed spells the field with a small s.
            told.setdefault(status["TimeStamp"] if "TimeStamp" in status else status["Timestamp"], status)
    return told


def _codes(status: Any) -> tuple[str, ...]:
    phase = _text(status, "PhaseCode")
    return (f"status/{status['StatusCode']}", *((f"phase/{phase}",) if phase else ()))


def _scan(part: Part, event: Any, status: Any) -> Scan:
    location = _text(event, "LocationCode")
    kept = {
        "route": _text(event, "RouteCode"),
        "route_name": _text(event, "RouteName"),
        "next_location": _text(event, "DestinationLocationCode"),
    }
    return Scan(
        number=part.number,
        at=_time(event["TimeStamp"]),
        codes=(f"event/{event['Code']}", *(_codes(status) if status else ())),
        text=_text(event, "Description") or "",
        place=Place(facility_id=location) if location else NOWHERE,
        piece=part.piece,
        extra={name: said for name, said in kept.items() if said},
    )


def _time(text: str) -> datetime | date:
    """Return the local time of `DD-MM-YYYY HH:mm:ss`, with or without a fraction, or of an ISO text (the feed)."""
    if text[2:3] == text[5:6] == "-":
        text = f"{text[6:10]}-{text[3:5]}-{text[:2]}{text[10:]}"
    return iso(text)


def _detail(part: Part) -> Detail:
    shipment, whole = part.shipment, part.piece is None
    others = (_text(shipment, "Reference"), _text(shipment, "Barcode"), _text(shipment, "MainBarcode"))
    known = {part.number, part.piece, None}
    product, insured = _text(shipment, "ProductDescription"), _text(shipment, "Amount", "VerzekerdBedrag")
    return Detail(
        number=part.number,
        eta=_eta(shipment),
        service=unescape(product) if product else None,
        service_code=_text(shipment, "ProductCode"),
        weight_grams=_measure(shipment, "Weight") if whole else None,
        dimensions_mm=_dimensions(shipment) if whole else None,
        pieces_total=_measure_of(_text(shipment, "ShipmentAmount")),
        references=tuple(one for one in dict.fromkeys(others) if one and one not in known) or None,
        destination=_destination(shipment),
        extra={"insured_amount": insured} if insured else None,
    )


def _eta(shipment: Any) -> Window | None:
    """Return the expected frame, else the day of delivery; both in the clock of the receiver."""
    start, end = _text(shipment, "Expectation", "ETAFrom"), _text(shipment, "Expectation", "ETATo")
    if start or end:
        return Window(iso(start) if start else None, iso(end) if end else None)
    day = _text(shipment, "DeliveryDate")
    return Window(iso(day), iso(day)) if day else None


def _measure(shipment: Any, name: str) -> int | None:
    return _measure_of(_text(shipment, "Dimension", name))


def _measure_of(text: str | None) -> int | None:
    return int(text) or None if text else None


def _dimensions(shipment: Any) -> tuple[int, int, int] | None:
    length, width, height = (_measure(shipment, name) for name in ("Length", "Width", "Height"))
    return (length, width, height) if length and width and height else None


def _destination(shipment: Any) -> Place | None:
    """Return the receiver's town; names, streets and house numbers are never read."""
    for address in rows(shipment, "Address"):
        if _text(address, "AddressType") == RECEIVER:
            place = Place(
                city=_text(address, "City"),
                postal_code=_text(address, "Zipcode"),
                country=_text(address, "CountryCode"),
            )
            return None if place == NOWHERE else place
    return None

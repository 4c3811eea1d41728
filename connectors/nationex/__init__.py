"""Nationex (Canada): one JSON question a shipment; its steps and its parcels' scans stand apart."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import AtPath, Basic, Together
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import ProofKind, Said

PROVINCES = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})

_BETWEEN = re.compile(r"Between (\d{2}:\d{2}) and (\d{2}:\d{2})")


class Carrier(Connector, Polls):
    """The API, version 4."""

    def auth(self, secrets: Mapping[str, str]) -> Together:
        """Customer id and key by HTTP Basic, at the path the account names."""
        return Together(Basic(secrets["customer_id"], secrets["api_key"]), AtPath(secrets["path"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one shipment."""
        return await http.get(f"/{quote(numbers[0], safe='')}")

    def enclosed(self, payload: Payload, kind: str, reference: str | None) -> bytes | None:  # noqa: ARG002 - by its id
        """A photo's or signature's bytes stand beside the histories, in base64 with blanks and line ends."""
        for photo in rows(payload.json(), "Photos"):
            if str(dig(photo, "Id")) == reference and (data := text_of(photo, "Data")):
                return b64decode(data)
        return None

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the shipment's steps, its parcels' scans, and what is told of it as a whole."""
        number = payload.numbers[0]
        steps, parcels = rows(part["StatusHistories"]), rows(part["Parcels"])
        several = len(parcels) > 1 or (dig(part, "TotalParcels") or 1) > 1
        pictures = {dig(photo, "Id") for photo in rows(part, "Photos")}
        told = False
        for step in steps:
            told = True
            yield _step(number, step)
        for parcel in parcels:
            piece = text_of(parcel, "ParcelId") if several else None
            for scan in rows(parcel, "History"):
                told = True
                yield _scan(number, scan, piece, pictures)
        if not told and dig(part, "ShipmentId") is None:
            yield Missing(number=number)
        yield _detail(number, part, parcels)


def _step(number: str, step: dict[str, Any]) -> Scan:
    code, words = text_of(step, "ShipmentStatus"), text_of(step, "ShipmentStatusEn")
    return Scan(
        number=number,
        at=iso(step["StatusDate"]),
        codes=(code,) if code else (),
        text=words or "",
        phrase=words,
        place=_depot(text_of(step, "LastLocation")),
    )


def _scan(number: str, scan: dict[str, Any], piece: str | None, pictures: set[Any]) -> Scan:
    exception, words = dig(scan, "ExceptionId"), text_of(scan, "DescriptionEn")
    point = dig(scan, "Geocoding")
    kept: list[tuple[ProofKind, Any]] = [("photo", dig(scan, "PhotoId")), ("signature", dig(scan, "SignatureId"))]
    return Scan(
        number=number,
        at=iso(scan["ProcessedDate"]),
        codes=(f"exception/{exception}",) if exception else (),
        text=words or "",
        phrase=words,
        place=_depot(text_of(scan, "CityDepot"), dig(point, "Latitude"), dig(point, "Longitude")),
        piece=piece,
        event_id=text_of(scan, "ParcelHistoryId"),
        proofs=tuple(Proof(kind=kind, reference=str(one), inline=one in pictures) for kind, one in kept if one),
    )


def _depot(city: str | None, latitude: Any = None, longitude: Any = None) -> Place:
    return Place(city=city, country="CA", latitude=latitude, longitude=longitude)


def _detail(number: str, told: dict[str, Any], parcels: Sequence[Any]) -> Detail:
    pieces = [piece for parcel in parcels if (piece := text_of(parcel, "ParcelId"))]
    references = (text_of(told, "ReferenceNumber"), *(text_of(parcel, "ReferenceNumber") for parcel in parcels))
    return Detail(
        number=number,
        eta=next((window for parcel in parcels if (window := _promise(parcel))), None),
        pieces_total=dig(told, "TotalParcels"),
        pieces=tuple(pieces) if len(pieces) > 1 else None,
        references=tuple(dict.fromkeys(one for one in references if one)) or None,
        origin=_side(dig(told, "Sender")),
        destination=_side(dig(told, "Destination")),
    )


def _side(side: Any) -> Place | None:
    """Return the city of sender or recipient: names, streets and telephones are never read."""
    if side is None:
        return None
    region = text_of(side, "ProvinceState")
    return Place(
        city=text_of(side, "City"),
        region=region,
        postal_code=text_of(side, "PostalCode"),
        country="CA" if region in PROVINCES else None,
    )


def _promise(parcel: dict[str, Any]) -> Window | None:
    """Return the promised day, with its hours where the English words tell them."""
    told = text_of(parcel, "EstimatedDeliveryDate")
    if told is None:
        return None
    day = date.fromisoformat(told)
    hours = _BETWEEN.fullmatch(text_of(parcel, "EstimatedDeliveryTimeEn") or "")
    if hours is None:
        return Window(day, day)
    start, end = (datetime.combine(day, time.fromisoformat(hour)) for hour in hours.groups())
    return Window(start, end)

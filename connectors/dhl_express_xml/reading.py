"""What an XML-PI answer says of one waybill, element by element: checkpoints, places, promises, weights."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from lxml import etree

GRAMS = {"K": Decimal(1000), "L": Decimal("453.59237"), "G": Decimal(1)}


DELIVERED = frozenset({"OK", "DD"})
"""Checkpoints after which no arrival is promised any more: delivered, and delivered damaged."""


def text(node: etree._Element | None, path: str) -> str | None:
    """Return the text of a descendant with single spaces; None where it is missing or blank."""
    found = node.findtext(path) if node is not None else None
    return (" ".join(found.split()) or None) if found else None


def required(node: etree._Element, path: str) -> str:
    """Return the text of a descendant. Raises `KeyError` where it is missing or blank."""
    found = text(node, path)
    if found is None:
        raise KeyError(path)
    return found


def condition(node: etree._Element) -> str | None:
    """Return the first condition code below a node, if it is one: words may quote what was sent."""
    code = next((found for one in node.iter("ConditionCode") if (found := text(one, "."))), None)
    return code if code and code.isalnum() and code.isascii() else None


def in_order(events: list[etree._Element]) -> Iterator[tuple[int, etree._Element]]:
    """Yield (order, checkpoint) as they stand; the later of two has the greater order, whichever end is the newest."""
    newest_first = len(events) > 1 and _wall(events[0]) > _wall(events[-1])
    for at, event in enumerate(events):
        yield (len(events) - 1 - at if newest_first else at), event


def same(event: etree._Element) -> tuple[str, str, str]:
    """Return what makes a checkpoint of a shipment and one of a piece the same."""
    return (*_wall(event), required(event, "ServiceEvent/EventCode"))


def scan(number: str, event: etree._Element, order: int, areas: Mapping[str, str], *, piece: str | None = None) -> Scan:
    """Return one checkpoint; `areas` are the countries of service areas that are known otherwise."""
    what, remarks = event.find("ServiceEvent"), event.find("EventRemarks")
    if what is None:
        raise KeyError("ServiceEvent")
    extra = {"remark": text(remarks, "FurtherDetails"), "next_steps": text(remarks, "NextSteps")}
    return Scan(
        number=number,
        piece=piece,
        at=iso("T".join(_wall(event))),
        codes=(required(what, "EventCode"),),
        text=text(what, "Description") or "",
        place=_place(event.find("ServiceArea"), areas),
        order=order,
        signed_by=text(event, "Signatory"),
        extra={name: said for name, said in extra.items() if said},
    )


def countries(shipment: etree._Element | None) -> dict[str, str]:
    """Return the countries of the service areas at both ends, as far as the addresses name them."""
    ends = (("OriginServiceArea", "Shipper"), ("DestinationServiceArea", "Consignee"))
    known = ((text(shipment, f"{area}/ServiceAreaCode"), text(shipment, f"{who}/CountryCode")) for area, who in ends)
    return {area: country for area, country in known if area and country}


def piece_name(piece: etree._Element) -> str:
    """Return a piece's own number."""
    return required(piece, "PieceDetails/LicensePlate")


def detail(number: str, waybill: str, shipment: etree._Element | None, pieces: list[etree._Element]) -> Detail:
    """Return what is said of the shipment as a whole. Names, streets and contents are not taken over."""
    references = [one for one in (waybill, text(shipment, "ShipperReference/ReferenceID")) if one and one != number]
    delivered = shipment is not None and any(
        text(event, "ServiceEvent/EventCode") in DELIVERED for event in shipment.iterchildren("ShipmentEvent")
    )
    whole = shipment if waybill == number else None  # a piece weighs less than the shipment, and has no pieces
    weight, unit, count = text(whole, "Weight"), text(whole, "WeightUnit"), text(whole, "Pieces")
    return Detail(
        number=number,
        eta=None if delivered else _promise(shipment),
        service_code=text(shipment, "GlobalProductCode"),
        weight_grams=round(Decimal(weight) * GRAMS[unit]) or None if weight and unit in GRAMS else None,
        pieces_total=int(count) if count else None,
        pieces=tuple(piece_name(piece) for piece in pieces) if len(pieces) > 1 and whole is not None else None,
        references=tuple(references) or None,
        origin=_end(shipment, "OriginServiceArea", "Shipper"),
        destination=_end(shipment, "DestinationServiceArea", "Consignee"),
    )


def _wall(event: etree._Element) -> tuple[str, str]:
    return required(event, "Date"), required(event, "Time")


def _place(area: etree._Element | None, areas: Mapping[str, str]) -> Place:
    """Return a service area: its code, and its town where two letters of a country follow it (`BRNO-CZ`)."""
    code, words = text(area, "ServiceAreaCode"), text(area, "Description")
    town, _, last = (words or "").rpartition("-")
    town, last = town.strip(), last.strip()
    if town and len(last) == 2 and last.isupper():  # noqa: PLR2004 - ISO alpha-2
        return Place(facility_id=code, city=town, country=last)
    return Place(facility_id=code, facility=words, country=areas.get(code or ""))


def _promise(shipment: etree._Element | None) -> Window | None:
    there, here = text(shipment, "EstDlvyDateUTC"), text(shipment, "EstDlvyDate")
    at: datetime | date | None = None
    if there:
        at = iso(there)
        if isinstance(at, datetime) and at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
    elif here:
        at = iso(here)
    return Window(None if isinstance(at, datetime) else at, at) if at else None


def _end(shipment: etree._Element | None, area: str, who: str) -> Place | None:
    country = text(shipment, f"{who}/CountryCode")
    place = Place(
        facility_id=text(shipment, f"{area}/ServiceAreaCode"),
        city=text(shipment, f"{who}/City"),
        postal_code=text(shipment, f"{who}/PostalCode"),
        country=country if country and len(country) == 2 else None,  # noqa: PLR2004 - ISO alpha-2
    )
    return None if place == NOWHERE else place

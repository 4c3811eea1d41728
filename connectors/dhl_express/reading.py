"""What MyDHL's JSON says of one shipment, field by field: checkpoints, places, promises, weights."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from normalizer.clock import iso, with_offset
from normalizer.model import NOWHERE, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

GRAMS = {"metric": Decimal(1000), "imperial": Decimal("453.59237")}
MILLIMETRES = {"metric": Decimal(10), "imperial": Decimal("25.4")}


DELIVERED = frozenset({"OK", "DD"})
"""Checkpoints after which no arrival is promised any more: delivered, and delivered damaged."""


def in_order(events: list[Any]) -> Iterator[tuple[int, Any]]:
    """Yield (order, checkpoint) as they stand; the later of two has the greater order, whichever end is the newest."""
    newest_first = len(events) > 1 and _wall(events[0]) > _wall(events[-1])
    for at, event in enumerate(events):
        yield (len(events) - 1 - at if newest_first else at), event


def same(event: Any) -> tuple[str, str, str]:
    """Return what makes a checkpoint of a shipment and one of a piece the same."""
    return (*_wall(event), event["typeCode"])


def scan(number: str, event: Any, order: int, areas: Mapping[str, str], *, piece: str | None = None) -> Scan:
    """Return one checkpoint; `areas` are the countries of service areas that are known otherwise."""
    remark = text_of(event, "remarks", 0, "value")
    advice = text_of(event, "remarks", 0, "details")
    extra = {"remark": remark, "next_steps": advice}
    return Scan(
        number=number,
        piece=piece,
        at=_when(event),
        codes=(event["typeCode"],),
        text=text_of(event, "description") or "",
        place=_place(dig(event, "serviceArea", 0), areas),
        order=order,
        signed_by=text_of(event, "signedBy"),
        extra={name: said for name, said in extra.items() if said},
    )


def countries(shipment: Any) -> dict[str, str]:
    """Return the countries of the service areas at both ends: a checkpoint's own area may name its town only."""
    ends = (dig(shipment, "shipperDetails"), dig(shipment, "receiverDetails"))
    known = ((text_of(end, "serviceArea", 0, "code"), text_of(end, "postalAddress", "countryCode")) for end in ends)
    return {area: country for area, country in known if area and country}


def piece_name(piece: Any) -> str:
    """Return a piece's own number, or which one of the shipment's it is."""
    return text_of(piece, "trackingNumber") or str(piece["number"])


def detail(number: str, shipment: Any, pieces: list[Any]) -> Detail:
    """Return what is said of the shipment as a whole. Names, streets and contents are not taken over."""
    units = text_of(shipment, "unitOfMeasurements") or ""
    only = pieces[0] if len(pieces) == 1 else None
    whole = shipment if shipment["shipmentTrackingNumber"] == number else None  # a piece has no pieces, and weighs less
    promised = text_of(shipment, "estimatedDeliveryDate") or text_of(shipment, "estimatedTimeOfDelivery")
    waybill = shipment["shipmentTrackingNumber"]
    references = [waybill] if waybill != number else []
    references += [one for entry in rows(shipment, "shipperReferences") if (one := text_of(entry, "value"))]
    extra = {
        "eta_remark": text_of(shipment, "estimatedTimeOfDeliveryRemark"),
        "children": rows(shipment, "childrenShipmentIdentificationNumbers"),
    }
    delivered = any(one["typeCode"] in DELIVERED for one in rows(shipment, "events"))
    return Detail(
        number=number,
        eta=_promise(promised) if promised and not delivered else None,
        service_code=text_of(shipment, "productCode"),
        weight_grams=_grams(dig(whole, "totalWeight"), units),
        dimensions_mm=_dimensions(dig(only, "actualDimensions") or dig(only, "dimensions"), units),
        pieces_total=int(count) if (count := dig(whole, "numberOfPieces")) else None,
        pieces=tuple(piece_name(piece) for piece in pieces) if len(pieces) > 1 and whole else None,
        references=tuple(references) or None,
        origin=_end(dig(shipment, "shipperDetails")),
        destination=_end(dig(shipment, "receiverDetails")),
        extra={name: said for name, said in extra.items() if said} or None,
    )


def _wall(event: Any) -> tuple[str, str]:
    return event["date"], event["time"]


def _when(event: Any) -> datetime | date:
    at, offset = iso(f"{event['date']}T{event['time']}"), text_of(event, "GMTOffset")
    return with_offset(at, offset) if offset and isinstance(at, datetime) else at


def _place(area: Any, areas: Mapping[str, str]) -> Place:
    """Return a service area: its code, and its town with two letters of the country (`BRNO-CZ`) or without."""
    if area is None:
        return NOWHERE
    code, words = text_of(area, "code"), text_of(area, "description")
    country = areas.get(code or "")
    town, dash, last = (words or "").rpartition("-")
    if town and len(last) == 2 and last.isupper():  # noqa: PLR2004 - ISO alpha-2
        return Place(facility_id=code, city=town.strip(), country=last)
    # A country written out (PRAGUE-CZECH REPUBLIC) cannot be told from a town with a hyphen.
    return Place(facility_id=code, city=None if dash else words, facility=words if dash else None, country=country)


def _promise(text: str) -> Window:
    at = iso(text)
    return Window(None if isinstance(at, datetime) else at, at)


def _grams(weight: Any, units: str) -> int | None:
    return round(Decimal(str(weight)) * GRAMS[units]) if weight and units in GRAMS else None


def _dimensions(sides: Any, units: str) -> tuple[int, int, int] | None:
    if not sides or units not in MILLIMETRES:
        return None
    length, width, height = (
        round(Decimal(str(sides[side])) * MILLIMETRES[units]) for side in ("length", "width", "height")
    )
    return length, width, height


def _end(side: Any) -> Place | None:
    address = dig(side, "postalAddress")
    country = text_of(address, "countryCode")
    place = Place(
        facility_id=text_of(side, "serviceArea", 0, "code"),
        city=text_of(address, "cityName"),
        postal_code=text_of(address, "postalCode"),
        country=country if country and len(country) == 2 else None,  # noqa: PLR2004 - ISO alpha-2
    )
    return None if place == NOWHERE else place

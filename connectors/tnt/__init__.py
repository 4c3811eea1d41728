"""TNT ExpressConnect: up to 50 consignments in one XML document; a summary where a status has no known meaning."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lxml import etree

from connectors.auth import Basic
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from normalizer.clock import compact, iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = "/expressconnect/track.do"
VERSION = "3.1"
LOCALE = "en_US"

_NUMBERS = ("ConsignmentNumber", "AlternativeConsignmentNumber")
_NOT_FOUND = "CNF"
_DELIVERED = "DEL"
_GOOD = "OK"
"""The status of a delivery; where it stands the summary tells nothing more."""

_GRAMS = {"kgs": Decimal(1000), "lbs": Decimal("453.59237")}


class Carrier(Connector, Polls):
    """ExpressConnect Tracking, version 3.1 of its XML."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """User and password by HTTP Basic."""
        return Basic(secrets["username"], secrets["password"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about some consignments, without addresses and without images."""
        return await http.post(PATH, form={"xml_in": _question(numbers)}, repeatable=True)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a consignment, then the numbers that were asked for and are not in the answer.

        Raises `Unreadable` for an answer that is an error.
        """
        root = payload.xml()
        if root.tag != "TrackResponse":
            raise Unreadable("the answer is no TrackResponse")
        error = root.find("Error")
        if error is not None:
            codes = ", ".join(code.text.strip() for code in error.iter("Code") if code.text) or "none"
            raise Unreadable(f"the carrier answered with an error; codes: {codes}")
        consignments = root.findall("Consignment")
        if not consignments:
            raise Unreadable("the answer has neither a consignment nor an error")
        seen = set()
        for consignment in consignments:
            told = {_text(consignment, name) for name in _NUMBERS} - {None}
            # One that does not say its number may be any of those asked for.
            seen |= told or set(payload.numbers)
            yield consignment
        if root.find("ContinuationKey") is None:
            yield from (number for number in payload.numbers if number not in seen)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one consignment's statuses, newest first as they come, and what is told of it as a whole."""
        if isinstance(part, str):
            yield Missing(number=part)
            return
        number = _number(payload, part)
        summary = _text(part, "SummaryCode")
        if summary is None:
            raise Unreadable("a consignment without a SummaryCode")
        if summary == _NOT_FOUND:
            yield Missing(number=number)
            return
        scans = [_scan(number, part, status, order=-at) for at, status in enumerate(part.iterfind("StatusData"))]
        yield from scans
        if summary == _DELIVERED and not any(_GOOD in scan.codes for scan in scans):
            # Delivered in a way whose status code may have no row: by mail, at a shop, in part.
            yield _summary(number, part)
        yield _detail(number, part, summary)


def _question(numbers: Sequence[str]) -> str:
    root = etree.Element("TrackRequest", locale=LOCALE, version=VERSION)
    criteria = etree.SubElement(root, "SearchCriteria")
    for number in numbers:
        etree.SubElement(criteria, "ConsignmentNumber").text = number
    etree.SubElement(etree.SubElement(root, "LevelOfDetail"), "Complete", shipment="true", package="true")
    return etree.tostring(root, encoding="unicode")


def _number(payload: Payload, consignment: etree._Element) -> str:
    told = [_text(consignment, name) for name in _NUMBERS]
    for number in told:
        if number in payload.numbers:
            return number
    if told[0] is not None:
        return told[0]
    if len(payload.numbers) == 1:
        return payload.numbers[0]
    raise Unreadable("a consignment without its number")


def _scan(number: str, consignment: etree._Element, status: etree._Element, *, order: int) -> Scan:
    code = _text(status, "StatusCode")
    good, words = code == _GOOD, _text(status, "StatusDescription")
    return Scan(
        number=number,
        at=_at(status, "LocalEventDate", "LocalEventTime"),
        codes=(code,) if code else (),
        text=words or "",
        phrase=words,
        place=_place(consignment, status, delivered=good),
        order=order,
        signed_by=_text(consignment, "Signatory") if good else None,
    )


def _place(consignment: etree._Element, status: etree._Element, *, delivered: bool) -> Place:
    """Return a depot; of the depot of origin and of the delivery the country is told, and with it the clock."""
    depot = _text(status, "Depot")
    city = country = None
    if delivered:
        city, country = _text(consignment, "DeliveryTown"), _country(consignment, "DestinationCountry")
    elif depot is not None and depot == _text(consignment, "OriginDepot"):
        country = _country(consignment, "OriginCountry")
    return Place(facility=_text(status, "DepotName"), facility_id=depot, city=city, country=country)


def _summary(number: str, consignment: etree._Element) -> Scan:
    return Scan(
        number=number,
        at=_at(consignment, "DeliveryDate", "DeliveryTime"),
        codes=(f"summary/{_DELIVERED}",),
        place=Place(city=_text(consignment, "DeliveryTown"), country=_country(consignment, "DestinationCountry")),
        order=1,
        signed_by=_text(consignment, "Signatory"),
    )


def _at(node: etree._Element, day_name: str, time_name: str | None = None) -> datetime | date | None:
    """Read YYYYMMDD and HHMM, the clock of the place. Raises `ValueError` for an attribute that says otherwise."""
    day = _formatted(node, day_name, "YYYYMMDD")
    if day is None:
        return None
    clock = _formatted(node, time_name, "HHMM") if time_name else None
    return compact(day, clock) if clock else iso(day)


def _formatted(node: etree._Element, name: str, documented: str) -> str | None:
    found = node.find(name)
    if found is None:
        return None
    if found.get("format", documented) != documented:
        raise ValueError("a day or time in another format than the documented one")
    return (found.text or "").strip() or None


def _detail(number: str, consignment: etree._Element, summary: str) -> Detail:
    weight = consignment.find("PackageSummary/Weight")
    grams = None
    if weight is not None and weight.text:
        grams = int(Decimal(weight.text.strip()) * _GRAMS[weight.get("units", "kgs")])
    pieces = _text(consignment, "PieceQuantity") or _text(consignment, "PackageSummary/NumberOfPieces")
    reference = _text(consignment, "CustomerReference")
    due = _at(consignment, "ShipmentSummary/DueDate")
    origin = Place(facility=_text(consignment, "OriginDepotName"), country=_country(consignment, "OriginCountry"))
    destination = Place(city=_text(consignment, "DeliveryTown"), country=_country(consignment, "DestinationCountry"))
    return Detail(
        number=number,
        eta=Window(due, due) if due is not None else None,
        service=_text(consignment, "ShipmentSummary/Service"),
        weight_grams=grams or None,
        pieces_total=int(pieces) if pieces else None,
        references=(reference,) if reference else None,
        signed_by=_text(consignment, "Signatory"),
        origin=origin if origin != NOWHERE else None,
        destination=destination if destination != NOWHERE else None,
        extra={"summary_code": summary},
    )


def _country(consignment: etree._Element, name: str) -> str | None:
    code = _text(consignment, f"{name}/CountryCode")
    return code if code and len(code) == 2 else None  # noqa: PLR2004 - the schema allows a third character


def _text(node: etree._Element, path: str) -> str | None:
    text = node.findtext(path)
    return (text.strip() or None) if text is not None else None

"""PostNord Track & Trace v7: one shipment or item of Sweden, Denmark, Norway or Finland a question.

A shipment holds items, an item its events. The events' own codes are not published, so an event's meaning rests on the
status beside its code and, where that is ambiguous, on the kind of place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import QueryKey
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from connectors.errors import Unavailable, Unreadable
from connectors.postnord import measures
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

WAITS = "AVAILABLE_FOR_DELIVERY"
"""Ready to be delivered or to be collected: which of the two is told by the kind of place only."""

SERVICE_POINT = "SERVICE_POINT"
LOCKER = "PARCEL_BOX"
"""Ours: the item's flag `isPlacedInRetailParcelBox`, spelled like a kind of place."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Carrier(Connector, Polls):
    """The public view by identifier."""

    def auth(self, secrets: Mapping[str, str]) -> QueryKey:
        """The key of an application, in the query."""
        return QueryKey(apikey=secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one shipment or item, words in English."""
        path = f"/rest/shipment/v7/trackandtrace/id/{quote(numbers[0], safe='')}/public"
        answer = await http.get(path, params={"locale": "en"})
        if answer.body.lstrip().startswith(b"<"):
            raise Unavailable("the carrier's gateway answers with a page")
        return answer

    def parts(self, payload: Payload) -> list[Any]:
        """One shipment at a time; none, with or without a list of faults, is a number they do not know."""
        said = payload.json()["TrackingInformationResponse"]
        shipments = rows(said, "shipments")
        if shipments:
            return shipments
        if "shipments" not in said and not rows(said, "compositeFault", "faults"):
            raise Unreadable("the answer holds neither shipments nor faults")
        text = text_of(said, "compositeFault", "faults", 0, "explanationText") or ""
        return [Missing(number=number, text=text) for number in payload.numbers]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the events of a shipment's items, and what is said of it. Several items are its pieces."""
        if isinstance(part, Missing):
            yield part
            return
        shipment = part["shipmentId"]
        number = payload.numbers[0] if len(payload.numbers) == 1 else shipment
        items = rows(part, "items")
        if number != shipment:  # asked by an item's id: its siblings are other parcels
            items = [item for item in items if item["itemId"] == number] or items
        for item in items:
            piece = item["itemId"] if len(items) > 1 else None
            locker = dig(item, "isPlacedInRetailParcelBox") is True
            for event in rows(item, "events"):
                yield _scan(number, piece, event, locker=locker)
        yield _detail(number, part, items)


def _scan(number: str, piece: str | None, event: Any, *, locker: bool) -> Scan:
    status, location = text_of(event, "status"), dig(event, "location")
    codes = [event["eventCode"]]
    if status == WAITS:
        kind = LOCKER if locker else text_of(location, "locationType")
        codes += [f"{WAITS}/{kind}"] if kind else []
    if status:
        codes.append(status)
    return Scan(
        number=number,
        at=iso(event["eventTime"]),
        codes=tuple(codes),
        text=text_of(event, "eventDescription") or "",
        place=_place(location),
        piece=piece,
    )


def _place(node: Any) -> Place:
    if node is None:
        return NOWHERE
    return Place(
        facility=text_of(node, "displayName") or text_of(node, "name"),
        facility_id=text_of(node, "locationId"),
        city=text_of(node, "city"),
        postal_code=text_of(node, "postcode"),
        country=_country(text_of(node, "countryCode")),
    )


def _country(code: str | None) -> str | None:
    return code if code and len(code) == 2 and code.isupper() else None  # noqa: PLR2004 - ISO 3166-1 alpha-2


def _detail(number: str, shipment: Any, items: list[Any]) -> Detail:
    lone = items[0] if len(items) == 1 else None
    ids = tuple(item["itemId"] for item in items)
    point = _service_point(shipment)
    named = [text_of(one, "value") for one in rows(shipment, "shipmentReferences")]
    others = (shipment["shipmentId"], *(ids if lone else ()), *named)
    kept = {
        "status": text_of(shipment, "status"),
        "status_text": text_of(shipment, "statusText", "header"),
        "cash_on_delivery": measures.money(dig(shipment, "cashOnDelivery")),
        "stopped_in_customs": any(dig(item, "stoppedInCustoms") is True for item in items),
        "risk_for_delay": dig(shipment, "riskForDelay") is True,
    }
    return Detail(
        number=number,
        eta=_eta(lone) or _eta(shipment),
        service=text_of(shipment, "service", "name"),
        service_code=text_of(shipment, "service", "code"),
        weight_grams=measures.weight(shipment, lone),
        dimensions_mm=measures.dimensions(lone),
        pieces_total=_count(dig(shipment, "assessedNumberOfItems")) if lone is None else None,
        pieces=ids if len(ids) > 1 else None,
        references=tuple(dict.fromkeys(one for one in others if one and one != number)) or None,
        signed_by=text_of(lone, "acceptor", "name"),
        proofs=_proofs(lone) or None,
        origin=_address(dig(shipment, "consignor", "address")),
        destination=_address(dig(shipment, "consignee", "address")),
        pickup_point=_point_place(point) if point else None,
        pickup_hours=_hours(point) if point else None,
        tracking_url=text_of(shipment, "uri"),
        extra={name: said for name, said in kept.items() if said} or None,
    )


def _count(said: Any) -> int | None:
    if said is not None and (isinstance(said, bool) or not isinstance(said, int)):
        raise TypeError("expected a count")
    return said or None


def _eta(node: Any) -> Window | None:
    """Return the booked frame, else the public promise, else the plain one."""
    start, end = text_of(node, "bookedDeliveryDateFrom"), text_of(node, "bookedDeliveryDateTo")
    if start or end:
        return Window(iso(start) if start else None, iso(end) if end else None)
    said = text_of(node, "publicTimeOfArrival") or text_of(node, "estimatedTimeOfArrival")
    return Window(iso(said), iso(said)) if said else None


def _proofs(item: Any) -> tuple[Proof, ...]:
    signature = text_of(item, "acceptor", "signatureReference")
    found = [Proof(kind="signature", reference=signature)] if signature else []
    if dig(item, "deliveryImageAvailable") is True:
        found.append(Proof(kind="photo"))
    return tuple(found)


def _address(node: Any) -> Place | None:
    """Return town and country; streets and names of people are never read."""
    place = Place(
        city=text_of(node, "city"),
        postal_code=text_of(node, "postCode"),
        country=_country(text_of(node, "countryCode")),
    )
    return None if place == NOWHERE else place


def _service_point(shipment: Any) -> Any:
    for name in ("deliveryPoint", "requestedDeliveryPoint"):
        point = dig(shipment, name)
        if text_of(point, "locationType") == SERVICE_POINT:
            return point
    return None


def _point_place(point: Any) -> Place:
    address = dig(point, "address")
    return Place(
        facility=text_of(point, "displayName") or text_of(point, "name"),
        facility_id=text_of(point, "locationId"),
        street=text_of(address, "street1"),
        city=text_of(point, "city") or text_of(address, "city"),
        postal_code=text_of(point, "postcode") or text_of(address, "postCode"),
        country=_country(text_of(point, "countryCode") or text_of(address, "countryCode")),
    )


def _hours(point: Any) -> str | None:
    lines = []
    for row in rows(point, "openingHours"):
        days = ", ".join(day[:3].capitalize() for day in DAYS if dig(row, day) is True)
        spans = [f"{row['openFrom']}-{row['openTo']}"]
        if text_of(row, "openFrom2"):
            spans.append(f"{row['openFrom2']}-{row['openTo2']}")
        lines.append(" ".join(filter(None, (days, " and ".join(spans)))))
    return "; ".join(lines) or None

"""What FedEx's JSON says of one number, field by field: scans, promises, weights, places, proofs."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterable

SIGNATURE = "SIGNATURE_PROOF_OF_DELIVERY"
"""The only document that proves a delivery; a bill of lading is none."""

POSSESSION = {
    "BR": "Broker", "CA": "Carrier", "CU": "Customs", "RC": "Recipient", "SH": "Shipper", "SP": "Split status",
    "TP": "Transfer Partner",
}  # fmt: skip
"""Codes of the possession list. Two of them mean something else as events, so the words tell which list it is."""

GRAMS = {"LB": Decimal("453.59237"), "KG": Decimal(1000)}
MILLIMETRES = {"CM": Decimal(10), "IN": Decimal("25.4")}

PROMISES = ("APPOINTMENT_DELIVERY", "ESTIMATED_DELIVERY", "COMMITMENT")
"""Types of `dateAndTimes` that promise an arrival, the firmest and newest first."""

HAPPENED = {"DL": "ACTUAL_DELIVERY", "PU": "ACTUAL_PICKUP", "OC": "SHIPMENT_DATA_RECEIVED"}
"""The time in `dateAndTimes` that belongs to a latest status without scans."""

NOT_REFERENCES = frozenset(
    {"RETURNED_TO_SHIPPER_TRACKING_NUMBER", "PARTNER_CARRIER_NUMBER", "STANDARD_MPS", "GROUP_MPS"}
)
"""Identifiers with a meaning of their own."""


def latest(result: Any) -> str:
    """Return the wall clock of a result's latest scan; text, because ISO times compare as such."""
    return max((text_of(event, "date") or "" for event in rows(result, "scanEvents")), default="")


def scan(number: str, event: Any, order: int) -> Scan:
    """Return one entry of `scanEvents`."""
    kind, why, delay = text_of(event, "eventType"), text_of(event, "exceptionCode"), dig(event, "delayDetail")
    words, more = text_of(event, "eventDescription") or "", text_of(event, "exceptionDescription")
    extra = {"location_type": text_of(event, "locationType"), "delay": text_of(delay, "subType")}
    return Scan(
        number=number,
        at=iso(event["date"]),
        codes=_codes(kind, words, why, delay, text_of(event, "derivedStatusCode")),
        text=": ".join(one for one in (words, more) if one),
        place=place(dig(event, "scanLocation"), facility_id=text_of(event, "locationId")),
        order=order,
        extra={name: said for name, said in extra.items() if said},
    )


def latest_status(number: str, result: Any) -> Scan:
    """Return the latest status as a scan, where a result brings no scans."""
    status = result["latestStatusDetail"]
    kind, why = text_of(status, "code"), text_of(status, "ancillaryDetails", 0, "reason")
    words = text_of(status, "description") or text_of(status, "statusByLocale") or ""
    at = _times(result).get(HAPPENED.get(kind or "", ""))
    return Scan(
        number=number,
        at=_day_or_time(at) if at else None,
        codes=_codes(kind, words, why, dig(status, "delayDetail"), text_of(status, "derivedCode")),
        text=words,
        place=place(dig(status, "scanLocation")),
    )


def detail(number: str, own: str | None, result: Any, *, uses: int) -> Detail:
    """Return what a result says of the parcel as a whole."""
    delivery, package = dig(result, "deliveryDetails"), dig(result, "packageDetails")
    times = _times(result)
    kinds = [(text_of(one, "type"), value) for one in _identifiers(result) for value in _values(dig(one, "value"))]
    named: dict[str | None, str] = dict(reversed(kinds))
    references = [own] if own and own != number else []
    references += [value for kind, value in kinds if kind not in NOT_REFERENCES and value != number]
    signed = any(text_of(one, "type") == SIGNATURE for one in rows(result, "availableImages"))
    attempts, partner = text_of(delivery, "deliveryAttempts"), named.get("PARTNER_CARRIER_NUMBER")
    hold = dig(result, "holdAtLocation")
    extra = {
        "delivery_attempts": int(attempts) if attempts else None,
        "left_at": text_of(delivery, "locationDescription"),
        "notice": text_of(result, "serviceCommitMessage", "message"),
        "next_steps": text_of(result, "latestStatusDetail", "ancillaryDetails", 0, "actionDescription"),
        "master_number": named.get("STANDARD_MPS") or named.get("GROUP_MPS"),
        # The count is of the shipment that this one package belongs to, so it is not how many pieces the number has.
        "shipment_pieces": int(count) if (count := text_of(package, "count")) and count != "1" else None,
        "other_uses": uses - 1,
    }
    return Detail(
        number=number,
        eta=None if "ACTUAL_DELIVERY" in times else _promise(result, times),
        service=text_of(result, "serviceDetail", "description"),
        service_code=text_of(result, "serviceDetail", "type"),
        weight_grams=_grams(rows(package, "weightAndDimensions", "weight")),
        dimensions_mm=_dimensions(rows(package, "weightAndDimensions", "dimensions")),
        references=tuple(dict.fromkeys(references)) or None,
        signed_by=_person(text_of(delivery, "receivedByName")) or _person(text_of(delivery, "signedByName")),
        proofs=(Proof(kind="signature", reference=SIGNATURE),) if signed else None,
        origin=_end(dig(result, "originLocation")),
        destination=_end(dig(result, "destinationLocation")),
        pickup_point=_pickup_point(hold) if hold else None,
        continues_as=(None, partner) if partner else None,
        returns_as=named.get("RETURNED_TO_SHIPPER_TRACKING_NUMBER"),
        returning=True if _says_a_reason(dig(result, "returnDetail")) else None,
        extra={name: said for name, said in extra.items() if said} or None,
    )


def place(address: Any, *, facility_id: str | None = None) -> Place:
    """Return a scan's place: the town, never a street, which at a delivery is the recipient's."""
    if not address and not facility_id:
        return NOWHERE
    country = text_of(address, "countryCode")
    return Place(
        facility_id=facility_id,
        city=text_of(address, "city"),
        region=text_of(address, "stateOrProvinceCode"),
        postal_code=text_of(address, "postalCode"),
        country=country.upper() if country and len(country) == 2 else None,  # noqa: PLR2004 - ISO alpha-2
    )


def _codes(kind: str | None, words: str, why: str | None, delay: Any, derived: str | None) -> tuple[str, ...]:
    """Return a scan's codes: with its exception, with its delay, by itself, and the coarser derived one."""
    if kind is None:  # the older service left it out at times
        return (derived,) if derived else ()
    if POSSESSION.get(kind) == words and words:
        return (f"possession/{kind}",)
    codes = [f"{kind}/{why}"] if why else []
    if delay and (status := text_of(delay, "status")):
        cause = text_of(delay, "type")
        codes += [f"{kind}/{status}/{cause}"] if cause else []
        codes.append(f"{kind}/{status}")
    codes.append(kind)
    if derived and derived != kind:
        codes.append(derived)
    return tuple(codes)


def _person(name: str | None) -> str | None:
    """Return a name; None for a remark in its place, such as the older service's "Signature not required"."""
    return None if name and "signature" in name.casefold() else name


def _says_a_reason(back: Any) -> bool:
    """Tell whether `returnDetail` says anything: blank fields do not make a return."""
    return bool(text_of(back, "authorizationName")) or any(
        text_of(one, "type") or text_of(one, "description") for one in rows(back, "reasonDetail")
    )


def _times(result: Any) -> dict[str, str]:
    told = ((text_of(one, "type"), text_of(one, "dateTime")) for one in rows(result, "dateAndTimes"))
    return {kind: at for kind, at in told if kind and at}


def _promise(result: Any, times: dict[str, str]) -> Window | None:
    window = dig(result, "estimatedDeliveryTimeWindow", "window")
    start, end = text_of(window, "begins"), text_of(window, "ends")
    if start or end:
        return Window(_day_or_time(start) if start else None, _day_or_time(end) if end else None)
    said = next((times[kind] for kind in PROMISES if kind in times), None)
    at = _day_or_time(said) if said else None
    return Window(None if isinstance(at, datetime) else at, at) if at else None


def _day_or_time(text: str) -> datetime | date:
    """Return a time; midnight on the dot means that day."""
    at = iso(text)
    return at.date() if isinstance(at, datetime) and at.time() == time() else at


def _grams(weights: Iterable[Any]) -> int | None:
    """Return the weight; of the same in two units the metric one."""
    known = {text_of(one, "unit"): text_of(one, "value") for one in weights}
    unit = next((one for one in ("KG", "LB") if known.get(one)), None)
    return round(Decimal(known[unit] or 0) * GRAMS[unit]) or None if unit else None


def _dimensions(sides: Iterable[Any]) -> tuple[int, int, int] | None:
    known = {text_of(one, "units"): one for one in sides}
    unit = next((one for one in ("CM", "IN") if one in known), None)
    if unit is None:
        return None
    length, width, height = (
        round(Decimal(text_of(known[unit], side) or 0) * MILLIMETRES[unit]) for side in ("length", "width", "height")
    )
    return (length, width, height) if length and width and height else None


def _identifiers(result: Any) -> list[Any]:
    return rows(result, "additionalTrackingInfo", "packageIdentifiers")


def _values(said: Any) -> list[str]:
    """Return an identifier's values: a list by the schema, a text in its example."""
    return [text for one in (said if isinstance(said, list) else [said]) if one and (text := text_of(one))]


def _end(location: Any) -> Place | None:
    address = dig(location, "locationContactAndAddress", "address")
    return place(address, facility_id=text_of(location, "locationId")) if address else None


def _pickup_point(location: Any) -> Place:
    """Return a place that is open to all, so its name and street may be told."""
    at = dig(location, "locationContactAndAddress")
    town = place(dig(at, "address"), facility_id=text_of(location, "locationId"))
    return Place(
        facility=text_of(at, "contact", "companyName"),
        facility_id=town.facility_id,
        street=", ".join(_values(dig(at, "address", "streetLines"))) or None,
        city=town.city,
        region=town.region,
        postal_code=town.postal_code,
        country=town.country,
    )

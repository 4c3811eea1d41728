"""What UPS's JSON says, field by field: scans, the parcel as a whole, clocks, code families."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from normalizer.clock import compact, from_pair, with_offset
from normalizer.model import NOWHERE, Detail, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from normalizer.model import ProofKind

PROOFS: dict[str, tuple[ProofKind, tuple[str, ...]]] = {
    "pod": ("document", ("pod", "content")),
    "signature": ("signature", ("signature", "image")),
    "photo": ("photo", ("deliveryPhoto", "photo")),
}
"""Reference of a proof -> its kind and where it stands in `deliveryInformation`."""

WAY_BACK = frozenset({"034", "035", "036", "067", "081"})
"""Numeric statuses of the way back. They speak before the short code, which then tells only where it was left."""

GRAMS = {"LBS": Decimal("453.59237"), "KGS": Decimal(1000)}
MILLIMETRES = {"IN": Decimal("25.4"), "CM": Decimal(10)}
WINDOWS = frozenset({"EDW", "CDW", "IDW"})
"""Types of `deliveryTime` with a start and an end: estimated, confirmed, imminent."""

_NOTHING = frozenset({"string", "encoding base64"})
"""Words of the documents' examples that test systems send as values."""

_MAIL = re.compile(r"\d{18,34}")
_FREIGHT = re.compile(r"\d{7,11}")
_FREIGHT_ACTIVITY = re.compile(r"\d{3}")


def words(node: Any, *path: str | int) -> str | None:
    """Return the text at a path; None where nothing, or only a placeholder, is said."""
    text = text_of(node, *path)
    return None if text is None or text.casefold() in _NOTHING else text


def pushed(body: Any) -> Iterator[Scan | Detail]:
    """Yield the scan of a Track Alert push, and what it says of the parcel beside it."""
    number, status = body["trackingNumber"], body["activityStatus"]
    location = dig(body, "activityLocation")
    yield Scan(
        number=number,
        at=when(body, "localActivity", "gmtActivity", offset=words(body, "gmtOffset")),
        text=words(status, "description") or "",
        place=place(location) if location else NOWHERE,
        **_meaning(number, status, words(status, "descriptionCode")),
    )
    delivered = words(status, "type") == "D" and words(body, "actualDeliveryDate") is not None
    day = _day(words(body, "scheduledDeliveryDate"))
    start, end = words(body, "deliveryStartTime"), words(body, "deliveryEndTime")
    photo = Proof(kind="photo", reference="photo", inline=True) if words(body, "deliveryPhoto") else None
    alternate = words(body, "alternateTrackingNumber")
    yield Detail(
        number=number,
        # After the delivery the date is the original promise and the times are the delivery's own.
        eta=_window(day, start, end) if day and not delivered else None,
        signed_by=_person(words(body, "receivedBy")),
        proofs=(photo,) if photo else None,
        references=(alternate,) if alternate else None,
    )


def scan(number: str, package: Any, activity: Any, *, piece: str | None, order: int) -> Scan:
    """Return one activity of a tracked package."""
    status, location = activity["status"], dig(activity, "location")
    logical = dig(activity, "logicalScan")
    return Scan(
        number=number,
        piece=piece,
        order=order,
        at=when(activity, "", "gmt", offset=words(activity, "gmtOffset")),
        text=words(status, "description") or "",
        place=place(dig(location, "address"), words(location, "slic")),
        extra={"logical": logical} if isinstance(logical, bool) else {},
        **_meaning(words(package, "trackingNumber") or number, status, words(status, "statusCode")),
    )


def detail(number: str, packages: list[Any]) -> Detail:
    """Return what an answer says of the whole: of the package asked for, or of the first where a shipment was asked."""
    package = next((one for one in packages if dig(one, "trackingNumber") == number), packages[0])
    several = len(packages) > 1
    own = words(package, "trackingNumber")
    numbers = [(words(one, "type"), words(one, "number")) for one in rows(package, "alternateTrackingNumber")]
    postal = next((other for kind, other in numbers if kind == "USPS_PIC" and other), None)
    others = [other for kind, other in numbers if other and kind != "USPS_PIC" and other != number]
    references = [words(one, "number") for one in rows(package, "referenceNumber")] + others
    if not several and own != number:
        references.append(own)
    places = {words(one, "type"): dig(one, "address") for one in rows(package, "packageAddress")}
    total = words(package, "packageCount")
    extra = {
        "left_at": words(package, "deliveryInformation", "location"),
        # A package that comes alone is one of the shipment's: not so many pieces have gone its way.
        "shipment_pieces": int(total) if total and total != "1" and not several else None,
    }
    return Detail(
        number=number,
        eta=_promise(package),
        service=words(package, "service", "description"),
        service_code=words(package, "service", "code"),
        weight_grams=_grams(package),
        dimensions_mm=_dimensions(package),
        pieces_total=int(total) if total and several else None,
        pieces=tuple(piece for one in packages if (piece := words(one, "trackingNumber"))) if several else None,
        references=tuple(dict.fromkeys(one for one in references if one)) or None,
        signed_by=_person(words(package, "deliveryInformation", "receivedBy")),
        proofs=tuple(_proofs(dig(package, "deliveryInformation"))) or None,
        origin=place(places["ORIGIN"]) if places.get("ORIGIN") else None,
        destination=place(places["DESTINATION"]) if places.get("DESTINATION") else None,
        pickup_until=_day(words(package, "accessPointInformation", "pickupByDate")),
        continues_as=("usps", postal) if postal else None,
        extra={name: said for name, said in extra.items() if said} or None,
    )


def proof_texts(information: Any) -> Mapping[str, str]:
    """Return the base64 texts of the proofs in `deliveryInformation`, by their reference."""
    texts = ((name, words(information, *path)) for name, (_, path) in PROOFS.items())
    return {name: text for name, text in texts if text}


def place(address: Any, slic: str | None = None) -> Place:
    """Return a scan's place: the town, never a street, which at a delivery is the recipient's."""
    country = words(address, "countryCode") or words(address, "country")
    return Place(
        facility_id=slic,
        city=words(address, "city"),
        region=words(address, "stateProvince"),
        postal_code=words(address, "postalCode"),
        country=country.upper() if country and len(country) == 2 else None,  # noqa: PLR2004 - ISO alpha-2
    )


def when(node: Any, local: str, utc: str, *, offset: str | None) -> datetime | date | None:
    """Return a scan's time: the local clock with the offset that the UTC clock beside it, or `gmtOffset`, gives.

    Fields are `<prefix>Date` as YYYYMMDD and `<prefix>Time` as HHMMSS, where leading zeros may be missing. Raises
    ValueError for what is no time, or for two clocks that do not belong together.
    """
    here = _clock(words(node, _field(local, "Date")), words(node, _field(local, "Time")))
    there = _clock(words(node, _field(utc, "Date")), words(node, _field(utc, "Time")))
    if here is None:
        return there.replace(tzinfo=UTC) if isinstance(there, datetime) else there
    if not isinstance(here, datetime):
        return here
    if isinstance(there, datetime):
        return from_pair(here, there)
    return with_offset(here, offset) if offset else here


def _person(name: str | None) -> str | None:
    """Return who signed; digits alone (the document's example writes a time there) are nobody's name."""
    return None if name and name.isdecimal() else name


def _field(prefix: str, name: str) -> str:
    return prefix + name if prefix else name.lower()


def _clock(day: str | None, time: str | None) -> datetime | date | None:
    if day is None:
        return None
    if time is None:
        return _day(day)
    return compact(day, time.zfill(6))


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _meaning(number: str, status: Any, numeric: str | None) -> dict[str, Any]:
    """Return a scan's codes, most telling first, each named with its table; a short code alone means ten things."""
    kind, code = words(status, "type"), words(status, "code")
    simple = numeric.zfill(3) if numeric else None
    codes: list[str] = []
    if code:
        if kind in ("DO", "DD", "W") or _FREIGHT.fullmatch(number) or _FREIGHT_ACTIVITY.fullmatch(code):
            codes.append(f"freight/{code}")
        elif _MAIL.fullmatch(number):
            codes.append(f"mail/{code}")
        if kind:
            codes.append(f"{kind}/{code}")
    back = simple in WAY_BACK
    if simple:
        codes.insert(0 if back else len(codes), f"statuscode/{simple}")
    if kind:
        codes.append(kind)
    return {"codes": tuple(codes), "returning": back}


def _promise(package: Any) -> Window | None:
    """Return the promise: the rescheduled day before the scheduled one, with its hours where they are told."""
    days = {words(one, "type"): words(one, "date") for one in rows(package, "deliveryDate")}
    day = _day(days.get("RDD") or days.get("SDD"))
    if day is None:
        return None
    time = dig(package, "deliveryTime")
    kind = words(time, "type")
    start = words(time, "startTime") if kind in WINDOWS else None
    end = words(time, "endTime") if kind in WINDOWS or kind == "CMT" else None
    return _window(day, start, end)


def _window(day: date, start: str | None, end: str | None) -> Window:
    text = day.strftime("%Y%m%d")
    return Window(_clock(text, start), _clock(text, end))


def _proofs(information: Any) -> Iterator[Proof]:
    here = proof_texts(information)
    for name, (kind, _) in PROOFS.items():
        # A photo that is captured and viewable can be fetched, even where this answer does not carry it.
        photo = dig(information, "deliveryPhoto") if name == "photo" else None
        viewable = words(photo, "photoCaptureInd") == "Y" and words(photo, "photoDispositionCode") == "V"
        if name in here or viewable:
            yield Proof(kind=kind, reference=name, inline=name in here)


def _grams(package: Any) -> int | None:
    unit, weight = words(package, "weight", "unitOfMeasurement"), words(package, "weight", "weight")
    return round(Decimal(weight) * GRAMS[unit]) if weight and unit in GRAMS else None


def _dimensions(package: Any) -> tuple[int, int, int] | None:
    unit = words(package, "dimension", "unitOfDimension")
    sides = [words(package, "dimension", side) for side in ("length", "width", "height")]
    if unit not in MILLIMETRES or not all(sides):
        return None
    length, width, height = (round(Decimal(side or 0) * MILLIMETRES[unit]) for side in sides)
    return length, width, height

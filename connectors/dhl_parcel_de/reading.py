"""What the XML of DHL Parcel Germany says of one parcel, attribute by attribute."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from normalizer.clock import compact
from normalizer.model import Detail, Place, Scan, Window

if TYPE_CHECKING:
    from datetime import date, datetime

    from lxml import etree

GERMAN_TIME = "Europe/Berlin"
"""The zone of every clock, wherever a scan was."""

GERMANY = frozenset({"Germany", "DE"})
"""How a scan names the country at home; other countries come as names, which are no codes."""

_MINUTE, _DAY = len("31.12.2026 23:59"), len("31.12.2026")


def scan(number: str, event: etree._Element, order: int) -> Scan:
    """Return one `piece-event`."""
    return _scan(number, event, event.attrib["event-timestamp"], event.get("event-status"), order)


def present_status(number: str, parcel: etree._Element) -> Scan:
    """Return the present status as a scan, where an answer brings no events."""
    return _scan(number, parcel, parcel.attrib["status-timestamp"], parcel.get("status"), 0)


def _scan(number: str, node: etree._Element, clock: str, words: str | None, order: int) -> Scan:
    """Return a scan. The same event and reason mean other things under another standard event, so the key has three.

    With a reason that is not listed, an event that always means the same (disposed of, returned) speaks before the
    standard event, which may call the disposal of a parcel a success.
    """
    ice, ric, standard = node.get("ice"), node.get("ric"), node.get("standard-event-code")
    codes = (f"{ice}/{ric}/{standard}", ice) if ice and ric and standard else ()
    country = node.get("event-country") or ""
    at_home = country in GERMANY
    return Scan(
        number=number,
        at=when(clock),
        zone=GERMAN_TIME,
        codes=(*codes, standard) if standard else codes,
        text=words or "",
        place=Place(city=node.get("event-location") or None, country="DE" if at_home else None),
        order=order,
        returning=node.get("ruecksendung") == "true",
        extra={"country_name": country} if country and not at_home else {},
    )


def detail(number: str, parcel: etree._Element) -> Detail:
    """Return what is said of the parcel as a whole. Addresses and the addressee's name are not taken over."""
    delivered = parcel.get("delivery-event-flag") == "1"
    names = ("piece-code", "piece-customer-reference", "shipment-customer-reference", "upu", "domestic-id")
    references = [text for name in names if (text := parcel.get(name)) and text != number]
    weight = Decimal(parcel.get("shipment-weight") or 0)
    extra = {"received_by": parcel.get("recipient-id-text") if delivered else None}
    return Detail(
        number=number,
        eta=None if delivered else _promise(parcel),
        service=parcel.get("product-name") or None,
        service_code=parcel.get("product-code") or None,
        weight_grams=round(weight * 1000) or None,
        references=tuple(dict.fromkeys(references)) or None,
        signed_by=(parcel.get("recipient-name") or None) if delivered else None,
        origin=_country(parcel.get("origin-country")),
        destination=_country(parcel.get("dest-country")),
        returning=True if parcel.get("ruecksendung") == "true" else None,
        extra={name: said for name, said in extra.items() if said} or None,
    )


def when(text: str) -> datetime:
    """Return the time of `31.12.2026 23:59`. Raises `ValueError`."""
    if len(text) != _MINUTE or text[2] + text[5] + text[10] + text[13] != ".. :":
        raise ValueError("is no DD.MM.YYYY HH:mm")
    return compact(text[6:10] + text[3:5] + text[:2], text[11:13] + text[14:])


def _promise(parcel: etree._Element) -> Window | None:
    """Return the promised day and its hours. Their spelling is not documented, so what is no such text is left out."""
    day = _day(parcel.get("delivery-date") or "")
    start = _moment(parcel.get("delivery-timeframe-from") or "", parcel.get("delivery-date") or "")
    end = _moment(parcel.get("delivery-timeframe-to") or "", parcel.get("delivery-date") or "")
    if start or end:
        return Window(start, end)
    return Window(day, day) if day else None


def _moment(text: str, day: str) -> datetime | None:
    """Return a time frame's end: a whole time, or a clock on the promised day."""
    for whole in (text, f"{day[:_DAY]} {text}"):
        try:
            return when(whole)
        except ValueError:
            continue
    return None


def _day(text: str) -> date | None:
    try:
        return when(f"{text[:_DAY]} 00:00").date()
    except ValueError:
        return None


def _country(code: str | None) -> Place | None:
    return Place(country=code) if code and len(code) == 2 and code.isupper() else None  # noqa: PLR2004 - ISO alpha-2

"""What USPS's JSON says of one parcel, in both of its dialects: events, promises, places."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from connectors.base import dig, rows, text_of
from normalizer.clock import from_pair, iso, offset_of, twelve_hour, with_offset
from normalizer.codes import normal_phrase
from normalizer.model import Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Container

PLACEHOLDER = "string"
"""The examples' value of a field that is not filled."""

_TAG = re.compile(r"<[^<>]{1,20}>")
_CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d)?")


def words(node: Any, *path: str | int) -> str | None:
    """Return the text at a path without entities and tags (`<SUP>&reg;</SUP>`); None where nothing is said."""
    text = text_of(node, *path)
    if text is None or text == PLACEHOLDER:
        return None
    if "<" in text or "&" in text:
        text = _TAG.sub("", html.unescape(text)).strip() or None
    return text


def scan(number: str, event: Any, order: int, listed: Container[str]) -> Scan:
    """Return one entry of `trackingEvents`.

    A code and its words are a finer code where such a pair is `listed`: 01 is delivered, wherever that was.
    """
    code, text = words(event, "eventCode"), words(event, "eventType") or ""
    codes: tuple[str, ...] = (code,) if code else ()
    if code and (finer := f"{code}/{normal_phrase(text)}") in listed:
        codes = (finer, code)
    extra = {"reason_code": words(event, "reasonCode"), "action_code": words(event, "actionCode")}
    return Scan(
        number=number,
        at=_when(event),
        codes=codes,
        text=text,
        place=_place(event),
        order=order,
        signed_by=words(event, "name"),
        extra={name: said for name, said in extra.items() if said},
    )


def detail(number: str, parcel: Any) -> Detail:
    """Return what is said of the parcel as a whole."""
    services = dig(parcel, "services")
    named = [services] if isinstance(services, str) else rows(parcel, "services")
    receipt = words(parcel, "relatedReturnReceiptID")
    back = words(parcel, "returnDateNotice")
    extra = {
        "services": [service for one in named if (service := words(one))],
        "mail_piece": words(parcel, "uniqueMailPieceId") or words(parcel, "uniqueMailPieceID"),
        "summary": words(parcel, "statusSummary"),
    }
    return Detail(
        number=number,
        eta=None if words(parcel, "statusCategory") == "Delivered" else _promise(parcel),
        service=words(parcel, "mailClass"),
        service_code=words(parcel, "serviceTypeCode"),
        references=(receipt,) if receipt else None,
        origin=_end(parcel, "origin", "originCountry"),
        destination=_end(parcel, "destination", "destinationCountryCode"),
        pickup_until=date.fromisoformat(back) if back else None,
        extra={name: said for name, said in extra.items() if said} or None,
    )


def _when(event: Any) -> datetime | date | None:
    """Return an event's time. The `Z` of `eventTimestamp` is false; `GMTTimestamp` tells the instant where it comes."""
    there, offset = words(event, "GMTTimestamp"), words(event, "GMTOffset")
    instant = iso(there) if there else None
    if isinstance(instant, datetime) and instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    if isinstance(instant, datetime) and offset:
        return instant.astimezone(offset_of(offset))
    here = words(event, "eventTimestamp")
    local = _on_the_wall(here) if here else None
    if not isinstance(local, datetime):
        return instant or local
    if isinstance(instant, datetime):
        return from_pair(local, instant.astimezone(UTC).replace(tzinfo=None))
    return with_offset(local, offset) if offset else local


def _on_the_wall(text: str) -> datetime | date:
    at = iso(text)
    return at.replace(tzinfo=None) if isinstance(at, datetime) else at


def _promise(parcel: Any) -> Window | None:
    """Return the promise: predicted with its hours, else guaranteed, else expected; on the destination's clock."""
    day = words(parcel, "predictedDeliveryDate")
    if day:
        when = date.fromisoformat(day)
        start, end = (_hour(when, words(parcel, f"predictedDeliveryWindow{side}Time")) for side in ("Start", "End"))
        return Window(start or (None if end else when), end or (None if start else when))
    for name in ("guaranteed", "expected", "predicted"):
        if (said := words(parcel, f"{name}DeliveryTimeStamp")) is not None:
            at = _on_the_wall(said)
            return Window(None if isinstance(at, datetime) else at, at)
    return None


def _hour(day: date, text: str | None) -> datetime | None:
    """Return an hour of a day, of a 24-hour or 12-hour clock; None for what is neither."""
    if text is None:
        return None
    if _CLOCK.fullmatch(text):
        at = iso(f"{day}T{text.zfill(len(text) + (text[1] == ':'))}")
        return at if isinstance(at, datetime) else None
    try:
        return twelve_hour(day, text)
    except ValueError:
        return None


def _place(event: Any) -> Place:
    """Return where an event was. The post's own centres come as a city without a state."""
    city, state = words(event, "eventCity"), words(event, "eventState")
    centre = city if city and not state and city.endswith("CENTER") else None
    return Place(
        facility=centre,
        city=None if centre else city,
        region=state,
        postal_code=words(event, "eventZIP"),
        country=_country(words(event, "eventCountry"), state),
    )


def _end(parcel: Any, side: str, country: str) -> Place | None:
    state = words(parcel, f"{side}State")
    place = Place(
        city=words(parcel, f"{side}City"),
        region=state,
        postal_code=words(parcel, f"{side}ZIP"),
        country=_country(words(parcel, country), state),
    )
    return None if place == Place() else place


def _country(said: str | None, state: str | None) -> str | None:
    """Return the country: at home none is named, and abroad it may come as a name, which is no code."""
    if said is None:
        return "US" if state and len(state) == 2 else None  # noqa: PLR2004 - a state's two letters
    return said.upper() if len(said) == 2 else None  # noqa: PLR2004 - ISO alpha-2

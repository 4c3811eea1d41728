"""Our own JSON shape, as docs/generic-carrier.md describes it: read strictly, said as it was sent."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from connectors.base import dig, rows, text_of
from connectors.errors import Unreadable
from normalizer.clock import iso
from normalizer.model import NOWHERE, SUBSTATUSES, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from normalizer.model import Said

_TEXTS = ("service", "service_code", "signed_by", "pickup_hours", "returns_as", "tracking_url")
_PLACES = ("origin", "destination", "pickup_point")
_FIGURES = ("latitude", "longitude")
_WORDS = {status.value: substatuses for status, substatuses in SUBSTATUSES.items()}


def shipments(body: Any) -> list[Any]:
    """Return the shipments of a body. Raises `Unreadable`."""
    if not isinstance(body, dict) or not isinstance(body.get("shipments"), list):
        raise Unreadable("the body is no object with a list `shipments`")
    return list(body["shipments"])


def read(shipment: Any) -> Iterator[Said]:
    """Yield the events of one shipment in their order, then what is said of it as a whole."""
    number = _needed(shipment, "number")
    zone = _zone(shipment)
    if not isinstance(shipment["events"], list):
        raise Unreadable("`events` is no list")
    for order, event in enumerate(shipment["events"]):
        yield _scan(number, zone, order, event)
    said = _said(shipment, zone)
    if said:
        yield Detail(number=number, **said)


def _scan(number: str, zone: str | None, order: int, event: Any) -> Scan:
    at = iso(_needed(event, "at"))
    local = isinstance(at, datetime) and at.tzinfo is None
    own_zone = _zone(event) or zone
    returning = event.get("returning")
    if returning is not None and not isinstance(returning, bool):
        raise Unreadable("`returning` is neither true nor false")
    return Scan(
        number=number,
        at=at,
        codes=_codes(event),
        text=text_of(event, "text") or "",
        place=_place(dig(event, "place")) or NOWHERE,
        piece=text_of(event, "piece"),
        event_id=text_of(event, "id"),
        order=order,
        zone=own_zone if local else None,
        returning=returning is True,
        eta=_window(event, own_zone),
        signed_by=text_of(event, "signed_by"),
    )


def _codes(event: Any) -> tuple[str, ...]:
    """Return what the sender means in our words, then the code in its own."""
    code, status, substatus = (text_of(event, name) for name in ("code", "status", "substatus"))
    if status is None and substatus is not None:
        raise Unreadable("a `substatus` stands without its `status`")
    if status is not None:
        substatus = substatus or "other"
        if substatus not in _WORDS.get(status, ()):
            raise Unreadable("`status` and `substatus` are none of ours: see the page of statuses")
        status = f"status/{status}/{substatus}"
    return tuple(one for one in (status, code) if one)


def _said(shipment: Any, zone: str | None) -> dict[str, Any]:
    """Return what is said of the shipment as a whole, by the model's names; empty where nothing is."""
    said: dict[str, Any] = {name: text_of(shipment, name) for name in _TEXTS}
    said |= {name: _place(dig(shipment, name)) for name in _PLACES}
    said |= {"eta": _window(shipment, zone), "weight_grams": dig(shipment, "weight_grams")}
    said["references"] = tuple(_needed([one], 0) for one in rows(shipment, "references")) or None
    sides = dig(shipment, "dimensions_mm")
    if sides is not None:
        length, width, height = sides
        said["dimensions_mm"] = (length, width, height)
    pieces = dig(shipment, "pieces")
    if isinstance(pieces, list):
        said |= {"pieces": tuple(_needed([one], 0) for one in pieces), "pieces_total": len(pieces)}
    else:
        said["pieces_total"] = pieces
    until = text_of(shipment, "pickup_until")
    said["pickup_until"] = date.fromisoformat(until) if until else None
    if said["tracking_url"] and not said["tracking_url"].startswith("https://"):
        raise Unreadable("`tracking_url` is no https address")
    following = dig(shipment, "continues_as")
    if following is not None:
        said["continues_as"] = (text_of(following, "carrier"), _needed(following, "number"))
    return {name: value for name, value in said.items() if value is not None}


def _needed(node: Any, name: str | int) -> str:
    """Return a text that has to be there."""
    value = text_of(node, name)
    if value is None:
        raise Unreadable(f"the field {name!r} is missing" if isinstance(name, str) else "an empty text in a list")
    return value


def _place(node: Any) -> Place | None:
    if node is None:
        return None
    fields: dict[str, Any] = {name: text_of(node, name) for name in Place.__dataclass_fields__ if name not in _FIGURES}
    country = fields["country"]
    if country is not None:
        if len(country) != 2 or not (country.isascii() and country.isalpha()):  # noqa: PLR2004 - ISO 3166-1 alpha-2
            raise Unreadable("a `country` is two letters")
        fields["country"] = country.upper()
    return Place(**fields, **{name: dig(node, name) for name in _FIGURES})


def _window(node: Any, zone: str | None) -> Window | None:
    """Return a promise: one time or day, or the sides of a window."""
    told = dig(node, "eta")
    if told is None:
        return None
    if isinstance(told, dict):
        start, end = text_of(told, "from"), text_of(told, "to")
        if start is None and end is None:
            raise Unreadable("`eta` has neither `from` nor `to`")
        return Window(_moment(start, zone), _moment(end, zone))
    at = _moment(_needed(node, "eta"), zone)
    return Window(at, at)


def _moment(text: str | None, zone: str | None) -> datetime | date | None:
    at = iso(text) if text else None
    if isinstance(at, datetime) and at.tzinfo is None and zone:
        return at.replace(tzinfo=ZoneInfo(zone))
    return at


def _zone(node: Any) -> str | None:
    name = text_of(node, "zone")
    if name is not None and not _exists(name):
        raise Unreadable("a `zone` is none of the IANA time zones")
    return name


@lru_cache(maxsize=1024)
def _exists(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, LookupError, ValueError):
        return False
    return True

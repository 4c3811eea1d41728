"""X12 214, the carrier shipment status message: what each AT7 says, with the MS1 and L11 of its LX."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from connectors.errors import Unreadable
from connectors.generic.x12 import Segment, element
from normalizer.clock import compact, named_zone, resolve
from normalizer.model import NOWHERE, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.generic.x12 import Transaction
    from normalizer.model import Said

ESTIMATES = frozenset({"AG", "B6", "C1", "X2"})
"""Statuses (1650) whose date and time are expected and not past."""

_TO_RECIPIENT = frozenset({"AG", "X2"})
_APPOINTED = {"AB": "at", "AC": "at", "X9": "at", "ED": "from", "LD": "to"}
"""Appointments (1652) for the delivery, and which side of the promise their time is."""

_LOCAL = frozenset({"", "LT"})
_ZONES = {"ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles"}
_UNIVERSAL = frozenset({"GM", "UT"})
_FIXED = frozenset({"ED", "ES", "CD", "CS", "MD", "MS", "PD", "PS"})
"""Time codes (623): Eastern, Central, Mountain and Pacific daylight or standard time."""

_STATES = frozenset({
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA",
    "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK", "OR",
    "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY",
})  # fmt: skip
_PROVINCES = frozenset({
    "AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT",
})  # fmt: skip
_STOP = "QN"


class _Told(NamedTuple):
    """The date and time of an AT7, and the zone its time code names."""

    at: datetime | date | None
    zone: str | None
    unread: dict[str, str]


@dataclass(slots=True)
class _Line:
    """One LX: its statuses, each with the place that follows it, and its references."""

    statuses: list[tuple[Segment, Place]] = field(default_factory=list)
    references: list[tuple[str, str]] = field(default_factory=list)


def read(transaction: Transaction) -> Iterator[Said]:
    """Yield the statuses of one transaction in their order, then its references. Raises `Unreadable`."""
    if transaction.trouble:
        raise Unreadable(transaction.trouble)
    if transaction.kind != "214":
        raise Unreadable("a transaction set other than 214: acknowledgements (997) and others are not read")
    head = next((one for one in transaction.segments if one[0] == "B10"), None)
    number = head and (element(head, 1) or element(head, 2))
    if not head or not number:
        raise Unreadable("the transaction names no shipment in B10")
    lines = _lines(transaction.segments)
    order = 0
    for line in lines:
        stop = next((told for told, kind in line.references if kind == _STOP), None)
        for segment, place in line.statuses:
            yield _scan(number, order, segment, place, stop=stop, sent=transaction.sent)
            order += 1
    told = [element(head, 2), *(text for line in lines for text, kind in line.references if kind != _STOP)]
    references = tuple(one for one in dict.fromkeys(told) if one and one != number)
    if references:
        yield Detail(number=number, references=references)


def _lines(segments: tuple[Segment, ...]) -> list[_Line]:
    """Return the transaction's LX loops; what stands before the first LX is a loop of its own."""
    lines = [_Line()]
    for segment in segments:
        tag = segment[0]
        if tag == "LX":
            lines.append(_Line())
        elif tag == "AT7":
            lines[-1].statuses.append((segment, NOWHERE))
        elif tag == "MS1" and lines[-1].statuses:
            lines[-1].statuses[-1] = (lines[-1].statuses[-1][0], _place(segment))
        elif tag == "L11" and element(segment, 1):
            lines[-1].references.append((element(segment, 1), element(segment, 2)))
    return lines


def _scan(number: str, order: int, segment: Segment, place: Place, *, stop: str | None, sent: str) -> Scan:
    status, appointment = element(segment, 1), element(segment, 3)
    if bool(status) == bool(appointment):
        raise Unreadable("AT7 carries either a status or an appointment")
    told = _time(segment)
    base = f"x12/{status}" if status else f"x12/appointment/{appointment}"
    reason = element(segment, 2 if status else 4)
    extra = {"stop": stop} if stop else {}
    happened: datetime | date | None = told.at
    ahead = appointment or status in ESTIMATES
    if ahead and told.at is not None:
        # The time is one to come. When it was told, only the group's day says; the promise makes the event its own.
        happened = _day(sent) if sent else None
        extra["planned"] = told.at.isoformat()
    return Scan(
        number=number,
        at=happened,
        codes=(f"{base}/{reason}", base) if reason else (base,),
        place=place,
        event_id=f"{base}/{told.at.isoformat()}" if ahead and told.at is not None else None,
        order=order,
        zone=told.zone if happened is told.at else None,
        eta=_promise(status, appointment, told, place),
        extra=extra | told.unread,
    )


def _promise(status: str, appointment: str, told: _Told, place: Place) -> Window | None:
    side = "at" if status in _TO_RECIPIENT else _APPOINTED.get(appointment)
    if side is None or told.at is None:
        return None
    at = resolve(told.at, zone=told.zone, place=place, carrier_zone=None, clock_kind="mixed").at or told.at
    return Window(None if side == "to" else at, None if side == "from" else at)


def _time(segment: Segment) -> _Told:
    """Return when an AT7 says. Without a time code, and with LT, it is the clock of the place."""
    day, time, code = element(segment, 5), element(segment, 6), element(segment, 7)
    if not day:
        return _Told(None, None, {})
    if not time:
        return _Told(_day(day), None, {})
    moment = compact(day, time[:6])  # tenths and hundredths of a second may follow
    if code in _LOCAL:
        return _Told(moment, None, {})
    if code in _ZONES:
        return _Told(moment, _ZONES[code], {})
    if code in _UNIVERSAL or code in _FIXED:
        return _Told(moment.replace(tzinfo=_offset(code)), None, {})
    # Another clock than the place's, and not one we know: only the day is sure enough.
    return _Told(moment.date(), None, {"time": time, "time_code": code})


def _day(text: str) -> date:
    return compact(text, "0000").date()


def _offset(code: str) -> timezone:
    return UTC if code in _UNIVERSAL else named_zone(f"{code}T")


def _place(segment: Segment) -> Place:
    """Return MS1's place. X12 names a country only outside of the United States and Canada."""
    city, region, country = (element(segment, at) or None for at in (1, 2, 3))
    if country is None and region in _STATES:
        country = "US"
    elif country is None and region in _PROVINCES:
        country = "CA"
    elif country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):  # noqa: PLR2004
        country = None  # the element may hold three characters, which are no ISO 3166-1 alpha-2
    return Place(city=city, region=region, country=country.upper() if country else None)

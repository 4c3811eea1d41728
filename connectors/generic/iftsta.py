"""EDIFACT IFTSTA, the multimodal status report: what each STS of a consignment says, with its RFF, DTM, FTX and LOC.

Up to directory D96B the status is element 9011, a list of transport events; from D97A on it is 4405, a list of
quite other words. The same number means other things, so the codes are named apart: `d96a/...` and `d24a/...`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from connectors.errors import Unreadable
from connectors.generic.edifact import Segment, value
from normalizer.clock import compact, resolve, with_offset
from normalizer.model import NOWHERE, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.generic.edifact import Message
    from normalizer.model import Said

_DIRECTORY = re.compile(r"D(\d\d)[A-C]")
_FIRST_4405, _CENTURY_ENDS = 97, 90

CARRIERS_NUMBER = "CN"
"""RFF qualifier of the carrier's number of the consignment; where none stands, CNI's own number counts."""

HAPPENED = ("334", "35", "178", "186", "200", "7")
"""DTM qualifiers of when it happened, best first: status change; delivery, arrival, departure; pick-up; effect."""

EXPECTED = ("17", "132")
"""DTM qualifiers of a promise: estimated delivery, estimated arrival."""

_TRANSPORT = "1"
_UNECE = "6"
_CANCELS = "1"
_DEEPER = frozenset({"TDT", "EQD", "GID"})
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")
_SSCC = "BJ"
_DEPARTURE, _DELIVERY, _DESTINATION = "5", "7", "8"
_TOLD_BY_PLACE = {"31": (_DELIVERY,), "64": (_DEPARTURE, _DELIVERY, _DESTINATION)}
"""Events (9011) whose meaning hangs on the kind of place: under way to the door or anywhere; waiting here or there."""


@dataclass(slots=True)
class Status:
    """One STS with what belongs to it."""

    sts: Segment
    segments: list[Segment] = field(default_factory=list)
    parcels: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Consignment:
    """One CNI of a message, its own places and its statuses."""

    directory: str
    cni: Segment
    shared: tuple[Segment, ...]
    """The message's own references: of this consignment, where it is the only one."""
    alone: bool = True
    places: list[Segment] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    trouble: str = ""


def consignments(message: Message) -> Iterator[Consignment]:
    """Yield a message's consignments; for a message that cannot be read, one that carries the trouble."""
    head: list[Segment] = []
    references: tuple[Segment, ...] = ()
    found: list[Consignment] = []
    deeper = False
    for segment in message.segments:
        tag = value(segment, 0)
        if tag == "CNI":
            found.append(Consignment(message.directory, segment, references))
            deeper = False
        elif not found:
            head.append(segment)
            references += (segment,) if tag == "RFF" else ()
        elif tag == "STS":
            found[-1].statuses.append(Status(segment))
            deeper = False
        else:
            deeper = deeper or tag in _DEEPER
            _add(found[-1], segment, tag, deeper=deeper)
    trouble = _trouble(message, head, found)
    if trouble:
        yield Consignment("", [], (), trouble=trouble)
        return
    for one in found:
        one.alone = len(found) == 1
        yield one


def _trouble(message: Message, head: list[Segment], found: list[Consignment]) -> str:
    if message.trouble:
        return message.trouble
    if message.kind != "IFTSTA":
        return "a message other than IFTSTA"
    if not _DIRECTORY.fullmatch(message.directory):
        return "UNH names no directory, so nobody knows what the statuses mean"
    if any(value(one, 0) == "BGM" and value(one, 3) == _CANCELS for one in head):
        return "a message that cancels an earlier one, which takes a person to judge"
    return "" if found else "a message without any consignment"


def _add(to: Consignment, segment: Segment, tag: str, *, deeper: bool) -> None:
    if not to.statuses:
        to.places += [segment] if tag == "LOC" else []
    elif not deeper:
        to.statuses[-1].segments.append(segment)
    elif tag == "GIN" and value(segment, 1) == _SSCC:
        to.statuses[-1].parcels += [value(segment, at) for at in range(2, len(segment)) if len(segment[at]) == 1]


def read(consignment: Consignment) -> Iterator[Said]:
    """Yield the statuses of one consignment in their order, then its references and places. Raises `Unreadable`."""
    if consignment.trouble:
        raise Unreadable(consignment.trouble)
    own = value(consignment.cni, 2)
    references: dict[str, list[str]] = {}
    order = 0
    for status in consignment.statuses:
        told = [one for one in status.segments if value(one, 0) == "RFF"]
        named = [*told, *(consignment.shared if consignment.alone else ())]
        number = next((value(one, 1, 1) for one in named if value(one, 1) == CARRIERS_NUMBER), "") or own
        if not number:
            raise Unreadable("a consignment without a number: neither RFF+CN nor CNI tells one")
        references.setdefault(number, []).extend([own, *(value(one, 1, 1) for one in (*told, *consignment.shared))])
        pieces: list[str | None] = [one for one in status.parcels if one]
        for piece in pieces or [None]:
            yield _scan(consignment.directory, number, order, status, piece)
            order += 1
    places = {value(one, 1): _place(one)[0] for one in consignment.places}
    for number, texts in references.items():
        others = tuple(one for one in dict.fromkeys(texts) if one and one != number)
        origin, destination = places.get(_DEPARTURE), places.get(_DELIVERY) or places.get(_DESTINATION)
        if others or origin or destination:
            yield Detail(number=number, references=others or None, origin=origin, destination=destination)


def _scan(directory: str, number: str, order: int, status: Status, piece: str | None) -> Scan:
    times = {value(one, 1): one for one in reversed(status.segments) if value(one, 0) == "DTM"}
    here = next((one for one in status.segments if value(one, 0) == "LOC"), None)
    place, locode = _place(here) if here is not None else (NOWHERE, None)
    happened = next((times[kind] for kind in HAPPENED if kind in times), None)
    expected = next((times[kind] for kind in EXPECTED if kind in times), None)
    promise = _time(expected) if expected is not None else None
    if promise:
        promise = resolve(promise, zone=None, place=place, carrier_zone=None, clock_kind="mixed").at or promise
    return Scan(
        number=number,
        at=_time(happened) if happened is not None else None,
        codes=_codes(directory, status.sts, value(here, 1) if here is not None else ""),
        text=" ".join(text for one in status.segments if value(one, 0) == "FTX" and (text := _free(one))),
        place=place,
        piece=piece,
        order=order,
        eta=Window(promise, promise) if promise else None,
        extra={"unlocode": locode} if locode else {},
    )


def _codes(directory: str, sts: Segment, place_kind: str) -> tuple[str, ...]:
    """Return the status with each of its reasons, then the status alone; a private list is named with its keeper."""
    category, event = _named(sts, 1) or _TRANSPORT, _named(sts, 2)
    reasons = [named for at in range(3, len(sts)) if (named := _named(sts, at))]
    alone: list[str] = []
    if _CENTURY_ENDS <= int(directory[1:3]) < _FIRST_4405:
        table = "d96a" if category == _TRANSPORT else f"d96a:{category}"
    else:
        table = f"d24a/{category}"
        alone = [f"{table}/reason/{one}" for one in reasons]
    if not event:
        return tuple(alone)
    code = f"{table}/{event}"
    by_place = [f"{code}/loc-{place_kind}"] if place_kind in _TOLD_BY_PLACE.get(event, ()) else []
    return (*(f"{code}/{one}" for one in reasons), *by_place, code, *alone)


def _named(sts: Segment, at: int) -> str:
    """Return a code of STS; one of a private list (1131, 3055) as `LIST:KEEPER:code`, never as the standard's."""
    code, listed, agency = value(sts, at), value(sts, at, 1), value(sts, at, 2)
    private = agency not in ("", _UNECE) or (listed and not agency)
    return f"{listed}:{agency}:{code}" if code and private else code


def _free(ftx: Segment) -> str:
    """Return the words of FTX: its fifth element, up to five parts."""
    return " ".join(part.strip() for part in ftx[4] if part.strip()) if len(ftx) > 4 else ""  # noqa: PLR2004


def _place(loc: Segment) -> tuple[Place, str | None]:
    """Return LOC's place, and its UN/LOCODE, whose first two letters are the country."""
    code, name, agency = value(loc, 2), value(loc, 2, 3), value(loc, 2, 2)
    if agency == _UNECE and _LOCODE.fullmatch(code):
        return Place(city=name or None, country=code[:2]), code
    return Place(facility=name or None, facility_id=code or None), None


def _time(dtm: Segment) -> datetime | date:
    """Return DTM's time by its format (2379); where none stands, by its length. Raises `Unreadable`."""
    text, form = value(dtm, 1, 1), value(dtm, 1, 2)
    form = form or {8: "102", 12: "203", 14: "204"}.get(len(text), "")
    if form == "102":
        return compact(text, "0000").date()
    if form in ("203", "204"):
        return compact(text[:8], text[8:])
    if form in ("101", "201", "202"):
        return _time([dtm[0], [value(dtm, 1), "20" + text, {"101": "102", "201": "203", "202": "204"}[form]]])
    if form == "205":
        return with_offset(compact(text[:8], text[8:12]), text[12:])
    if form in ("303", "304") and text[-3:] in ("UTC", "GMT"):
        return compact(text[:8], text[8:-3]).replace(tzinfo=UTC)
    raise Unreadable("DTM is in a format that is not read here")

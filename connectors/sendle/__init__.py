"""Sendle (Australia, Canada, United States): one JSON question a reference; the event type is the code."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Polls, rows, text_of
from connectors.errors import Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Payload
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

_TOWN = re.compile(r"([^,]+), ([A-Z]{2,3})")


class Carrier(Connector, Polls):
    """The tracking call."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """Sendle ID and API key."""
        return Basic(secrets["sendle_id"], secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of one reference."""
        answer = await http.get(f"/api/tracking/{quote(numbers[0], safe='')}", headers={"Accept": "application/json"})
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the parcel's events, oldest first as they come. The answer does not repeat the reference."""
        if "tracking_events" not in part:
            raise Unreadable("the answer holds no tracking_events")
        number = payload.numbers[0]
        start, end = text_of(part, "origin", "country"), text_of(part, "destination", "country")
        home = start if start == end else None
        for order, event in enumerate(rows(part, "tracking_events")):
            yield _scan(number, event, home, order)
        planned = part.get("scheduling") or {}
        earliest, latest = (
            _day(text_of(planned, f"estimated_delivery_date_{which}")) for which in ("minimum", "maximum")
        )
        state = text_of(part, "state")
        yield Detail(
            number=number,
            eta=Window(earliest, latest) if earliest or latest else None,
            origin=Place(country=start) if start else None,
            destination=Place(country=end) if end else None,
            extra={"state": state} if state else None,
        )


def _scan(number: str, event: dict[str, Any], home: str | None, order: int) -> Scan:
    words, reason = text_of(event, "description"), text_of(event, "reason")
    return Scan(
        number=number,
        at=_when(event),
        codes=(event["event_type"],),
        text=f"{words or event['event_type']} ({reason})" if reason else words or "",
        place=_place(text_of(event, "location"), home),
        order=order,
        extra={name: text for name in ("origin_location", "destination_location") if (text := text_of(event, name))},
    )


def _when(event: dict[str, Any]) -> datetime | date:
    """Return the moment, on the clock of the wall where the carrier shows it.

    `display_time` has the wall's offset or, where Sendle does not know it, a `Z`; only one that means the same moment
    as `scan_time` is believed.
    """
    moment, shown = iso(event["scan_time"]), text_of(event, "display_time")
    if shown is not None and isinstance(moment, datetime) and moment.tzinfo is not None:
        wall = iso(shown)
        if isinstance(wall, datetime) and wall.utcoffset() and wall == moment:
            return wall
    return moment


def _place(said: str | None, home: str | None) -> Place:
    """Read `TOWN, XX`; its country is known where the parcel stays in one. Anything else is a facility's name."""
    if said is None:
        return NOWHERE
    found = _TOWN.fullmatch(said)
    if found is None:
        return Place(facility=said, country=home)
    return Place(city=found[1], region=found[2], country=home)


def _day(said: str | None) -> date | None:
    if said is None:
        return None
    at = iso(said)
    return at.date() if isinstance(at, datetime) else at

"""InPost (Poland): the open tracking call of ShipX, one number a question, no account needed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.base import Connector, Polls, dig, rows, text_of
from connectors.errors import Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.clock import iso
from normalizer.model import Detail, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Payload
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

_POSTAL = re.compile(r"(\d\d-\d{3})\s+(.+)")


class Carrier(Connector, Polls):
    """ShipX tracking."""

    def auth(self, secrets: Mapping[str, str]) -> None:  # noqa: ARG002 - nothing to prove
        """No credentials: anybody may ask."""
        return

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all statuses of one number."""
        answer = await http.get(f"/v1/tracking/{quote(numbers[0], safe='')}")
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield the parcel's statuses, newest first as they come, and its locker."""
        if "tracking_details" not in part:
            raise Unreadable("the answer holds no tracking_details")
        number = text_of(part, "tracking_number")
        if number is None:
            raise KeyError("tracking_number")
        events = rows(part, "tracking_details")
        for later, event in enumerate(events, start=1):
            agency, origin_status = text_of(event, "agency"), text_of(event, "origin_status")
            yield Scan(
                number=number,
                at=iso(event["datetime"]),
                codes=(event["status"],),
                text=event["status"],
                place=Place(facility=agency or text_of(event, "location")),
                order=len(events) - later,
                extra={"origin_status": origin_status} if origin_status else {},
            )
        attributes = dig(part, "custom_attributes")
        target = dig(attributes, "target_machine_detail")
        source = dig(attributes, "dropoff_machine_detail")
        size = text_of(attributes, "size")
        yield Detail(
            number=number,
            service=text_of(part, "service"),
            service_code=text_of(part, "type"),
            origin=_locker(source) if source else None,
            pickup_point=_locker(target) if target else None,
            pickup_hours=text_of(target, "opening_hours"),
            extra={"size": size} if size else None,
        )


def _locker(machine: dict[str, Any]) -> Place:
    """Return a locker or parcel point: its name is what people look for, its second line postal code and town."""
    name, second = text_of(machine, "name"), text_of(machine, "address", "line2")
    town = _POSTAL.fullmatch(second) if second else None
    latitude, longitude = (text_of(machine, "location", which) for which in ("latitude", "longitude"))
    known = latitude is not None and longitude is not None
    return Place(
        facility=text_of(machine, "location_description") or name,
        facility_id=name,
        street=text_of(machine, "address", "line1"),
        city=town[2] if town else second,
        postal_code=town[1] if town else None,
        country="PL" if town else None,
        latitude=float(latitude or 0) if known else None,
        longitude=float(longitude or 0) if known else None,
    )

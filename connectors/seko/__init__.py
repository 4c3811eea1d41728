"""SEKO (OmniParcel): asked and pushed in one shape, an array of consignments with local times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from connectors.auth import KeyAuth
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.signatures import require_header, require_same, require_secret
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

DELIVERED = "consignment/delivered"
"""Made from the consignment's field Delivered: the codes of most events are not in reach, this fact is."""


class Carrier(Connector, Polls, Pushes):
    """The tracking call of the OmniParcel API and its tracking webhook."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """The account's key in the header access_key."""
        return KeyAuth("access_key", secrets["access_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to ten consignments."""
        return await http.post("/labels/statusv2", json=list(numbers), repeatable=True)

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """The merchant's own user name and password, as two headers."""
        require_same(require_header(push.headers, "Username"), require_secret(secrets, "push_username"))
        require_same(require_header(push.headers, "Password"), require_secret(secrets, "push_password"))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a consignment, and one for each number asked about that is not among them."""
        root = payload.json()
        if not isinstance(root, list):
            raise Unreadable("the body is no array of consignments")
        yield from root
        known = {consignment.get("ConsignmentNo") for consignment in root if isinstance(consignment, dict)}
        yield from (Missing(number=number) for number in payload.numbers if number not in known)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one consignment's events, oldest first as they come."""
        if isinstance(part, Missing):
            yield part
            return
        number = part["ConsignmentNo"]
        events = rows(part, "Events")
        delivered, picked = text_of(part, "Delivered"), text_of(part, "Picked")
        for order, event in enumerate(events):
            yield _scan(number, event, order)
        if delivered:
            place = _place_at(iso(delivered), events)
            yield Scan(number=number, at=iso(delivered), codes=(DELIVERED,), place=place, order=len(events))
        pieces = [event["Part"] for event in events if dig(event, "Part") is not None]
        reference = text_of(part, "Reference1")
        if not events and not any((delivered, picked, reference, text_of(part, "Status"), text_of(part, "Tracking"))):
            yield Missing(number=number)
        yield Detail(
            number=number,
            pieces_total=max(int(piece) for piece in pieces) if pieces else None,
            references=(reference,) if reference else None,
            tracking_url=text_of(part, "Tracking"),
            extra={"picked": picked} if picked else None,
        )


def _scan(number: str, event: dict[str, Any], order: int) -> Scan:
    code, final = text_of(event, "OmniCode"), text_of(event, "Code")
    return Scan(
        number=number,
        at=iso(event["EventDT"]),
        codes=(code,) if code else (),
        text=text_of(event, "Description") or "",
        place=_place(text_of(event, "Location")),
        order=order,
        piece=text_of(event, "Part"),
        extra={"final_mile_code": final} if final else {},
    )


def _place_at(delivered: date, events: Sequence[dict[str, Any]]) -> Place:
    """Return the place of the event of that time: the last event before may be an export hub an ocean away."""
    same = [event for event in events if iso(event["EventDT"]) == delivered]
    return _place(text_of(same[-1], "Location")) if same else Place()


def _place(text: str | None) -> Place:
    """Return the place of `CARSON, CA,US`, each but the country may be empty; any other text is kept as it is."""
    *words, country = (word.strip() for word in (text or "").split(","))
    if not words or len(country) != 2 or not country.isupper():  # noqa: PLR2004 - ISO 3166
        return Place(facility=text)
    region = words.pop() if len(words) > 1 else None
    return Place(city=", ".join(word for word in words if word) or None, region=region or None, country=country)

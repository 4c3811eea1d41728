"""Parcel.One: events up to the hand-over to the carrier of the last mile, whose number it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic, KeyAuth, Together
from connectors.base import Connector, Payload, Polls, rows, text_of
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

LANGUAGE = "en"

GO_ON = "RequestLMCCarrierTracking"
"""The word by which the carrier says that the last mile's carrier is to be asked from here on."""

_TAG = re.compile(r"<[^<>]*>")
_PLACE = re.compile(r"([A-Z]{2}) (\S.*)")


class Carrier(Connector, Polls):
    """The TrackLMC API, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """The key in the header Apikey; a login beside it where the account has one."""
        key = KeyAuth("Apikey", secrets["api_key"])
        if not secrets.get("username"):
            return key
        return Together(key, Basic(secrets["username"], secrets.get("password", "")))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number. A number without data is a 404."""
        return await http.get(f"/shipment/{quote(numbers[0], safe='')}", params={"lang": LANGUAGE})

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield the events, oldest first as they come; the last may name the next carrier's number."""
        number = part["P1Trackno"]
        events = rows(part["TrackingEvents"])
        if not events:
            yield Missing(number=number)
        for order, event in enumerate(events):
            yield _scan(number, event, order)
        handed_over = _handed_over(events)
        if handed_over is not None:
            following, carrier = text_of(handed_over, "CarrierTrackno"), text_of(handed_over, "Carrier")
            yield Detail(
                number=number,
                continues_as=(None, following) if following and following != number else None,
                tracking_url=text_of(handed_over, "CarrierTrackURL"),
                extra={"next_carrier": carrier} if carrier else None,
            )


def _handed_over(events: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the last event that names a carrier's number; one that sends us to that carrier goes before any other."""
    named = [event for event in events if text_of(event, "CarrierTrackno")]
    sent_on = [event for event in named if GO_ON in (text_of(event, "TrackingEventsStatus") or "").split(",")]
    return next(reversed(sent_on or named), None)


def _scan(number: str, event: dict[str, Any], order: int) -> Scan:
    codes = (text_of(event, "Statuscode"), text_of(event, "DeliveryStatus"))
    return Scan(
        number=number,
        at=iso(event["EventdateCET"]),
        codes=tuple(code for code in codes if code),
        text=" ".join(_TAG.sub("", text_of(event, "Status") or "").split()),
        place=_place(text_of(event, "Location")),
        order=order,
    )


def _place(text: str | None) -> Place:
    """Return the place of `DE Pohlheim`; any other text is kept as it is."""
    found = _PLACE.fullmatch(text or "")
    return Place(country=found[1], city=found[2]) if found else Place(facility=text)

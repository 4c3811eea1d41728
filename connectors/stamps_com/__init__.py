"""Stamps.com: one SOAP question a number; the events are those of the United States post."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements, envelope_of
from normalizer.clock import iso
from normalizer.model import Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/swsim/swsimv130.asmx"


class Carrier(Connector, Polls):
    """TrackShipment of SWSIM, version 130."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The credentials go into the envelope of each question."""
        return FilledBody(
            elements(
                IntegrationID=secrets["integration_id"], Username=secrets["username"], Password=secrets["password"]
            )
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number."""
        empty = {"IntegrationID": "", "Username": "", "Password": ""}
        return await SERVICE.ask(http, "TrackShipment", path=PATH, Credentials=empty, TrackingNumber=numbers[0])

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One answer, one parcel. The namespace differs from version to version, so only names count."""
        told = envelope_of(payload.body).find("{*}Body/{*}TrackShipmentResponse")
        if told is None:
            raise Unreadable("the answer is no TrackShipmentResponse")
        yield told

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:
        """Yield the events, newest first as they come; the answer does not repeat the number."""
        number = payload.numbers[0]
        events = part.findall("{*}TrackingEvents/{*}TrackingEvent")
        if not events:
            yield Missing(number=number)
        for place_in_list, event in enumerate(events):
            yield _scan(number, event, -place_in_list)


def _scan(number: str, event: etree._Element, order: int) -> Scan:
    at, code = _text(event, "{*}Timestamp"), _text(event, "{*}TrackingEventType")
    if at is None or code is None:
        raise KeyError("Timestamp" if at is None else "TrackingEventType")
    return Scan(
        number=number,
        at=iso(at),
        codes=(code,),
        text=_text(event, "{*}Event") or "",
        place=Place(
            city=_text(event, "{*}City"),
            region=_text(event, "{*}State"),
            postal_code=_text(event, "{*}Zip"),
            country=_text(event, "{*}Country"),
        ),
        order=order,
        signed_by=_text(event, "{*}SignedBy"),
    )


def _text(node: etree._Element, path: str) -> str | None:
    return (node.findtext(path) or "").strip() or None

"""DHL Parcel Poland (DHL24 WebAPI2): one SOAP question a shipment, a status code for nearly everything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/webapi2/provider/service.html?ws=1"

REFUSALS = frozenset({"100"})
"""The code of a refused login, as a public client reads it."""


class Carrier(Connector, Polls):
    """getTrackAndTraceInfo of WebAPI2."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """User name and password go into the question's authData."""
        return FilledBody(elements(username=secrets["username"], password=secrets["password"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one shipment."""
        return await SERVICE.ask(
            http,
            "getTrackAndTraceInfo",
            path=PATH,
            refusals=REFUSALS,
            authData={"username": "", "password": ""},
            shipmentId=numbers[0],
        )

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One answer, one shipment. Raises `Unreadable` for an answer without a result."""
        result = SERVICE.reply("getTrackAndTraceInfo", payload.body)
        if result is None:
            raise Unreadable("the answer has no result")
        yield result

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one shipment's events as they stand; without any the number is unknown."""
        number = _said(part.shipmentId) or payload.numbers[0]
        events = [event for event in part.events.item if event is not None] if part.events is not None else []
        if not events:
            yield Missing(number=number)
            return
        for event in events:
            yield _scan(number, event)
        if received_by := _said(part.receivedBy):
            yield Detail(number=number, signed_by=received_by)


def _scan(number: str, event: Any) -> Scan:
    code, at = _said(event.status), _said(event.timestamp)
    return Scan(
        number=number,
        at=iso(at) if at else None,
        codes=(code,) if code else (),
        text=_said(event.description) or "",
        place=Place(facility=_said(event.terminal)),
    )


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

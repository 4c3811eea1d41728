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

    from lxml import etree

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
        # zeep hands over the reply's elements as they are, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("getTrackAndTraceInfo", payload.body) or []
        results = [one for one in found if _name(one) == "getTrackAndTraceInfoResult" and len(one)]
        if not results:
            raise Unreadable("the answer has no result")
        yield results[0]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one shipment's events as they stand; without any the number is unknown."""
        told = {_name(child): child for child in part}
        number = _text(told, "shipmentId") or payload.numbers[0]
        events = [event for event in told.get("events", ()) if _name(event) == "item" and len(event)]
        if not events:
            yield Missing(number=number)
            return
        for event in events:
            yield _scan(number, event)
        if received_by := _text(told, "receivedBy"):
            yield Detail(number=number, signed_by=received_by)


def _scan(number: str, event: etree._Element) -> Scan:
    told = {_name(child): child for child in event}
    code, at = _text(told, "status"), _text(told, "timestamp")
    return Scan(
        number=number,
        at=iso(at) if at else None,
        codes=(code,) if code else (),
        text=_text(told, "description") or "",
        place=Place(facility=_text(told, "terminal")),
    )


def _name(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _text(told: Mapping[str, etree._Element], name: str) -> str | None:
    node = told.get(name)
    text = node.text if node is not None else None
    return (text.strip() or None) if text is not None else None

"""DB Schenker: one SOAP question a shipment; the answer's types are not in reach, so it is read by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/webservice/trackingWebServiceV2"

REFERENCE_TYPE = "ff"
"""The forwarder's own number (STT), as two public clients ask for it."""

_DAY = 10
"""Characters of YYYY-MM-DD."""


class Carrier(Connector, Polls):
    """getPublicShipmentDetails, version 2."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The access key goes into the question."""
        return FilledBody(elements(AccessKey=secrets["access_key"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one shipment by the forwarder's number."""
        question = {"referenceType": REFERENCE_TYPE, "referenceNumber": numbers[0]}
        arguments: dict[str, Any] = {"AccessKey": "", "in": question}
        return await SERVICE.ask(http, "getPublicShipmentDetails", path=PATH, **arguments)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a shipment, None where the answer holds none. Raises `Unreadable` for an answer without `out`."""
        # zeep hands over the elements themselves where they are the reply's only content, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("getPublicShipmentDetails", payload.body) or []
        if not found and b"<out" not in payload.body and b":out" not in payload.body:
            raise Unreadable("the answer has no content")
        yield from [one for one in found if _name(one) == "Shipment"] or (None,)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one shipment's status events, oldest first as they come; without any it is unknown."""
        number = payload.numbers[0]
        events = list(part.iter("{*}StatusEvent")) if part is not None else []
        if not events:
            yield Missing(number=number)
        for order, event in enumerate(events):
            yield _scan(number, event, order)


def _scan(number: str, event: etree._Element, order: int) -> Scan:
    status = _text(event, "Status")
    reason = {"reason_code": _text(event, "Reason", "ReasonCode"), "reason": _text(event, "Reason", "CodeDscrptn")}
    return Scan(
        number=number,
        at=_at(_text(event, "Date"), _text(event, "Time")),
        codes=(status,) if status else (),
        text=_text(event, "StatusDescription") or "",
        place=Place(facility=_text(event, "OccurredAt", "LocationName")),
        order=order,
        extra={name: value for name, value in reason.items() if value},
    )


def _at(day: str | None, clock: str | None) -> datetime | date | None:
    """Read a day and a clock, ISO 8601 both; an offset that the clock carries is kept, one of a day is not."""
    if day is None:
        return None
    return iso(f"{day[:_DAY]}T{clock}" if clock else day[:_DAY])


def _text(node: etree._Element, *path: str) -> str | None:
    text = node.findtext("/".join(f"{{*}}{name}" for name in path))
    return (text.strip() or None) if text is not None else None


def _name(node: Any) -> str:
    return str(node.tag).rpartition("}")[2]

"""Chronopost (France): one SOAP question a number, no account needed; the meaning stands in the French label."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/tracking-cxf/TrackingServiceWS"

LANGUAGE = "fr_FR"
"""The labels of phrases.csv and the names of additional information are known in French only."""

_NEXT_CARRIER = "Numéro partenaire"
_DPD_LEG = "GEO/"


class Carrier(Connector, Polls):
    """Chronopost's trackSkybillV2."""

    def auth(self, secrets: Mapping[str, str]) -> None:  # noqa: ARG002 - nothing to prove
        """No credentials: anybody may ask."""
        return

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask trackSkybillV2, one number a call."""
        return await SERVICE.ask(http, "trackSkybillV2", path=PATH, language=LANGUAGE, skybillNumber=numbers[0])

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One answer, one parcel. Raises `Unreadable` for an error code: no document tells what each means."""
        result = SERVICE.reply("trackSkybillV2", payload.body)
        if result is None or result.errorCode is None:
            raise Unreadable("the answer has no errorCode")
        code = int(result.errorCode)
        if code != 0:
            raise Unreadable(f"the carrier answered with errorCode {code}")
        yield result.listEventInfoComp

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one parcel's events, oldest first as they come; without any event the number is unknown."""
        number = (_said(part.skybillNumber) if part is not None else None) or payload.numbers[0]
        events = [event for event in part.events if event is not None] if part is not None else []
        if not events:
            yield Missing(number=number)
            return
        for order, event in enumerate(events):
            yield _scan(number, event, order)
            yield from _handed_over(number, event)


def _scan(number: str, event: Any, order: int) -> Scan:
    code, label = _said(event.code), _said(event.eventLabel)
    extra: dict[str, Any] = {}
    if _said(event.highPriority) in ("true", "1"):
        extra["high_priority"] = True
    if told := [{"name": name, "value": value} for name, value in _information(event)]:
        extra["information"] = told
    return Scan(
        number=number,
        at=iso(at) if (at := _said(event.eventDate)) else None,
        codes=(code,) if code else (),
        text=label or "",
        phrase=label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") if label else None,
        place=Place(facility=_said(event.officeLabel), postal_code=_said(event.zipCode)),
        order=order,
        extra=extra,
    )


def _information(event: Any) -> Iterator[tuple[str, str]]:
    for told in event.infoCompList:
        name, value = (_said(told.name), _said(told.value)) if told is not None else (None, None)
        if name and value:
            yield name, value


def _handed_over(number: str, event: Any) -> Iterator[Detail]:
    """Tell the number under which DPD carries it on; a partner's number without GEO/ may be anybody's."""
    for name, value in _information(event):
        if name == _NEXT_CARRIER and value.startswith(_DPD_LEG) and len(value) > len(_DPD_LEG):
            yield Detail(number=number, continues_as=(None, value.removeprefix(_DPD_LEG)))


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

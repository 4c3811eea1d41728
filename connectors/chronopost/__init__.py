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

    from lxml import etree

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
        # zeep hands over the reply's elements as they are, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("trackSkybillV2", payload.body) or []
        results = [child for one in found if _name(one) == "return" for child in one]
        said = [_said(child) for child in results if _name(child) == "errorCode"]
        if not said or said[0] is None:
            raise Unreadable("the answer has no errorCode")
        code = int(said[0])
        if code != 0:
            raise Unreadable(f"the carrier answered with errorCode {code}")
        yield next((child for child in results if _name(child) == "listEventInfoComp"), None)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one parcel's events, oldest first as they come; without any event the number is unknown."""
        stated: str | None = None
        events: list[etree._Element] = []
        for child in part if part is not None else ():
            name = _name(child)
            if name == "events" and len(child):
                events.append(child)
            elif name == "skybillNumber":
                stated = _said(child)
        number = stated or payload.numbers[0]
        if not events:
            yield Missing(number=number)
            return
        for order, event in enumerate(events):
            told, information = _fields(event)
            yield _scan(number, told, information, order)
            yield from _handed_over(number, information)


def _fields(event: etree._Element) -> tuple[dict[str, str | None], list[dict[str, str]]]:
    """Return an event's texts by their name, and its additional information in order."""
    told: dict[str, str | None] = {}
    information: list[dict[str, str]] = []
    for child in event:
        name = _name(child)
        if name != "infoCompList":
            told[name] = _said(child)
            continue
        pair = {_name(one): _said(one) for one in child}
        if (title := pair.get("name")) and (value := pair.get("value")):
            information.append({"name": title, "value": value})
    return told, information


def _scan(number: str, told: dict[str, str | None], information: list[dict[str, str]], order: int) -> Scan:
    code, label, when = told.get("code"), told.get("eventLabel"), told.get("eventDate")
    extra: dict[str, Any] = {}
    if told.get("highPriority") in ("true", "1"):
        extra["high_priority"] = True
    if information:
        extra["information"] = information
    return Scan(
        number=number,
        at=iso(when) if when else None,
        codes=(code,) if code else (),
        text=label or "",
        phrase=label.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'") if label else None,
        place=Place(facility=told.get("officeLabel"), postal_code=told.get("zipCode")),
        order=order,
        extra=extra,
    )


def _handed_over(number: str, information: list[dict[str, str]]) -> Iterator[Detail]:
    """Tell the number under which DPD carries it on; a partner's number without GEO/ may be anybody's."""
    for one in information:
        value = one["value"]
        if one["name"] == _NEXT_CARRIER and value.startswith(_DPD_LEG) and len(value) > len(_DPD_LEG):
            yield Detail(number=number, continues_as=(None, value.removeprefix(_DPD_LEG)))


def _name(node: etree._Element) -> str:
    return str(node.tag).rpartition("}")[2]


def _said(node: etree._Element) -> str | None:
    text = node.text
    return (text.strip() or None) if text is not None else None

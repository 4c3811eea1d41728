"""DPD Web Services (NL, BE, LU, DE): a day's token from the login service, then one SOAP question a parcel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lxml import etree

from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, envelope_of
from connectors.soap_login import SoapLogin
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
LOGIN_PATH = "/Services/LoginService.svc"
PATH = "/Services/ParcelLifeCycleService.svc"

LANGUAGE = "en_EN"
"""The form clients send; labels and descriptions follow it, status values do not."""

DAY = 86_400.0
"""A token is good for a day (told by clients; logins beyond a few a day are said to be refused)."""

_NAMESPACE = "http://dpd.com/common/service/types/ParcelLifeCycleService/2.0"
_HEADER = {"authentication": {"delisId": "", "authToken": "", "messageLanguage": LANGUAGE}}
_TRUE = ("true", "1")

_LOGGED_IN = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<getAuthResponse xmlns="http://dpd.com/common/service/types/LoginService/2.1"><return>'
    b"<delisId>sample-delis-id</delisId><customerUid>sample</customerUid><authToken>sample-token</authToken>"
    b"<depot>0522</depot><authTokenExpires>2026-11-07T03:00:00</authTokenExpires>"
    b"</return></getAuthResponse></s:Body></s:Envelope>"
)


class Carrier(Connector, Polls):
    """LoginService 2.1 and ParcelLifeCycleService 2.0."""

    def auth(self, secrets: Mapping[str, str]) -> SoapLogin:
        """User and password for a token of a day, shown in each question's header."""
        user = secrets["delis_id"]
        return SoapLogin(
            SERVICE,
            LOGIN_PATH,
            "getAuth",
            {"delisId": user, "password": secrets["password"], "messageLanguage": LANGUAGE},
            token_element="authToken",  # noqa: S106 - the name of an element
            filled=lambda token: {"delisId": user, "authToken": token},
            refusal="authenticationFault",
            life=DAY,
            sample=_LOGGED_IN,
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask getTrackingData, one parcel a call."""
        return await SERVICE.ask(http, "getTrackingData", path=PATH, headers=_HEADER, parcelLabelNumber=numbers[0])

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One answer, one parcel: its result, None where that is empty. Raises `Unreadable` where it is missing."""
        result = SERVICE.reply("getTrackingData", _qualified(payload.body))
        if result is None and b"trackingresult" not in payload.body:
            raise Unreadable("the answer has no trackingresult")
        yield result

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the steps that were reached, oldest first as they come; an empty result is an unknown parcel."""
        number = payload.numbers[0]
        if part is None:
            yield Missing(number=number)
            return
        steps = [step for step in (part.shipmentInfo, *part.statusInfo) if step is not None]
        if not steps:
            yield Missing(number=number)
        for order, step in enumerate(steps):
            # The display lists all steps of a parcel's life, also those to come.
            if _said(step.statusHasBeenReached) in _TRUE or _said(step.isCurrentStatus) in _TRUE:
                yield _scan(number, step, order)
        if part.shipmentInfo is not None:
            yield from _detail(number, part.shipmentInfo)


def _qualified(body: bytes) -> bytes:
    """Return the reply with all elements in its namespace: the schema says so, clients read them without one."""
    root = envelope_of(body)
    bare = [node for node in root.iter(etree.Element) if etree.QName(node).namespace is None]
    for node in bare:
        node.tag = etree.QName(_NAMESPACE, etree.QName(node).localname).text
    return etree.tostring(root) if bare else body


def _scan(number: str, step: Any, order: int) -> Scan:
    status = _said(step.status)
    when = _line(step.date)
    at = _at(when)
    label = _line(step.label)
    extra: dict[str, Any] = {"date_text": when} if when and at is None else {}
    items = [_item(item) for item in (*step.normalItems, *step.importantItems, *step.errorItems) if item is not None]
    if told := [item for item in items if item]:
        extra["information"] = told
    return Scan(
        number=number,
        at=at,
        codes=(status,) if status else (),
        text=" ".join(_lines(step.description)) or label or "",
        place=Place(facility=_line(step.location)),
        order=order,
        extra=extra,
    )


def _at(text: str | None) -> datetime | date | None:
    """Read a date written for display: `05.11.2026, 14:31`, `05.11.2026` or ISO 8601; None for any other form.

    The form follows the language and is not documented, so another one is kept as text and not refused.
    """
    if text is None:
        return None
    day, _, clock = text.replace(",", " ").partition(" ")
    parts = day.split(".")
    try:
        if len(parts) == 3 and len(parts[2]) == 4:  # noqa: PLR2004 - day, month and a year of four digits
            return iso(f"{parts[2]}-{parts[1]:0>2}-{parts[0]:0>2}" + (f"T{clock.strip()}" if clock.strip() else ""))
        return iso(text)
    except ValueError:
        return None


def _detail(number: str, shipment: Any) -> Iterator[Detail]:
    service = ", ".join(_lines(shipment.serviceDescription)) or None
    extra: dict[str, Any] = {}
    if predict := " ".join(_lines(shipment.predictInformation)):
        extra["predict"] = predict
    told = [(_said(one.key), _said(one.value)) for one in shipment.trackingProperty if one is not None]
    if properties := [{"name": name, "value": value} for name, value in told if name and value]:
        extra["properties"] = properties
    if service or extra:
        yield Detail(number=number, service=service, extra=extra or None)


def _item(item: Any) -> dict[str, str]:
    told = {"label": _line(item.label), "text": " ".join(_lines(item))}
    return {name: value for name, value in told.items() if value}


def _lines(item: Any) -> list[str]:
    if item is None:
        return []
    return [text for text in map(_line, item.content) if text]


def _line(line: Any) -> str | None:
    return _said(line.content) if line is not None else None


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

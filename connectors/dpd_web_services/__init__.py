"""DPD Web Services (NL, BE, LU, DE): a day's token from the login service, then one SOAP question a parcel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service
from connectors.soap_login import SoapLogin
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
LOGIN_PATH = "/Services/LoginService.svc"
PATH = "/Services/ParcelLifeCycleService.svc"

LANGUAGE = "en_EN"
"""The form clients send; labels and descriptions follow it, status values do not."""

DAY = 86_400.0
"""A token is good for a day (told by clients; logins beyond a few a day are said to be refused)."""

_HEADER = {"authentication": {"delisId": "", "authToken": "", "messageLanguage": LANGUAGE}}
_TRUE = ("true", "1")
_ITEMS = ("normalItems", "importantItems", "errorItems")

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
        """One answer, one parcel. Raises `Unreadable` for an answer without a result."""
        # zeep hands over the elements themselves where they are the reply's only content, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("getTrackingData", payload.body) or []
        results = [one for one in found if str(one.tag).rpartition("}")[2] == "trackingresult"]
        if not results:
            raise Unreadable("the answer has no trackingresult")
        yield results[0]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the steps that were reached, oldest first as they come; an empty result is an unknown parcel."""
        number = payload.numbers[0]
        shipment = part.find("{*}shipmentInfo")
        steps = [*([shipment] if shipment is not None else []), *part.iterfind("{*}statusInfo")]
        if not steps:
            yield Missing(number=number)
        for order, step in enumerate(steps):
            # The display lists all steps of a parcel's life, also those to come.
            if _text(step, "statusHasBeenReached") in _TRUE or _text(step, "isCurrentStatus") in _TRUE:
                yield _scan(number, step, order)
        if shipment is not None:
            yield from _detail(number, shipment)


def _scan(number: str, step: etree._Element, order: int) -> Scan:
    status = _text(step, "status")
    if status is None:
        raise Unreadable("a step without its status")
    when = _text(step, "date", "content")
    at = _at(when)
    extra: dict[str, Any] = {"date_text": when} if when and at is None else {}
    items = [_item(item) for kind in _ITEMS for item in step.iterfind(f"{{*}}{kind}")]
    if told := [item for item in items if item]:
        extra["information"] = told
    return Scan(
        number=number,
        at=at,
        codes=(status,),
        text=_lines(step.find("{*}description")) or _text(step, "label", "content") or "",
        place=Place(facility=_text(step, "location", "content")),
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


def _detail(number: str, shipment: etree._Element) -> Iterator[Detail]:
    service = _lines(shipment.find("{*}serviceDescription"), between=", ") or None
    extra: dict[str, Any] = {}
    if predict := _lines(shipment.find("{*}predictInformation")):
        extra["predict"] = predict
    told = [(_text(one, "key"), _text(one, "value")) for one in shipment.iterfind("{*}trackingProperty")]
    if properties := [{"name": name, "value": value} for name, value in told if name and value]:
        extra["properties"] = properties
    if service or extra:
        yield Detail(number=number, service=service, extra=extra or None)


def _item(item: etree._Element) -> dict[str, str]:
    told = {"label": _text(item, "label", "content"), "text": _lines(item)}
    return {name: value for name, value in told.items() if value}


def _lines(item: etree._Element | None, *, between: str = " ") -> str:
    """Return the lines of an item: each is a `content` with a `content` of its own."""
    if item is None:
        return ""
    return between.join(text for line in item.iterfind("{*}content") if (text := _text(line, "content")))


def _text(node: etree._Element, *path: str) -> str | None:
    text = node.findtext("/".join(f"{{*}}{name}" for name in path))
    return (text.strip() or None) if text is not None else None

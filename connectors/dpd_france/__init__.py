"""DPD France (Webtrace): one SOAP question a parcel; few status numbers are known, the rest stays unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/trace-service/Webtrace_Service.asmx"

NS = "{http://www.cargonet.software/}"

FRANCE = "250"
"""The customer's country as the service wants it: ISO 3166-1, three digits."""

_CREDENTIALS = {"UserCredentials": {"userid": "", "password": ""}}
_TRUE = ("true", "1")
_REFERENCES = ("Reference", "Reference2", "Reference3", "Reference4")
_REFUSALS = frozenset({"IpPermissionDenied"})


class Carrier(Connector, Polls):
    """GetShipmentTrace of the Webtrace service."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """User and password go into a SOAP header, the customer's agency and number into the question."""
        return FilledBody(
            elements(
                userid=secrets["userid"],
                password=secrets["password"],
                centernumber=secrets["center_number"],
                number=secrets["customer_number"],
            )
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one parcel, without images."""
        question = {
            "Customer": {"centernumber": "", "number": "", "countrycode": FRANCE},
            "Language": "F",
            "ShipmentNumber": numbers[0],
            "ExpandContainerMode": "MasterOnly",
            "GetImages": "false",
            "GetPhotos": "false",
            "GetParsedInfo": "false",
            "GetServices": "false",
        }
        return await SERVICE.ask(
            http, "GetShipmentTrace", path=PATH, headers=_CREDENTIALS, refusals=_REFUSALS, request=question
        )

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a parcel, None where the answer holds none. Raises `Unreadable` for an answer without a list."""
        # zeep hands over the elements themselves where they are the reply's only content, and None where there is none.
        listed: list[etree._Element] = SERVICE.reply("GetShipmentTrace", payload.body) or []
        if not listed and b"GetShipmentTraceResult" not in payload.body:
            raise Unreadable("the answer has no result")
        yield from [one for one in listed if one.tag == f"{NS}ShipmentTrace"] or (None,)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one parcel's traces, newest first as they come; without any it is unknown."""
        number = (_text(part, "ShipmentNumber") if part is not None else None) or payload.numbers[0]
        traces = part.findall(f"{NS}Traces/{NS}clsTrace") if part is not None else []
        if not traces:
            yield Missing(number=number)
            return
        # IsRetour may be true of the whole parcel from its start (a return ordered by the sender), so it marks all.
        returning = _text(part, "IsRetour") in _TRUE
        for place_in_list, trace in enumerate(traces):
            yield _scan(number, trace, order=-place_in_list, returning=returning)
        yield _detail(number, part)


def _scan(number: str, trace: etree._Element, *, order: int, returning: bool) -> Scan:
    told = {"remark": _text(trace, "Remark"), "info": _text(trace, "Info"), "relay": _text(trace, "RelaisInfo", "Name")}
    code = _text(trace, "StatusNumber")
    if code is None:
        raise Unreadable("a trace without its StatusNumber")
    return Scan(
        number=number,
        at=_at(_text(trace, "ScanDate"), _text(trace, "ScanTime")),
        codes=(code,),
        text=_text(trace, "StatusDescription") or "",
        place=Place(facility=_text(trace, "CenterName"), facility_id=_text(trace, "CenterNumber")),
        order=order,
        returning=returning,
        extra={name: value for name, value in told.items() if value},
    )


def _at(day: str | None, clock: str | None) -> datetime | date | None:
    """Read `05.11.2026` (or with slashes, or ISO 8601) and `14:31`, French time."""
    if day is None:
        return None
    parts = day.replace("/", ".").split(".")
    iso_day = "-".join(reversed(parts)) if len(parts) == 3 else day  # noqa: PLR2004 - day, month, year
    return iso(f"{iso_day}T{clock.replace('.', ':')}" if clock else iso_day)


def _detail(number: str, shipment: etree._Element) -> Detail:
    slot = shipment.find(f"{NS}DeliveryScheduled")
    window = None
    if slot is not None and (start := _text(slot, "StartDate")) is not None:
        end = _text(slot, "EndDate") or start
        window = Window(_at(start, _text(slot, "StartTime")), _at(end, _text(slot, "EndTime")))
    references = (_text(shipment, name) for name in _REFERENCES)
    zipcode, relay = _text(shipment, "DestinationZipcode"), _text(shipment, "PointRelaisName")
    told = {
        "destination_country": _text(shipment, "DestinationCountry"),
        "reference_international": _text(shipment, "Reference_International"),
    }
    weight = _text(shipment, "Weight")
    if weight is not None and weight.strip("0."):
        told["weight"] = weight
    return Detail(
        number=number,
        eta=window,
        references=tuple(filter(None, references)) or None,
        destination=Place(postal_code=zipcode) if zipcode else None,
        pickup_point=Place(facility=relay) if relay else None,
        returns_as=_text(shipment, "ShipmentNumber_Retour"),
        returning=True if _text(shipment, "IsRetour") in _TRUE else None,
        extra={name: value for name, value in told.items() if value} or None,
    )


def _text(node: etree._Element, *path: str) -> str | None:
    text = node.findtext("/".join(NS + name for name in path))
    return (text.strip() or None) if text is not None else None

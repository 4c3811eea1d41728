"""DPD France (Webtrace): one SOAP question a parcel; few status numbers are known, the rest stays unknown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/trace-service/Webtrace_Service.asmx"

FRANCE = "250"
"""The customer's country as the service wants it: ISO 3166-1, three digits."""

_CREDENTIALS = {"UserCredentials": {"userid": "", "password": ""}}
_TRUE = ("true", "1")
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
        # zeep hands over the list itself where it is the reply's only content, and None where it is empty.
        listed = SERVICE.reply("GetShipmentTrace", payload.body) or ()
        if not listed and b"GetShipmentTraceResult" not in payload.body:
            raise Unreadable("the answer has no result")
        yield from [shipment for shipment in listed if shipment is not None] or (None,)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one parcel's traces, newest first as they come; without any it is unknown."""
        number = (_said(part.ShipmentNumber) if part is not None else None) or payload.numbers[0]
        listed = part.Traces if part is not None else None
        traces = [trace for trace in listed.clsTrace if trace is not None] if listed is not None else []
        if not traces:
            yield Missing(number=number)
            return
        # IsRetour may be true of the whole parcel from its start (a return ordered by the sender), so it marks all.
        returning = _said(part.IsRetour) in _TRUE
        for place_in_list, trace in enumerate(traces):
            yield _scan(number, trace, order=-place_in_list, returning=returning)
        yield _detail(number, part)


def _scan(number: str, trace: Any, *, order: int, returning: bool) -> Scan:
    relay = trace.RelaisInfo
    relay_name = _said(relay.Name) if relay is not None else None
    told = {"remark": _said(trace.Remark), "info": _said(trace.Info), "relay": relay_name}
    code = _said(trace.StatusNumber)
    return Scan(
        number=number,
        at=_at(_said(trace.ScanDate), _said(trace.ScanTime)),
        codes=(code,) if code else (),
        text=_said(trace.StatusDescription) or "",
        place=Place(facility=_said(trace.CenterName), facility_id=_said(trace.CenterNumber)),
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


def _detail(number: str, shipment: Any) -> Detail:
    slot = shipment.DeliveryScheduled
    window = None
    if slot is not None and _said(slot.StartDate) is not None:
        end = _said(slot.EndDate) or _said(slot.StartDate)
        window = Window(_at(_said(slot.StartDate), _said(slot.StartTime)), _at(end, _said(slot.EndTime)))
    references = (shipment.Reference, shipment.Reference2, shipment.Reference3, shipment.Reference4)
    zipcode = _said(shipment.DestinationZipcode)
    destination = Place(postal_code=zipcode) if zipcode else NOWHERE
    country, weight = _said(shipment.DestinationCountry), _said(shipment.Weight)
    relay = _said(shipment.PointRelaisName)
    international = _said(shipment.Reference_International)
    told = {"destination_country": country, "reference_international": international}
    if weight is not None and weight.strip("0."):
        told["weight"] = weight
    return Detail(
        number=number,
        eta=window,
        references=tuple(filter(None, map(_said, references))) or None,
        destination=destination if destination != NOWHERE else None,
        pickup_point=Place(facility=relay) if relay else None,
        returns_as=_said(shipment.ShipmentNumber_Retour),
        returning=True if _said(shipment.IsRetour) in _TRUE else None,
        extra={name: value for name, value in told.items() if value} or None,
    )


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

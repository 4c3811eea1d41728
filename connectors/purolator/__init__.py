"""Purolator (Canada): one SOAP question a number, scans told apart by their type; proof of delivery on request."""

from __future__ import annotations

import re
from base64 import b64decode
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import Basic, FilledBody, Together
from connectors.base import Connector, Document, Payload, Polls, Proves
from connectors.errors import NotFound, Unreadable
from connectors.soap import Service, elements
from normalizer.model import Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/EWS/V1/Tracking/TrackingService.asmx"

_CONTEXT = {
    "RequestContext": {
        # The address and the namespace speak of V1; the value wanted here is unconfirmed.
        "Version": "1.0",
        "Language": "en",
        "GroupID": "",
        "RequestReference": "carrier-gateway",
        "UserToken": "",
    }
}

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:?\d{2}(:?\d{2})?")
_PROVINCES = frozenset({"AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"})
_NOTHING_SAID = "Not known or specified"
_IMAGES = {b"GIF8": "image/gif", b"BM": "image/bmp"}


class Carrier(Connector, Polls, Proves):
    """Purolator's tracking web service, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """Key and password by HTTP Basic; a user token, where Purolator gave one, into the request's context."""
        token = FilledBody(elements(UserToken=secrets.get("user_token", "")))
        return Together(Basic(secrets["key"], secrets["password"]), token)

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask TrackPackagesByPin."""
        pins = {"PIN": [{"Value": number} for number in numbers]}
        return await SERVICE.ask(http, "TrackPackagesByPin", path=PATH, headers=_CONTEXT, PINs=pins)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a parcel, each with an error list of its own."""
        reply = SERVICE.reply("TrackPackagesByPin", payload.body)
        listed = reply.TrackingInformationList
        parcels = list(listed.TrackingInformation or ()) if listed is not None else []
        if not parcels:
            codes = ", ".join(str(error.Code) for error in _errors(reply.ResponseInformation)) or "none"
            raise Unreadable(f"the answer holds no parcel; error codes: {codes}")
        yield from parcels

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - a part holds all that is needed
        """Yield one parcel's scans, newest first as they come, and what they tell of the parcel as a whole."""
        number = _said(part.PIN.Value)
        if number is None:
            raise Unreadable("a parcel without a PIN")
        scans = list(part.Scans.Scan or ()) if part.Scans is not None else []
        for place_in_list, scan in enumerate(scans):
            yield _scan(number, scan, order=-place_in_list)
            yield from _detail(number, scan)
        if not scans:
            for error in _errors(part.ResponseInformation)[:1]:
                yield Missing(number=number, text=f"{_said(error.Code) or ''} {_said(error.Description) or ''}".strip())

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the signature's image by GetDeliveryDetails. Raises `NotFound` where there is none."""
        pin = {"Value": reference or number}
        answer = await SERVICE.ask(http, "GetDeliveryDetails", path=PATH, headers=_CONTEXT, PIN=pin)
        scan = SERVICE.reply("GetDeliveryDetails", answer.body).DeliveryDetails
        image = _said(scan.ScanDetails.SignatureImage) if scan is not None and scan.ScanDetails is not None else None
        if image is None:
            raise NotFound("there is no signature image")
        try:
            body = b64decode("".join(image.split()), validate=True)
        except ValueError:
            raise Unreadable("the signature image is not base64") from None
        for start, media_type in _IMAGES.items():
            if body.startswith(start):
                return Document(body, media_type)
        raise Unreadable("the signature image is neither GIF nor bitmap")


def _scan(number: str, scan: Any, *, order: int) -> Scan:
    kind = type(scan).__name__
    stated = _said(scan.ScanType)
    piece = _said(scan.PIN.Value) if scan.PIN is not None else None
    description = _said(scan.Description)
    delivered = scan.ScanDetails if kind == "DeliveryScan" else None
    comment = _said(scan.Comment)
    extra: dict[str, Any] = {"comment": comment} if comment else {}
    if kind == "InternationalOutboundScan" and scan.ScanDetails is not None:
        airport = _said(scan.ScanDetails.AirportCode)
        extra |= {"airport": airport} if airport else {}
    return Scan(
        number=number,
        at=_at(scan),
        # A plain Scan's type says nothing, the five derived types do (TrackingService.xsd).
        codes=tuple(dict.fromkeys(code for code in (stated, kind if kind != "Scan" else None) if code)),
        text=description or "",
        phrase=description,
        place=_place(_said(scan.Depot.Name)) if scan.Depot is not None else Place(),
        piece=piece if piece != number else None,
        order=order,
        signed_by=_said(delivered.DeliverySignature) if delivered is not None else None,
        proofs=_proofs(piece or number, delivered),
        extra=extra,
    )


def _place(depot: str | None) -> Place:
    """Return a depot; a name that ends in a province's letters tells the province, and with it the clock."""
    _, comma, region = (depot or "").rpartition(", ")
    if comma and region in _PROVINCES:
        return Place(facility=depot, region=region, country="CA")
    return Place(facility=depot)


def _at(scan: Any) -> datetime | date:
    """Read ScanDate and ScanTime, texts without a documented form: ISO 8601 or nothing; the depot's clock."""
    day, clock = _said(scan.ScanDate), _said(scan.ScanTime)
    if day is None or not _DATE.fullmatch(day):
        raise Unreadable("ScanDate is not of the form YYYY-MM-DD")
    if clock is None:
        return date.fromisoformat(day)
    if not _TIME.fullmatch(clock):
        raise Unreadable("ScanTime is not of the form HHMMSS or HH:MM:SS")
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))


def _proofs(pin: str, delivered: Any) -> tuple[Proof, ...]:
    if delivered is None:
        return ()
    if _said(delivered.SignatureImage):
        return (Proof(kind="signature", inline=True),)
    if int(_said(delivered.SignatureImageSize) or 0) > 0:
        return (Proof(kind="signature", reference=pin),)
    return ()


def _detail(number: str, scan: Any) -> Iterator[Detail]:
    if type(scan).__name__ not in ("DeliveryScan", "ProofOfPickUpScan") or scan.ScanDetails is None:
        return
    details = scan.ScanDetails
    promised = _said(details.CommitedDeliveryDate) if type(scan).__name__ == "ProofOfPickUpScan" else None
    eta = extra = None
    if promised and _DATE.fullmatch(promised):
        day = date.fromisoformat(promised)
        eta = Window(day, day)
    elif promised:
        extra = {"committed_delivery_date": promised}
    service = _service(details)
    if eta or extra or service:
        yield Detail(number=number, eta=eta, service=service, extra=extra)


def _service(details: Any) -> str | None:
    said = (_said(details.ProductTypeText), _said(details.PremiumServiceText))
    return ", ".join(text for text in said if text and text != _NOTHING_SAID) or None


def _errors(information: Any) -> list[Any]:
    if information is None or information.Errors is None:
        return []
    return list(information.Errors.Error or ())


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

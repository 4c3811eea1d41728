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
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import httpx
    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

    _Fields = Mapping[str, etree._Element]  # noqa: SLF001 - lxml's stubs call an element so

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

_NAMESPACE = "{http://purolator.com/pws/datatypes/v1}"
_CUT = len(_NAMESPACE)
_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
_KINDS = frozenset(
    {"Scan", "DeliveryScan", "OnDeliveryScan", "UndeliverableScan", "ProofOfPickUpScan", "InternationalOutboundScan"}
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{2}:?\d{2}(:?\d{2})?")
_PROVINCES = {name: name for name in ("AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT")}
_PROVINCES["PQ"] = "QC"  # the old letters of Quebec, as the depot of a printed answer has them
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
        reply = _by_name(SERVICE.reply("TrackPackagesByPin", payload.body) or ())
        parcels = _listed(reply.get("TrackingInformationList"), "TrackingInformation")
        if not parcels:
            codes = ", ".join(str(error.get("Code")) for error in _errors(reply)) or "none"
            raise Unreadable(f"the answer holds no parcel; error codes: {codes}")
        yield from parcels

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - a part holds all that is needed
        """Yield one parcel's scans, newest first as they come, and what they tell of the parcel as a whole."""
        parcel = _by_name(part)
        number = _pin(parcel)
        if number is None:
            raise Unreadable("a parcel without a PIN")
        scans = _listed(parcel.get("Scans"), "Scan")
        told = [_by_name(node) for node in scans]
        # The first piece's PIN is the shipment's too, so where several are named each scan is of one piece only.
        several = any(_pin(scan) not in (None, number) for scan in told)
        for place_in_list, (node, scan) in enumerate(zip(scans, told, strict=True)):
            kind, details = _kind(node), _by_name(scan.get("ScanDetails", ()))
            piece = _pin(scan) if several else None
            yield _scan(number, piece, kind, scan, details, order=-place_in_list)
            yield from _detail(number, kind, details)
        if not scans:
            for error in _errors(parcel)[:1]:
                words = (error.get("Code"), error.get("Description"))
                yield Missing(number=number, text=" ".join(word for word in words if word))

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the signature's image by GetDeliveryDetails. Raises `NotFound` where there is none."""
        pin = {"Value": reference or number}
        answer = await SERVICE.ask(http, "GetDeliveryDetails", path=PATH, headers=_CONTEXT, PIN=pin)
        scan = _by_name(_by_name(SERVICE.reply("GetDeliveryDetails", answer.body) or ()).get("DeliveryDetails", ()))
        image = _text(_by_name(scan.get("ScanDetails", ())), "SignatureImage")
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


def _scan(number: str, piece: str | None, kind: str, scan: _Fields, details: _Fields, *, order: int) -> Scan:
    description, comment = _text(scan, "Description"), _text(scan, "Comment")
    extra: dict[str, Any] = {"comment": comment} if comment else {}
    if kind == "InternationalOutboundScan" and (airport := _text(details, "AirportCode")):
        extra["airport"] = airport
    return Scan(
        number=number,
        at=_at(scan),
        # A plain Scan's type says nothing, the five derived types do (TrackingService.xsd).
        codes=tuple(dict.fromkeys(code for code in (_text(scan, "ScanType"), kind.removeprefix("Scan")) if code)),
        text=description or "",
        phrase=description,
        place=_place(_text(_by_name(scan.get("Depot", ())), "Name")),
        piece=piece,
        order=order,
        signed_by=_text(details, "DeliverySignature") if kind == "DeliveryScan" else None,
        proofs=_proofs(_pin(scan) or number, details) if kind == "DeliveryScan" else (),
        extra=extra,
    )


def _place(depot: str | None) -> Place:
    """Return a depot; a name that ends in a province's letters tells the province, and with it the clock."""
    _, comma, letters = (depot or "").rpartition(", ")
    region = _PROVINCES.get(letters) if comma else None
    return Place(facility=depot, region=region, country="CA" if region else None)


def _at(scan: _Fields) -> datetime | date:
    """Read ScanDate and ScanTime, texts without a documented form: ISO 8601 or nothing; the depot's clock."""
    day, clock = _text(scan, "ScanDate"), _text(scan, "ScanTime")
    if day is None or not _DATE.fullmatch(day):
        raise Unreadable("ScanDate is not of the form YYYY-MM-DD")
    if clock is None:
        return date.fromisoformat(day)
    if not _TIME.fullmatch(clock):
        raise Unreadable("ScanTime is not of the form HHMMSS or HH:MM:SS")
    return datetime.combine(date.fromisoformat(day), time.fromisoformat(clock))


def _proofs(pin: str, details: _Fields) -> tuple[Proof, ...]:
    if _text(details, "SignatureImage"):
        return (Proof(kind="signature", inline=True),)
    if int(_text(details, "SignatureImageSize") or 0) > 0:
        return (Proof(kind="signature", reference=pin),)
    return ()


def _detail(number: str, kind: str, details: _Fields) -> Iterator[Detail]:
    if kind not in ("DeliveryScan", "ProofOfPickUpScan"):
        return
    promised = _text(details, "CommitedDeliveryDate") if kind == "ProofOfPickUpScan" else None
    eta = extra = None
    if promised and _DATE.fullmatch(promised):
        day = date.fromisoformat(promised)
        eta = Window(day, day)
    elif promised:
        extra = {"committed_delivery_date": promised}
    said = (_text(details, "ProductTypeText"), _text(details, "PremiumServiceText"))
    service = ", ".join(text for text in said if text and text != _NOTHING_SAID) or None
    if eta or extra or service:
        yield Detail(number=number, eta=eta, service=service, extra=extra)


def _kind(scan: etree._Element) -> str:
    """Return a scan's type, `Scan` where none is stated. A type the schema does not know is for a developer to see."""
    kind = (scan.get(_TYPE) or "Scan").rpartition(":")[2].strip()
    if kind not in _KINDS:
        raise Unreadable("a scan of a type that the schema does not know")
    return kind


def _errors(node: _Fields) -> list[dict[str, str | None]]:
    listed = _listed(_by_name(node.get("ResponseInformation", ())).get("Errors"), "Error")
    return [{name: _text(error, name) for name in error} for error in map(_by_name, listed)]


def _pin(node: _Fields) -> str | None:
    return _text(_by_name(node.get("PIN", ())), "Value")


def _by_name(node: Iterable[etree._Element]) -> _Fields:
    """Return an element's children by their name in the carrier's namespace; others are none of ours."""
    return {tag[_CUT:]: child for child in node if (tag := str(child.tag)).startswith(_NAMESPACE)}


def _listed(node: etree._Element | None, name: str) -> list[etree._Element]:
    return node.findall(_NAMESPACE + name) if node is not None else []


def _text(node: _Fields, name: str) -> str | None:
    child = node.get(name)
    text = child.text if child is not None else None
    return (text.strip() or None) if text is not None else None

"""Allied Express (Australia): one SOAP question a consignment note; scans have words and no codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements, envelope_of
from normalizer.clock import iso
from normalizer.codes import normal_phrase
from normalizer.model import Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/ttws-ejb/TTWS"

NOTHING_FOUND = "no shipment status found"


class Carrier(Connector, Polls):
    """getShipmentsStatus of Allied's web service."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The account's key is the first of the two texts a question holds."""
        return FilledBody(elements(String_1=secrets["account_key"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one consignment note."""
        return await SERVICE.ask(http, "getShipmentsStatus", path=PATH, String_1="", String_2=numbers[0])

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One answer, one consignment."""
        result = envelope_of(payload.body).find("{*}Body/{*}getShipmentsStatusResponse/{*}result")
        if result is None:
            raise Unreadable("the answer is no getShipmentsStatusResponse with a result")
        yield result

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:
        """Yield the scans as they stand; a barcode that is not the consignment's own is a piece."""
        trouble = _text(part, "statusError")
        scans = part.findall("{*}statusBarcodesList")
        if trouble and not scans:
            if not payload.numbers or normal_phrase(trouble) != NOTHING_FOUND:
                raise Unreadable("the carrier answers with a status error")
            yield Missing(number=payload.numbers[0], text=trouble)
            return
        if not scans and payload.numbers:
            yield Missing(number=payload.numbers[0])
        for scan in scans:
            yield _scan(scan)


def _scan(scan: etree._Element) -> Scan:
    number, at = _text(scan, "consignmentNote"), _text(scan, "scannnedTimestamp")  # their spelling
    if number is None or at is None:
        raise KeyError("consignmentNote" if number is None else "scannnedTimestamp")
    barcode, words = _text(scan, "scannedBarcode"), _text(scan, "scannedStatus")
    return Scan(
        number=number,
        at=iso(at),
        text=words or "",
        phrase=words,
        place=Place(facility=_text(scan, "depotLocation"), country="AU"),
        piece=barcode if barcode != number else None,
    )


def _text(node: etree._Element, name: str) -> str | None:
    return (node.findtext(f"{{*}}{name}") or "").strip() or None

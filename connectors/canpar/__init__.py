"""Canpar (Canada): one SOAP 1.2 question a barcode, no account needed; clocks are those of the scan's place."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service
from normalizer.clock import compact, iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/canshipws/services/CanparAddonsService"

RESULT = "{http://ws.dto.canshipws.canpar.com/xsd}result"
ERROR = "{http://ws.dto.canshipws.canpar.com/xsd}error"
DATA = "{http://dto.canshipws.canpar.com/xsd}"
"""The namespace of what stands inside a result."""

_UNKNOWN = "NO SHIPMENT FOUND"
"""The error's words for a barcode without a shipment, as a public client knows them."""

_DAY = 8
"""Characters of YYYYMMDD."""


class Carrier(Connector, Polls):
    """trackByBarcodeV2 of the add-ons service."""

    def auth(self, secrets: Mapping[str, str]) -> None:  # noqa: ARG002 - nothing to prove
        """No credentials: the question's type has no place for any."""
        return

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one barcode, without the other pieces of its shipment."""
        question = {"barcode": numbers[0], "track_shipment": "false"}
        return await SERVICE.ask(http, "trackByBarcodeV2", path=PATH, request=question)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a barcode, None for an unknown one. Raises `Unreadable` for any other error."""
        # zeep hands over the reply's elements as they are, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("trackByBarcodeV2", payload.body) or []
        told = [child for one in found for child in one]
        if not told:
            raise Unreadable("the answer is empty")
        errors = [(one.text or "").strip().upper() for one in told if one.tag == ERROR]
        if any(error and _UNKNOWN not in error for error in errors):
            raise Unreadable("the carrier answered with an error text")
        results = [one for one in told if one.tag == RESULT]
        if not errors and not results:
            raise Unreadable("the answer has neither a result nor an error")
        yield from results or (None,)

    def enclosed(self, payload: Payload, kind: str, reference: str | None) -> bytes | None:  # noqa: ARG002 - one proof
        """The signature's text is held to be base64, as no source tells; what it is then is told by its bytes."""
        for part in self.parts(payload):
            if part is not None and (image := _text(part, "signature")):
                return b64decode(image)
        return None

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one barcode's scans, newest first as they come; without any it is unknown."""
        number = (_text(part, "barcode") if part is not None else None) or payload.numbers[0]
        events = part.findall(f"{DATA}events") if part is not None else []
        if not events:
            # An unknown barcode may come back in the shape of a parcel without scans (told by a public client).
            yield Missing(number=number)
            return
        for place_in_list, event in enumerate(events):
            yield _scan(number, event, order=-place_in_list)
        yield _detail(number, part)


def _scan(number: str, event: etree._Element, *, order: int) -> Scan:
    code, text = _text(event, "code"), _text(event, "code_description_en")
    day, _, clock = (_text(event, "local_date_time") or "").partition(" ")
    comment = _text(event, "comment")
    return Scan(
        number=number,
        at=(compact(day, clock) if clock else iso(day)) if day else None,
        codes=(code,) if code else (),
        text=text or _text(event, "code_description_fr") or "",
        place=_place(event.find(f"{DATA}address")),
        order=order,
        extra={"comment": comment} if comment else {},
    )


def _place(address: etree._Element | None) -> Place:
    """Return city, province and country; the rest of an address may be a person's."""
    if address is None:
        return NOWHERE
    return Place(
        city=_text(address, "city"),
        region=_text(address, "province"),
        postal_code=_text(address, "postal_code"),
        country=_country(_text(address, "country")),
    )


def _country(said: str | None) -> str | None:
    return said.upper() if said and len(said) == 2 and said.isalpha() else None  # noqa: PLR2004 - ISO 3166-1 alpha-2


def _detail(number: str, result: etree._Element) -> Detail:
    """Return what is told of the whole parcel, of the consignee no more than the town."""
    destination = _place(result.find(f"{DATA}consignee_address"))
    reference, promised = _text(result, "reference_num"), _text(result, "estimated_delivery_date")
    day = iso(promised[:_DAY]) if promised and promised[:_DAY].isdecimal() else None
    return Detail(
        number=number,
        eta=Window(day, day) if day else None,
        service=_text(result, "service_description_en"),
        references=(reference,) if reference else None,
        signed_by=_text(result, "signed_by"),
        proofs=(Proof(kind="signature", inline=True),) if _text(result, "signature") else None,
        destination=destination if destination != NOWHERE else None,
        tracking_url=_text(result, "tracking_url_en"),
        extra={"estimated_delivery_date": promised} if promised and day is None else None,
    )


def _text(node: etree._Element, name: str) -> str | None:
    text = node.findtext(DATA + name)
    return (text.strip() or None) if text is not None else None

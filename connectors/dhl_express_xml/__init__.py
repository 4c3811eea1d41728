"""DHL Express by XML-PI, the older service beside MyDHL: one waybill or piece a question, local clocks only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lxml import etree

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.dhl_express_xml import reading
from connectors.errors import NotFound, Unavailable, Unreadable
from connectors.soap import elements, is_web_page
from normalizer.model import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = "/XMLShippingServlet"
NAMESPACE = "http://www.dhl.com"

FOUND, NOT_FOUND = "success", "no shipments found"
"""`ActionStatus` of a waybill, in whatever capitals."""


class Carrier(Connector, Polls):
    """Known tracking, version 1.0."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """Site id and password inside the question."""
        return FilledBody(elements(SiteID=secrets["site_id"], Password=secrets["password"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all checkpoints of one waybill, or of a piece (`J...`), which must not stand in one question."""
        try:
            question = _question(numbers[0])
        except ValueError:
            raise NotFound("no carrier knows a number with characters that XML forbids") from None
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        answer = await http.post(PATH, content=question, headers=headers, repeatable=True)
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """Split an answer into its waybills. Raises `Unreadable` for an error, and for one about a piece."""
        root = payload.xml()
        if etree.QName(root).localname != "TrackingResponse":
            raise Unreadable(f"the carrier answers with the error {reading.condition(root) or 'without a code'}")
        if root.find("Fault/PieceFault") is not None:
            raise Unreadable(f"the carrier finds fault with the piece: {reading.condition(root) or 'without a code'}")
        yield from root.iterchildren("AWBInfo")

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:
        """Yield a waybill's checkpoints, its pieces' own ones, and what is said of it as a whole.

        With several pieces, a checkpoint of the shipment that a piece repeats is told of the pieces only. A piece that
        was asked for tells its own, where it has any; a single piece speaks for a shipment without checkpoints.
        """
        waybill = reading.required(part, "AWBNumber")
        # A piece is asked by its own number: then it is the shipment that was asked for.
        asked = next((one for one in payload.numbers if one.startswith("J")), None)
        number = asked or waybill
        status = reading.required(part, "Status/ActionStatus").casefold()
        if status == NOT_FOUND:
            yield Missing(number=number, text=reading.text(part, "Status/Condition/ConditionData") or "")
            return
        if status != FOUND:
            raise Unreadable(f"the carrier answers a waybill with {reading.condition(part) or 'another status'}")
        shipment = part.find("ShipmentInfo")
        areas = reading.countries(shipment)
        pieces = part.findall("Pieces/PieceInfo")
        told: set[tuple[str, str, str]] = set()
        if len(pieces) > 1 and not asked:
            for piece in pieces:
                for order, event in reading.in_order(piece.findall("PieceEvent")):
                    told.add(reading.same(event))
                    yield reading.scan(number, event, order, areas, piece=reading.piece_name(piece))
        own = [event for piece in pieces if reading.piece_name(piece) == asked for event in piece.findall("PieceEvent")]
        whole = [] if shipment is None else shipment.findall("ShipmentEvent")
        only = pieces[0].findall("PieceEvent") if len(pieces) == 1 else []
        for order, event in reading.in_order(own or whole or only):
            if not told or reading.same(event) not in told:
                yield reading.scan(number, event, order, areas)
        yield reading.detail(number, waybill, shipment, pieces)


def _question(number: str) -> bytes:
    """Return the question with empty credentials. Raises `ValueError` for a number that no XML can carry."""
    root = etree.Element(f"{{{NAMESPACE}}}KnownTrackingRequest", {"schemaVersion": "1.0"}, nsmap={"req": NAMESPACE})
    header = etree.SubElement(etree.SubElement(root, "Request"), "ServiceHeader")
    etree.SubElement(header, "SiteID")
    etree.SubElement(header, "Password")
    for name, value in (
        ("LanguageCode", "en"),
        ("LPNumber" if number.startswith("J") else "AWBNumber", number),
        ("LevelOfDetails", "ALL_CHECK_POINTS"),
        ("PiecesEnabled", "B"),
    ):
        etree.SubElement(root, name).text = value
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written

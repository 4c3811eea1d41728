"""OnTrac (United States): one XML question for up to a hundred parcels; errors are texts inside a 200."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from connectors.auth import ACCOUNT, InPath, QueryKey, Together
from connectors.auth import Proof as RequestProof
from connectors.base import Connector, Polls
from connectors.errors import Rejected, Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.base import Payload
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

PATH = ACCOUNT + "/shipments"

BAD_CREDENTIALS = "Invalid Username or Password"
OUT_OF_SERVICE = "Service Temporarily Unavailable"
UNKNOWN_NUMBER = "Invalid Tracking Number"

_NOT_SET = 1
"""The year of a date that the carrier's platform never filled in."""


class Carrier(Connector, Polls):
    """The web services' `shipments` (V7), with `requestType=track`."""

    def auth(self, secrets: Mapping[str, str]) -> RequestProof:
        """Account number in the path, password in the query."""
        return Together(InPath(secrets["account"]), QueryKey(pw=secrets["password"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to a hundred numbers; signatures come as PNG inside the answer."""
        asked = {"tn": ",".join(numbers), "requestType": "track", "sigFormat": "PNG"}
        answer = await http.get(PATH, params=asked)
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        _raise_refusal(answer.body)
        return answer

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One parcel a part. Raises `Unreadable` for an answer that is an error and nothing else."""
        root = payload.xml()
        if root.tag != "OnTracTrackingResult":
            raise Unreadable("the answer is no OnTracTrackingResult")
        shipments = root.findall("Shipments/Shipment")
        error = _text(root, "Error")
        if not shipments and error == UNKNOWN_NUMBER:
            for number in payload.numbers:
                yield Missing(number=number, text=error)
        elif not shipments:
            raise Unreadable("the answer holds no shipment and no known reason")
        yield from shipments

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one parcel's events as they stand, and what is said of it as a whole."""
        if isinstance(part, Missing):
            yield part
            return
        number = _required(part, "Tracking")
        error = _text(part, "Error")
        if error == UNKNOWN_NUMBER:
            yield Missing(number=number, text=error)
            return
        if error is not None:
            raise Unreadable("a shipment carries an error that the specifications do not name")
        for event in part.findall("Events/Event"):
            yield _scan(number, event)
        yield _detail(number, part)


def _scan(number: str, event: etree._Element) -> Scan:
    city, facility = _text(event, "City"), _text(event, "Facility")
    return Scan(
        number=number,
        at=_when(event, "EventTime"),
        codes=(_required(event, "Status"),),
        text=_text(event, "Description") or "",
        place=Place(
            facility=facility,
            city=city or facility,
            region=_text(event, "State"),
            postal_code=_text(event, "Zip"),
            country="US",
        ),
    )


def _detail(number: str, shipment: etree._Element) -> Detail:
    """Tell the parcel as a whole. Name, contact and street are the recipient's: left out."""
    day = _when(shipment, "Exp_Del_Date")
    promised = day.date() if isinstance(day, datetime) else day
    shipped = _when(shipment, "ShipDate")
    weight = _text(shipment, "Weight")
    references = [_text(shipment, name) for name in ("Reference", "Reference2", "Reference3")]
    extra: dict[str, Any] = {
        "shipped_on": shipped.isoformat()[:10] if shipped else None,
        "weight": float(weight) if weight else None,
        "residential": {"true": True, "false": False}.get(_text(shipment, "Residential") or ""),
    }
    return Detail(
        number=number,
        eta=Window(promised, promised) if promised else None,
        service_code=_text(shipment, "Service"),
        references=tuple(one for one in references if one) or None,
        signed_by=_text(shipment, "POD"),
        proofs=_proofs(shipment) or None,
        destination=Place(
            city=_text(shipment, "City"),
            region=_text(shipment, "State"),
            postal_code=_text(shipment, "Zip"),
            country="US",
        ),
        extra={name: value for name, value in extra.items() if value not in (None, 0.0)} or None,
    )


def _proofs(shipment: etree._Element) -> tuple[Proof, ...]:
    """Return the images that stand in the answer itself: the signature and the picture taken at the door."""
    found: list[Proof] = []
    if _text(shipment, "Signature"):
        found.append(Proof(kind="signature", inline=True))
    if _text(shipment, "Vpod"):
        found.append(Proof(kind="photo", inline=True))
    return tuple(found)


def _when(node: etree._Element, name: str) -> datetime | date | None:
    said = _text(node, name)
    at = iso(said) if said else None
    return None if at is None or at.year == _NOT_SET else at


def _raise_refusal(body: bytes) -> None:
    """Raise what the answer's own error means; an answer that cannot be read is kept and found so later."""
    error = body.rpartition(b"</Shipments>")[2]  # the answer's error stands behind its shipments, whose texts are long
    if BAD_CREDENTIALS.encode() in error:
        raise Rejected("the carrier refuses the account's credentials")
    if OUT_OF_SERVICE.encode() in error:
        raise Unavailable("the carrier says that its service is out")


def _text(node: etree._Element, name: str) -> str | None:
    found = node.findtext(name)
    return (found.strip() or None) if found else None


def _required(node: etree._Element, name: str) -> str:
    text = _text(node, name)
    if text is None:
        raise KeyError(name)
    return text

"""bpost (Belgium): one XML question an item, with its states, window and pickup point."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.clock import iso
from normalizer.model import Detail, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

ITEM = "{http://schema.post.be/tracking/v1/}itemTracking"
DELIVERED = "item/deliveryTime"

KEPT = {"received_on": "dateReceipt", "cost_center": "costCenter", "tracking_id": "trackingId"}
"""Elements of the item kept beside its events, by our names."""


class Carrier(Connector, Polls):
    """trackingInfo of bpost's tracked mail service."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """HTTP Basic: the account's number and its passphrase."""
        return Basic(secrets["account_id"], secrets["passphrase"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one item. An unknown one is a 404."""
        answer = await http.get(f"/services/trackedmail/item/{quote(numbers[0], safe='')}/trackingInfo")
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One answer, one item."""
        item = payload.xml()
        if item.tag != ITEM:
            raise Unreadable("the answer is no itemTracking")
        yield item

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield the states, oldest first as they come, then what is told of the item."""
        number = _required(part, "itemCode")
        delivered = _time(part, "deliveryTime")
        for order, state in enumerate(part.iterfind("{*}stateInfo")):
            yield _scan(number, state, order, delivered)
        weight = _text(part, "{*}itemDetail/{*}weightInGrams")
        references = (_text(part, "{*}customerReference"), _text(part, "{*}crossReference"))
        yield Detail(
            number=number,
            eta=_window(part.find("{*}deliveryTimeWindow")),
            service_code=_text(part, "{*}itemDetail/{*}productCode"),
            weight_grams=int(weight) if weight else None,
            references=tuple(said for said in references if said) or None,
            pickup_point=_pickup_point(part.find("{*}pickupPoint")),
            extra=_more(part, delivered) or None,
        )


def _more(item: etree._Element, delivered: date | None) -> dict[str, str]:
    kept = {name: said for name, element in KEPT.items() if (said := _text(item, f"{{*}}{element}"))}
    return kept | {"delivered_at": delivered.isoformat()} if delivered else kept


def _scan(number: str, state: etree._Element, order: int, delivered: date | None) -> Scan:
    at, code = iso(_required(state, "time")), _required(state, "stateCode")
    return Scan(
        number=number,
        at=at,
        codes=(code, DELIVERED) if delivered is not None and at == delivered else (code,),
        text=_text(state, "{*}stateDescription") or "",
        place=Place(facility=_text(state, "{*}location")),
        order=order,
    )


def _window(node: etree._Element | None) -> Window | None:
    if node is None:
        return None
    start, end = _time(node, "plannedDeliveryDateWindowStart"), _time(node, "plannedDeliveryDateWindowEnd")
    return Window(start, end) if start or end else None


def _pickup_point(node: etree._Element | None) -> Place | None:
    """Return the pickup point; its address may be empty (lockers, click and collect)."""
    if node is None:
        return None
    street = (_text(node, "{*}streetName"), _text(node, "{*}houseNumber"))
    return Place(
        facility=_text(node, "{*}name"),
        facility_id=_text(node, "{*}id"),
        street=" ".join(part for part in street if part) or None,
        postal_code=_text(node, "{*}postalCode"),
        city=_text(node, "{*}city"),
    )


def _time(node: etree._Element, name: str) -> date | None:
    said = _text(node, f"{{*}}{name}")
    return iso(said) if said else None


def _required(node: etree._Element, name: str) -> str:
    said = _text(node, f"{{*}}{name}")
    if said is None:
        raise KeyError(name)
    return said


def _text(node: etree._Element, path: str) -> str | None:
    return (node.findtext(path) or "").strip() or None

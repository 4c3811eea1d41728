"""Delhivery (India): polled by up to fifty waybills, pushed scan by scan; the key is status type and status."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from connectors.auth import Bearer
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Unavailable, Unreadable
from connectors.signatures import require_same, require_secret
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

FIREWALL_SECONDS = 30.0
"""An address that asks too often is answered 403 by the firewall for about so long."""

OUTBOUND = "UD"
"""The type under which the NSL codes on record were seen: on a way back the type and status come first."""

_FORBIDDEN = 403
_CENTRE = re.compile(r"(.+?)\s*\(([^()]+)\)")


class Carrier(Connector, Polls, Pushes):
    """The packages API and the scan push."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> Bearer:
        """The account's token under the scheme `Token`."""
        return Bearer(secrets["token"], scheme="Token")

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to fifty waybills."""
        asked = {"waybill": ",".join(numbers)}
        answer = await http.get("/api/v1/packages/json/", params=asked, expect=(200, _FORBIDDEN))
        if answer.status == _FORBIDDEN:
            raise Unavailable("the carrier's firewall holds this address back", retry_after=FIREWALL_SECONDS)
        return answer

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare the header and token that the account agreed on with the carrier: nothing is signed."""
        given = push.headers.get(require_secret(secrets, "push_header").lower(), "")
        require_same(given, require_secret(secrets, "push_token"))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One parcel a part: a list of them in an answer, a lone one in a push."""
        body = payload.json()
        if dig(body, "ShipmentData") is not None:
            yield from (entry["Shipment"] for entry in rows(body, "ShipmentData"))
        elif dig(body, "Shipment") is not None:
            yield body["Shipment"]
        elif body.get("Success") is False:
            yield from (Missing(number=number, text=text_of(body, "Error") or "") for number in payload.numbers)
        else:
            raise Unreadable("the body holds no shipment and does not say why")

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one parcel's scans, oldest first as they come, and its status where no scan repeats it."""
        if isinstance(part, Missing):
            yield part
            return
        number = part["AWB"]
        told: set[tuple[Any, ...]] = set()
        order = 0
        for order, row in enumerate(rows(part, "Scans"), start=1):
            scan = row["ScanDetail"]
            when = text_of(scan, "StatusDateTime") or scan["ScanDateTime"]
            told.add((when, scan["ScanType"], scan["Scan"]))
            yield _scan(number, when, (scan["ScanType"], scan["Scan"], text_of(scan, "StatusCode")), scan, order)
        now = part["Status"]
        if (now["StatusDateTime"], now["StatusType"], now["Status"]) not in told:
            code = text_of(now, "StatusCode") or text_of(part, "NSLCode")
            yield _scan(number, now["StatusDateTime"], (now["StatusType"], now["Status"], code), now, order + 1)
        yield _detail(number, part)


def _scan(number: str, when: str, said: tuple[str, str, str | None], node: dict[str, Any], order: int) -> Scan:
    kind, status, code = said
    key = f"{kind}/{status}"
    return Scan(
        number=number,
        at=iso(when),
        codes=tuple(one for one in ((code, key) if kind == OUTBOUND else (key, code)) if one),
        text=text_of(node, "Instructions") or status,
        place=_centre(text_of(node, "ScannedLocation") or text_of(node, "StatusLocation")),
        order=order,
    )


def _centre(said: str | None) -> Place:
    """Read `Name_of_centre (State)`."""
    found = _CENTRE.fullmatch(said) if said else None
    if found is None:
        return Place(facility=said, country="IN")
    return Place(facility=found[1], region=found[2], country="IN")


def _detail(number: str, shipment: dict[str, Any]) -> Detail:
    """Tell the parcel as a whole; a push tells little of it."""
    promised = _day(text_of(shipment, "ExpectedDeliveryDate") or text_of(shipment, "PromisedDeliveryDate"))
    reference, quantity = text_of(shipment, "ReferenceNo"), text_of(shipment, "Quantity")
    origin, destination = text_of(shipment, "Origin"), text_of(shipment, "Destination")
    extra = {
        "order_type": text_of(shipment, "OrderType"),
        "charged_weight": dig(shipment, "ChargedWeight"),
        "dispatches": dig(shipment, "DispatchCount"),
        "sort_code": text_of(shipment, "Sortcode"),
    }
    return Detail(
        number=number,
        eta=Window(promised, promised) if promised else None,
        pieces_total=int(quantity) if quantity else None,
        references=(reference,) if reference else None,
        signed_by=text_of(shipment, "Status", "RecievedBy"),
        origin=_centre(origin) if origin else None,
        destination=Place(city=destination, country="IN") if destination else None,
        extra={name: value for name, value in extra.items() if value} or None,
    )


def _day(said: str | None) -> date | None:
    if said is None:
        return None
    at = iso(said)
    return at.date() if isinstance(at, datetime) else at

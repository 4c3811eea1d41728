"""Shipday: dispatch for local shops; it pushes the order with each event, and a third party's courier is located."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Bearer
from connectors.base import Connector, Locates, Payload, Pushes, dig, json_object, rows, text_of
from connectors.errors import NotFound
from connectors.signatures import require_header, require_same, require_secret
from normalizer.clock import epoch_ms
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import ProofKind, Said

WITH_COURIER = frozenset({"STARTED", "PICKEDUP"})
"""The statuses of a third party's delivery in which its courier is under way."""

CLOSED = frozenset({"ORDER_COMPLETED", "ORDER_FAILED", "ORDER_INCOMPLETE", "ORDER_DELETE"})


class Carrier(Connector, Pushes, Locates):
    """The webhook, and the place of a third party's courier."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> Bearer:
        """The API key as it is, under the scheme `Basic` and yet not in base64."""
        return Bearer(secrets["api_key"], scheme="Basic")

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the third party's side of an order, and only while its courier is under way. Else `NotFound`."""
        answer = await http.get(f"/on-demand/details/{quote(number, safe='')}")
        told = json_object(answer.body)
        if text_of(told, "status") not in WITH_COURIER or dig(told, "driverLat") is None:
            raise NotFound("no courier is under way with this order")
        return answer

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare the header `token` with the word the account set in the dashboard: nothing is signed."""
        require_same(require_header(push.headers, "token"), require_secret(secrets, "webhook_token"))

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield what a webhook says of its order, or where the courier asked for is."""
        if "event" not in part:
            yield from _third_party(payload.numbers[0], part, payload.received_at)
            return
        event, order, number = part["event"], part["order"], _id(part["order"], "id")
        eta = None if event in CLOSED else _eta(order)
        proofs = _proofs(order) if event == "ORDER_COMPLETED" else ()
        first = text_of(order, "parent_id")
        yield Scan(
            number=number,
            at=epoch_ms(part["timestamp"]),
            codes=(event,),
            eta=eta,
            proofs=proofs,
            extra={"first_order_id": first} if first and first != "0" else {},
        )
        name, own = text_of(part, "carrier", "name"), text_of(order, "order_number")
        yield Detail(
            number=number,
            eta=eta,
            proofs=proofs or None,
            references=(own,) if own else None,
            origin=_place(part, "pickup_details"),
            destination=_place(part, "delivery_details"),
            courier=name.split()[0] if name else None,
            courier_vehicle=text_of(part, "carrier", "vehicle_description"),
        )


def _third_party(number: str, told: dict[str, Any], came: datetime) -> Iterator[Said]:
    """Yield where a third party's courier is. Which moment the place is of is not told, so the answer's own counts."""
    name = text_of(told, "driverName")
    yield Detail(
        number=number,
        courier=name.split()[0] if name else None,
        courier_vehicle=text_of(told, "driverVehicleDescription"),
        tracking_url=text_of(told, "trackingUrl"),
    )
    yield Position(number=number, at=came, latitude=told["driverLat"], longitude=told["driverLng"])


def _id(node: Any, name: str) -> str:
    found = text_of(node[name])
    if found is None:
        raise TypeError("an id is a number or a text")
    return found


def _eta(order: dict[str, Any]) -> Window | None:
    """Return the estimate, an empty text where there is none, else the time agreed on."""
    told = dig(order, "eta") or dig(order, "expected_delivery_time")
    return Window(epoch_ms(told), epoch_ms(told)) if told else None


def _proofs(order: dict[str, Any]) -> tuple[Proof, ...]:
    """Return the addresses of what was taken; which is a photo is known only where nothing else was asked for."""
    kinds = [kind for kind in rows(order, "pod_types") if kind in ("PHOTO", "SIGNATURE")]
    kind: ProofKind = "document"
    if kinds in (["PHOTO"], ["SIGNATURE"]):
        kind = "photo" if kinds == ["PHOTO"] else "signature"
    return tuple(Proof(kind=kind, reference=url) for url in map(text_of, rows(order, "podUrls")) if url)


def _place(part: dict[str, Any], end: str) -> Place | None:
    """Return the point of an end; its address is one line of text and, as names and phones, never read."""
    point = dig(part, end, "location")
    return Place(latitude=point["lat"], longitude=point["lng"]) if point is not None else None

"""Uber Direct: a courier platform that pushes the whole delivery with each event, and may be asked for it as well."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import ACCOUNT, InPath, OAuth2ClientCredentials
from connectors.base import (
    Connector,
    Document,
    Locates,
    Payload,
    Polls,
    Proves,
    Pushes,
    dig,
    json_object,
    rows,
    text_of,
)
from connectors.errors import NotFound, Unreadable
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.clock import iso_instant
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

TOKEN_URL = "https://auth.uber.com/oauth/v2/token"  # noqa: S105 - an address
SCOPE = "eats.deliveries"

STATUS_EVENT, COURIER_EVENT = "event.delivery_status", "event.courier_update"
NO_PARCEL = frozenset({"event.delivery_return", "event.refund_request", "event.shopping_progress"})
"""Events that tell nothing of the parcel's way: a return makes itself known by the deliveries' own statuses."""

WITH_COURIER = frozenset({"pickup", "pickup_complete", "dropoff"})
"""The statuses in which the courier is this delivery's."""

RETURN_ID = "ret_"
"""How the id of a delivery begins that brings the goods back."""

_BEGINNINGS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif", b"%PDF": "application/pdf"}


class Carrier(Connector, Pushes, Polls, Locates, Proves):
    """The webhooks and the deliveries API, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """A token of the account; the customer's id stands in the path."""
        return OAuth2ClientCredentials(
            TOKEN_URL,
            secrets["client_id"],
            secrets["client_secret"],
            style="form",
            scope=SCOPE,
            beside=InPath(secrets["customer_id"]),
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one delivery as it stands."""
        return await http.get(f"{ACCOUNT}/deliveries/{quote(numbers[0], safe='')}")

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the delivery: the courier's place stands in it. `NotFound` while no courier has it."""
        answer = await self.poll(http, (number,))
        delivery = json_object(answer.body)
        if text_of(delivery, "status") not in WITH_COURIER or dig(delivery, "courier", "location") is None:
            raise NotFound("no courier is under way with this delivery")
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch `waypoint/kind`, such as `dropoff/signature`; by default the picture at the drop-off."""
        waypoint, _, kind = (reference or "dropoff/picture").partition("/")
        path = f"{ACCOUNT}/deliveries/{quote(number, safe='')}/proof-of-delivery"
        answer = await http.post(path, json={"waypoint": waypoint, "type": kind}, repeatable=True)
        return _document(json_object(answer.body))

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Hex HMAC-SHA256 over the raw body with the webhook's own signing key."""
        key = require_secret(secrets, "signing_key").encode()
        require_hmac(key, push.body, require_header(push.headers, "x-uber-signature"))

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield where the delivery stands, what is told of it as a whole, and its courier's place."""
        kind = part["kind"]
        if kind in NO_PARCEL:
            return
        if kind == "delivery":
            delivery, told_at, location = part, payload.received_at, dig(part, "courier", "location")
        elif kind in (STATUS_EVENT, COURIER_EVENT):
            delivery, told_at, location = part["data"], iso_instant(part["created"]), dig(part, "location")
        else:
            raise Unreadable("an event of a kind that no document names")
        yield _scan(delivery, iso_instant(part["created"]) if kind == STATUS_EVENT else None)
        yield _detail(delivery)
        if location is not None and delivery["status"] in WITH_COURIER:
            eta = text_of(delivery, "dropoff_eta")
            yield Position(
                number=delivery["id"],
                at=told_at,
                latitude=location["lat"],
                longitude=location["lng"],
                eta=iso_instant(eta) if eta else None,
            )


def _scan(delivery: dict[str, Any], told_at: datetime | None) -> Scan:
    """Return where the delivery stands. It enters each status once, so an event is named by its status.

    A push of a courier's place and an answer say the same as a status push that was lost.
    """
    status, number = delivery["status"], delivery["id"]
    codes = _codes(status, delivery)
    reached = {"pickup_complete": "pickup", "delivered": "dropoff", "returned": "return"}.get(status)
    at = text_of(delivery, reached, "status_timestamp") if reached else None
    at = at or (text_of(delivery, "created") if status == "pending" else None)
    delivered, steps = status == "delivered", status in ("pickup", "dropoff", "returned")
    return Scan(
        number=number,
        at=iso_instant(at) if at else told_at or iso_instant(delivery["updated"]),
        codes=codes,
        place=_place(delivery, _waypoint(status, delivery), reached=delivered),
        event_id=codes[0] if steps else status,
        returning=number.startswith(RETURN_ID),
        eta=None if delivery["complete"] is True else _eta(delivery),
        signed_by=text_of(delivery, "dropoff", "verification", "signature", "name") if delivered else None,
        proofs=_proofs(delivery) if delivered else (),
    )


def _waypoint(status: str, delivery: dict[str, Any]) -> str:
    collected = text_of(delivery, "pickup", "status") == "completed"
    return "dropoff" if status in ("dropoff", "delivered") or (status == "canceled" and collected) else "pickup"


def _codes(status: str, delivery: dict[str, Any]) -> tuple[str, ...]:
    """Return the status, and before it what refines it."""
    finer = None
    if status in ("pickup", "dropoff"):
        finer = "imminent" if dig(delivery, "courier_imminent") is True else None
    elif status == "delivered":
        finer = text_of(delivery, "undeliverable_action")
    elif status == "canceled":
        reasons = (dig(delivery, "cancelation_reason"), dig(delivery, "cancellation_reason"))
        told = [text_of(delivery, "undeliverable_reason"), *(text_of(one, "primary_reason") for one in reasons)]
        finer = next((one.lower() for one in told if one), None)
    elif status == "returned":
        finer = text_of(delivery, "return", "status")
    return (f"{status}/{finer}", status) if finer else (status,)


def _detail(delivery: dict[str, Any]) -> Detail:
    """Tell the delivery as it stands. Names, streets, notes and the recipient's phone are never read."""
    complete, done = delivery["complete"] is True, delivery["status"] == "delivered"
    references = (text_of(delivery, "external_id"), text_of(delivery, "manifest", "reference"))
    returns = [one for one in rows(delivery, "related_deliveries") if one["relationship"] in ("return", "returned")]
    name = text_of(delivery, "courier", "name")
    extra = {"test": True if dig(delivery, "live_mode") is False else None, "courier_call": _call(delivery)}
    return Detail(
        number=delivery["id"],
        eta=None if complete else _eta(delivery),
        references=tuple(dict.fromkeys(one for one in references if one)) or None,
        signed_by=text_of(delivery, "dropoff", "verification", "signature", "name") if done else None,
        proofs=(_proofs(delivery) or None) if done else None,
        origin=_place(delivery, "pickup"),
        destination=_place(delivery, "dropoff"),
        returns_as=text_of(returns[-1], "id") if returns else None,
        courier=name.split()[0] if name else None,
        courier_vehicle=_vehicle(dig(delivery, "courier")),
        tracking_url=text_of(delivery, "tracking_url"),
        extra={key: value for key, value in extra.items() if value is not None} or None,
    )


def _call(delivery: dict[str, Any]) -> dict[str, str] | None:
    """Return how the courier is called: a masked number, with a PIN or from the phone at the drop-off only."""
    if delivery["complete"] is True:
        return None
    public = dig(delivery, "courier", "public_phone_info")
    number = text_of(public, "phone_number")
    if number:
        pin = text_of(public, "pin_code")
        return {"number": number, "pin": pin} if pin else {"number": number}
    masked = text_of(delivery, "courier", "phone_number")
    return {"number": masked, "from": "dropoff"} if masked else None


def _vehicle(courier: Any) -> str | None:
    words = [text_of(courier, f"vehicle_{one}") for one in ("color", "make", "model")]
    return " ".join(word for word in words if word) or text_of(courier, "vehicle_type")


def _eta(delivery: dict[str, Any]) -> Window | None:
    eta = text_of(delivery, "dropoff_eta")
    return Window(iso_instant(eta), iso_instant(eta)) if eta else None


def _place(delivery: dict[str, Any], waypoint: str, *, reached: bool = False) -> Place:
    """Return a waypoint without street and number; where it was reached, the point at which it was."""
    address = dig(delivery, waypoint, "detailed_address")
    point = dig(delivery, waypoint, "verification", "completion_location") if reached else None
    point = point or dig(delivery, waypoint, "location")
    return Place(
        city=text_of(address, "city"),
        region=text_of(address, "state"),
        postal_code=text_of(address, "zip_code"),
        country=text_of(address, "country"),
        latitude=dig(point, "lat"),
        longitude=dig(point, "lng"),
    )


def _proofs(delivery: dict[str, Any]) -> tuple[Proof, ...]:
    """Return the proofs at the drop-off. The PIN itself is not read: that it was entered is the proof."""
    kept = dig(delivery, "dropoff", "verification")
    scanned = [one for one in rows(kept, "barcodes") if text_of(one, "scan_result", "outcome") == "SUCCESS"]
    return (
        *((Proof(kind="signature", reference="dropoff/signature"),) if _image(kept, "signature") else ()),
        *((Proof(kind="photo", reference="dropoff/picture"),) if _image(kept, "picture") else ()),
        *((Proof(kind="pin"),) if text_of(kept, "pin_code", "entered") else ()),
        *((Proof(kind="id_check"),) if dig(kept, "identification", "min_age_verified") is True else ()),
        *(Proof(kind="barcode", text=text_of(one, "value")) for one in scanned),
    )


def _image(kept: Any, kind: str) -> str | None:
    return text_of(kept, kind, "image_url")


def _document(told: dict[str, Any]) -> Document:
    """Return the picture of a data URI or of bare base64."""
    text = text_of(told, "document")
    if text is None:
        raise NotFound("there is no such proof of this delivery")
    try:
        body = base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("the proof is not base64") from None
    kind = next((kind for start, kind in _BEGINNINGS.items() if body.startswith(start)), "application/octet-stream")
    return Document(body, kind)

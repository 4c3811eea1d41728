"""DoorDash Drive: couriers on demand, who push each event with the delivery beside it and can be asked for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.base import Connector, Locates, Payload, Polls, Pushes, dig, json_object, text_of
from connectors.errors import Forged, NotFound, Rejected
from connectors.jwts import JwtAuth
from connectors.signatures import base64_key, require_header, require_same, require_secret
from normalizer.clock import iso_instant
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

TOKEN_LIFE = 300
"""Seconds; a token that claims more is refused."""

STATUSES = {
    "DASHER_CONFIRMED": "confirmed",
    "DASHER_ENROUTE_TO_PICKUP": "enroute_to_pickup",
    "DASHER_CONFIRMED_PICKUP_ARRIVAL": "arrived_at_pickup",
    "DASHER_PICKED_UP": "picked_up",
    "DASHER_ENROUTE_TO_DROPOFF": "enroute_to_dropoff",
    "DASHER_CONFIRMED_DROPOFF_ARRIVAL": "arrived_at_dropoff",
    "DASHER_DROPPED_OFF": "delivered",
    "DASHER_ENROUTE_TO_RETURN": "enroute_to_return",
    "DASHER_CONFIRMED_RETURN_ARRIVAL": "arrived_at_return",
    "DELIVERY_RETURNED": "returned",
    "DELIVERY_CANCELLED": "cancelled",
}
"""The status an event leads to: an answer with it says the same as the push that was lost."""

TO_RECIPIENT = frozenset(
    {"confirmed", "enroute_to_pickup", "arrived_at_pickup", "picked_up", "enroute_to_dropoff", "arrived_at_dropoff"}
)
"""The statuses in which a courier has the delivery, on the way there ..."""

BACK = frozenset({"DELIVERY_RETURN_INITIALIZED", "enroute_to_return", "arrived_at_return"})
"""... and on the way back."""

ENDS = {"delivered": "dropoff_time_actual", "returned": "return_time_actual", "cancelled": ""}
"""Statuses a delivery enters once, with the field that tells when."""


class Carrier(Connector, Pushes, Polls, Locates):
    """The webhooks and the deliveries API, version 2."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> JwtAuth:
        """A token of five minutes for each question, signed with the decoded signing secret."""
        try:
            key = base64_key(secrets["signing_secret"])
        except Forged:
            raise Rejected("the signing secret is not base64, as the developer portal shows it") from None
        claims = {"aud": "doordash", "iss": secrets["developer_id"], "kid": secrets["key_id"]}
        return JwtAuth(key, claims, headers={"dd-ver": "DD-JWT-V1"}, life=TOKEN_LIFE)

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one delivery; in small letters where nobody knows it in capitals (ids are often UUIDs)."""
        number = numbers[0]
        try:
            return await http.get(_path(number))
        except NotFound:
            if number.lower() == number:
                raise
        return await http.get(_path(number.lower()))

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the delivery: the courier's place stands in it. `NotFound` while no courier has it."""
        answer = await self.poll(http, (number,))
        delivery = json_object(answer.body)
        under_way = text_of(delivery, "delivery_status") in TO_RECIPIENT | BACK
        if not under_way or dig(delivery, "dasher_location") is None:
            raise NotFound("no courier is under way with this delivery")
        return answer

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare `Authorization` as a whole with the one the account set at the webhook: nothing is signed."""
        given = require_header(push.headers, "Authorization")
        require_same(given, require_secret(secrets, "push_authorization"))

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield where the delivery stands, what is told of it as a whole, and its courier's place."""
        pushed = "event_name" in part
        # Some accounts are sent the events of the way in small letters.
        word = part["event_name"].upper() if pushed else part["delivery_status"]
        status = STATUSES.get(word, word)
        under_way, told_at = status in TO_RECIPIENT | BACK, part["created_at"] if pushed else None
        yield _scan(word, status, part, told_at)
        yield _detail(status, part, under_way=under_way)
        location = dig(part, "dasher_location")
        if location is not None and under_way:
            eta = _eta(status, part)
            yield Position(
                number=part["external_delivery_id"],
                at=iso_instant(told_at) if told_at else payload.received_at,
                latitude=location["lat"],
                longitude=location["lng"],
                eta=eta.end if eta else None,  # type: ignore[arg-type] # an instant, never a day
            )


def _path(number: str) -> str:
    return f"/deliveries/{quote(number, safe='')}"


def _scan(word: str, status: str, part: dict[str, Any], told_at: str | None) -> Scan:
    reached = {"picked_up": "pickup_time_actual"}.get(status) or ENDS.get(status)
    at = (text_of(part, reached) if reached else None) or told_at or text_of(part, "updated_at")
    reason = text_of(part, "cancellation_reason") if status == "cancelled" else None
    finer = {"return_reason": text_of(part, "return_reason"), "delay_reason": text_of(part, "parcel_delayed_reason")}
    return Scan(
        number=part["external_delivery_id"],
        at=iso_instant(at) if at else None,
        codes=(f"{word}/{reason}", word) if reason else (word,),
        text=text_of(part, "description") or "",
        place=_where(status, part, pushed=told_at is not None),
        event_id=_event_id(word, status, part),
        eta=_eta(status, part),
        proofs=_proofs(part) if status == "delivered" else (),
        extra={name: value for name, value in finer.items() if value},
    )


def _event_id(word: str, status: str, part: dict[str, Any]) -> str | None:
    """Name the event by its status, and by the pickup it follows: a parcel that failed is picked up again.

    So an answer, and each push of the courier's place, says the same as the push of the status.
    """
    if status == word and "event_name" in part:
        return None  # a facility's scan, which stands for itself
    if status in ENDS:
        return status
    picked = text_of(part, "pickup_time_actual")
    return f"{status}@{iso_instant(picked).isoformat(timespec='seconds')}" if picked else status


def _where(status: str, part: dict[str, Any], *, pushed: bool) -> Place:
    """Return the facility's town, or where the courier stood when goods changed hands; addresses are never read."""
    facility = dig(part, "package_location")
    point = dig(part, "dasher_location") if pushed and status in ("picked_up", "delivered", "returned") else None
    return Place(
        city=text_of(facility, "city"),
        region=text_of(facility, "state"),
        postal_code=text_of(facility, "zip_code"),
        latitude=dig(point, "lat"),
        longitude=dig(point, "lng"),
    )


def _detail(status: str, part: dict[str, Any], *, under_way: bool) -> Detail:
    """Tell the delivery as it stands. Names, addresses, notes and the recipient's phone are never read."""
    name = text_of(part, "dasher_name")
    vehicle = [text_of(part, f"dasher_vehicle_{one}") for one in ("make", "model")]
    extra = {
        "support_reference": text_of(part, "support_reference"),
        "courier_call": _call(part) if under_way else None,
    }
    tag = text_of(part, "pickup_reference_tag")
    return Detail(
        number=part["external_delivery_id"],
        eta=_eta(status, part),
        references=(tag,) if tag else None,
        proofs=(_proofs(part) or None) if status == "delivered" else None,
        destination=_destination(part),
        courier=name.split()[0] if name else None,
        courier_vehicle=" ".join(word for word in vehicle if word) or None,
        tracking_url=text_of(part, "tracking_url"),
        extra={key: value for key, value in extra.items() if value is not None} or None,
    )


def _call(part: dict[str, Any]) -> dict[str, str] | None:
    """Return how the courier is called: a masked number that works from the phone at the drop-off only."""
    masked = text_of(part, "dasher_dropoff_phone_number")
    return {"number": masked, "from": "dropoff"} if masked else None


def _destination(part: dict[str, Any]) -> Place | None:
    address, point = dig(part, "dropoff_address_components"), dig(part, "dropoff_location")
    if address is None and point is None:
        return None
    country = text_of(address, "country")
    return Place(
        city=text_of(address, "city") or text_of(address, "locality"),
        region=text_of(address, "state") or text_of(address, "territory"),
        postal_code=text_of(address, "zip_code") or text_of(address, "postal_code"),
        country=country if country and len(country) == 2 and country.isupper() else None,  # noqa: PLR2004 - ISO 3166
        latitude=dig(point, "lat"),
        longitude=dig(point, "lng"),
    )


def _eta(status: str, part: dict[str, Any]) -> Window | None:
    """Return the promised drop-off; the way back and a closed delivery have none."""
    eta = text_of(part, "dropoff_time_estimated")
    if eta is None or status in BACK or status in ENDS or status == "PARCEL_RETURN_TO_MERCHANT":
        return None
    return Window(iso_instant(eta), iso_instant(eta))


def _proofs(part: dict[str, Any]) -> tuple[Proof, ...]:
    """Return the pictures at the drop-off by their addresses, which lie outside the API."""
    signature, photo = text_of(part, "dropoff_signature_image_url"), text_of(part, "dropoff_verification_image_url")
    return (
        *((Proof(kind="signature", reference=signature),) if signature else ()),
        *((Proof(kind="photo", reference=photo),) if photo else ()),
    )

"""Stuart: couriers on demand in European cities; two generations of pushes, and a job may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Locates, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import NotFound, Unreadable
from connectors.signatures import require_query, require_same, require_secret
from normalizer.clock import iso_instant
from normalizer.model import Detail, Missing, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

UNDER_WAY = frozenset(
    {"picking", "almost_picking", "waiting_at_pickup", "delivering", "almost_delivering", "waiting_at_dropoff"}
)
"""The statuses of a delivery in which a courier is on the way with it, or to it."""

STATUSES = {
    "package_created": "pending",
    "courier_assigned": "picking",
    "courier_arriving_at_pickup": "almost_picking",
    "courier_waiting_at_pickup": "waiting_at_pickup",
    "package_delivering": "delivering",
    "courier_arriving_at_dropoff": "almost_delivering",
    "courier_waiting_at_dropoff": "waiting_at_dropoff",
    "package_delivered": "delivered",
    "package_canceled": "cancelled",
}
"""The status of a delivery that a push of version 3 amounts to."""


class Carrier(Connector, Pushes, Polls, Locates):
    """The webhooks of versions 2 and 3, and the jobs of API version 2."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """A token of the account for the scope `api`."""
        return OAuth2ClientCredentials(
            "/oauth/token", secrets["client_id"], secrets["client_secret"], style="form", scope="api"
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for the jobs with this reference; in small letters where there is none in capitals."""
        number = numbers[0]
        answer = await http.get("/v2/jobs", params={"client_reference": number})
        if number.lower() != number and not _jobs(answer.body):
            return await http.get("/v2/jobs", params={"client_reference": number.lower()})
        return answer

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the jobs with this reference: the courier's place stands in the one under way. Else `NotFound`."""
        answer = await self.poll(http, (number,))
        for job in _jobs(answer.body):
            if any(_is_located(job, delivery) for delivery in _asked_for(job, (number,))):
                return answer
        raise NotFound("no courier is under way with this delivery")

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """The account's own key in the address of the push: no scheme of the platform is documented."""
        require_same(require_query(push.query, "key"), require_secret(secrets, "push_key"))

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a push, or a delivery of an answer; and one for a number no delivery of the answer has."""
        body = payload.json()
        if payload.source == "push":
            yield body
            return
        found = False
        for job in rows(body):
            for delivery in _asked_for(job, payload.numbers):
                found = True
                yield {"job": job, "delivery": delivery}
        if not found:
            yield from (Missing(number=number) for number in payload.numbers)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield where a delivery stands, what is told of it as a whole, and its courier's place."""
        came = payload.received_at
        if isinstance(part, Missing):
            yield part
        elif "delivery" in part:
            yield from _delivery(part["delivery"], dig(part, "job", "driver"), came)
        elif "topic" in part:
            yield from _version3(part)
        elif part["event"] == "job":
            yield from _job(part["data"], came)
        elif part["event"] == "driver":
            delivery = dig(part, "data", "job", "currentDelivery")
            if delivery is not None:
                yield from _delivery(delivery, part["data"], came)
        else:
            raise Unreadable("a push of a kind that no document names")


def _asked_for(job: dict[str, Any], numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Return the deliveries of a job that bear a reference asked for, in whatever capitals."""
    wanted = {number.casefold() for number in numbers}
    return [one for one in rows(job, "deliveries") if (text_of(one, "client_reference") or "").casefold() in wanted]


def _is_located(job: dict[str, Any], delivery: dict[str, Any]) -> bool:
    return text_of(delivery, "status") in UNDER_WAY and dig(job, "driver", "latitude") is not None


def _version3(push: dict[str, Any]) -> Iterator[Said]:
    """Yield a push that names its package by the reference alone. The task makes a courier's topic whole."""
    topic, details, package = push["topic"], push["details"], push["details"]["package"]
    task = text_of(details, "task")
    word = f"{topic}_at_{task}" if task else topic
    radius = dig(details, "proximity_radius")
    near = {"proximity_m": dig(radius, "value")} if text_of(radius, "unit") == "meters" else {}
    yield Scan(
        number=package["reference"],
        at=iso_instant(push["occurred_at"]),
        codes=(word, topic) if task else (topic,),
        event_id=STATUSES.get(word, push["event_id"]),
        extra=near,
    )
    yield Detail(number=package["reference"], tracking_url=text_of(package, "tracking_url"))


def _job(job: dict[str, Any], came: datetime) -> Iterator[Said]:
    """Yield a push of version 2 about a job: of the delivery under way, or of the job where none is yet."""
    delivery = dig(job, "currentDelivery")
    if delivery is not None:
        yield from _delivery(delivery, dig(delivery, "driver"), came)
        return
    number = text_of(job, "jobReference") or _id(job, "id")
    word = f"job/{job['status']}"
    yield Scan(number=number, at=came, codes=(word,), event_id=word)


def _delivery(delivery: dict[str, Any], driver: Any, came: datetime) -> Iterator[Said]:
    """Yield a delivery of an answer or of a push of version 2. No time stands beside its status."""
    status, own_id = delivery["status"], _id(delivery, "id")
    number = text_of(delivery, "client_reference") or own_id
    reason, by = (text_of(delivery, "cancellation", name) for name in ("reason_key", "canceled_by"))
    reached = {"delivering": "picked_at", "delivered": "delivered_at"}.get(status)
    at = text_of(delivery, reached) if reached else None
    eta = None if status in ("delivered", "cancelled") else _eta(delivery)
    proofs = _proofs(delivery) if status == "delivered" else ()
    yield Scan(
        number=number,
        at=iso_instant(at) if at else came,
        codes=(f"{status}/{reason}", status) if status == "cancelled" and reason else (status,),
        event_id=status,
        eta=eta,
        proofs=proofs,
        extra={"cancelled_by": by} if status == "cancelled" and by else {},
    )
    name = next((said for said in (text_of(driver, one) for one in ("firstname", "display_name", "name")) if said), "")
    yield Detail(
        number=number,
        eta=eta,
        proofs=proofs or None,
        references=(own_id,) if own_id != number else None,
        origin=_place(delivery, "pickup"),
        destination=_place(delivery, "dropoff"),
        courier=name.split()[0] if name else None,
        courier_vehicle=text_of(driver, "transportType", "code") or text_of(driver, "transport_type"),
        tracking_url=text_of(delivery, "tracking_url"),
    )
    if status in UNDER_WAY and dig(driver, "latitude") is not None:
        latitude, longitude = _degrees(driver, "latitude"), _degrees(driver, "longitude")
        arrival: Any = eta.end if eta else None  # an instant, never a day
        yield Position(number=number, at=came, latitude=latitude, longitude=longitude, eta=arrival)


def _id(node: Any, name: str) -> str:
    found = text_of(node[name])
    if found is None:
        raise TypeError("an id is a number or a text")
    return found


def _eta(delivery: dict[str, Any]) -> Window | None:
    eta = text_of(delivery, "etaToDestination") or text_of(delivery, "eta", "dropoff")
    return Window(iso_instant(eta), iso_instant(eta)) if eta else None


def _place(delivery: dict[str, Any], end: str) -> Place | None:
    """Return the point of an end; its address is one line of text and, as the contact, never read."""
    if dig(delivery, end, "latitude") is None:
        return None
    return Place(latitude=_degrees(delivery[end], "latitude"), longitude=_degrees(delivery[end], "longitude"))


def _proofs(delivery: dict[str, Any]) -> tuple[Proof, ...]:
    signature = text_of(delivery, "proof", "signature_url")
    return (Proof(kind="signature", reference=signature),) if signature else ()


def _degrees(node: Any, name: str) -> float:
    """Return a coordinate; public handlers show them as texts as well."""
    return float(text_of(node, name) or "")


def _jobs(body: bytes) -> list[dict[str, Any]]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    jobs = [read] if isinstance(read, dict) else read
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise Unreadable("the answer is no list of jobs")
    return jobs

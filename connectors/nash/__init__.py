"""Nash: a broker over many delivery fleets, which pushes the whole job with each event and may be asked for it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from connectors.auth import Bearer, KeyAuth, Together
from connectors.base import Connector, Locates, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import Forged, NotFound, Unreadable
from connectors.signatures import base64_key, hmac_ok, require_fresh, require_header, require_secret
from normalizer.clock import iso
from normalizer.model import Detail, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import httpx

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import ProofKind, Said

SECRET_PREFIX = "whsec_"  # noqa: S105 - how such secrets begin
MOST_SIGNATURES = 16
"""More than any rotation of secrets needs; the rest of a longer header is not looked at."""

UNDER_WAY = frozenset(
    {
        "assigned_driver",
        "started",
        "pickup_enroute",
        "pickup_arrived",
        "items_pick_update",
        "items_pick_complete",
        "pickup_complete",
        "dropoff_enroute",
        "dropoff_arrived",
        "return_in_progress",
        "return_arrived",
    }
)
"""The statuses in which a courier has the delivery."""

CALLED_OFF = frozenset(
    {"canceled_by_auto_reassign", "canceled_by_customer", "canceled_by_nash", "canceled_by_provider", "expired"}
)
"""Statuses that end a delivery, and the job only where no other delivery takes its place."""

DELIVERED = "dropoff_complete"
PROOFS: dict[str, ProofKind] = {"photo": "photo", "signature": "signature"}


class Carrier(Connector, Pushes, Polls, Locates):
    """The webhooks (signed as Svix does) and the jobs of the API, version 1."""

    signs_time = True

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """A long-lived key, and the organisation where a key serves several."""
        key, organisation = Bearer(secrets["api_key"]), secrets.get("org_id", "")
        return Together(key, KeyAuth("Nash-Org-Id", organisation)) if organisation else key

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one job, without the offers of all fleets."""
        return await http.get(f"/v1/jobs/{quote(numbers[0], safe='')}", params={"compressedPayload": "true"})

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the job: the courier's place stands in it. `NotFound` while no courier, or more than one, has it."""
        answer = await self.poll(http, (number,))
        if _located(_object(answer.body)) is None:
            raise NotFound("no single courier is under way with this job")
        return answer

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Base64 HMAC-SHA256 over id, time stamp and raw body; of several signatures one is enough."""
        key = base64_key(require_secret(secrets, "signing_secret").removeprefix(SECRET_PREFIX))
        told, stamp = require_header(push.headers, "svix-id"), require_header(push.headers, "svix-timestamp")
        message = b".".join((told.encode("utf-8", "replace"), stamp.encode("utf-8", "replace"), push.body))
        given = require_header(push.headers, "svix-signature").split()[:MOST_SIGNATURES]
        signatures = [one.removeprefix("v1,") for one in given if one.startswith("v1,")]
        if not any(hmac_ok(key, message, one, encoding="base64") for one in signatures):
            raise Forged("the signature is not this body's")
        require_fresh(stamp, push.received_at)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield every status of the job's deliveries, what is told of it as a whole, and its courier's place."""
        if "jobConfigurations" not in part:
            if part["type"] == "shift":  # a courier's working hours
                return
            part = part["data"]
        configurations = rows(part["jobConfigurations"])
        for one in configurations:
            piece = one["id"] if len(configurations) > 1 else None
            now = _current(one)
            for delivery in _deliveries(one):
                open_still = part["isActive"] is True if delivery["id"] == now["id"] else True
                yield from _scans(part["id"], piece, delivery, payload.received_at, open_still=open_still)
        yield _detail(part, configurations)
        located = _located(part)
        if located is not None:
            yield _position(part["id"], located, payload.received_at)


def _deliveries(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all deliveries that were tried for a package, each once, in the order of their tasks."""
    told = [dig(task, "delivery") for task in rows(configuration, "tasks")]
    return list({one["id"]: one for one in (*told, dig(configuration, "delivery")) if one is not None}.values())


def _current(configuration: dict[str, Any]) -> Any:
    """Return the delivery that counts: the package's own, else that of its last task."""
    tried = _deliveries(configuration)
    return dig(configuration, "delivery") or (tried[-1] if tried else None)


def _scans(
    number: str, piece: str | None, delivery: dict[str, Any], told_at: datetime, *, open_still: bool
) -> Iterator[Scan]:
    """Yield each status of a delivery once, as the vendor advises: some are inferred and told again.

    A delivery that ended while the job goes on with another has rows of its own (`open/...`).
    """
    history = [(one["status"], _instant(one["created_at"])) for one in rows(delivery, "statusHistory")]
    if delivery["status"] not in {status for status, _ in history}:
        history.append((delivery["status"], told_at))
    for status, at in history:
        code = f"open/{status}" if open_still and status in CALLED_OFF else status
        yield Scan(
            number=number,
            at=at,
            codes=(code,),
            piece=piece,
            event_id=f"{delivery['id']}/{code}",
            proofs=_proofs(delivery) if status == DELIVERED else (),
        )


def _detail(job: dict[str, Any], configurations: list[Any]) -> Detail:
    """Tell the job as it stands. Names, streets, phones of both sides, instructions and metadata are never read."""
    packages = [one["package"] for one in configurations]
    currents = [now for now in map(_current, configurations) if now is not None]
    single = len(configurations) == 1
    now = currents[0] if single and currents else None
    references = [
        text_of(job, "externalIdentifier"),
        *(text_of(one, "externalIdentifier") for one in packages),
        *(text_of(one, "providerDeliveryId") for one in currents),
    ]
    name = text_of(now, "courierName")
    proofs = tuple(proof for one in currents if one["status"] == DELIVERED for proof in _proofs(one))
    call = _call(now)
    return Detail(
        number=job["id"],
        eta=_eta(job, packages[0], now) if single else None,
        pieces_total=len(packages) if not single else None,
        pieces=None if single else tuple(one["id"] for one in configurations),
        references=tuple(dict.fromkeys(one for one in references if one)) or None,
        proofs=proofs or None,
        origin=_place(packages[0], "pickupLocation") if packages else None,
        destination=_place(packages[0], "dropoffLocation") if single else None,
        courier=name.split()[0] if name else None,
        courier_vehicle=_vehicle(dig(now, "courierVehicle")),
        tracking_url=next((url for url in (text_of(one, "publicTrackingUrl") for one in configurations) if url), None),
        extra={"courier_call": call} if call else None,
    )


def _eta(job: dict[str, Any], package: dict[str, Any], now: Any) -> Window | None:
    """Return the estimate, else the window agreed on, while the job is open and not on its way back."""
    if job["isActive"] is not True or text_of(now, "status") in ("return_in_progress", "return_arrived", DELIVERED):
        return None
    estimate = text_of(now, "dropoffEta")
    if estimate:
        return Window(_instant(estimate), _instant(estimate))
    start, end = (text_of(package, name) for name in ("dropoffStartTime", "dropoffEndTime"))
    if start is None and end is None:
        return None
    return Window(_instant(start) if start else None, _instant(end) if end else None)


def _call(now: Any) -> dict[str, str] | None:
    """Return how the courier is called: a masked number for the phone at the drop-off."""
    masked = text_of(now, "courierDropoffPhoneNumber")
    return {"number": masked, "from": "dropoff"} if masked and now["status"] in UNDER_WAY else None


def _vehicle(vehicle: Any) -> str | None:
    """Return what the vehicle looks like. Its plate is never read."""
    words = [text_of(vehicle, name) for name in ("color", "make", "model")]
    return " ".join(word for word in words if word) or text_of(vehicle, "type")


def _place(package: dict[str, Any], name: str) -> Place:
    location = package[name]
    country = text_of(location, "addressCountry")
    return Place(
        city=text_of(location, "addressCity"),
        region=text_of(location, "addressState"),
        postal_code=text_of(location, "addressZip"),
        country=country if country and len(country) == 2 and country.isupper() else None,  # noqa: PLR2004 - ISO 3166
        latitude=dig(location, "lat"),
        longitude=dig(location, "lng"),
    )


def _proofs(delivery: dict[str, Any]) -> tuple[Proof, ...]:
    """Return the proofs that have an address, which lies outside the API."""
    told = [(text_of(one, "type") or "", text_of(one, "url")) for one in rows(delivery, "proofOfDelivery")]
    return tuple(Proof(kind=PROOFS.get(kind, "document"), reference=url) for kind, url in told if url)


def _located(job: dict[str, Any]) -> dict[str, Any] | None:
    """Return the one delivery under way that tells its courier's place; None where there are two."""
    currents = [_current(one) for one in rows(job, "jobConfigurations")]
    moving = {one["id"]: one for one in currents if one is not None and one["status"] in UNDER_WAY}
    (found,) = moving.values() if len(moving) == 1 else (None,)
    return found if dig(found, "courierLocation") is not None else None


def _position(number: str, delivery: dict[str, Any], told_at: datetime) -> Position:
    """Return the courier's place, with time, heading, speed and accuracy where the fleet tells them."""
    told, eta = delivery["courierLocation"], text_of(delivery, "dropoffEta")
    at = text_of(told, "capturedAt") or text_of(told, "updatedAt")
    back = delivery["status"] in ("return_in_progress", "return_arrived")
    return Position(
        number=number,
        at=_instant(at) if at else told_at,
        latitude=told["lat"],
        longitude=told["lng"],
        heading=dig(told, "heading"),
        speed=dig(told, "speed"),
        accuracy=dig(told, "accuracy"),
        eta=_instant(eta) if eta and not back else None,
    )


def _instant(text: str) -> datetime:
    """Return a time, which is UTC where no zone is marked."""
    at = iso(text)
    if not isinstance(at, datetime):
        raise TypeError("a time of day is told")
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict) or "jobConfigurations" not in read:
        raise Unreadable("the answer is no job")
    return read

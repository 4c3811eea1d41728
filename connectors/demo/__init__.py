"""The demo carrier: a simulator that lives parcels' lives and speaks plain JSON over real HTTP like any other."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from connectors.auth import KeyAuth
from connectors.base import (
    Connector,
    Document,
    Locates,
    Payload,
    Polls,
    Proves,
    Pushes,
    Subscribed,
    Subscribes,
    dig,
    rows,
    text_of,
)
from connectors.errors import NotFound, Unreadable
from connectors.signatures import require_fresh, require_header, require_hmac, require_secret
from normalizer.model import NOWHERE, Detail, Missing, Place, Position, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

_BEGINNINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class Carrier(Connector, Polls, Pushes, Subscribes, Locates, Proves):
    """Batches of parcels asked for, signed pushes, live positions and proofs; see README.md."""

    signs_time = True

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """A key in a header."""
        return KeyAuth("Demo-Key", secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to 20 parcels at once."""
        return await http.get("/v1/parcels", params={"numbers": ",".join(numbers)})

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """HMAC-SHA256 over time stamp, dot and body: `Demo-Signature: t=<seconds>,v1=<hex>`."""
        stamp, _, signature = require_header(push.headers, "demo-signature").partition(",")
        stamp = stamp.removeprefix("t=")
        key = require_secret(secrets, "signing_secret").encode()
        require_hmac(key, stamp.encode() + b"." + push.body, signature.removeprefix("v1="))
        require_fresh(stamp, push.received_at)

    async def subscribe(
        self,
        http: CarrierClient,
        numbers: Sequence[str],
        callback: str,
        secrets: Mapping[str, str],  # noqa: ARG002 - the simulator knows the signing secret already
    ) -> Subscribed:
        """Ask for every scan of these parcels from now on, and once for all so far."""
        body = {"numbers": list(numbers), "callback": callback}
        said = _object(await http.post("/v1/subscriptions", json=body, repeatable=True))
        return Subscribed(
            tuple(said["accepted"]), said["refused"], datetime.fromisoformat(said["until"]), text_of(said, "id")
        )

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask where the courier is. `NotFound` while no courier has the parcel."""
        return await http.get(f"/v1/parcels/{quote(number, safe='')}/position")

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the photo or signature a scan named."""
        if reference is None:
            raise NotFound("the demo carrier's proofs have names")
        answer = await http.get(f"/v1/parcels/{quote(number, safe='')}/proofs/{quote(reference, safe='')}")
        for start, kind in _BEGINNINGS.items():
            if answer.body.startswith(start):
                return Document(answer.body, kind)
        raise Unreadable("the proof is no picture")

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a parcel, an unknown number or a position."""
        body = payload.json()
        if "position" in body:
            yield body
            return
        yield from body["parcels"]
        for number in rows(body, "unknown"):
            yield Missing(number=number)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield a parcel's scans, oldest first, and what is said of the whole; or a courier's position."""
        if isinstance(part, Missing):
            yield part
        elif "position" in part:
            yield _position(part)
        else:
            number = part["number"]
            for order, scan in enumerate(part["scans"]):
                yield _scan(number, scan, order)
            yield _detail(number, part)


def _scan(number: str, scan: Any, order: int) -> Scan:
    return Scan(
        number=number,
        at=datetime.fromisoformat(scan["at"]),
        codes=(scan["code"],),
        text=text_of(scan, "text") or "",
        place=_place(dig(scan, "place")),
        event_id=text_of(scan, "id"),
        order=order,
        eta=_window(dig(scan, "promised")),
        signed_by=text_of(scan, "signed_by"),
        proofs=tuple(Proof(kind=one["kind"], reference=one["name"]) for one in rows(scan, "proofs")),
    )


def _detail(number: str, parcel: Any) -> Detail:
    return Detail(
        number=number,
        service=text_of(parcel, "service"),
        weight_grams=dig(parcel, "grams"),
        eta=_window(dig(parcel, "promised")),
        destination=_place(dig(parcel, "destination")) if dig(parcel, "destination") else None,
        pickup_point=_place(dig(parcel, "shop")) if dig(parcel, "shop") else None,
        courier=text_of(parcel, "courier", "name"),
        courier_vehicle=text_of(parcel, "courier", "vehicle"),
        stops_before=dig(parcel, "courier", "stops_before"),
    )


def _position(said: Any) -> Position:
    where = said["position"]
    return Position(
        number=said["number"],
        at=datetime.fromisoformat(where["at"]),
        latitude=float(where["latitude"]),
        longitude=float(where["longitude"]),
        heading=dig(where, "heading"),
        speed=dig(where, "speed"),
        stops_before=dig(where, "stops_before"),
    )


def _place(node: Any) -> Place:
    if node is None:
        return NOWHERE
    return Place(
        facility=text_of(node, "facility"),
        city=text_of(node, "city"),
        region=text_of(node, "region"),
        postal_code=text_of(node, "postal_code"),
        country=text_of(node, "country"),
        latitude=dig(node, "latitude"),
        longitude=dig(node, "longitude"),
    )


def _window(node: Any) -> Window | None:
    if node is None:
        return None
    return Window(datetime.fromisoformat(node["from"]), datetime.fromisoformat(node["to"]))


def _object(answer: Answer) -> dict[str, Any]:
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        raise Unreadable("the answer is no JSON object")
    return said

"""Lalamove: couriers on demand, asked with signed questions; pushes carry their signature inside the body."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from connectors.auth import Signed
from connectors.base import Connector, Locates, Payload, Polls, Pushes, Reply, dig, rows, text_of
from connectors.errors import Forged, NotFound, Unreadable
from connectors.lalamove.signing import envelope, signed_text, spellings, word
from connectors.signatures import emptied, hmac_hex, hmac_ok, require_same, require_secret
from normalizer.clock import epoch_ms, iso
from normalizer.model import Detail, Place, Position, Proof, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

UNDER_WAY = frozenset({"ON_GOING", "PICKED_UP"})
"""The statuses in which a courier has the order."""

PROOFS = {"DELIVERED": "photo", "SIGNED": "signature"}
"""What the picture at a stop shows, by the stop's own status."""

NO_PARCEL = frozenset({"ORDER_AMOUNT_CHANGED", "WALLET_BALANCE_CHANGED"})
"""Events about money: nothing of them is read where no order's status stands beside it."""

MINUTE_DOT_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\.\d\dZ")
"""How the vendor spells some times, for instance in its own example of a courier's place."""

_SECONDS_END = 100_000_000_000
"""Stamps below are seconds since 1970, others milliseconds: both are documented."""


class Carrier(Connector, Pushes, Polls, Locates):
    """The webhooks and the API, version 3."""

    signs_body = False
    """Stamp, path and `data` are signed; the envelope around them is not."""

    proved_in_body = True

    def auth(self, secrets: Mapping[str, str]) -> Signed:
        """Key, milliseconds and an HMAC over these, method, path and body; the market stands beside."""
        key, secret, market = secrets["api_key"], secrets["api_secret"].encode(), secrets["market"].strip().upper()

        def sign(method: str, path: str, body: bytes) -> dict[str, str]:
            stamp = str(int(datetime.now(UTC).timestamp() * 1000))
            signature = hmac_hex(secret, signed_text(stamp, method, path, body))
            return {
                "Authorization": f"hmac {key}:{stamp}:{signature}",
                "Market": market,
                "Request-ID": str(uuid4()),
            }

        return Signed(sign)

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one order. `NotFound` also where it is older than 60 days, which the platform answers with 403."""
        answer = await http.get(_path(numbers[0]), expect=(200, 403))
        return _allowed(answer, "the order is too old to be asked for, or another account's")

    async def locate(self, http: CarrierClient, number: str) -> Answer:
        """Ask for the order, then for its courier. `NotFound` while none is under way, or outside the window."""
        order = _object((await self.poll(http, (number,))).body)["data"]
        courier = text_of(order, "driverId")
        if text_of(order, "status") not in UNDER_WAY or courier is None:
            raise NotFound("no courier is under way with this order")
        answer = await http.get(f"{_path(number)}/drivers/{quote(courier, safe='')}", expect=(200, 403))
        return _allowed(answer, "the courier's place is not told at this hour")

    def challenge(self, push: Push, secrets: Mapping[str, str]) -> Reply | None:  # noqa: ARG002 - asked unsigned
        """A new address is tried out with an empty call, and 200 is the answer."""
        return Reply() if push.body.strip() in (b"", b"{}") else None

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare the key, then the hex HMAC-SHA256 over stamp, method, our own path and `data` as it was spelled.

        How the vendor spells `data` for its signature no document says: compact JSON counts as well.
        """
        secret = require_secret(secrets, "api_secret").encode()
        told = envelope(push.body)
        require_same(word(told, "apiKey"), require_secret(secrets, "api_key"))
        stamp, given = word(told, "timestamp"), word(told, "signature")
        for data in spellings(push.body, told):
            if hmac_ok(secret, signed_text(stamp, push.method, push.path, data), given):
                return
        raise Forged("the signature is not this data's")

    def kept(self, push: Push) -> bytes:
        """Leave the account's key out of what is kept."""
        return emptied(push.body, "apiKey")

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield what a push or an answer says of its order, or where the courier asked for is."""
        data = part["data"]
        if "eventType" not in part:
            if "coordinates" in data:
                yield _position(payload.numbers[0], data["coordinates"], payload.received_at)
            else:
                yield from _order(data, payload.received_at)
            return
        event, order, told_at = part["eventType"], dig(data, "order") or {}, _stamp(part, payload.received_at)
        if event == "DRIVER_ASSIGNED":
            yield from _assigned(data, told_at)
        elif event == "ORDER_REPLACED":
            yield from _replaced(data["prevOrderId"], order["orderId"], told_at)
        elif "status" in order:
            yield from _order(order, told_at)
        elif event == "ORDER_CREATED":
            yield Scan(number=order["orderId"], at=told_at, codes=("ORDER_CREATED",), event_id="ORDER_CREATED")
        elif "stops" in order:
            yield from _stops(order, told_at)
        elif event not in NO_PARCEL:
            raise Unreadable("an event without an order's status")


def _path(number: str) -> str:
    return f"/orders/{quote(number, safe='')}"


def _allowed(answer: Answer, why_not: str) -> Answer:
    if answer.status != 200:  # noqa: PLR2004 - OK
        raise NotFound(why_not)
    return answer


def _order(order: dict[str, Any], told_at: datetime) -> Iterator[Said]:
    yield _status(order, told_at)
    yield from _stops(order, told_at)
    stops, drops = rows(order, "stops"), _drops(order)
    yield Detail(
        number=order["orderId"],
        proofs=_proofs(drops) or None,
        origin=_place(stops[0]) if stops else None,
        destination=_place(drops[0]) if len(drops) == 1 else None,
        tracking_url=text_of(order, "shareLink"),
    )


def _status(order: dict[str, Any], told_at: datetime) -> Scan:
    """Return where the order stands, named by status and courier: an answer and a push say the same.

    A courier who leaves the order sends it back to the search, which is an event of its own.
    """
    status, drops = order["status"], _drops(order)
    name, before = status, text_of(order, "previousStatus")
    if status in UNDER_WAY:
        name = f"{status}/{text_of(order, 'driverId') or ''}"
    elif status == "ASSIGNING_DRIVER" and before not in (None, status):
        name = f"{status}@{told_at.isoformat()}"
    pod = text_of(drops[0], "POD", "status") if len(drops) == 1 and status == "COMPLETED" else None
    return Scan(
        number=order["orderId"],
        at=_reached(status, order, drops) or told_at,
        codes=(f"{status}/{pod}", status) if pod in ("SIGNED", "FAILED") else (status,),
        event_id=name,
        proofs=_proofs(drops) if status == "COMPLETED" else (),
    )


def _reached(status: str, order: dict[str, Any], drops: list[Any]) -> datetime | None:
    """Return when the goods changed hands, where the stops tell."""
    if status == "PICKED_UP":
        stops = rows(order, "stops")
        return _instant(text_of(stops[0], "POP", "pickedUpAt")) if stops else None
    if status != "COMPLETED" or not drops:
        return None
    times = [_instant(text_of(drop, "POD", "deliveredAt")) for drop in drops]
    told = [at for at in times if at is not None]
    return max(told) if len(told) == len(drops) else None


def _stops(order: dict[str, Any], told_at: datetime) -> Iterator[Scan]:
    """Yield each drop-off that is over. Of several none tells of the order as a whole (`stop/...` rows)."""
    drops = _drops(order)
    for at_stop, drop in enumerate(drops, start=1):
        status = text_of(drop, "POD", "status")
        if status is None or status == "PENDING":
            continue
        yield Scan(
            number=order["orderId"],
            at=_instant(text_of(drop, "POD", "deliveredAt")) or told_at,
            codes=(f"POD/{status}" if len(drops) == 1 else f"stop/POD/{status}",),
            place=_place(drop),
            event_id=f"POD/{at_stop}/{status}",
            proofs=_proofs([drop]),
            extra={"stop": at_stop} if len(drops) > 1 else {},
        )


def _drops(order: dict[str, Any]) -> list[Any]:
    """Return the stops after the pickup."""
    return rows(order, "stops")[1:]


def _proofs(drops: list[Any]) -> tuple[Proof, ...]:
    """Return the pictures by their addresses, which lie outside the API. A delivery code's value is never read."""
    proofs: list[Proof] = []
    for drop in drops:
        kind, image = PROOFS.get(text_of(drop, "POD", "status") or ""), text_of(drop, "POD", "image")
        if kind and image:
            proofs.append(Proof(kind=kind, reference=image))  # type: ignore[arg-type] # both are kinds of proofs
        if text_of(drop, "deliveryCode", "status") == "Verified":
            proofs.append(Proof(kind="pin"))
    return tuple(proofs)


def _place(stop: Any) -> Place:
    """Return a stop's point. Its address is one line of text, with the street in it: never read."""
    point = dig(stop, "coordinates")
    if point is None:
        return Place()
    return Place(latitude=_degrees(point["lat"]), longitude=_degrees(point["lng"]))


def _assigned(data: dict[str, Any], told_at: datetime) -> Iterator[Said]:
    """Tell the courier's first name and place. The phone is the courier's own, so it is never read."""
    number, courier, location = data["order"]["orderId"], data["driver"], dig(data, "location")
    name = text_of(courier, "name")
    yield Scan(
        number=number,
        at=told_at,
        codes=("DRIVER_ASSIGNED",),
        event_id=f"DRIVER_ASSIGNED/{courier['driverId']}",
    )
    yield Detail(number=number, courier=name.split()[0] if name else None)
    if location is not None:
        yield _position(number, location, told_at)


def _replaced(old: str, new: str, told_at: datetime) -> Iterator[Said]:
    """Customer service made another order of this one."""
    yield Scan(number=old, at=told_at, codes=("ORDER_REPLACED",), event_id=f"ORDER_REPLACED/{new}")
    yield Detail(number=old, continues_as=("lalamove", new))


def _position(number: str, told: dict[str, Any], told_at: datetime) -> Position:
    return Position(
        number=number,
        at=_instant(text_of(told, "updatedAt")) or told_at,
        latitude=_degrees(told["lat"]),
        longitude=_degrees(told["lng"]),
    )


def _degrees(told: Any) -> float:
    """Return a coordinate: a text in answers, a number in the push of a courier."""
    if isinstance(told, bool) or not isinstance(told, str | int | float):
        raise TypeError("a coordinate is a number")
    return float(told)


def _instant(text: str | None) -> datetime | None:
    """Return a time; None where the vendor spells minutes.seconds, because such a clock was seen to be local."""
    if text is None or MINUTE_DOT_SECOND.fullmatch(text):
        return None
    at = iso(text)
    if getattr(at, "tzinfo", None) is None:
        raise ValueError("a time carries its offset")
    return at  # type: ignore[return-value] # a day has no offset either


def _stamp(push: dict[str, Any], received_at: datetime) -> datetime:
    stamp = text_of(push, "timestamp")
    if stamp is None:
        return received_at
    figure = int(stamp)
    return epoch_ms(figure if figure >= _SECONDS_END else figure * 1000)


def _object(body: bytes) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = None
    if not isinstance(read, dict) or not isinstance(read.get("data"), dict):
        raise Unreadable("the answer is not a JSON object with data")
    return read

"""Spring GDS: one JSON command a number; the key and the errors both stand in the body."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from connectors.errors import Rejected, Unreadable
from normalizer.clock import from_pair, iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

GRAMS = {"kg": 1000, "g": 1}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Carrier(Connector, Polls):
    """The command TrackShipment."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The key goes into the body."""
        key = secrets["api_key"]
        return FilledBody(lambda body: orjson.dumps({"Apikey": key} | orjson.loads(body)))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number. Raises `Rejected` where the answer speaks of the key."""
        command = {"Command": "TrackShipment", "Shipment": {"TrackingNumber": numbers[0], "ShipperReference": ""}}
        answer = await http.post("/", json=command, repeatable=True)
        if "api key" in _error(answer.body):
            raise Rejected("the carrier refuses the account's API key")
        return answer

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the shipment's events, oldest first as they come, and what is told of it as a whole."""
        if part["ErrorLevel"] != 0 and dig(part, "Shipment") is None:
            words = text_of(part, "Error") or ""
            if not payload.numbers or not words.casefold().rstrip(" .").endswith("not found"):
                raise Unreadable(f"the carrier answers with the error level {part['ErrorLevel']}")
            yield Missing(number=payload.numbers[0], text=words)
            return
        shipment = part["Shipment"]
        number = shipment["TrackingNumber"]
        for order, event in enumerate(rows(shipment, "Events")):
            yield _scan(number, event, order)
        yield _detail(number, shipment)


def _error(body: bytes) -> str:
    """Return the words of an answer's error in small letters; an answer that cannot be read has none."""
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    words = read.get("Error") if isinstance(read, dict) else None
    return words.casefold() if isinstance(words, str) else ""


def _scan(number: str, event: dict[str, Any], order: int) -> Scan:
    code, carriers = text_of(event, "Code"), text_of(event, "CarrierCode")
    words = text_of(event, "Description")
    told = {"carrier_code": carriers, "carrier_text": text_of(event, "CarrierDescription")}
    return Scan(
        number=number,
        at=_at(event),
        codes=(code,) if code else (),
        text=words or "",
        phrase=words,
        place=Place(
            city=text_of(event, "City"),
            region=text_of(event, "State"),
            postal_code=text_of(event, "Zip"),
            country=text_of(event, "Country"),
        ),
        order=order,
        extra={name: value for name, value in told.items() if value},
    )


def _at(event: dict[str, Any]) -> datetime:
    """Return the local clock with the offset that the seconds beside it give."""
    local = iso(event["DateTime"])
    if not isinstance(local, datetime):
        raise TypeError("an event's time has a clock")
    seconds = dig(event, "Timestamp")
    if seconds is None:
        return local
    return from_pair(local, (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=None))


def _detail(number: str, shipment: dict[str, Any]) -> Detail:
    following = text_of(shipment, "CarrierLocalTrackingNumber") or text_of(shipment, "CarrierTrackingNumber")
    weight = text_of(shipment, "Weight")
    factor = GRAMS.get((text_of(shipment, "WeightUnit") or "").casefold())
    consignee = dig(shipment, "ConsigneeAddress")
    carrier = text_of(shipment, "Carrier")
    references = (text_of(shipment, "ShipperReference"), text_of(shipment, "DisplayId"))
    return Detail(
        number=number,
        service_code=text_of(shipment, "Service"),
        weight_grams=round(float(weight) * factor) if weight and factor else None,
        references=tuple(one for one in references if one and one != number) or None,
        destination=Place(
            city=text_of(consignee, "City"),
            region=text_of(consignee, "State"),
            postal_code=text_of(consignee, "Zip"),
            country=text_of(consignee, "Country"),
        )
        if consignee
        else None,
        continues_as=(None, following) if following and following != number else None,
        tracking_url=text_of(shipment, "CarrierTrackingUrl"),
        extra={"next_carrier": carrier} if carrier else None,
    )

"""Spoke Dispatch (formerly Circuit for Teams): routes of a merchant's own couriers, told stop by stop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from connectors.auth import Basic
from connectors.base import Connector, Payload, Polls, Pushes, dig, rows, text_of
from connectors.errors import NotFound
from connectors.signatures import require_header, require_hmac, require_secret
from normalizer.clock import epoch_ms
from normalizer.model import Detail, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    import httpx

    from connectors.base import Push
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

STOP_ID = re.compile(r"plans/[A-Za-z0-9_-]{1,50}/stops/[A-Za-z0-9_-]{1,50}", re.ASCII)
"""A stop's id is its path in the API."""

NO_STOP = frozenset({"test.send_event", "unassigned_stop.tracking_link_added"})
"""Events without a stop on a route: a trial from the settings page, and a stop that has no id of its own yet."""

ALLOCATED, STARTED, ATTEMPTED = "stop.allocated", "stop.out_for_delivery", "stop.attempted_delivery"
"""Events whose time stands in the stop, so that each later push and each answer tells them again."""

LINK = "stop.tracking_link_added"
"""The event that tells of the stop as a whole and of nothing that happened."""

GRAMS = {"kilogram": 1000.0, "pound": 453.59237, "metric-ton": 1_000_000.0}


class Carrier(Connector, Pushes, Polls):
    """The webhooks (v1 and v0.2b) and the stops of the API, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> httpx.Auth:
        """The API key as user name, no password."""
        return Basic(secrets["api_key"], "")

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for one stop."""
        if STOP_ID.fullmatch(numbers[0]) is None:
            raise NotFound("a stop's id is plans/.../stops/...")
        return await http.get(f"/{numbers[0]}")

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Hex HMAC-SHA256 over the raw body; the header has the product's present or its former name."""
        key = require_secret(secrets, "webhook_secret").encode()
        former = push.headers.get("circuit-signature", "")
        require_hmac(key, push.body, former or require_header(push.headers, "spoke-signature"))

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield the walk of a stop so far, what its event adds, and what is told of it as a whole."""
        event = part["type"] if "created" in part else None
        if event in NO_STOP:
            return
        stop = part["data"] if event else part
        if stop["type"] != "stop":  # a route's own start or end
            return
        yield from _walk(stop)
        if event is not None:
            yield from _news(event, epoch_ms(_whole(part["created"])), stop)
        yield _detail(stop)


def _walk(stop: dict[str, Any]) -> Iterator[Scan]:
    """Yield what the stop itself says happened, with the times it gives: a push that was lost comes with the next."""
    route, done = dig(stop, "route", "state"), dig(stop, "deliveryInfo")
    for event, name in ((ALLOCATED, "distributedAt"), (STARTED, "startedAt")):
        at = _at(route, name)
        if at is not None:
            yield Scan(number=stop["id"], at=at, codes=(_code(stop, event),))
    if dig(done, "attempted") is True:
        yield _attempt(stop, done)


def _news(event: str, created: datetime, stop: dict[str, Any]) -> Iterator[Scan]:
    """Yield what the event says beyond that."""
    attempted, route = dig(stop, "deliveryInfo", "attempted") is True, dig(stop, "route", "state")
    told = {ALLOCATED: _at(route, "distributedAt") is not None, STARTED: _at(route, "startedAt") is not None}
    if event == LINK or told.get(event) or (attempted and event in (ATTEMPTED, "stop.departed")):
        return
    yield Scan(number=stop["id"], at=created, codes=(_code(stop, event),), eta=_eta(stop))


def _attempt(stop: dict[str, Any], done: dict[str, Any]) -> Scan:
    point, succeeded = dig(done, "attemptedLocation"), done["succeeded"] is True
    return Scan(
        number=stop["id"],
        at=_at(done, "attemptedAt"),
        codes=(_code(stop, done["state"]),),
        place=Place(latitude=dig(point, "latitude"), longitude=dig(point, "longitude")),
        signed_by=text_of(done, "signeeName") if succeeded else None,
        proofs=_proofs(done),
    )


def _code(stop: dict[str, Any], word: str) -> str:
    """Return the word, of a stop where goods are collected under a name of its own."""
    return f"pickup/{word}" if stop["activity"] == "pickup" else word


def _proofs(done: Any) -> tuple[Proof, ...]:
    """Return the pictures by their addresses, which lie outside the API."""
    signature = text_of(done, "signatureUrl")
    return (
        *((Proof(kind="signature", reference=signature),) if signature else ()),
        *(Proof(kind="photo", reference=photo) for photo in map(text_of, rows(done, "photoUrls")) if photo),
    )


def _detail(stop: dict[str, Any]) -> Detail:
    """Tell the stop as it stands. Recipient, address lines, notes and own properties are never read."""
    done, pickup = dig(stop, "deliveryInfo"), stop["activity"] == "pickup"
    attempted, succeeded = dig(done, "attempted") is True, dig(done, "succeeded") is True
    point = Place(latitude=dig(stop, "address", "latitude"), longitude=dig(stop, "address", "longitude"))
    order = dig(stop, "orderInfo")
    references = [
        *map(text_of, rows(stop, "barcodes")),
        text_of(order, "sellerOrderId"),
        text_of(order, "invoiceNumber"),
    ]
    service = dig(stop, "serviceInfo", "value")
    label = text_of(stop, "packageLabel")
    return Detail(
        number=stop["id"],
        eta=None if attempted or pickup else _eta(stop),
        service=text_of(service, "name"),
        service_code=text_of(service, "identifier"),
        weight_grams=_grams(dig(stop, "weight")),
        pieces_total=dig(stop, "packageCount"),
        references=tuple(dict.fromkeys(one for one in references if one)) or None,
        signed_by=text_of(done, "signeeName") if succeeded else None,
        proofs=(_proofs(done) or None) if attempted else None,
        origin=point if pickup else None,
        destination=None if pickup else point,
        tracking_url=text_of(stop, "trackingLink"),
        extra={"package_label": label} if label else None,
    )


def _eta(stop: dict[str, Any]) -> Window | None:
    """Return the promised window; it comes bare in v0.2b, and in v1 only where its status is `available`."""
    eta = dig(stop, "eta")
    value = dig(eta, "value") if text_of(eta, "status") else eta
    if value is None or dig(stop, "deliveryInfo", "attempted") is True or stop["activity"] == "pickup":
        return None
    likely = _at(value, "estimatedArrivalAt")
    start, end = _at(value, "estimatedEarliestArrivalAt"), _at(value, "estimatedLatestArrivalAt")
    return Window(start or likely, end or likely)


def _grams(weight: Any) -> int | None:
    return None if weight is None else round(weight["amount"] * GRAMS[weight["unit"]])


def _at(node: Any, name: str) -> datetime | None:
    """Return a time inside a stop: seconds since 1970, where the envelope has milliseconds."""
    seconds = dig(node, name)
    return None if seconds is None else epoch_ms(round(_number(seconds) * 1000))


def _whole(told: Any) -> int:
    return round(_number(told))


def _number(told: Any) -> float:
    if isinstance(told, bool) or not isinstance(told, int | float):
        raise TypeError("a time is a number since 1970")
    return told

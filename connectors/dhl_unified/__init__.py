"""DHL Shipment Tracking - Unified: one JSON shape over ten divisions, each with status words of its own.

A code's key is (division, status), because the divisions share numbers such as `101` with other meanings. Where a
division sends no status, or one without a row, the API's own coarse `statusCode` decides; it is never mixed up with
the words of the description.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from connectors.auth import KeyAuth
from connectors.base import Connector, Payload, Polls, Push, Pushes, Subscribed, Subscribes, dig, rows, text_of
from connectors.dhl_unified.measures import dimensions, grams
from connectors.errors import Rejected, Unreadable
from connectors.signatures import require_same, require_secret
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Proof, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

NEWS = ("Pre-Transit", "Transit", "Delivered", "Failure", "Unknown")
"""The events of a subscription: all that the API has."""

HANDSHAKES = frozenset({"subscription.validate", "subscription.ready"})
"""Scopes of pushes that carry no shipment."""

LOCAL_ZONES = {"parcel-de": "Europe/Berlin"}
"""Divisions whose bare times are their own country's clock where a scan names no place."""

SENTENCES = frozenset({"parcel-de"})
"""Divisions whose sentences are listed as statuses: one beside a coarser status tells more, and speaks first."""

_NOT_FOUND = 404


class Part(NamedTuple):
    """One entry of `shipments[]`, and how many entries of its division share its id."""

    shipment: Any
    sharing: int


class Carrier(Connector, Polls, Pushes, Subscribes):
    """Shipment Tracking Unified v2 and its push companion v1."""

    signs_body = False

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """The key of an app on the developer portal, in a header of its own."""
        return KeyAuth("DHL-API-Key", secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one number in English: some divisions send their status as words of the asked language."""
        return await http.get("/track/shipments", params={"trackingNumber": numbers[0], "language": "en"})

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """Compare the header and token that the account chose in its subscription: DHL signs nothing."""
        given = push.headers.get(require_secret(secrets, "push_header").lower(), "")
        require_same(given, require_secret(secrets, "push_token"))

    async def subscribe(
        self, http: CarrierClient, numbers: Sequence[str], callback: str, secrets: Mapping[str, str]
    ) -> Subscribed:
        """Ask for pushes of these numbers. DHL then calls with `subscription.validate`; it lives once activated.

        Raises `Rejected` where the account has no header and token: nothing would prove such pushes.
        """
        if not (secrets.get("push_header") and secrets.get("push_token")):
            raise Rejected("the account has no push_header and push_token of its own choice")
        wanted: dict[str, Any] = {
            "hook": {
                "uri": callback,
                "authentication": {
                    "type": "ApiKeyAuthentication",
                    "header": secrets["push_header"],
                    "token": secrets["push_token"],
                },
            },
            "format": "Default",
            "type": "Shipment",
            "events": list(NEWS),
            "shipmentIDs": list(numbers),
        }
        if secrets.get("push_service"):
            wanted["service"] = secrets["push_service"]
        answer = await http.post("/tracking/push/v1/subscription", json=wanted, expect=(200, 201, 202))
        return Subscribed(accepted=tuple(numbers), reference=_reference(answer.body))

    def parts(self, payload: Payload) -> Iterator[Part | Missing]:
        """Split an answer or a push into its shipments; a handshake has none."""
        said = payload.json()
        if text_of(said, "scope") in HANDSHAKES:
            return
        body = said.get("trackingResponse", said)
        shipments = rows(body, "shipments")
        if not shipments:
            yield from _refusal(body, payload.numbers)
            return
        keys = [_key(one) for one in shipments]
        often = Counter(keys)
        for shipment, key in zip(shipments, keys, strict=True):
            yield Part(shipment, often[key])

    def parse(self, payload: Payload, part: Part | Missing) -> Iterator[Said]:
        """Yield a shipment's events as they stand (newest first) and what is said of it as a whole.

        A number that is a merchant's reference brings several parcels of one division under one id: there the
        division's own number of each stands in as its piece.
        """
        if isinstance(part, Missing):
            yield part
            return
        shipment = part.shipment
        number, service = _number(shipment, payload.numbers), text_of(shipment, "service")
        own = _own_number(shipment) if part.sharing > 1 else None
        # A push may bring the present status alone; in answers it repeats one of the events.
        events = rows(shipment, "events") or [shipment["status"]]
        whole = frozenset(_texts(shipment, "details", "pieceIds"))
        for later, event in enumerate(events, start=1):
            for piece in (own,) if own else _pieces(event, whole):
                yield _scan(number, service, event, piece, len(events) - later, listed=self.codes.codes)
        if own:
            yield Detail(number=number, service_code=service, pieces_total=part.sharing)
        else:
            yield _detail(number, shipment, service)


def _refusal(body: Any, asked: Sequence[str]) -> Iterator[Missing]:
    status = body["status"]
    if status != _NOT_FOUND:
        raise Unreadable(f"DHL answers with the error {status if isinstance(status, int) else 'without a number'}")
    numbers = asked or (str(body["instance"]).rpartition("/")[2],)
    for number in numbers:
        yield Missing(number=number, text=text_of(body, "detail") or "")


def _key(shipment: Any) -> tuple[str, str] | None:
    """Return what entries of one division share; never raises, so a poisoned entry costs itself alone."""
    return (str(shipment.get("service")), str(shipment.get("id"))) if isinstance(shipment, dict) else None


def _number(shipment: Any, asked: Sequence[str]) -> str:
    """Return the id as text. Sent as a number it has lost its leading zeros, which the asked number still has."""
    said = shipment["id"]
    number = text_of(shipment, "id")
    if number is None:
        raise TypeError(said)
    if isinstance(said, int):
        return next((one for one in asked if one.lstrip("0") == number), number)
    return number


def _own_number(shipment: Any) -> str | None:
    kinds = {text_of(one, "type"): text_of(one, "number") for one in rows(shipment, "details", "references")}
    return kinds.get("ecommerce-number") or kinds.get("local-tracking-number")


def _scan(
    number: str, service: str | None, event: dict[str, Any], piece: str | None, order: int, *, listed: Container[str]
) -> Scan:
    status, coarse = text_of(event, "status"), text_of(event, "statusCode")
    words = text_of(event, "description") or status or ""
    codes = []
    if service in SENTENCES and (sentence := f"{service}/{words}") in listed:
        codes.append(sentence)
    if status and service and f"{service}/{status}" not in codes:
        codes.append(f"{service}/{status}")
    if coarse:
        codes.append(coarse.lower())
    hints = {"remark": text_of(event, "remark"), "next_steps": text_of(event, "nextSteps")}
    place = _place(dig(event, "location"), service)
    return Scan(
        number=number,
        at=iso(event["timestamp"]),
        codes=tuple(codes),
        text=words,
        phrase=words or None,
        place=place,
        zone=LOCAL_ZONES.get(service or "") if place == NOWHERE else None,
        piece=piece,
        order=order,
        extra={name: value for name, value in hints.items() if value},
    )


def _pieces(event: dict[str, Any], whole: frozenset[str]) -> tuple[str | None, ...]:
    """Return whose event it is: the pieces it names, or the whole shipment where it names all or none."""
    named = _texts(event, "pieceIds")
    return (None,) if not named or (whole and whole <= set(named)) else named


def _detail(number: str, shipment: dict[str, Any], service: str | None) -> Detail:
    details = dig(shipment, "details")
    references = [(text_of(one, "type"), text_of(one, "number")) for one in rows(details, "references")]
    local = next((one for kind, one in references if kind == "local-tracking-number" and one), None)
    remark, reroute = text_of(shipment, "estimatedTimeOfDeliveryRemark"), text_of(shipment, "rerouteUrl")
    extra = {name: said for name, said in {"eta_remark": remark, "reroute_url": reroute}.items() if said}
    return Detail(
        number=number,
        eta=_eta(shipment),
        service=text_of(details, "product", "productName"),
        service_code=service,
        weight_grams=grams(dig(details, "weight")),
        dimensions_mm=dimensions(dig(details, "dimensions")),
        pieces_total=_count(dig(details, "totalNumberOfPieces")),
        pieces=_texts(details, "pieceIds") or None,
        references=tuple(one for _, one in references if one and one != number) or None,
        signed_by=_signer(dig(details, "proofOfDelivery", "signed")),
        proofs=_proofs(dig(details, "proofOfDelivery")) or None,
        origin=_known(_place(dig(shipment, "origin"), service)),
        destination=_known(_place(dig(shipment, "destination"), service)),
        continues_as=(None, local) if local and local != number else None,
        tracking_url=_address(text_of(shipment, "serviceUrl")),
        extra=extra or None,
    )


def _count(said: Any) -> int | None:
    if said is not None and not isinstance(said, int):
        raise TypeError("expected a count")
    return int(said or 0) or None


def _eta(shipment: dict[str, Any]) -> Window | None:
    """Return the promised time: the frame if there is one, else the one time, of which midnight means that day."""
    start = text_of(shipment, "estimatedDeliveryTimeFrame", "estimatedFrom")
    end = text_of(shipment, "estimatedDeliveryTimeFrame", "estimatedThrough")
    if start or end:
        return Window(iso(start) if start else None, iso(end) if end else None)
    said = text_of(shipment, "estimatedTimeOfDelivery")
    if not said:
        return None
    at = iso(said)
    if isinstance(at, datetime) and at.time() == time():
        at = at.date()
    return Window(at, at)


def _place(node: Any, service: str | None) -> Place:
    country = text_of(node, "address", "countryCode")
    city, region = text_of(node, "address", "addressLocality"), None
    words = [word.strip() for word in city.split(",")] if city else []
    match words:
        case [town, state, land] if land == country:  # ecommerce: town, state, country
            city, region = town, state
        case [town, _, *_] if service == "dsc":  # town, country, region - an employee's name, postal code
            city = town
        case [*town, "Germany"] if service == "parcel-de":  # this division sends no country code
            city, country = ", ".join(town) or None, "DE"
    return Place(
        city=city,
        region=region,
        postal_code=text_of(node, "address", "postalCode"),
        country=country if country and len(country) == 2 and country.isupper() else None,  # noqa: PLR2004 - ISO 3166
    )


def _known(place: Place) -> Place | None:
    return None if place == NOWHERE else place


def _signer(person: Any) -> str | None:
    names = (text_of(person, "givenName"), text_of(person, "familyName"))
    return text_of(person, "name") or " ".join(name for name in names if name) or None


def _proofs(node: Any) -> tuple[Proof, ...]:
    signature, document = _address(text_of(node, "signatureUrl")), _address(text_of(node, "documentUrl"))
    found = []
    if signature:
        found.append(Proof(kind="signature", reference=signature))
    if document:
        found.append(Proof(kind="document", reference=document))
    return tuple(found)


def _address(text: str | None) -> str | None:
    return text if text and text.startswith(("https://", "http://")) else None


def _texts(node: Any, *path: str) -> tuple[str, ...]:
    value = dig(node, *path)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise TypeError(path[-1])
    return tuple(text for one in value if (text := text_of(one)))


def _reference(body: bytes) -> str | None:
    """Return the address under which DHL keeps a subscription, where its answer names one."""
    try:
        return text_of(orjson.loads(body), "self")
    except (orjson.JSONDecodeError, TypeError):
        return None

"""La Poste Suivi v2: letters, Colissimo and Chronopost by one question, up to ten numbers at a time."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from connectors.auth import KeyAuth
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SAYS_WHY = frozenset({200, 207, 400, 404})
"""Statuses whose body is read: one answer, several, an invalid number, an unknown one."""

FINE = frozenset({200, 201, 208})
UNKNOWN = frozenset({104, 400, 404})
"""Not (yet) known, or no number of theirs. What 101, 105 and 109 mean is not documented."""

CHOICES = {1: "possible", 2: "chosen"}
_OK, _SEVERAL = 200, 207


class Carrier(Connector, Polls):
    """`/suivi/v2/idships`."""

    def auth(self, secrets: Mapping[str, str]) -> KeyAuth:
        """The key of an application that has subscribed to the API."""
        return KeyAuth("X-Okapi-Key", secrets["api_key"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to ten numbers, labels in English; codes are the same in every language."""
        path = "/suivi/v2/idships/" + ",".join(quote(number, safe="") for number in numbers)
        answer = await http.get(path, params={"lang": "en_GB"}, headers={"Accept": "application/json"}, expect=SAYS_WHY)
        _raise_refusal(answer)
        return answer

    def parts(self, payload: Payload) -> list[Any]:
        """One answer a number: an object for one, a list for several, that list once more inside `responses`."""
        said = payload.json()
        answers = said if isinstance(said, list) else rows(said, "responses") or [said]
        if not answers:
            raise Unreadable("the answer is an empty list")
        return answers

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield a number's events, newest first as they come, and what is said of it as a whole."""
        result, shipment = part["returnCode"], dig(part, "shipment")
        if result in FINE and shipment is not None:
            own = shipment["idShip"]
            number = payload.numbers[0] if len(payload.numbers) == 1 else own
            countries = _countries(rows(shipment, "timeline"))
            events = rows(shipment, "event")
            for later, event in enumerate(events, start=1):
                yield _scan(number, event, len(events) - later, countries)
            yield _detail(number, shipment)
        elif result in UNKNOWN:
            number = text_of(part, "idShip") or (payload.numbers[0] if len(payload.numbers) == 1 else None)
            if number is None:
                raise Unreadable("an answer about an unknown number does not name it")
            yield Missing(number=number, text=text_of(part, "returnMessage") or "")
        else:
            raise Unreadable(f"La Poste answers for a number with the return code {result}")


def _raise_refusal(answer: Answer) -> None:
    """Name what is no answer: a used-up plan under any status, and a gateway's page instead of JSON."""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        if answer.status in (_OK, _SEVERAL):
            raise Unavailable("the carrier's gateway answers with something that is not JSON") from None
        raise NotFound("the carrier does not know the number") from None
    if isinstance(said, dict) and said.get("code") == "TOO_MANY_REQUESTS":
        raise Unavailable("the account has used up its allowance")


def _countries(steps: list[Any]) -> dict[str, str]:
    """Return the country of each dated step: an event has none of its own, yet shares its date with its step."""
    dated = ((text_of(step, "date"), text_of(step, "country")) for step in steps)
    return {date: country for date, country in dated if date and country}


def _scan(number: str, event: Any, order: int, countries: Mapping[str, str]) -> Scan:
    date = event["date"]
    country = countries.get(date)
    return Scan(
        number=number,
        at=iso(date),
        codes=(event["code"],),
        text=text_of(event, "label") or "",
        place=Place(country=country) if country else NOWHERE,
        order=order,
    )


def _detail(number: str, shipment: Any) -> Detail:
    context = dig(shipment, "contextData")
    partner, point = dig(context, "partner"), dig(context, "removalPoint")
    onward = text_of(partner, "reference")
    kept = {
        "holder": dig(shipment, "holder"),
        "partner": text_of(partner, "name"),
        "partner_network": text_of(partner, "network"),
        "notice_number": text_of(partner, "numberAVPI"),
        "instance_number": text_of(partner, "numberInstance"),
        "pickup_point_kind": text_of(point, "type"),
        "delivery_choice": CHOICES.get(dig(context, "deliveryChoice", "deliveryChoice")),
    }
    return Detail(
        number=number,
        eta=_eta(shipment),
        service=text_of(shipment, "product"),
        references=(shipment["idShip"],) if shipment["idShip"] != number else None,
        origin=_country(context, "originCountry"),
        destination=_country(context, "arrivalCountry"),
        pickup_point=Place(facility=text_of(point, "name")) if point else None,
        continues_as=(None, onward) if onward and onward != number else None,
        tracking_url=text_of(shipment, "url"),
        extra={name: said for name, said in kept.items() if said} or None,
    )


def _country(context: Any, name: str) -> Place | None:
    country = text_of(context, name)
    return Place(country=country) if country else None


def _eta(shipment: Any) -> Window | None:
    """Return the promised frame, or else the day: `estimDate` carries a time that promises nothing."""
    start, end = text_of(shipment, "estimHourMin"), text_of(shipment, "estimHourMax")
    if start and end:
        return Window(iso(start), iso(end))
    said = text_of(shipment, "estimDate")
    if said is None:
        return None
    at = iso(said)
    day = at.date() if isinstance(at, datetime) else at
    return Window(day, day)

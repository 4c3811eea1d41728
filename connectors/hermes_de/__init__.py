"""Hermes Germany's Shipping Interface (HSI): up to a hundred parcels a question, proofs of delivery as PDF."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from connectors.auth import OAuth2Password
from connectors.base import Connector, Document, Payload, Polls, Proves, dig, rows, text_of
from connectors.errors import NotFound, Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

TOKEN = {
    "production": "https://authme.myhermes.de/authorization-facade/oauth2/access_token",
    "test": "https://authme-int.myhermes.de/authorization-facade/oauth2/access_token",
}

NO_INFORMATION = "e001"
INVALID = frozenset({"e005", "e006", "e008"})
"""A question whose fields are not as they should be: of one number, a number that cannot be."""

PASSING = frozenset({"e002", "e902", "e903"})
"""Not successful this time, or a token that ran out: they come as 400, where no token is renewed at once."""

REASONS = frozenset(
    {
        "REQUESTED_BY_PAYMENT_PROVIDER",
        "REQUESTED_BY_HEALTH_INSURANCE",
        "REQUESTED_BY_RECEIVER",
        "REQUESTED_BY_AUTHORITY",
        "POSSIBLE_FRAUD_CASE",
    }
)

ALPHA_2 = {
    "AUT": "AT", "BEL": "BE", "BGR": "BG", "CHE": "CH", "CYP": "CY", "CZE": "CZ", "DEU": "DE", "DNK": "DK", "ESP": "ES",
    "EST": "EE", "FIN": "FI", "FRA": "FR", "GBR": "GB", "GRC": "GR", "HRV": "HR", "HUN": "HU", "IRL": "IE", "ITA": "IT",
    "LIE": "LI", "LTU": "LT", "LUX": "LU", "LVA": "LV", "MCO": "MC", "MLT": "MT", "NLD": "NL", "NOR": "NO", "POL": "PL",
    "PRT": "PT", "ROU": "RO", "SVK": "SK", "SVN": "SI", "SWE": "SE",
}  # fmt: skip
"""ISO 3166-1 of Europe, three letters to two; another country stays unnamed."""

_OK = 200


class Carrier(Connector, Polls, Proves):
    """`/services/hsi/shipmentinfo` and `/services/pod/signature`."""

    def auth(self, secrets: Mapping[str, str]) -> OAuth2Password:
        """An app's id and secret and a business customer's user name and password; a token lives an hour."""
        return OAuth2Password(
            TOKEN,
            secrets["client_id"],
            secrets["client_secret"],
            username=secrets["username"],
            password=secrets["password"],
            style="form",
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to a hundred shipment ids, words in English."""
        query = "&".join(f"shipmentID={quote(number, safe='')}" for number in numbers)
        answer = await http.get(
            f"/services/hsi/shipmentinfo?{query}",
            headers={"Accept": "application/json", "Accept-Language": "EN"},
            expect=(200, 400),
        )
        if answer.status != _OK:
            _raise_refusal(answer.body, lone=len(numbers) == 1)
        if answer.body.lstrip().startswith(b"<"):
            raise Unavailable("the carrier's gateway answers with a page")
        return answer

    async def prove(self, http: CarrierClient, number: str, reference: str | None) -> Document:
        """Fetch the receiver's signature as PDF. `reference` may name one of Hermes's reasons for asking."""
        wanted = {"shipmentId": number} | ({"reason": reference} if reference in REASONS else {})
        answer = await http.post("/services/pod/signature", json=wanted, headers={"Accept-Language": "EN"})
        if not answer.body.startswith(b"%PDF-"):
            raise Unreadable("the proof is no PDF")
        return Document(answer.body, "application/pdf")

    def parts(self, payload: Payload) -> list[Any]:
        """One shipment at a time; none, with the code for no information, is that of all numbers asked."""
        said = payload.json()
        shipments = rows(said, "shipmentinfo")
        if shipments:
            return shipments
        codes = [text_of(one, "code") for one in rows(said, "listOfResultCodes")]
        if codes != [NO_INFORMATION]:
            raise Unreadable(f"Hermes answers without a shipment, with the codes {codes}")
        text = text_of(said, "listOfResultCodes", 0, "message") or ""
        return [Missing(number=number, text=text) for number in payload.numbers]

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield a shipment's events, newest first as they come, and what is said of it as a whole."""
        if isinstance(part, Missing):
            yield part
            return
        number, result = _number(part, payload.numbers), text_of(part, "result", "code")
        if result == NO_INFORMATION:
            yield Missing(number=number, text=text_of(part, "result", "message") or "")
            return
        if result is not None and not result.startswith("i"):
            raise Unreadable(f"Hermes answers for a shipment with the code {result}")
        events = rows(part, "status")
        for later, event in enumerate(events, start=1):
            yield _scan(number, event, len(events) - later)
        yield _detail(number, part)


def _raise_refusal(body: bytes, *, lone: bool) -> None:
    """Name a 400 by its result codes."""
    try:
        codes = {text_of(one, "code") for one in rows(orjson.loads(body), "listOfResultCodes")}
    except (orjson.JSONDecodeError, TypeError):
        codes = set()
    if codes & PASSING:
        raise Unavailable("the carrier did not carry out the question")
    if lone and (NO_INFORMATION in codes or codes & INVALID):
        raise NotFound("the carrier knows no such number")
    raise Unreadable(f"the carrier refuses the question with the codes {sorted(code or '?' for code in codes)}")


def _number(shipment: Any, asked: Sequence[str]) -> str:
    """Return the number as it was asked, be it the shipment's id or its international one."""
    own, abroad = text_of(shipment, "shipmentID"), text_of(shipment, "internationalShipmentID")
    for number in (own, abroad):
        if number in asked and number is not None:
            return number
    if own is None:
        raise KeyError("shipmentID")
    return asked[0] if len(asked) == 1 else own


def _scan(number: str, event: Any, order: int) -> Scan:
    unit = dig(event, "scanningUnit")
    return Scan(
        number=number,
        at=iso(event["timestamp"]),
        codes=(_code(event["code"]),),
        text=text_of(event, "description") or "",
        place=NOWHERE
        if unit is None
        else Place(facility=text_of(unit, "name"), city=text_of(unit, "city"), country=_country(unit)),
        order=order,
    )


def _code(text: str) -> str:
    """Return a code as the table spells it: `50-1-4` and `050-001-004` are `050001004`, `3000` stays."""
    parts = text.strip().split("-")
    return "".join(part.zfill(3) for part in parts) if len(parts) == 3 else text.strip()  # noqa: PLR2004 - a 3x3 code


def _country(node: Any) -> str | None:
    return ALPHA_2.get(text_of(node, "countryCode") or "")


def _detail(number: str, shipment: Any) -> Detail:
    names = ("shipmentID", "internationalShipmentID", "clientReference", "clientReference2")
    references = dict.fromkeys(text_of(shipment, name) for name in names)
    receiver = dig(shipment, "receiverAddress")
    forecast = dig(shipment, "deliveryForecast")
    kept = {"part_number": text_of(shipment, "partNumber"), "fixed_delivery": dig(forecast, "fixed") is True}
    place = Place(city=text_of(receiver, "city"), postal_code=text_of(receiver, "zipCode"), country=_country(receiver))
    return Detail(
        number=number,
        eta=_eta(forecast),
        references=tuple(one for one in references if one and one != number) or None,
        destination=place if place != NOWHERE else None,
        tracking_url=text_of(shipment, "trackingLink"),
        extra={name: said for name, said in kept.items() if said} or None,
    )


def _eta(forecast: Any) -> Window | None:
    """Return the expected day, or its slot in German time."""
    day = text_of(forecast, "date")
    if day is None:
        return None
    return Window(_on(day, text_of(forecast, "timeSlot", "from")), _on(day, text_of(forecast, "timeSlot", "to")))


def _on(day: str, time: str | None) -> datetime | date:
    return iso(f"{day}T{time}") if time else iso(day)

"""Aramex: one SOAP question about several waybills; live and test answers differ, and both are read."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/ShippingAPI.V2/Tracking/Service_1_0.svc"

NS = "{http://ws.aramex.net/ShippingAPI/v1/}"
ARRAYS = "{http://schemas.microsoft.com/2003/10/Serialization/Arrays}"

_ACCOUNT = {
    "UserName": "",
    "Password": "",
    "Version": "v1.0",
    "AccountNumber": "",
    "AccountPin": "",
    "AccountEntity": "",
    "AccountCountryCode": "",
}

_RETURN_NUMBER = re.compile(r"\bRtn HAWB (\d{6,20})\b")
"""How the comment of a return names the waybill of the way back (answers of an account in a public client's tests)."""

_GRAMS = {"KG": Decimal(1000), "LB": Decimal("453.59237")}

_COUNTRIES = {
    "algeria": "DZ",
    "australia": "AU",
    "bahrain": "BH",
    "bangladesh": "BD",
    "china": "CN",
    "cyprus": "CY",
    "egypt": "EG",
    "ethiopia": "ET",
    "france": "FR",
    "germany": "DE",
    "ghana": "GH",
    "hong kong": "HK",
    "india": "IN",
    "indonesia": "ID",
    "iraq": "IQ",
    "ireland": "IE",
    "italy": "IT",
    "jordan": "JO",
    "kenya": "KE",
    "kuwait": "KW",
    "lebanon": "LB",
    "libya": "LY",
    "malaysia": "MY",
    "malta": "MT",
    "mauritius": "MU",
    "morocco": "MA",
    "nepal": "NP",
    "netherlands": "NL",
    "new zealand": "NZ",
    "nigeria": "NG",
    "oman": "OM",
    "pakistan": "PK",
    "qatar": "QA",
    "saudi arabia": "SA",
    "singapore": "SG",
    "south africa": "ZA",
    "sri lanka": "LK",
    "sudan": "SD",
    "tanzania": "TZ",
    "thailand": "TH",
    "tunisia": "TN",
    "turkey": "TR",
    "uganda": "UG",
    "united arab emirates": "AE",
    "united kingdom": "GB",
    "united states": "US",
    "vietnam": "VN",
    "yemen": "YE",
}
"""English names of countries as locations end in; a name that is missing here leaves the place without a country."""


class Carrier(Connector, Polls):
    """Aramex's shipments tracking service, version 1."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """User, password and account go into the question's ClientInfo."""
        return FilledBody(
            elements(
                UserName=secrets["user_name"],
                Password=secrets["password"],
                AccountNumber=secrets["account_number"],
                AccountPin=secrets["account_pin"],
                AccountEntity=secrets["account_entity"],
                AccountCountryCode=secrets["account_country"],
            )
        )

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask TrackShipments for all updates of some waybills."""
        return await SERVICE.ask(
            http,
            "TrackShipments",
            path=PATH,
            ClientInfo=_ACCOUNT,
            Shipments={"string": list(numbers)},
            GetLastTrackingUpdateOnly="false",
        )

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One part a waybill: its number and its updates, none where the carrier does not know it.

        The live description has no list of unknown waybills, so one that was asked for and is nowhere in the answer
        counts as unknown too, unless the answer speaks of errors.
        """
        # zeep hands over the reply's elements as they are, and None where there is none.
        found: list[etree._Element] = SERVICE.reply("TrackShipments", payload.body) or []
        reply = {str(one.tag).removeprefix(NS): one for one in found}
        results, unknown, errors = (reply.get(name) for name in ("TrackingResults", "NonExistingWaybills", "HasErrors"))
        if results is None and errors is None:
            raise Unreadable("the answer has neither results nor HasErrors")
        seen = set()
        for pair in results if results is not None else ():
            number = _text(pair, f"{ARRAYS}Key")
            if number is None:
                raise Unreadable("a waybill without its number")
            seen.add(number)
            yield number, pair.findall(f"{ARRAYS}Value/{NS}TrackingResult")
        for number in filter(None, (_said(one.text) for one in (unknown if unknown is not None else ()))):
            seen.add(number)
            yield number, []
        if errors is not None and _said(errors.text) not in (None, "false", "0"):
            raise Unreadable(f"the carrier speaks of errors; codes: {_codes(reply.get('Notifications'))}")
        yield from ((number, []) for number in payload.numbers if number not in seen)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:  # noqa: ARG002 - a part holds all that is needed
        """Yield one waybill's updates, newest first as they come, and its weight."""
        number, updates = part
        if not updates:
            yield Missing(number=number)
        for place_in_list, update in enumerate(updates):
            yield _scan(number, update, order=-place_in_list)
            if back := _RETURN_NUMBER.search(_text(update, f"{NS}Comments") or ""):
                yield Detail(number=number, returns_as=back[1])
        for update in updates:
            if (weight := _grams(update)) is not None:
                yield Detail(number=number, weight_grams=weight)
                return


def _scan(number: str, update: etree._Element, *, order: int) -> Scan:
    code, text = _text(update, f"{NS}UpdateCode"), _text(update, f"{NS}UpdateDescription")
    extra = {"comments": _text(update, f"{NS}Comments"), "problem_code": _text(update, f"{NS}ProblemCode")}
    return Scan(
        number=number,
        at=iso(at) if (at := _text(update, f"{NS}UpdateDateTime")) else None,
        codes=(code,) if code else (),
        text=text or "",
        phrase=text,
        place=_place(_text(update, f"{NS}UpdateLocation")),
        order=order,
        extra={name: value for name, value in extra.items() if value},
    )


def _place(location: str | None) -> Place:
    """Return the place of `CITY, Country`; a location of another form stays whole."""
    city, comma, name = (location or "").rpartition(",")
    country = _COUNTRIES.get(name.strip().casefold()) if comma else None
    if country is None or not city.strip():
        return Place(facility=location)
    return Place(city=city.strip(), country=country)


def _grams(update: etree._Element) -> int | None:
    """Return the gross weight in grams, None where none is told or its unit is not known."""
    weight, unit = _text(update, f"{NS}GrossWeight"), (_text(update, f"{NS}WeightUnit") or "").upper()
    if weight is None or unit not in _GRAMS:
        return None
    grams = int(Decimal(weight) * _GRAMS[unit])
    return grams if grams > 0 else None


def _codes(notifications: etree._Element | None) -> str:
    listed = notifications if notifications is not None else ()
    return ", ".join(filter(None, (_text(one, f"{NS}Code") for one in listed))) or "none"


def _text(node: etree._Element, path: str) -> str | None:
    return _said(node.findtext(path))


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

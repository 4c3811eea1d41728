"""BRT (Italy): the shipment's number is looked up by its parcel's where needed, then tracked, both by SOAP."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import NotFound, Unavailable, Unreadable
from connectors.soap import Service, elements
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
LOOK_UP = "/web/GetIdSpedizioneByIdColloService/GetIdSpedizioneByIdCollo"
PATH = "/web/BRT_TrackingByBRTshipmentIDService/BRT_TrackingByBRTshipmentID"

LANGUAGE = "EN"
ANY_YEAR = "0"
SHIPMENT = 12
"""Digits of a shipment's number; a parcel's is longer and belongs to a customer."""

UNKNOWN = -11
_BROKEN = (b"<ESITO>-1<", b"<ESITO>-3<")
"""A general error and no connection to their database, as a public client names them."""


class Carrier(Connector, Polls):
    """BRT_TrackingByBRTshipmentID and GetIdSpedizioneByIdCollo."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """The customer's number goes into the look-up of a parcel; tracking itself asks for nothing."""
        fill = elements(CLIENTE_ID=secrets["customer_id"])
        return FilledBody(lambda body: fill(body) if b"CLIENTE_ID" in body else body)

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Track one shipment, found by its parcel's number first where that is what we have."""
        number = numbers[0]
        shipment = number if len(number) == SHIPMENT and number.isdecimal() else await self._shipment(http, number)
        question = {
            "LINGUA_ISO639_ALPHA2": LANGUAGE,
            "SPEDIZIONE_ANNO": ANY_YEAR,
            "SPEDIZIONE_BRT_ID": shipment,
        }
        return _working(await SERVICE.ask(http, "brt_trackingbybrtshipmentid", path=PATH, arg0=question))

    async def _shipment(self, http: CarrierClient, parcel: str) -> str:
        question = {"CLIENTE_ID": "", "COLLO_ID": parcel}
        answer = _working(await SERVICE.ask(http, "getidspedizionebyidcollo", path=LOOK_UP, arg0=question))
        found = SERVICE.reply("getidspedizionebyidcollo", answer.body)
        if found is None:
            raise Unreadable("the answer to the look-up is empty")
        outcome, number = _outcome(found.ESITO), _said(found.SPEDIZIONE_ID) or ""
        if outcome == UNKNOWN:
            raise NotFound("no shipment of this customer has the parcel")
        if outcome < 0 or not number.isdecimal():
            raise Unreadable(f"the look-up answered with ESITO {outcome}")
        return number.zfill(SHIPMENT)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One answer, one shipment. Raises `Unreadable` for an outcome that says an error."""
        # zeep hands over the elements themselves where they are the reply's only content, and None where there is none.
        told: list[etree._Element] | None = SERVICE.reply("brt_trackingbybrtshipmentid", payload.body)
        if not told:
            raise Unreadable("the answer is empty")
        outcome = _outcome(next((one.text for one in told if one.tag == "ESITO"), None))
        if outcome < 0 and outcome != UNKNOWN:
            raise Unreadable(f"the carrier answered with ESITO {outcome}")
        yield None if outcome == UNKNOWN else told

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one shipment's events, newest first as they come, and what its note tells."""
        number = payload.numbers[0]
        if part is None:
            yield Missing(number=number)
            return
        listed = [event for one in part if one.tag == "LISTA_EVENTI" for event in one.iterfind("EVENTO")]
        # The list is filled up with empty events (told by a public client).
        events = [event for event in listed if _text(event, "ID") or _text(event, "DESCRIZIONE")]
        for place_in_list, event in enumerate(events):
            yield _scan(number, event, order=-place_in_list)
        for note in part:
            if note.tag == "BOLLA":
                yield _detail(number, note)


def _working(answer: Answer) -> Answer:
    if any(broken in answer.body for broken in _BROKEN):
        raise Unavailable("the carrier says that it cannot answer now")
    return answer


def _outcome(text: str | None) -> int:
    said = _said(text)
    if said is None:
        raise Unreadable("the answer has no ESITO")
    return int(said)


def _scan(number: str, event: etree._Element, *, order: int) -> Scan:
    code, named = _text(event, "ID"), _text(event, "FILIALE")
    branch, _, branch_id = (named or "").removesuffix(")").partition(" (")
    numbered = branch_id.isdecimal()
    return Scan(
        number=number,
        at=_at(_text(event, "DATA"), _text(event, "ORA")),
        codes=(code,) if code else (),
        text=_text(event, "DESCRIZIONE") or "",
        place=Place(facility=branch if numbered else named, facility_id=branch_id if numbered else None),
        order=order,
    )


def _at(day: str | None, clock: str | None) -> datetime | date | None:
    """Read `23.03.2017` and `12.04`, Italian time."""
    if day is None:
        return None
    parts = day.split(".")
    iso_day = "-".join(reversed(parts)) if len(parts) == 3 else day  # noqa: PLR2004 - day, month, year
    return iso(f"{iso_day}T{clock.replace('.', ':')}" if clock else iso_day)


def _detail(number: str, note: etree._Element) -> Detail:
    known = [_text(note, f"RIFERIMENTI/RIFERIMENTO_MITTENTE_{kind}") for kind in ("ALFABETICO", "NUMERICO")]
    partner = _text(note, "RIFERIMENTI/RIFERIMENTO_PARTNER_ESTERO")
    origin, destination = _town(note, "MITTENTE"), _town(note, "DESTINATARIO")
    pieces, weight = _figure(_text(note, "MERCE/COLLI")), _figure(_text(note, "MERCE/PESO_KG"))
    return Detail(
        number=number,
        eta=_eta(note),
        service=_text(note, "DATI_SPEDIZIONE/SERVIZIO"),
        service_code=_text(note, "DATI_SPEDIZIONE/TIPO_SERVIZIO"),
        weight_grams=int(weight * 1000) if weight else None,
        pieces_total=int(pieces) if pieces else None,
        references=tuple(one for one in known if one and one.strip("0")) or None,
        signed_by=_text(note, "DATI_CONSEGNA/FIRMATARIO_CONSEGNA"),
        origin=origin if origin != NOWHERE else None,
        destination=destination if destination != NOWHERE else None,
        extra={"partner_reference": partner} if partner else None,
    )


def _town(note: etree._Element, who: str) -> Place:
    nation = (_text(note, f"{who}/SIGLA_NAZIONE") or "").upper()
    return Place(
        city=_text(note, f"{who}/LOCALITA"),
        region=_text(note, f"{who}/SIGLA_PROVINCIA"),
        postal_code=_text(note, f"{who}/CAP"),
        country=nation if len(nation) == 2 and nation.isalpha() else None,  # noqa: PLR2004 - ISO 3166-1 alpha-2
    )


def _eta(note: etree._Element) -> Window | None:
    day = _text(note, "DATI_CONSEGNA/DATA_TEORICA_CONSEGNA")
    if day is None:
        return None
    return Window(
        _at(day, _text(note, "DATI_CONSEGNA/ORA_TEORICA_CONSEGNA_DA")),
        _at(day, _text(note, "DATI_CONSEGNA/ORA_TEORICA_CONSEGNA_A")),
    )


def _figure(said: str | None) -> Decimal | None:
    return Decimal(said.replace(",", ".")) if said else None


def _text(node: etree._Element, path: str) -> str | None:
    return _said(node.findtext(path))


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

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
        outcome, number = _outcome(found), _said(found.SPEDIZIONE_ID) or ""
        if outcome == UNKNOWN:
            raise NotFound("no shipment of this customer has the parcel")
        if outcome < 0 or not number.isdecimal():
            raise Unreadable(f"the look-up answered with ESITO {outcome}")
        return number.zfill(SHIPMENT)

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One answer, one shipment. Raises `Unreadable` for an outcome that says an error."""
        result = SERVICE.reply("brt_trackingbybrtshipmentid", payload.body)
        if result is None:
            raise Unreadable("the answer is empty")
        outcome = _outcome(result)
        if outcome < 0 and outcome != UNKNOWN:
            raise Unreadable(f"the carrier answered with ESITO {outcome}")
        yield None if outcome == UNKNOWN else result

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one shipment's events, newest first as they come, and what its note tells."""
        number = payload.numbers[0]
        if part is None:
            yield Missing(number=number)
            return
        listed = [one.EVENTO for one in part.LISTA_EVENTI if one is not None and one.EVENTO is not None]
        # The list is filled up with empty events (told by a public client).
        events = [event for event in listed if _said(event.ID) or _said(event.DESCRIZIONE)]
        for place_in_list, event in enumerate(events):
            yield _scan(number, event, order=-place_in_list)
        if part.BOLLA is not None:
            yield _detail(number, part.BOLLA)


def _working(answer: Answer) -> Answer:
    if any(broken in answer.body for broken in _BROKEN):
        raise Unavailable("the carrier says that it cannot answer now")
    return answer


def _outcome(result: Any) -> int:
    said = _said(result.ESITO)
    if said is None:
        raise Unreadable("the answer has no ESITO")
    return int(said)


def _scan(number: str, event: Any, *, order: int) -> Scan:
    code = _said(event.ID)
    branch, _, branch_id = (_said(event.FILIALE) or "").removesuffix(")").partition(" (")
    numbered = branch_id.isdecimal()
    return Scan(
        number=number,
        at=_at(_said(event.DATA), _said(event.ORA)),
        codes=(code,) if code else (),
        text=_said(event.DESCRIZIONE) or "",
        place=Place(
            facility=branch if numbered else _said(event.FILIALE),
            facility_id=branch_id if numbered else None,
        ),
        order=order,
    )


def _at(day: str | None, clock: str | None) -> datetime | date | None:
    """Read `23.03.2017` and `12.04`, Italian time."""
    if day is None:
        return None
    parts = day.split(".")
    iso_day = "-".join(reversed(parts)) if len(parts) == 3 else day  # noqa: PLR2004 - day, month, year
    return iso(f"{iso_day}T{clock.replace('.', ':')}" if clock else iso_day)


def _detail(number: str, note: Any) -> Detail:
    shipping, delivery, goods, references = note.DATI_SPEDIZIONE, note.DATI_CONSEGNA, note.MERCE, note.RIFERIMENTI
    known = [_told(references, name) for name in ("ALFABETICO", "NUMERICO")] if references is not None else []
    partner = _said(references.RIFERIMENTO_PARTNER_ESTERO) if references is not None else None
    recipient, sender = note.DESTINATARIO, note.MITTENTE
    destination = (
        _town(recipient, recipient.SIGLA_NAZIONE, recipient.SIGLA_PROVINCIA) if recipient is not None else NOWHERE
    )
    origin = _town(sender, None, None) if sender is not None else NOWHERE
    pieces = _figure(goods.COLLI) if goods is not None else None
    weight = _figure(goods.PESO_KG) if goods is not None else None
    return Detail(
        number=number,
        eta=_eta(delivery) if delivery is not None else None,
        service=_said(shipping.SERVIZIO) if shipping is not None else None,
        service_code=_said(shipping.TIPO_SERVIZIO) if shipping is not None else None,
        weight_grams=int(weight * 1000) if weight else None,
        pieces_total=int(pieces) if pieces else None,
        references=tuple(filter(None, known)) or None,
        signed_by=_said(delivery.FIRMATARIO_CONSEGNA) if delivery is not None else None,
        origin=origin if origin != NOWHERE else None,
        destination=destination if destination != NOWHERE else None,
        extra={"partner_reference": partner} if partner else None,
    )


def _told(references: Any, kind: str) -> str | None:
    said = _said(getattr(references, f"RIFERIMENTO_MITTENTE_{kind}"))
    return said if said and said.strip("0") else None


def _town(who: Any, country: str | None, province: str | None) -> Place:
    nation = (_said(country) or "").upper()
    return Place(
        city=_said(who.LOCALITA),
        region=_said(province),
        postal_code=_said(who.CAP),
        country=nation if len(nation) == 2 and nation.isalpha() else None,  # noqa: PLR2004 - ISO 3166-1 alpha-2
    )


def _eta(delivery: Any) -> Window | None:
    day = _said(delivery.DATA_TEORICA_CONSEGNA)
    if day is None:
        return None
    return Window(
        _at(day, _said(delivery.ORA_TEORICA_CONSEGNA_DA)),
        _at(day, _said(delivery.ORA_TEORICA_CONSEGNA_A)),
    )


def _figure(text: str | None) -> Decimal | None:
    said = _said(text)
    return Decimal(said.replace(",", ".")) if said else None


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text is not None else None

"""Correios (Brazil): the SRO web service, one SOAP question for up to 5000 objects; the key is event type and status.

zeep writes the question; the answer, which may hold 5000 objects, is read straight from its elements, so that one
object with a broken event costs that object alone.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.auth import FilledBody
from connectors.base import Connector, Payload, Polls
from connectors.errors import Unreadable
from connectors.soap import Service, elements, envelope_of
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lxml import etree

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SERVICE = Service(Path(__file__).with_name("service.wsdl"))
PATH = "/service/rastro"

A_LIST, ALL_EVENTS, PORTUGUESE = "L", "T", "101"

STATES = frozenset(
    ("AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE", "PI", "PR",
     "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO")
)  # fmt: skip

NOT_FOUND = "Objeto não encontrado"
"""How the error of an object that is not known begins; any other error is not documented."""

_ANSWER = "{http://resource.webservice.correios.com.br/}buscaEventosListaResponse"
_COLLECTED_THERE = "LDI"


class Carrier(Connector, Polls):
    """The service Rastro: `buscaEventosLista`."""

    def auth(self, secrets: Mapping[str, str]) -> FilledBody:
        """User name and password in the body."""
        return FilledBody(elements(usuario=secrets["username"], senha=secrets["password"]))

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of up to 5000 objects, in Portuguese."""
        return await SERVICE.ask(
            http,
            "buscaEventosLista",
            path=PATH,
            usuario="",
            senha="",
            tipo=A_LIST,
            resultado=ALL_EVENTS,
            lingua=PORTUGUESE,
            objetos=list(numbers),
        )

    def parts(self, payload: Payload) -> Iterator[etree._Element]:
        """One object a part. Raises `Unreadable` for an answer without any: no document tells what that means."""
        answer = envelope_of(payload.body).find(f"{{*}}Body/{_ANSWER}")
        objects = answer.findall("return/{*}objeto") if answer is not None else []
        if not objects:
            raise Unreadable("the answer holds no object")
        yield from objects

    def parse(self, payload: Payload, part: etree._Element) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield one object's events, newest first as they come."""
        number = _required(part, "numero")
        error = _text(part, "erro")
        if error is not None:
            if not error.startswith(NOT_FOUND):
                raise Unreadable("an object carries an error that no document names")
            yield Missing(number=number, text=error)
            return
        events = part.findall("{*}evento")
        for later, event in enumerate(events, start=1):
            yield _scan(number, event, len(events) - later)
        waits = next((event for event in events[:1] if _text(event, "tipo") == _COLLECTED_THERE), None)
        yield Detail(
            number=number,
            service=_text(part, "nome") or _text(part, "categoria"),
            service_code=_text(part, "sigla"),
            signed_by=next((name for event in events if (name := _text(event, "recebedor"))), None),
            pickup_point=_pickup_point(waits) if waits is not None else None,
        )


def _scan(number: str, event: etree._Element, order: int) -> Scan:
    kind, status = _required(event, "tipo"), _required(event, "status").zfill(2)
    words = [words for name in ("descricao", "detalhe") if (words := _text(event, name))]
    extra: dict[str, Any] = {}
    if (towards := event.find("{*}destino")) is not None:
        told = {"facility": _text(towards, "local"), "city": _text(towards, "cidade"), "region": _text(towards, "uf")}
        if known := {name: value for name, value in told.items() if value}:
            extra["towards"] = known
    return Scan(
        number=number,
        at=_when(_required(event, "data"), _required(event, "hora")),
        codes=(f"{kind}/{status}",),
        text=". ".join(words),
        place=_place(event, facility=_text(event, "local"), facility_id=_text(event, "codigo")),
        order=order,
        signed_by=_text(event, "recebedor"),
        extra=extra,
    )


def _when(day: str, clock: str) -> datetime:
    """Return the time of `DD/MM/YYYY` and `HH:MM`. Raises `ValueError`."""
    if len(day) != len("DD/MM/YYYY") or day[2] != "/" or day[5] != "/":
        raise ValueError("is no DD/MM/YYYY")
    return datetime.fromisoformat(f"{day[6:]}-{day[3:5]}-{day[:2]}T{clock}")


def _place(node: etree._Element, *, facility: str | None, facility_id: str | None, city: str = "cidade") -> Place:
    state = _text(node, "uf")
    known = state in STATES
    return Place(
        facility=facility,
        facility_id=facility_id,
        city=_text(node, city),
        region=state if known else None,
        country="BR" if known else None,
    )


def _pickup_point(event: etree._Element) -> Place:
    """Return the address where it waits, which is the post's own; any other event's address is the recipient's."""
    facility, code = _text(event, "local"), _text(event, "codigo")
    address = event.find("{*}endereco")
    if address is None:
        return _place(event, facility=facility, facility_id=code)
    there = _place(address, facility=facility, facility_id=code, city="localidade")
    street = ", ".join(one for name in ("logradouro", "numero") if (one := _text(address, name)))
    return Place(
        facility=there.facility,
        facility_id=there.facility_id,
        street=street or None,
        city=there.city,
        region=there.region,
        postal_code=_text(address, "cep"),
        country=there.country,
    )


def _text(node: etree._Element, name: str) -> str | None:
    found = node.findtext(name)
    return (found.strip() or None) if found else None


def _required(node: etree._Element, name: str) -> str:
    text = _text(node, name)
    if text is None:
        raise KeyError(name)
    return text

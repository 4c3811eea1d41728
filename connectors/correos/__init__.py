"""Correos (Spain): one JSON question a number; everything is answered with 200, trouble as a code inside."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from connectors.auth import Basic
from connectors.base import Connector, Polls, rows, text_of
from connectors.errors import Unavailable, Unreadable
from connectors.soap import is_web_page
from normalizer.codes import normal_phrase
from normalizer.model import Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.base import Payload
    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

SPANISH, ALL_EVENTS = "ES", "N"
FINE, NOT_KNOWN = "0", "3"


class Carrier(Connector, Polls):
    """The tracking service's canonical events with authentication."""

    def auth(self, secrets: Mapping[str, str]) -> Basic:
        """User name and password."""
        return Basic(secrets["username"], secrets["password"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask for all events of one number, in Spanish."""
        path = f"/canonico/eventos_envio_servicio_auth/{quote(numbers[0], safe='')}"
        answer = await http.get(path, params={"codIdioma": SPANISH, "indUltEvento": ALL_EVENTS})
        if is_web_page(answer):
            raise Unavailable("a web page came instead of an answer")
        return answer

    def parts(self, payload: Payload) -> Iterator[Any]:
        """One envelope a number. Raises `Unreadable` for an answer without any."""
        envelopes = rows(payload.json())
        if not envelopes:
            raise Unreadable("the answer holds nothing")
        yield from envelopes

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield one number's events, oldest first as they come."""
        number = text_of(part, "codEnvio") or payload.numbers[0]
        error = text_of(part["error"], "codError")
        if error == NOT_KNOWN:
            yield Missing(number=number, text=text_of(part, "error", "desError") or "")
            return
        if error != FINE:
            raise Unreadable(f"the carrier answers with the error {error}")
        for order, event in enumerate(rows(part, "eventos")):
            yield self._scan(number, event, order)
        yield _detail(number, part)

    def _scan(self, number: str, event: dict[str, Any], order: int) -> Scan:
        code = event["codEvento"].strip()
        short, long = text_of(event, "desTextoResumen"), text_of(event, "desTextoAmpliado")
        # One code serves an announced and an accepted parcel, told apart by the words: such a pair has its own row.
        worded = f"{code}/{normal_phrase(short)}" if short else code
        return Scan(
            number=number,
            at=_when(event["fecEvento"], text_of(event, "horEvento")),
            codes=(worded, code) if worded != code and worded in self.codes.codes else (code,),
            text=long or short or "",
            place=Place(facility=text_of(event, "unidad")),
            order=order,
        )


def _when(day: str, clock: str | None) -> datetime | date:
    """Return the time of `DD/MM/YYYY` and `HH:MM:SS`, or the day where no time is told. Raises `ValueError`."""
    if len(day) != len("DD/MM/YYYY") or day[2] != "/" or day[5] != "/":
        raise ValueError("is no DD/MM/YYYY")
    on = f"{day[6:]}-{day[3:5]}-{day[:2]}"
    return datetime.fromisoformat(f"{on}T{clock}") if clock else date.fromisoformat(on)


def _detail(number: str, envelope: dict[str, Any]) -> Detail:
    """Tell the parcel as a whole. The customer's name is personal: left out."""
    associated = [text for one in rows(envelope, "enviosAsociados") if (text := text_of(one, "codEnvio"))]
    length, width, height = (_whole(text_of(envelope, name)) for name in ("largo", "ancho", "alto"))
    return Detail(
        number=number,
        weight_grams=_whole(text_of(envelope, "peso")),
        # Centimetres, as a public client found by measuring its parcel.
        dimensions_mm=(10 * length, 10 * width, 10 * height) if length and width and height else None,
        extra={"associated": associated} if associated else None,
    )


def _whole(text: str | None) -> int | None:
    """Return a whole number above nought; any other text tells no measure whose unit is known."""
    return int(text) or None if text and text.isascii() and text.isdecimal() else None

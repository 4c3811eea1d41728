"""GEODIS (France): one signed JSON question a shipment; each scan is a situation and its justification."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from connectors.auth import Signed
from connectors.base import Connector, Payload, Polls, dig, rows, text_of
from connectors.errors import Unreadable
from normalizer.clock import iso
from normalizer.model import Detail, Missing, Place, Scan, Window

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

BASE = "/services/"
SERVICE = "api/zoomclient/recherche-envoi"
LANGUAGE = "fr"
"""The language of the words: phrases.csv is French."""

KEPT = {
    "promised_slot": "creneauLivraisonPrevue",
    "swap_outbound_number": "noSuiviSwapAller",
    "swap_return_number": "noSuiviSwapRetour",
}
"""Facts without a field of their own. An exchange ("swap") brings other goods back: no way back of this parcel."""

UNKNOWN = "non trouv"
"""What the error of an unknown shipment says, in any of its endings."""


class Carrier(Connector, Polls):
    """The search of one shipment in ZoomClient."""

    def auth(self, secrets: Mapping[str, str]) -> Signed:
        """Login, milliseconds, language and a SHA-256 over key, these, the service and the body."""
        login, key = secrets["login"], secrets["api_key"]

        def sign(method: str, path: str, body: bytes) -> dict[str, str]:  # noqa: ARG001 - the method is not signed
            milliseconds = int(datetime.now(UTC).timestamp() * 1000)
            said = f"{login};{milliseconds};{LANGUAGE}"
            text = f"{key};{said};{path.removeprefix(BASE)};".encode() + body
            return {"X-GEODIS-Service": f"{said};{hashlib.sha256(text).hexdigest()}"}

        return Signed(sign)

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about one tracking number."""
        asked = {"noSuivi": numbers[0], "refUniExp": ""}
        headers = {"Content-Type": "application/json; charset=utf-8"}
        return await http.post(BASE + SERVICE, json=asked, headers=headers, repeatable=True)

    def parse(self, payload: Payload, part: Any) -> Iterator[Said]:
        """Yield the shipment's scans, newest first as they come, and what is told of it as a whole."""
        told = dig(part, "contenu")
        if part["ok"] is not True or told is None:
            words = text_of(part, "texteErreur") or ""
            if not payload.numbers or UNKNOWN not in words.casefold():
                raise Unreadable(f"the carrier answers with the error {text_of(part, 'codeErreur')}")
            yield Missing(number=payload.numbers[0], text=words)
            return
        number = told["noSuivi"]
        for place_in_list, scan in enumerate(rows(told["listSuivis"])):
            yield _scan(number, scan, -place_in_list)
        yield _detail(number, told)


def _scan(number: str, scan: dict[str, Any], order: int) -> Scan:
    day, clock = scan["dateSuivi"], text_of(scan, "heureSuivi")
    code, words = text_of(scan, "codeSituationJustification"), text_of(scan, "libelleSuivi")
    return Scan(
        number=number,
        at=iso(f"{day}T{clock}") if clock else date.fromisoformat(day),
        codes=(code,) if code else (),
        text=words or "",
        phrase=words,
        place=_agency(text_of(scan, "libelleCentre"), text_of(scan, "codeSa")),
        order=order,
    )


def _agency(name: str | None, agency: str | None) -> Place:
    """Return the agency of `Rochefort (FR)`; a name that is only its number says nothing."""
    if name is None or name == agency:
        return Place(facility_id=agency)
    city, _, country = name.rpartition(" (")
    if city and len(country) == 3 and country[:2].isupper() and country[2] == ")":  # noqa: PLR2004 - `FR)`
        return Place(facility_id=agency, city=city, country=country[:2])
    return Place(facility=name, facility_id=agency)


def _detail(number: str, told: dict[str, Any]) -> Detail:
    promised = text_of(told, "dateLivraisonPrevue")
    day = date.fromisoformat(promised) if promised else None
    weight, pieces = dig(told, "poids"), dig(told, "nbColis")
    references = [text_of(told, name) for name in ("noRecepisse", "reference1", "reference2")]
    references += [one for one in rows(told, "listReferencesColis") if isinstance(one, str)]
    more = {name: text_of(told, field) for name, field in KEPT.items()}
    return Detail(
        number=number,
        eta=Window(day, day) if day else None,
        service=text_of(told, "prestationCommerciale", "libelle"),
        service_code=text_of(told, "prestationCommerciale", "codeProduit"),
        weight_grams=round(weight * 1000) if weight else None,
        pieces_total=pieces or None,
        references=tuple(one for one in references if one) or None,
        origin=_side(dig(told, "expediteur")),
        destination=_side(dig(told, "destinataire")),
        tracking_url=text_of(told, "urlSuiviDestinataire"),
        extra={name: one for name, one in more.items() if one} or None,
    )


def _side(side: Any) -> Place | None:
    """Return the city of sender or recipient: names, streets and telephones are never read."""
    if side is None:
        return None
    return Place(
        city=text_of(side, "ville"), postal_code=text_of(side, "codePostal"), country=text_of(side, "pays", "code")
    )

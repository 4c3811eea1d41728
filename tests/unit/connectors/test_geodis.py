"""GEODIS: the signed question, agencies, and what is never read."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unreadable
from normalizer.codes import Meaning
from normalizer.model import Detail, Missing, Place, Status, Window

CARRIER: Any = connector("geodis")
NUMBER = "1G7R4K90YW48"
NOW = datetime(2026, 3, 6, tzinfo=UTC)


def scan(**said: Any) -> dict[str, Any]:
    told = {"dateSuivi": "2026-03-05", "heureSuivi": "08:05:00", "codeSa": "020074", "libelleCentre": "Annecy (FR)"}
    return told | {"libelleSuivi": "Mots", "codeSituationJustification": "MLV/CFM"} | said


def answer(*scans: Any, **said: Any) -> dict[str, Any]:
    return {"ok": True, "contenu": {"noSuivi": NUMBER, "listSuivis": list(scans)} | said}


def read(body: Any) -> Any:
    return CARRIER.read(
        Payload(carrier="geodis", body=orjson.dumps(body), source="poll", received_at=NOW, numbers=(NUMBER,))
    )


@pytest.mark.parametrize(
    ("code", "words", "meaning"),
    [
        ("MLV/CFM", "Mots", Meaning(Status.OUT_FOR_DELIVERY, "other")),
        ("LIV/CFM", "Mots", Meaning(Status.DELIVERED, "other")),
        ("SOL/REO", "Mots", Meaning(Status.RETURNING, "to_sender")),
        ("XXX/YYY", "Livré", Meaning(Status.DELIVERED, "other")),
        ("XXX/YYY", "Non livré", None),
        ("RST/SOU", "RST/SOU", None),
    ],
)
def test_the_code_speaks_first_and_reviewed_words_second(code: str, words: str, meaning: Meaning | None) -> None:
    (said,) = read(answer(scan(codeSituationJustification=code, libelleSuivi=words))).scans
    assert CARRIER.codes.look_up(said.codes, said.phrase)[1] == meaning


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("Rochefort (FR)", Place(facility_id="020074", city="Rochefort", country="FR")),
        ("La Roche (sur Foron) (FR)", Place(facility_id="020074", city="La Roche (sur Foron)", country="FR")),
        ("AGENCE PARIS", Place(facility="AGENCE PARIS", facility_id="020074")),
        ("020074", Place(facility_id="020074")),
        (None, Place(facility_id="020074")),
    ],
)
def test_an_agency_is_a_city_where_its_name_says_so(name: str | None, place: Place) -> None:
    assert read(answer(scan(libelleCentre=name))).scans[0].place == place


def test_a_day_without_an_hour_stays_a_day_and_an_hour_is_the_clock_on_the_wall() -> None:
    day, hour = read(answer(scan(heureSuivi=""), scan())).scans
    assert day.at == date(2026, 3, 5)
    assert hour.at == datetime(2026, 3, 5, 8, 5)  # noqa: DTZ001 - the clock on the wall


def test_the_whole_shipment_is_told_without_names_streets_and_free_texts() -> None:
    person = {"nom": "A PERSON", "adresse1": "3 RUE DU LAC", "telephoneMobile": "0600000000", "ville": "ANNECY"}
    reading = read(
        answer(
            scan(listInformationsComplementaires=["CODE 4711"]),
            destinataire=person | {"codePostal": "74000", "pays": {"code": "FR"}},
            poids=2.4,
            nbColis=2,
            dateLivraisonPrevue="2026-03-05",
            creneauLivraisonPrevue="MAT",
            noRecepisse="55500044",
            swapRetour=True,
            noSuiviSwapRetour="1G7R4K90YW99",
        )
    )
    assert reading.details == [
        Detail(
            number=NUMBER,
            eta=Window(date(2026, 3, 5), date(2026, 3, 5)),
            weight_grams=2400,
            pieces_total=2,
            references=("55500044",),
            destination=Place(city="ANNECY", postal_code="74000", country="FR"),
            extra={"promised_slot": "MAT", "swap_return_number": "1G7R4K90YW99"},
        )
    ]
    assert not any(secret in repr(reading) for secret in ("A PERSON", "RUE DU LAC", "0600000000", "4711"))


def test_the_other_half_of_an_exchange_is_kept_and_is_no_way_back_of_this_parcel() -> None:
    (told,) = read(answer(swapAller=True, noSuiviSwapAller="1GAB12CD34EF", noSuiviSwapRetour="")).details
    assert (told.returns_as, told.extra) == (None, {"swap_outbound_number": "1GAB12CD34EF"})


@pytest.mark.parametrize(("parcels", "known"), [(["C-1", "C-2", ""], ("C-1", "C-2")), ([{"noColis": "1"}], None)])
def test_the_parcels_references_are_kept_where_they_are_texts(parcels: Any, known: Any) -> None:
    (told,) = read(answer(listReferencesColis=parcels)).details
    assert told.references == known


def test_an_unknown_shipment_is_missing_and_any_other_error_unreadable_by_its_code() -> None:
    assert read({"ok": False, "texteErreur": "Envoi non trouvé"}).missing == [
        Missing(number=NUMBER, text="Envoi non trouvé")
    ]
    trouble = read({"ok": False, "codeErreur": "E9", "texteErreur": "de Jeanne"}).trouble
    assert isinstance(trouble, Unreadable)
    assert str(trouble) == "the carrier answers with the error E9"


async def test_the_question_is_signed_over_key_login_time_language_service_and_body() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=answer())

    auth = CARRIER.auth({"login": "me", "api_key": "key"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, [NUMBER])
    login, milliseconds, language, digest = seen[0].headers["x-geodis-service"].split(";")
    assert (login, language) == ("me", "fr")
    assert abs(int(milliseconds) / 1000 - datetime.now(UTC).timestamp()) < 60
    signed = f"key;me;{milliseconds};fr;api/zoomclient/recherche-envoi;".encode() + seen[0].content
    assert digest == hashlib.sha256(signed).hexdigest()

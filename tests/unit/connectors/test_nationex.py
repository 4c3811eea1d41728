"""Nationex: steps and scans in one history, proofs by their ids, and the path the account names."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from normalizer.codes import Meaning
from normalizer.model import Detail, Missing, Place, Proof, Status, Window

CARRIER: Any = connector("nationex")
NUMBER = "103882999"


def step(**said: Any) -> dict[str, Any]:
    told = {"ShipmentStatus": "DataReceived", "ShipmentStatusEn": "Words", "StatusDate": "2026-03-03T14:15:22Z"}
    return told | {"LastLocation": "Laval"} | said


def scan(**said: Any) -> dict[str, Any]:
    told = {
        "ParcelHistoryId": 900001,
        "ProcessedDate": "2026-03-05 13:31:00",
        "ExceptionId": 5,
        "CityDepot": "Gatineau",
    }
    return told | {"DescriptionEn": "Words", "PhotoId": 0, "SignatureId": 0} | said


def parcel(*scans: Any, **said: Any) -> dict[str, Any]:
    return {"ParcelId": 70010001, "History": list(scans)} | said


def answer(steps: Any = (), parcels: Any = (), **said: Any) -> dict[str, Any]:
    return {"StatusHistories": list(steps), "Parcels": list(parcels)} | said


def read(body: Any) -> Any:
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(
        Payload(carrier="nationex", body=orjson.dumps(body), source="poll", received_at=now, numbers=(NUMBER,))
    )


@pytest.mark.parametrize(
    ("exception", "words", "meaning"),
    [
        (5, "Anything", Meaning(Status.ATTEMPT_FAILED, "recipient_absent")),
        (77, "In transit", Meaning(Status.IN_TRANSIT, "other")),
        (77, "Anything", None),
        (0, "Anything", None),
    ],
)
def test_the_exception_speaks_first_and_reviewed_words_second(
    exception: int, words: str, meaning: Meaning | None
) -> None:
    (said,) = read(answer(parcels=[parcel(scan(ExceptionId=exception, DescriptionEn=words))])).scans
    assert CARRIER.codes.look_up(said.codes, said.phrase)[1] == meaning


def test_steps_and_scans_are_one_history_with_their_own_clocks() -> None:
    first, second = read(answer([step()], [parcel(scan())])).scans
    assert first.at == datetime(2026, 3, 3, 14, 15, 22, tzinfo=UTC)
    assert second.at == datetime(2026, 3, 5, 13, 31)  # noqa: DTZ001 - the clock on the wall
    assert (first.place, second.place) == (
        Place(city="Laval", country="CA"),
        Place(city="Gatineau", country="CA"),
    )
    assert second.event_id == "900001"


def test_a_parcel_is_a_piece_where_the_shipment_has_several() -> None:
    assert read(answer(parcels=[parcel(scan())])).scans[0].piece is None
    assert read(answer(parcels=[parcel(scan())], TotalParcels=2)).scans[0].piece == "70010001"


def test_a_picture_is_inline_where_its_bytes_stand_in_the_answer() -> None:
    body = answer(parcels=[parcel(scan(PhotoId=18840, SignatureId=7))], Photos=[{"Id": 18840, "Data": "iVBORw0KGgo="}])
    assert read(body).scans[0].proofs == (
        Proof(kind="photo", reference="18840", inline=True),
        Proof(kind="signature", reference="7"),
    )


@pytest.mark.parametrize(
    ("words", "window"),
    [
        (
            "Between 12:45 and 13:45",
            Window(datetime(2026, 3, 5, 12, 45), datetime(2026, 3, 5, 13, 45)),  # noqa: DTZ001 - the clock on the wall
        ),
        ("Around noon", Window(date(2026, 3, 5), date(2026, 3, 5))),
    ],
)
def test_the_promise_has_hours_where_the_words_tell_them(words: str, window: Window) -> None:
    body = answer(parcels=[parcel(EstimatedDeliveryDate="2026-03-05", EstimatedDeliveryTimeEn=words)])
    assert read(body).details == [Detail(number=NUMBER, eta=window)]


def test_contacts_and_streets_are_never_read() -> None:
    goal = {"Contact": "A Person", "Address1": "1 Rue", "Phone": "5550142", "City": "Gatineau", "ProvinceState": "QC"}
    start = goal | {"City": "Laval", "PostalCode": "H7A0A1"}
    told = {"Destination": goal, "Sender": start, "TotalParcels": 2, "ReferenceNumber": "SO-9"}
    reading = read(answer(parcels=[parcel(), parcel(ParcelId=70010002)], **told))
    assert reading.details == [
        Detail(
            number=NUMBER,
            pieces_total=2,
            pieces=("70010001", "70010002"),
            references=("SO-9",),
            origin=Place(city="Laval", region="QC", postal_code="H7A0A1", country="CA"),
            destination=Place(city="Gatineau", region="QC", country="CA"),
        )
    ]
    assert not any(secret in repr(reading) for secret in ("A Person", "1 Rue", "5550142"))


def test_a_shipment_without_any_step_is_missing_unless_the_carrier_names_it() -> None:
    assert read(answer()).missing == [Missing(number=NUMBER)]
    assert read(answer(ShipmentId=103882999)).missing == []


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/api/v4/Shipments/{number}/tracking", "/api/v4/Shipments/1%2F2/tracking"),
        ("track?id={number}", "/track?id=1%2F2"),
    ],
)
async def test_the_number_goes_into_the_path_the_account_names(path: str, asked: str) -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    auth = CARRIER.auth({"customer_id": "c", "api_key": "k", "path": path})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, ["1/2"])
    assert seen[0].url.raw_path.decode() == asked
    assert seen[0].headers["authorization"].startswith("Basic ")


def test_a_picture_in_the_answer_is_taken_out_by_its_id() -> None:
    photos = [{"Id": 7, "Data": "iVBORw0K Ggo="}, {"Id": 8, "Data": None}]
    body = orjson.dumps(answer(parcels=[parcel(scan(PhotoId=7))], Photos=photos))
    received = datetime(2026, 3, 6, tzinfo=UTC)
    payload = Payload(carrier="nationex", body=body, source="poll", received_at=received, numbers=("1",))
    known = CARRIER
    assert known.enclosed(payload, "photo", "7") == b"\x89PNG\r\n\x1a\n"
    assert known.enclosed(payload, "photo", "8") is None
    assert known.enclosed(payload, "photo", "9") is None

"""GLS Canada (Dicom): codes with details, pieces, and the path the account names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unreadable
from normalizer.codes import Meaning
from normalizer.model import Detail, Missing, Place, Status
from normalizer.normalize import event_id

CARRIER: Any = connector("dicom")
NUMBER = "W5550044"


def activity(**said: Any) -> dict[str, Any]:
    told = {"activityDate": "2026-03-05T19:27:31Z", "code": "DL", "status": "Delivered", "parcelId": "2"}
    return told | {"terminal": "MTL", "latitude": "45.5", "longitude": "-73.5", "weight": "5.0"} | said


def shipment(*activities: Any, **said: Any) -> dict[str, Any]:
    return {"trackingNumber": NUMBER, "activities": list(activities), "unitOfMeasurement": "K"} | said


def read(*shipments: Any) -> Any:
    body = orjson.dumps({"tracking": list(shipments)})
    now = datetime(2026, 3, 6, tzinfo=UTC)
    return CARRIER.read(Payload(carrier="dicom", body=body, source="poll", received_at=now, numbers=(NUMBER,)))


@pytest.mark.parametrize(
    ("said", "codes", "meaning"),
    [
        ({"codeDetail": "NI"}, ("DL/NI", "DL"), Meaning(Status.DELIVERED, "other")),
        ({}, ("DL",), Meaning(Status.DELIVERED, "other")),
        ({"code": "Z9"}, ("Z9",), Meaning(Status.DELIVERED, "other")),
        ({"code": "Z9", "status": "Somewhere"}, ("Z9",), None),
        ({"code": None, "status": "Somewhere"}, (), None),
    ],
)
def test_the_code_speaks_first_and_reviewed_words_second(
    said: dict[str, Any], codes: tuple[str, ...], meaning: Meaning | None
) -> None:
    (scan,) = read(shipment(activity(**said))).scans
    assert scan.codes == codes
    assert CARRIER.codes.look_up(scan.codes, scan.phrase)[1] == meaning


def test_the_place_is_the_terminal_at_its_coordinates_and_half_a_point_is_none() -> None:
    whole, half = read(shipment(activity(), activity(longitude=""))).scans
    assert whole.place == Place(facility_id="MTL", latitude=45.5, longitude=-73.5)
    assert half.place == Place(facility_id="MTL")


def test_a_parcel_is_a_piece_and_of_several_no_weight_is_told() -> None:
    one = read(shipment(activity(), deliveryType="GRD", custRefNum="SO-5"))
    assert one.scans[0].piece == "2"
    assert one.details == [Detail(number=NUMBER, service_code="GRD", weight_grams=5000, references=("SO-5",))]
    two = read(shipment(activity(), activity(parcelId="3")))
    assert [scan.piece for scan in two.scans] == ["2", "3"]
    assert two.details == [Detail(number=NUMBER)]


def test_the_first_parcels_scan_is_the_same_event_once_the_second_parcel_is_scanned() -> None:
    (before,) = read(shipment(activity())).scans
    again, _ = read(shipment(activity(), activity(parcelId="3"))).scans
    assert event_id("dicom", before) == event_id("dicom", again)


def test_the_number_of_parcels_is_the_length_of_their_list() -> None:
    (told,) = read(shipment(activity(), parcels=[{}, {}, {}])).details
    assert (told.pieces_total, told.weight_grams) == (3, None)


def test_a_weight_without_its_unit_is_not_read() -> None:
    assert read(shipment(activity(), unitOfMeasurement="L")).details == [Detail(number=NUMBER)]


def test_an_empty_list_is_missing_and_a_shipment_in_it_is_known_without_activities() -> None:
    assert read().missing == [Missing(number=NUMBER)]
    assert read(shipment()).missing == []


def test_one_poisoned_shipment_costs_that_one_alone() -> None:
    reading = read({"trackingNumber": "X", "activities": [{}]}, shipment(activity()))
    assert isinstance(reading.trouble, Unreadable)
    assert [scan.number for scan in reading.scans] == [NUMBER]


def test_notes_and_free_texts_are_never_read() -> None:
    reading = read(shipment(activity(additionalInformation="Code 4711"), note="Ring at Jane's"))
    assert not any(secret in repr(reading) for secret in ("4711", "Jane"))


async def test_the_number_goes_into_the_path_the_account_names() -> None:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={})

    auth = CARRIER.auth({"username": "u", "password": "p", "path": "/v9/somewhere/{number}"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, ["1/2"])
    assert seen[0].url.raw_path.decode() == "/v9/somewhere/1%2F2"
    assert seen[0].headers["authorization"].startswith("Basic ")

"""Shipday: proof of origin, events and steps back, promises, proofs, a third party's courier, and people untold of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from gateway import reading as reader
from normalizer.journey import fold, step
from normalizer.model import Place, Position, Proof, Window

CARRIER: Any = connector("shipday")
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
T = int(NOW.timestamp() * 1000)
SECRETS = {"webhook_token": "unit-token", "api_key": "unit.key"}


def hook(event: str, minutes: int = 0, *, carrier: Any = None, **order: Any) -> dict[str, Any]:
    return {
        "timestamp": T + minutes * 60_000,
        "event": event,
        "order_status": "STARTED",
        "order": {"id": 301, "order_number": "12", "delivery_note": "code 4821", "parent_id": 0, "eta": ""} | order,
        "delivery_details": {
            "name": "Ines Example",
            "phone": "+15555550101",
            "email": "ines@example.com",
            "address": "18 Sample Ave",
            "location": {"lat": 47.6, "lng": -122.3},
        },
        "pickup_details": {"name": "Corner Books", "location": {"lat": 47.5, "lng": -122.2}},
        "carrier": carrier or {"name": "Noor Example", "phone": "+15555550177", "vehicle_description": "red bicycle"},
    }


def payload(body: Any, *numbers: str) -> Payload:
    source: Any = "poll" if numbers else "push"
    return Payload(carrier="shipday", body=orjson.dumps(body), source=source, received_at=NOW, numbers=numbers)


def read(body: Any, *numbers: str) -> Any:
    return CARRIER.read(payload(body, *numbers))


def journey(*bodies: Any) -> str:
    events = [event for body in bodies for event in reader.read(CARRIER, payload(body)).events]
    found = fold([step(event) for event in events])
    return f"{found.status}/{found.substatus}"


def pushed(token: str | None) -> Push:
    return Push("POST", {} if token is None else {"token": token}, {}, b"{}", NOW)


def test_a_push_with_the_token_of_the_webhook_is_the_platforms_own() -> None:
    CARRIER.verify(pushed("unit-token"), SECRETS)


@pytest.mark.parametrize(
    ("token", "secrets"),
    [(None, SECRETS), ("", SECRETS), ("unit-tokex", SECRETS), ("", {}), ("x", {"webhook_token": ""})],
)
def test_a_push_without_that_token_is_forged(token: str | None, secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(token), secrets)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ("ORDER_INSERTED", "info_received/other/tells"),
        ("ORDER_ASSIGNED", "info_received/other/tells"),
        ("ORDER_UNASSIGNED", "info_received/other/tells"),
        ("ORDER_ACCEPTED_AND_STARTED", "info_received/pickup_scheduled/tells"),
        ("ORDER_PIKEDUP", "in_transit/picked_up/tells"),
        ("ORDER_PIKEDUP_REMOVED", "info_received/pickup_scheduled/corrects"),
        ("ORDER_ONTHEWAY", "out_for_delivery/on_route/tells"),
        ("ORDER_ONTHEWAY_REMOVED", "in_transit/picked_up/corrects"),
        ("ORDER_COMPLETED", "delivered/other/tells"),
        ("ORDER_FAILED", "attempt_failed/other/tells"),
        ("ORDER_INCOMPLETE", "attempt_failed/other/tells"),
        ("ORDER_DELETE", "cancelled/other/tells"),
    ],
)
def test_an_event_has_one_meaning(event: str, expected: str) -> None:
    (scan,) = read(hook(event)).scans
    found = CARRIER.codes.look_up(scan.codes)[1]
    assert found is not None
    assert f"{found.status}/{found.substatus}/{found.moves}" == expected


def test_a_step_that_is_taken_back_is_undone_and_may_be_taken_again() -> None:
    picked, undone = hook("ORDER_PIKEDUP", 1), hook("ORDER_PIKEDUP_REMOVED", 2)
    assert journey(picked, undone) == journey(undone, picked, undone) == "info_received/pickup_scheduled"
    started, back = hook("ORDER_ONTHEWAY", 3), hook("ORDER_ONTHEWAY_REMOVED", 4)
    assert journey(picked, started, back) == "in_transit/picked_up"
    assert journey(back, started, picked, hook("ORDER_ONTHEWAY", 5)) == "out_for_delivery/on_route"


def test_the_order_id_is_the_number_the_shops_own_a_reference_and_a_second_attempt_names_the_first() -> None:
    reading = read(hook("ORDER_ASSIGNED", id=302, parent_id=301))
    assert (reading.scans[0].number, reading.details[0].references) == ("302", ("12",))
    assert reading.scans[0].extra == {"first_order_id": "301"}
    assert read(hook("ORDER_ASSIGNED")).scans[0].extra == {}


@pytest.mark.parametrize(
    ("event", "order", "minutes"),
    [
        ("ORDER_ONTHEWAY", {"eta": T + 600_000, "expected_delivery_time": T}, 10),
        ("ORDER_ONTHEWAY", {"eta": "", "expected_delivery_time": T + 1_200_000}, 20),
        ("ORDER_ONTHEWAY", {"eta": "", "expected_delivery_time": None}, None),
        ("ORDER_COMPLETED", {"eta": T}, None),
        ("ORDER_DELETE", {"eta": T}, None),
    ],
)
def test_the_promise_is_the_estimate_else_the_time_agreed_on_and_ends_with_the_order(
    event: str, order: dict[str, Any], minutes: int | None
) -> None:
    at = NOW + timedelta(minutes=minutes) if minutes is not None else None
    expected = Window(at, at) if at else None
    reading = read(hook(event, **order))
    assert (reading.scans[0].eta, reading.details[0].eta) == (expected, expected)


@pytest.mark.parametrize(
    ("types", "kind"),
    [
        (["PHOTO"], "photo"),
        (["SIGNATURE", "PIN"], "signature"),
        (["PHOTO", "SIGNATURE"], "document"),
        (None, "document"),
    ],
)
def test_what_was_taken_at_the_door_is_named_by_its_address(types: Any, kind: Any) -> None:
    said = {"podUrls": ["https://x.example/1"], "pod_types": types}
    reading = read(hook("ORDER_COMPLETED", **said))
    proofs = (Proof(kind=kind, reference="https://x.example/1"),)
    assert (reading.scans[0].proofs, reading.details[0].proofs) == (proofs, proofs)
    assert read(hook("ORDER_ONTHEWAY", **said)).details[0].proofs is None


def test_people_are_never_told_but_the_couriers_first_name_and_vehicle() -> None:
    reading = read(hook("ORDER_ONTHEWAY"))
    (whole,) = reading.details
    assert (whole.courier, whole.courier_vehicle) == ("Noor", "red bicycle")
    assert (whole.origin, whole.destination) == (
        Place(latitude=47.5, longitude=-122.2),
        Place(latitude=47.6, longitude=-122.3),
    )
    for personal in ("Ines", "Sample Ave", "4821", "ines@", "+15555550101", "+15555550177"):
        assert personal not in repr(reading)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        hook("ORDER_ASSIGNED") | {"timestamp": "now"},
        hook("ORDER_ASSIGNED") | {"timestamp": True},
        hook("ORDER_ASSIGNED", eta="soon"),
        hook("ORDER_ASSIGNED", id=None),
        hook("ORDER_ASSIGNED") | {"order": None},
    ],
)
def test_a_push_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


THIRD = {
    "status": "PICKEDUP",
    "driverLat": 47.61,
    "driverLng": -122.34,
    "driverName": "Noor E.",
    "driverPhone": "+15555550177",
    "driverVehicleDescription": None,
    "trackingUrl": "https://x.example/t",
}


async def located(told: Any, seen: list[httpx.Request]) -> Any:
    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=told)

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        return await CARRIER.locate(http, "30/1")


async def test_a_third_partys_courier_is_located_with_the_key_as_it_is() -> None:
    seen: list[httpx.Request] = []
    answer = await located(THIRD, seen)
    assert seen[0].url.raw_path == b"/on-demand/details/30%2F1"
    assert seen[0].headers["authorization"] == "Basic unit.key"
    reading = read(orjson.loads(answer.body), "301")
    assert reading.positions == [Position(number="301", at=NOW, latitude=47.61, longitude=-122.34)]
    assert (reading.details[0].courier, reading.details[0].tracking_url) == ("Noor", "https://x.example/t")
    assert "+15555550177" not in repr(reading)


@pytest.mark.parametrize("said", [{"status": "REQUESTED"}, {"status": "DELIVERED"}, {"driverLat": None}])
async def test_nobody_is_located_while_no_courier_is_under_way(said: dict[str, Any]) -> None:
    with pytest.raises(NotFound):
        await located(THIRD | said, [])


async def test_an_answer_that_is_no_object_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        await located([], [])

"""Bringg: proof of origin, both generations of bodies, stops, places and promises, and who is never told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.bringg import NO_PARCEL
from connectors.errors import Forged, Unreadable
from normalizer.model import Place, Position, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("bringg")
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
T = int(NOW.timestamp())
KEY = "dW5pdC1rZXktdW5pdC1rZXktdW5pdC1rZXktdW5pdC1rZXktdW5pdC1rZXk"
HEADER = {"push_header": "X-Unit-Key", "push_token": "unit-token"}
DECODED = b"unit-key-unit-key-unit-key-unit-key-unit-key"


def stop(position: int, **said: Any) -> dict[str, Any]:
    return {
        "id": 500 + position,
        "position": position,
        "done": False,
        "lat": 47.0 + position,
        "lng": -122.0,
        "name": "Ines Example",
        "address": "18 Sample Ave",
        "phone": "+15555550101",
        "email": "ines@example.com",
        "note": "code 4821",
        "city": "Seattle",
        "state": "WA",
        "zipcode": "98109",
        "eta": "2026-11-03T18:34:00Z" if position > 1 else None,
    } | said


def task(status: Any = 2, active: int | None = 502, ways: Any = None, **said: Any) -> dict[str, Any]:
    ways = [stop(1), stop(2)] if ways is None else ways
    told = {"id": 401, "external_id": "SO-1", "title": "Books", "status": status, "updated_at": "2026-11-03T17:59:00Z"}
    return told | {"active_way_point_id": active, "way_points": ways} | said


def read(body: Any) -> Any:
    return CARRIER.read(Payload(carrier="bringg", body=orjson.dumps(body), source="push", received_at=NOW))


def meaning(body: Any) -> str | None:
    (scan,) = read(body).scans
    found = CARRIER.codes.look_up(scan.codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def token(key: bytes = KEY.encode(), **claims: Any) -> str:
    return jwt.encode({"sub": "bringg-event", "exp": T + 60} | claims, key, algorithm="HS256")


def pushed(**headers: str) -> Push:
    return Push("POST", headers, {}, b"{}", NOW)


@pytest.mark.parametrize("before", ["Bearer ", "JWTBearer ", ""])
@pytest.mark.parametrize("key", [KEY.encode(), DECODED], ids=["as text", "from base64"])
def test_a_push_with_a_token_of_the_accounts_key_is_the_platforms_own(before: str, key: bytes) -> None:
    CARRIER.verify(pushed(authorization=before + token(key)), {"jwt_key": KEY})


def test_a_push_with_the_fixed_header_is_the_platforms_own() -> None:
    CARRIER.verify(pushed(**{"x-unit-key": "unit-token"}), HEADER)


@pytest.mark.parametrize(
    ("headers", "secrets"),
    [
        ({}, {"jwt_key": KEY}),
        ({"authorization": "Bearer "}, {"jwt_key": KEY}),
        ({"authorization": "Bearer " + token(b"another-key-another-key-another-key")}, {"jwt_key": KEY}),
        ({"authorization": "Bearer " + token(sub="another")}, {"jwt_key": KEY}),
        ({"authorization": "Bearer " + token(exp=T - 120)}, {"jwt_key": KEY}),
        ({}, HEADER),
        ({"x-unit-key": "unit-tokex"}, HEADER),
        ({"x-unit-key": ""}, {"push_header": "X-Unit-Key", "push_token": ""}),
        ({"x-unit-key": "unit-token"}, HEADER | {"jwt_key": KEY}),
        ({"authorization": "Bearer " + token()}, HEADER | {"jwt_key": KEY}),
        ({}, {}),
    ],
)
def test_a_push_without_every_proof_the_account_names_is_forged(headers: Any, secrets: Any) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(**headers), secrets)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0, "info_received/other/tells"),
        (1, "info_received/other/tells"),
        (6, "info_received/other/tells"),
        (9, "info_received/other/tells"),
        (8, "info_received/other/informs"),
        (2, "out_for_delivery/on_route/tells"),
        (3, "out_for_delivery/arrived_at_door/tells"),
        (4, "delivered/other/tells"),
        (7, "cancelled/other/tells"),
        (5, None),
    ],
)
def test_a_task_without_a_webhooks_name_counts_by_its_status_number(status: int, expected: str | None) -> None:
    assert meaning(task(status)) == expected
    assert meaning({"task": task(status)}) == expected


@pytest.mark.parametrize(
    ("active", "ways", "expected"),
    [
        (501, None, "info_received/pickup_scheduled/tells"),
        (502, None, "out_for_delivery/on_route/tells"),
        (None, [stop(1, done=True), stop(2)], "out_for_delivery/on_route/tells"),
        (None, [stop(2), stop(1)], "info_received/pickup_scheduled/tells"),
        (501, [stop(1)], "out_for_delivery/on_route/tells"),
        (501, [stop(1, pickup_dropoff_option=0)], "info_received/pickup_scheduled/tells"),
        (None, [], "in_transit/other/informs"),
    ],
)
@pytest.mark.parametrize("named", [{"webhook_type": "driver_on_the_way"}, {}])
def test_where_the_driver_goes_decides_what_it_means(active: Any, ways: Any, expected: str, named: Any) -> None:
    assert meaning(task(2, active, ways, **named)) == expected


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        ("way_point_arrived", stop(1), "in_transit/other/informs"),
        ("way_point_arrived", stop(1, pickup_dropoff_option=0), "info_received/awaiting_handover/tells"),
        ("way_point_arrived", stop(1, pickup_dropoff_option=1), "out_for_delivery/arrived_at_door/tells"),
        ("way_point_arrived", stop(2), "out_for_delivery/arrived_at_door/tells"),
        ("way_point_left", stop(1, pickup_dropoff_option=0), "in_transit/picked_up/tells"),
        ("way_point_left", stop(2), "out_for_delivery/other/informs"),
        ("way_point_eaten", stop(2), None),
    ],
)
def test_a_stop_means_what_it_is_there_for_flat_and_wrapped(kind: str, told: Any, expected: str | None) -> None:
    flat = told | {"task_id": 401, "task_external_id": "SO-1", "webhook_type": kind}
    wrapped = {"way_point": told | {"task": {"id": 401, "external_id": "SO-1"}}, "webhook_type": kind}
    assert meaning(flat) == meaning(wrapped) == expected
    for body in (flat, wrapped):
        assert (read(body).scans[0].number, read(body).details[0].references) == ("401", ("SO-1",))


def test_the_webhooks_name_is_the_truth_and_the_number_a_hint() -> None:
    wrapped = {"task": task(6), "webhook_type": "task_done"}
    assert meaning(wrapped) == meaning(task(6, webhook_type="task_done")) == "delivered/other/tells"
    assert meaning(task(0, webhook_type="task_made_anew")) == "info_received/other/tells"
    assert meaning(task("Assigned", webhook_type="task_assigned_to_dp")) == "info_received/other/tells"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (task(4, ended_time="2026-11-03T17:58:00Z", webhook_type="task_done"), NOW - timedelta(minutes=2)),
        (task(4, ways=[stop(2, checkout_time="2026-11-03T17:57:00Z")]), NOW - timedelta(minutes=3)),
        (task(2), NOW - timedelta(minutes=1)),
        (task(2, updated_at=None), NOW),
        (
            stop(2, task_id=401, webhook_type="way_point_arrived", checkin_time="2026-11-03T17:56:00Z"),
            NOW - timedelta(minutes=4),
        ),
        (stop(2, task_id=401, webhook_type="way_point_arrived"), NOW),
    ],
)
def test_it_happened_at_its_own_time_else_when_it_came(body: Any, at: datetime) -> None:
    assert read(body).scans[0].at == at


def test_a_body_without_a_time_is_the_same_event_when_it_comes_again() -> None:
    body = stop(2, task_id=401, webhook_type="way_point_arrived")
    later = Payload(carrier="bringg", body=orjson.dumps(body), source="push", received_at=NOW + timedelta(minutes=1))
    scans = [*read(body).scans, *CARRIER.read(later).scans]
    assert len({event_id("bringg", scan) for scan in scans}) == 1


def test_the_promise_is_the_recipients_stop_and_ends_with_the_task() -> None:
    at = datetime(2026, 11, 3, 18, 34, tzinfo=UTC)
    assert read(task(2, 501)).details[0].eta == read(stop(2, task_id=401)).details[0].eta == Window(at, at)
    window = stop(2, eta=None, no_earlier_than="2026-11-03T18:00:00Z", no_later_than=None)
    assert read(task(2, ways=[window])).details[0].eta == Window(NOW, None)
    for body in (task(4), task(7), task(6, webhook_type="task_done")):
        assert read(body).details[0].eta is None


def test_the_arrival_at_a_first_stop_that_may_be_either_is_no_promise() -> None:
    changed = stop(1, task_id=401, eta="2026-11-03T18:12:00Z")
    (whole,) = read(changed).details
    assert (whole.eta, whole.extra) == (None, {"first_stop_eta": "2026-11-03T18:12:00+00:00"})
    pickup = read(changed | {"pickup_dropoff_option": 0}).details[0]
    assert (pickup.eta, pickup.extra) == (None, None)


@pytest.mark.parametrize("kind", ["way_point_eta_changed", "way_point_schedule_changed", None])
def test_a_change_of_times_is_no_event(kind: str | None) -> None:
    reading = read({"way_point": stop(2, task={"id": 401}), "webhook_type": kind})
    assert (reading.scans, reading.trouble) == ([], None)


def position(**said: Any) -> dict[str, Any]:
    told = {"happened_at": T * 1000 - 5000, "lat": 47.6, "lng": -122.3, "accuracy": 12.5}
    return (
        told | {"started_tasks": [{"task_id": 401}, {"task_id": 402}], "webhook_type": "driver_location_updated"} | said
    )


def test_the_driver_is_placed_for_each_task_that_was_started() -> None:
    at = NOW - timedelta(seconds=5)
    assert read(position()).positions == [
        Position(number=number, at=at, latitude=47.6, longitude=-122.3, accuracy=12.5) for number in ("401", "402")
    ]
    assert read(position(started_tasks=[])).positions == []


@pytest.mark.parametrize(
    ("told", "at"),
    [(T - 5, NOW - timedelta(seconds=5)), (T * 1000, NOW), (17146518449, NOW), (T - 100_000, NOW), (0, NOW)],
)
def test_a_place_is_of_seconds_or_milliseconds_and_one_far_from_its_coming_of_its_coming(told: int, at: Any) -> None:
    assert read(position(happened_at=told)).positions[0].at == at


def test_each_task_of_a_route_that_starts_is_told_and_one_bad_one_costs_only_itself() -> None:
    tasks = [task(6, None, [stop(1, eta="2026-11-03T18:34:00Z")]), {"status": 6}, task(6, id=402)]
    reading = read({"run": {"id": 9, "tasks": tasks, "user": {"name": "Noor Example"}}})
    assert [scan.number for scan in reading.scans] == ["401", "402"]
    assert isinstance(reading.trouble, Unreadable)
    assert reading.details[0].courier == "Noor"
    assert reading.details[0].eta is not None


def test_ends_are_told_and_a_poorer_body_tells_none() -> None:
    (whole,) = read(task(1, fleet_name="Sample Couriers")).details
    town = {"city": "Seattle", "region": "WA", "postal_code": "98109", "longitude": -122.0}
    assert (whole.origin, whole.destination) == (Place(**town, latitude=48.0), Place(**town, latitude=49.0))
    assert whole.extra == {"fleet": "Sample Couriers"}
    (poor,) = read(task(1, ways=[{"id": 501, "position": 1}, {"id": 502, "position": 2}])).details
    assert (poor.origin, poor.destination) == (None, None)


def test_people_are_never_told_but_the_drivers_first_name() -> None:
    for body in (task(2, user={"name": "Noor Example"}), stop(2, task_id=401, webhook_type="way_point_arrived")):
        reading = read(body)
        for personal in ("Ines", "Sample Ave", "4821", "ines@", "+15555550101", "Noor Example"):
            assert personal not in repr(reading)


@pytest.mark.parametrize("kind", sorted(NO_PARCEL))
def test_a_webhook_about_no_parcel_tells_nothing(kind: str) -> None:
    reading = read({"webhook_type": kind, "task": None})
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


@pytest.mark.parametrize("body", [{"rating": {"task": {"id": 1}}}, {"start_shift": "x"}, {"user": {"id": 1}}])
def test_one_without_a_name_is_known_by_its_fields(body: Any) -> None:
    reading = read(body)
    assert (reading.scans, reading.details, reading.trouble) == ([], [], None)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {},
        {"webhook_type": "task_eaten"},
        {"delivery_id": "x", "id": 1},
        task(2, id=None),
        stop(2, task_id=None),
        position(started_tasks=[{"task_id": None}]),
        position(happened_at="now"),
        position(happened_at=True),
        position(lat=91),
        position(accuracy="good"),
        task(2, updated_at="yesterday"),
        task(2, updated_at="2026-11-03T18:00:00"),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)

"""Tookan: the secret in the body, states and their times, kinds of tasks, the courier, and who is never told of."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import CarrierError, Forged, NotFound, Rejected, Unreadable
from normalizer.model import Place, Position, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("tookan")
NOW = datetime(2026, 11, 3, 12, 0, tzinfo=UTC)
INDIA = timezone(timedelta(hours=5, minutes=30))
SECRETS = {"shared_secret": "a word of many letters", "api_key": "key-71"}
N = "510070071"
ACCEPTED, STARTED, ARRIVED, DONE = (
    datetime(2026, 11, 3, 15, 1, tzinfo=INDIA),
    datetime(2026, 11, 3, 16, 40, tzinfo=INDIA),
    datetime(2026, 11, 3, 17, 20, tzinfo=INDIA),
    datetime(2026, 11, 3, 17, 25, 9, tzinfo=INDIA),
)


def task(status: Any, **said: Any) -> dict[str, Any]:
    return {
        "job_id": int(N),
        "order_id": "SO-1",
        "job_type": 1,
        "job_status": status,
        "timezone": "-330",
        "job_description": "Parcel for Ines",
        "customer_username": "Ines Example",
        "customer_phone": "+910000000071",
        "customer_email": "ines@example.com",
        "job_address": "18 Rua do Exemplo",
        "job_latitude": "12.9352",
        "job_longitude": "77.6245",
        "fleet_id": 88,
        "fleet_name": "Arun Courier",
        "fleet_phone": "+910000000072",
        "fleet_latitude": "12.9411",
        "fleet_longitude": "77.6201",
        "acknowledged_datetime": "2026-11-03 15:01:00",
        "started_datetime": "2026-11-03 16:40:0",
        "arrived_datetime": "2026-11-03 17:20:00",
        "completed_datetime": "2026-11-03 17:25:9",
        "custom_fields": [{"label": "door", "data": "4821"}],
    } | said


def read(body: Any) -> Any:
    return CARRIER.read(Payload(carrier="tookan", body=orjson.dumps(body), source="push", received_at=NOW))


def told(body: Any) -> list[tuple[str, Any]]:
    return [(scan.codes[0], scan.at) for scan in read(body).scans]


def meaning(body: Any) -> str | None:
    found = CARRIER.codes.look_up(read(body).scans[-1].codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def pushed(body: bytes) -> Push:
    return Push("POST", {}, {}, body, NOW)


def with_secret(secret: Any) -> bytes:
    return orjson.dumps({"job_id": 1, "tookan_shared_secret": secret})


def test_a_push_with_the_shared_secret_is_the_platforms_own() -> None:
    CARRIER.verify(pushed(with_secret(SECRETS["shared_secret"])), SECRETS)


@pytest.mark.parametrize(
    ("body", "secrets"),
    [
        (with_secret("another word"), SECRETS),
        (with_secret(""), SECRETS | {"shared_secret": ""}),
        (with_secret(None), SECRETS),
        (with_secret(17), SECRETS | {"shared_secret": "17"}),
        (b'{"job_id":1}', SECRETS),
        (b"[]", SECRETS),
        (b"no json", SECRETS),
        (with_secret(SECRETS["shared_secret"]), {}),
    ],
)
def test_a_push_without_it_is_forged(body: bytes, secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(body), secrets)


def test_of_a_push_all_is_kept_but_its_secrets() -> None:
    body = (
        b'{ "tookan_shared_secret" : "a \\"word\\"", "n": 1.50,\n"access_token":"13a7", "note":"tookan_shared_secret"}'
    )
    kept = b'{ "tookan_shared_secret" : "", "n": 1.50,\n"access_token":"", "note":"tookan_shared_secret"}'
    assert CARRIER.kept(pushed(body)) == kept


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (0, 1, "info_received/other/tells"),
        (1, 1, "out_for_delivery/on_route/tells"),
        ("1", "1", "out_for_delivery/on_route/tells"),
        (2, 1, "delivered/other/tells"),
        (3, 1, "attempt_failed/other/tells"),
        (4, 1, "out_for_delivery/arrived_at_door/tells"),
        (5, 1, None),
        (6, 1, "info_received/other/tells"),
        (7, 1, "info_received/other/tells"),
        (8, 1, "info_received/other/tells"),
        (9, 1, "cancelled/other/tells"),
        (10, 1, "cancelled/other/tells"),
        (0, 0, "info_received/pickup_scheduled/tells"),
        (1, 0, "info_received/pickup_scheduled/tells"),
        (2, 0, "in_transit/picked_up/tells"),
        (3, 0, "info_received/pickup_failed/tells"),
        (4, "0", "info_received/awaiting_handover/tells"),
        (9, 0, "cancelled/other/tells"),
    ],
)
def test_a_state_has_one_meaning_for_a_delivery_and_one_for_a_pickup(status: Any, kind: Any, expected: str) -> None:
    assert meaning(task(status, job_type=kind)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (7, [("7", ACCEPTED)]),
        (1, [("7", ACCEPTED), ("1", STARTED)]),
        (4, [("7", ACCEPTED), ("1", STARTED), ("4", ARRIVED)]),
        (2, [("7", ACCEPTED), ("1", STARTED), ("4", ARRIVED), ("2", DONE)]),
        (3, [("7", ACCEPTED), ("1", STARTED), ("4", ARRIVED), ("3", DONE)]),
        (9, [("7", ACCEPTED), ("1", STARTED), ("4", ARRIVED), ("9", NOW)]),
        (0, [("0", NOW)]),
        (6, [("6", NOW)]),
        (8, [("8", NOW)]),
    ],
)
def test_the_states_behind_a_task_are_told_with_their_times_but_not_those_of_a_former_courier(
    status: int, expected: list[Any]
) -> None:
    assert told(task(status)) == expected


def test_a_state_told_twice_is_one_event_and_another_courier_makes_another() -> None:
    def ids(*bodies: Any) -> set[str]:
        return {event_id("tookan", scan) for body in bodies for scan in read(body).scans}

    assert len(ids(task(1), task(4), task(2))) == 4
    assert len(ids(task(0), task(0, custom_fields=[]))) == 1
    assert len(ids(task(0), task(0, fleet_id=89))) == 2


@pytest.mark.parametrize("spelled", ["", None, "Invalid date", "0000-00-00 00:00:00", "11/03/2026 05:20 pm"])
def test_a_time_that_is_none_is_not_read(spelled: Any) -> None:
    assert told(task(4, arrived_datetime=spelled)) == [("7", ACCEPTED), ("1", STARTED), ("4", NOW)]


def test_the_zone_is_minutes_to_add_and_without_one_the_clock_stays_bare() -> None:
    (scan,) = read(task(7, timezone=480)).scans
    assert scan.at.astimezone(UTC) == datetime(2026, 11, 3, 23, 1, tzinfo=UTC)
    (bare,) = read(task(7, timezone=None)).scans
    assert bare.at == datetime(2026, 11, 3, 15, 1)  # noqa: DTZ001 - no zone is told


@pytest.mark.parametrize(
    ("status", "kind", "places"), [(1, 1, 1), (4, 1, 1), (1, 0, 1), (0, 1, 0), (7, 1, 0), (2, 1, 0), (9, 1, 0)]
)
def test_the_courier_is_placed_only_while_under_way(status: int, kind: int, places: int) -> None:
    expected = Position(number=N, at=NOW, latitude=12.9411, longitude=77.6201)
    assert read(task(status, job_type=kind)).positions == [expected] * places
    assert read(task(1, fleet_latitude="", fleet_longitude="")).positions == []


def test_the_delivery_is_promised_until_its_latest_time_while_it_is_open() -> None:
    due = {"job_delivery_datetime": "2026-11-03 18:00:00"}
    assert read(task(1, **due)).details[0].eta == Window(None, datetime(2026, 11, 3, 18, 0, tzinfo=INDIA))
    for over in (task(2, **due), task(9, **due), task(1, job_type=0, **due), task(1)):
        assert read(over).details[0].eta is None


def test_pictures_of_the_history_are_proofs_once_it_is_delivered() -> None:
    history = [
        {"type": "state_changed", "description": "Assigned Arun to task"},
        {"type": "signature_image_added", "description": "https://x.example/s"},
        {"type": "image_added", "description": "https://x.example/p"},
        {"type": "image_added", "description": "https://x.example/p"},
        {"type": "text_added", "description": "left with Ines"},
        {"type": "image_added", "description": ""},
    ]
    proofs = (
        Proof(kind="signature", reference="https://x.example/s"),
        Proof(kind="photo", reference="https://x.example/p"),
    )
    reading = read(task(2, task_history=history))
    assert (reading.scans[-1].proofs, reading.details[0].proofs) == (proofs, proofs)
    assert read(task(4, task_history=history)).details[0].proofs is None


def test_recipients_and_phones_are_never_told_and_couriers_by_first_name() -> None:
    body = task(
        2,
        is_customer_rated=1,
        customer_rating=5,
        customer_comment="Ines is happy",
        pickup_delivery_relationship="71",
        full_tracking_link="https://t.example/1",
    )
    reading = read(body)
    (whole,) = reading.details
    assert (whole.courier, whole.references, whole.tracking_url) == ("Arun", ("SO-1",), "https://t.example/1")
    assert whole.destination == Place(latitude=12.9352, longitude=77.6245)
    assert whole.extra == {"relationship": "71", "customer_rating": 5}
    for personal in ("Ines", "Rua do Exemplo", "4821", "+91", "ines@", "Courier'"):
        assert personal not in repr(reading)
    pickup = read(task(2, job_type=0)).details[0]
    assert (pickup.origin, pickup.destination) == (whole.destination, None)


@pytest.mark.parametrize("kind", [2, "3"])
def test_a_task_without_a_parcel_tells_nothing(kind: Any) -> None:
    reading = read(task(1, job_type=kind))
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"status": 200},
        {"status": 201, "data": [task(1)]},
        task(1, job_type=9),
        task(1, timezone="IST"),
        task(1, started_datetime="2026-13-03 16:40:00"),
        task(1, fleet_latitude="north"),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(call: str, *answers: Any, number: str = N, **more: Any) -> tuple[list[Any], Any]:
    seen: list[Any] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.path, orjson.loads(request.content)))
        return httpx.Response(200, json=answers[len(seen) - 1])

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        try:
            return seen, await getattr(CARRIER, call)(http, (number,) if call == "poll" else number, **more)
        except CarrierError as trouble:
            return seen, trouble


def found(*tasks: Any) -> dict[str, Any]:
    return {"status": 200, "message": "Successful", "data": list(tasks)}


async def test_a_question_carries_the_key_and_its_answer_reads_as_the_push_does() -> None:
    seen, answer = await asked("poll", found(task(1)))
    wish = {"api_key": "key-71", "job_ids": [510070071], "include_task_history": 1, "job_additional_info": 1}
    assert seen == [("/v2/get_job_details", wish)]
    assert read(orjson.loads(answer.body)) == read(task(1)) == read({"status": "200", "data": task(1)})


@pytest.mark.parametrize("number", ["SO-1", "0071", "71.5", "", "\u0667\u0661"])
async def test_what_is_no_tasks_number_is_not_asked_for(number: str) -> None:
    seen, trouble = await asked("poll", number=number)
    assert (seen, type(trouble)) == ([], NotFound)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"status": 101, "message": "Invalid"}, Rejected),
        ({"status": 404, "data": {}}, NotFound),
        ({"status": 201}, Unreadable),
        ({}, Unreadable),
        ([], Unreadable),
    ],
)
async def test_a_refusal_inside_an_answer_has_its_name(answer: Any, kind: type[Exception]) -> None:
    _, trouble = await asked("poll", answer)
    assert type(trouble) is kind
    assert "key-71" not in str(trouble)


@pytest.mark.parametrize("answer", [found(task(2)), found(task(1, fleet_latitude="")), found()])
async def test_a_task_without_a_courier_under_way_has_no_place(answer: Any) -> None:
    _, trouble = await asked("locate", answer)
    assert isinstance(trouble, NotFound)


async def test_a_message_goes_to_the_courier_who_has_the_task() -> None:
    seen, done = await asked("contact", found(task(1)), {"status": 200}, text="Ring twice, please")
    note = {"api_key": "key-71", "fleet_ids": ["88"], "message": "Ring twice, please"}
    assert (done, seen[1]) == (None, ("/v2/send_notification", note))


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([found(task(2))], NotFound),
        ([found(task(6, fleet_id=None))], NotFound),
        ([found(task(1)), {"status": 201}], Unreadable),
    ],
)
async def test_a_message_for_nobody_says_so(answers: list[Any], kind: type[Exception]) -> None:
    _, trouble = await asked("contact", *answers, text="x")
    assert type(trouble) is kind

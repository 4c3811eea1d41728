"""Stuart: proof of origin, statuses of both generations, the courier, asking by reference, and who is never told of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from connectors.stuart import STATUSES
from normalizer.model import Missing, Place, Position, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("stuart")
NOW = datetime(2026, 11, 3, 10, 15, tzinfo=UTC)
ETA = datetime(2026, 11, 3, 10, 24, tzinfo=UTC)
SECRETS = {"client_id": "i", "client_secret": "s", "push_key": "unit-key"}


def driver(**said: Any) -> dict[str, Any]:
    return {
        "firstname": "Noor",
        "name": "Noor Example",
        "phone": "+33555550177",
        "latitude": 48.86,
        "longitude": 2.34,
        "transportType": {"code": "bike"},
    } | said


def current(status: str = "delivering", **said: Any) -> dict[str, Any]:
    told = {"id": 7, "status": status, "client_reference": "SO-1", "etaToDestination": "2026-11-03T11:24:00+01:00"}
    return told | {"driver": driver()} | said


def job_push(delivery: Any, **said: Any) -> dict[str, Any]:
    return {
        "event": "job",
        "type": "update",
        "data": {"id": 5, "status": "in_progress", "currentDelivery": delivery} | said,
    }


def version3(topic: str, **details: Any) -> dict[str, Any]:
    package = {"reference": "SO-1", "tracking_url": "https://follow.example/1"}
    return {
        "version": "v3",
        "occurred_at": "2026-11-03T10:12:00Z",
        "event_id": "e1",
        "topic": topic,
        "details": {"package": package} | details,
    }


def end(latitude: float, who: str) -> dict[str, Any]:
    return {
        "latitude": latitude,
        "longitude": 2.3,
        "comment": "code 4821",
        "address": {"street": "18 rue de l'Exemple"},
        "contact": {"firstname": who, "phone": "+33555550101"},
    }


def job(*deliveries: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"id": 5, "status": "in_progress", "deliveries": list(deliveries), "driver": driver()} | said


def delivery(status: str = "delivering", **said: Any) -> dict[str, Any]:
    return {
        "id": 7,
        "status": status,
        "client_reference": "SO-1",
        "eta": {"dropoff": "2026-11-03T11:24:00+01:00"},
        "pickup": end(48.8, "Corner"),
        "dropoff": end(48.9, "Ines"),
        "tracking_url": "https://follow.example/1",
    } | said


def read(body: Any, *numbers: str) -> Any:
    source: Any = "poll" if numbers else "push"
    return CARRIER.read(
        Payload(carrier="stuart", body=orjson.dumps(body), source=source, received_at=NOW, numbers=numbers)
    )


def meaning(reading: Any) -> str | None:
    (scan,) = reading.scans
    found = CARRIER.codes.look_up(scan.codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def pushed(**query: str) -> Push:
    return Push("POST", {}, query, b"{}", NOW)


def test_a_push_with_the_accounts_key_in_its_address_is_let_in() -> None:
    CARRIER.verify(pushed(key="unit-key"), SECRETS)


@pytest.mark.parametrize(
    ("query", "secrets"), [({}, SECRETS), ({"key": ""}, SECRETS), ({"key": "unit-kex"}, SECRETS), ({"key": ""}, {})]
)
def test_a_push_without_it_is_forged(query: dict[str, str], secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(**query), secrets)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", "info_received/other/tells"),
        ("picking", "info_received/pickup_scheduled/tells"),
        ("waiting_at_pickup", "info_received/awaiting_handover/tells"),
        ("delivering", "out_for_delivery/on_route/tells"),
        ("almost_delivering", "out_for_delivery/arriving/tells"),
        ("waiting_at_dropoff", "out_for_delivery/arrived_at_door/tells"),
        ("delivered", "delivered/other/tells"),
        ("cancelled", "cancelled/other/tells"),
        ("teleported", None),
    ],
)
def test_a_status_means_the_same_in_a_push_and_in_an_answer(status: str, expected: str | None) -> None:
    assert meaning(read(job_push(current(status)))) == expected
    assert meaning(read([job(delivery(status))], "SO-1")) == expected


@pytest.mark.parametrize(("topic", "status"), STATUSES.items())
def test_a_topic_tells_the_event_of_its_status(topic: str, status: str) -> None:
    readings = [read(version3(topic)), read(job_push(current(status))), read([job(delivery(status))], "SO-1")]
    assert len({event_id("stuart", scan) for one in readings for scan in one.scans}) == 1
    assert len({meaning(one) for one in readings}) == 1


@pytest.mark.parametrize(
    ("task", "expected"),
    [
        ("pickup", "info_received/pickup_scheduled/tells"),
        ("dropoff", "out_for_delivery/arriving/tells"),
        (None, "info_received/pickup_scheduled/informs"),
        ("elsewhere", "info_received/pickup_scheduled/informs"),
    ],
)
def test_a_couriers_topic_is_made_whole_by_its_task(task: str | None, expected: str) -> None:
    radius = {"value": 36, "unit": "meters"}
    reading = read(version3("courier_arriving", task=task, proximity_radius=radius))
    assert meaning(reading) == expected
    assert reading.scans[0].extra == {"proximity_m": 36}


def test_a_topic_nobody_lists_goes_by_its_own_event_id() -> None:
    (scan,) = read(version3("package_teleported")).scans
    assert (scan.codes, scan.event_id) == (("package_teleported",), "e1")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("searching", "info_received/other/tells"),
        ("canceled", "cancelled/other/tells"),
        ("finished", "in_transit/other/informs"),
        ("voided", None),
    ],
)
def test_a_jobs_own_status_counts_while_no_delivery_is_under_way(status: str, expected: str | None) -> None:
    reading = read(job_push(None, status=status, jobReference="SO-1"))
    assert (reading.scans[0].number, meaning(reading)) == ("SO-1", expected)


def test_what_has_no_time_of_its_own_happened_when_it_came() -> None:
    assert read(job_push(current("picking"))).scans[0].at == NOW
    picked = delivery(picked_at="2026-11-03T11:12:00+01:00")
    assert read([job(picked)], "SO-1").scans[0].at == datetime(2026, 11, 3, 10, 12, tzinfo=UTC)
    assert read(version3("package_delivering")).scans[0].at == datetime(2026, 11, 3, 10, 12, tzinfo=UTC)


def test_the_courier_is_placed_with_the_arrival_while_under_way_in_every_shape() -> None:
    here = Position(number="SO-1", at=NOW, latitude=48.86, longitude=2.34, eta=ETA)
    assert read(job_push(current())).positions == [here]
    assert read([job(delivery())], "SO-1").positions == [here]
    told = {"job": {"currentDelivery": current(driver=None)}, "latitude": "48.86", "longitude": "2.34"}
    assert read({"event": "driver", "type": "update", "data": told}).positions == [here]
    for status in ("pending", "delivered", "cancelled"):
        assert read(job_push(current(status))).positions == []


def test_a_couriers_push_without_a_delivery_tells_nothing() -> None:
    reading = read({"event": "driver", "type": "update", "data": {"latitude": 48.86, "longitude": 2.34}})
    assert (reading.scans, reading.positions, reading.trouble) == ([], [], None)


def test_the_promise_ends_with_the_delivery() -> None:
    assert read(job_push(current())).details[0].eta == Window(ETA, ETA)
    assert read(job_push(current("delivered"))).details[0].eta is None


def test_the_signature_of_a_delivered_parcel_is_named_by_its_address() -> None:
    signed = {"proof": {"signature_url": "https://x.example/s"}}
    proofs = (Proof(kind="signature", reference="https://x.example/s"),)
    reading = read([job(delivery("delivered", **signed))], "SO-1")
    assert (reading.scans[0].proofs, reading.details[0].proofs) == (proofs, proofs)
    assert read([job(delivery(**signed))], "SO-1").details[0].proofs is None


def test_a_reason_of_a_cancellation_is_kept_as_a_code_and_who_cancelled_beside_it() -> None:
    (scan,) = read([job(delivery("cancelled", cancellation={"canceled_by": "x", "reason_key": "y"}))], "SO-1").scans
    assert (scan.codes, scan.extra) == (("cancelled/y", "cancelled"), {"cancelled_by": "x"})


def test_of_a_job_only_the_delivery_asked_for_is_read_whatever_its_capitals() -> None:
    body = [job(delivery(client_reference="so-1"), delivery("cancelled", id=8, client_reference="SO-2"))]
    assert [scan.number for scan in read(body, "SO-1").scans] == ["so-1"]
    assert read([], "SO-1").missing == [Missing(number="SO-1")]


def test_a_delivery_without_a_reference_goes_by_its_id() -> None:
    reading = read(job_push(current(client_reference=None)))
    assert (reading.scans[0].number, reading.details[0].references) == ("7", None)


def test_recipients_addresses_and_phones_are_never_told() -> None:
    reading = read([job(delivery())], "SO-1")
    (whole,) = reading.details
    assert (whole.courier, whole.courier_vehicle, whole.references) == ("Noor", "bike", ("7",))
    assert whole.destination == Place(latitude=48.9, longitude=2.3)
    for personal in ("Ines", "rue de l'Exemple", "4821", "+33555550101", "+33555550177"):
        assert personal not in repr(reading)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"event": "weather", "data": {}},
        job_push(current(id=None)),
        job_push(None, id=None),
        job_push(current(etaToDestination="soon")),
        job_push(current(driver=driver(latitude=91))),
        job_push(current(driver=driver(longitude=None))),
        version3("package_delivering") | {"occurred_at": "2026-11-03T10:12:00"},
    ],
)
def test_a_push_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(call: str, answers: dict[str, Any], **more: Any) -> tuple[list[httpx.Request], Any]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.url.path == "/oauth/token":
            return httpx.Response(200, json={"access_token": "t", "expires_in": 3600})
        return httpx.Response(200, json=answers[request.url.params["client_reference"]])

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        return seen, await getattr(CARRIER, call)(http, *more.values())


async def test_a_reference_not_found_in_capitals_is_asked_for_in_small_letters_once() -> None:
    (token, first, second), answer = await asked("poll", {"SO-1": [], "so-1": [job(delivery())]}, numbers=["SO-1"])
    form = dict(httpx.QueryParams(token.content.decode()))
    assert (form["grant_type"], form["scope"]) == ("client_credentials", "api")
    assert [one.url.params["client_reference"] for one in (first, second)] == ["SO-1", "so-1"]
    assert second.headers["authorization"] == "Bearer t"
    assert len(orjson.loads(answer.body)) == 1
    seen, _ = await asked("poll", {"1-2": []}, numbers=["1-2"])
    assert [one.url.path for one in seen] == ["/v2/jobs"]  # the token is still known


@pytest.mark.parametrize(
    "jobs",
    [[], [job(delivery("delivered"))], [job(delivery(), driver=None)], [job(delivery(client_reference="SO-2"))]],
)
async def test_without_a_courier_under_way_nobody_is_located(jobs: Any) -> None:
    with pytest.raises(NotFound):
        await asked("locate", {"SO-1": jobs, "so-1": []}, number="SO-1")


@pytest.mark.parametrize("answer", ["text", [1], 7])
async def test_an_answer_that_is_no_list_of_jobs_is_unreadable(answer: Any) -> None:
    with pytest.raises(Unreadable):
        await asked("locate", {"SO-1": answer}, number="SO-1")

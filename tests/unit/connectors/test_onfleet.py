"""Onfleet: proof of origin, the handshake, what a task tells and whom it must not tell about."""

import hmac
import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors import connector
from connectors.base import Payload, Push, Reply
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from normalizer.model import Place, Position, Proof, Window

NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
T = int(NOW.timestamp() * 1000)
SECRET = "00ff10ee20dd30cc40bb50aa60997088"
LONG, SHORT = "tA5k~demo*ParcelNumber00", "7c1d4e00"
COURIER = "wK3rT0aZ~demo*Courier1x9"
START = {"name": "start", "time": T - 900_000}


def task(state: int = 2, *, done: dict | None = None, **said) -> dict:
    completion = {"success": False, "time": None, "events": [START] if state > 1 else [], "failureReason": "NONE"}
    return {
        "id": LONG,
        "shortId": SHORT,
        "timeCreated": T - 7_200_000,
        "state": state,
        "worker": COURIER if state else None,
        "pickupTask": False,
        "notes": "Ring at Ines Example's",
        "trackingURL": "https://onf.lt/7c1d4e009e",
        "completionDetails": completion | (done or {}),
        "recipients": [{"name": "Ines Example", "phone": "+15555550142", "notes": "VIP"}],
        "destination": {
            "location": [-8.6109, 41.1496],
            "address": {"name": "Ines Example", "number": "18", "street": "Rua do Exemplo", "city": "Porto"},
            "notes": "code 4821",
        },
    } | said


def hook(trigger: str, told: dict | None = None, **more) -> dict:
    return {"triggerName": trigger, "taskId": LONG, "time": T, "data": {"task": told} if told else {}} | more


def read(body, numbers: tuple[str, ...] = ()):
    source = "poll" if numbers else "push"
    payload = Payload(
        carrier="onfleet", body=json.dumps(body).encode(), source=source, received_at=NOW, numbers=numbers
    )
    return connector("onfleet").read(payload)


def meaning(reading) -> str | None:
    (scan,) = reading.scans
    _, found = connector("onfleet").codes.look_up(scan.codes)
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def signed(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(bytes.fromhex(secret), body, "sha512").hex()


def pushed(body: bytes, signature: str | None) -> Push:
    headers = {"x-onfleet-signature": signature} if signature is not None else {}
    return Push("POST", headers, {}, body, NOW)


def test_a_push_with_its_signature_is_the_platforms_own():
    connector("onfleet").verify(pushed(b"{}", signed(b"{}")), {"webhook_secret": SECRET})


@pytest.mark.parametrize(
    ("body", "signature", "secret"),
    [
        (b"{ }", signed(b"{}"), SECRET),
        (b"{}", signed(b"{}", "ab" * 16), SECRET),
        (b"{}", hmac.digest(SECRET.encode(), b"{}", "sha512").hex(), SECRET),
        (b"{}", hmac.digest(bytes.fromhex(SECRET), b"{}", "sha256").hex(), SECRET),
        (b"{}", None, SECRET),
        (b"{}", "", SECRET),
        (b"{}", signed(b"{}"), "not hex"),
        (b"{}", signed(b"{}"), ""),
    ],
    ids=["changed", "other secret", "secret as text", "sha-256", "no header", "empty", "bad secret", "no secret"],
)
def test_a_push_without_that_proof_is_forged(body, signature, secret):
    with pytest.raises(Forged):
        connector("onfleet").verify(pushed(body, signature), {"webhook_secret": secret})


def test_the_handshake_answers_the_text_it_was_asked_with():
    asked = Push("GET", {}, {"check": "4f2b<0>c9e"}, b"", NOW)
    answered = connector("onfleet").challenge(asked, {})
    assert answered == Reply(200, b"4f2b<0>c9e", "text/plain; charset=utf-8")


@pytest.mark.parametrize(
    ("method", "query"), [("POST", {"check": "x"}), ("GET", {}), ("GET", {"check": ""}), ("GET", {"check": "x" * 257})]
)
def test_anything_else_is_no_handshake(method, query):
    assert connector("onfleet").challenge(Push(method, {}, query, b"", NOW), {}) is None


@pytest.mark.parametrize(
    ("trigger", "told", "status"),
    [
        ("taskCreated", task(0), "info_received/other/tells"),
        ("taskAssigned", task(1), "info_received/other/tells"),
        ("taskUnassigned", task(0), "info_received/other/tells"),
        ("taskStarted", task(), "out_for_delivery/on_route/tells"),
        ("taskEta", task(), "out_for_delivery/arriving/tells"),
        ("taskArrival", task(), "out_for_delivery/arriving/tells"),
        ("taskDelayed", task(), "exception/delayed/informs"),
        ("predictedTaskDelay", task(), "exception/delayed/informs"),
        ("taskUpdated", task(1), "info_received/other/informs"),
        ("taskUpdated", task(2), "out_for_delivery/on_route/tells"),
        ("taskUpdated", task(3, done={"success": True, "time": T}), "delivered/other/tells"),
        ("taskUpdated", task(3, done={"time": T}), "attempt_failed/other/tells"),
        ("taskCompleted", task(3, done={"success": True, "time": T}), "delivered/other/tells"),
        ("taskFailed", task(3, done={"time": T}), "attempt_failed/other/tells"),
        ("taskDeleted", task(1), "cancelled/other/tells"),
        ("taskCompleted", task(3, pickupTask=True, done={"success": True}), "in_transit/picked_up/tells"),
        ("taskFailed", task(3, pickupTask=True), "info_received/pickup_failed/tells"),
        ("taskUpdated", task(3, pickupTask=True, done={"success": True}), "in_transit/picked_up/tells"),
        ("taskStarted", task(pickupTask=True), "info_received/pickup_scheduled/tells"),
        ("taskTeleported", task(), None),
    ],
)
def test_a_trigger_and_its_task_have_one_meaning(trigger, told, status):
    reading = read(hook(trigger, told))
    assert reading.trouble is None
    assert meaning(reading) == status


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("UNAVAILABLE", "attempt_failed/recipient_absent/tells"),
        ("INACCESSIBLE", "attempt_failed/no_access/tells"),
        ("INCORRECT_LOCATION", "attempt_failed/wrong_address/tells"),
        ("REFUSED_BY_RECIPIENT", "exception/refused/tells"),
        ("OTHER", "attempt_failed/other/tells"),
        ("EATEN_BY_THE_DOG", "attempt_failed/other/tells"),
        (None, "attempt_failed/other/tells"),
    ],
)
def test_a_failure_is_told_with_its_reason_and_an_unseen_reason_is_just_a_failure(reason, status):
    reading = read(hook("taskFailed", task(3, done={"failureReason": reason, "time": T})))
    assert meaning(reading) == status
    assert reading.scans[0].codes[-1] == "taskFailed"


def test_a_later_update_of_a_delivered_task_is_the_same_event_again():
    done = {"success": True, "time": T - 1000}
    (first,) = read(hook("taskCompleted", task(3, done=done))).scans
    (again,) = read(hook("taskUpdated", task(3, done=done), time=T + 90_000)).scans
    assert first == again


def test_an_update_of_a_started_task_is_its_start_again():
    (first,) = read(hook("taskStarted", task())).scans
    (again,) = read(hook("taskUpdated", task(), time=T + 90_000)).scans
    assert first == again
    assert first.at == NOW - timedelta(minutes=15)


def test_proofs_and_the_signers_name_come_with_the_delivery():
    done = {
        "success": True,
        "time": T,
        "signatureText": "I. Example",
        "signatureUploadId": "s1",
        "photoUploadId": "p1",
        "photoUploadIds": ["p1", "p2"],
        "lastLocation": [-8.61, 41.15],
    }
    reading = read(hook("taskCompleted", task(3, done=done)))
    proofs = (
        Proof(kind="signature", reference="s1"),
        Proof(kind="photo", reference="p1"),
        Proof(kind="photo", reference="p2"),
    )
    (scan,), (detail,) = reading.scans, reading.details
    assert (scan.signed_by, scan.proofs) == ("I. Example", proofs)
    assert (detail.signed_by, detail.proofs) == ("I. Example", proofs)
    assert (scan.place.latitude, scan.place.longitude) == (41.15, -8.61)


def test_the_public_short_id_is_the_number_and_the_long_id_a_reference():
    reading = read(hook("taskStarted", task()))
    (scan,), (detail,) = reading.scans, reading.details
    assert (scan.number, detail.number) == (SHORT, SHORT)
    assert scan.extra == {"task_id": LONG}
    assert detail.references == (LONG,)
    assert detail.tracking_url == "https://onf.lt/7c1d4e009e"


def test_the_recipients_name_phone_street_and_notes_are_never_told():
    reading = read(hook("taskFailed", task(3, done={"failureNotes": "Ines Example moved", "notes": "VIP", "time": T})))
    told = repr(reading)
    for personal in ("Ines", "5555550142", "VIP", "Rua do Exemplo", "4821"):
        assert personal not in told
    assert reading.details[0].destination == Place(city="Porto", latitude=41.1496, longitude=-8.6109)


def test_what_a_pickup_task_calls_its_destination_is_where_the_parcel_starts():
    (detail,) = read(hook("taskStarted", task(pickupTask=True, eta=T))).details
    assert (detail.destination, detail.eta) == (None, None)
    assert detail.origin == Place(city="Porto", latitude=41.1496, longitude=-8.6109)


@pytest.mark.parametrize(
    ("told", "more", "eta"),
    [
        (
            task(estimatedArrivalTime=T + 60_000, eta=T),
            {},
            Window(NOW + timedelta(minutes=1), NOW + timedelta(minutes=1)),
        ),
        (task(estimatedArrivalTime=None, eta=T), {}, Window(NOW, NOW)),
        (task(eta=T), {"etaSeconds": 90}, Window(NOW + timedelta(seconds=90), NOW + timedelta(seconds=90))),
        (task(completeAfter=T, completeBefore=None), {}, Window(NOW, None)),
        (task(), {}, None),
    ],
)
def test_the_promise_is_the_estimate_else_the_agreed_window(told, more, eta):
    assert read(hook("taskEta", told, **more)).scans[0].eta == eta


@pytest.mark.parametrize(
    ("more", "name", "value"),
    [
        ({"distance": 142.6}, "distance_m", 142.6),
        ({"etaSeconds": 587}, "eta_seconds", 587),
        ({"delay": 612}, "delay_seconds", 612),
    ],
)
def test_what_a_trigger_measured_is_kept(more, name, value):
    assert read(hook("taskArrival", task(), **more)).scans[0].extra == {"task_id": LONG, name: value}


def test_a_deleted_task_told_by_its_long_id_alone_is_cancelled_under_that_id():
    (scan,) = read(hook("taskDeleted")).scans
    assert (scan.number, scan.at, scan.codes) == (LONG, NOW, ("taskDeleted",))


@pytest.mark.parametrize("trigger", ["workerDuty", "SMSRecipientOptOut", "routePlanDelayed", "taskCloned"])
def test_a_trigger_about_no_parcel_tells_nothing(trigger):
    reading = read({"triggerName": trigger, "recipient": {"name": "Ines Example"}, "data": {}, "time": T})
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {},
        hook("taskStarted"),
        hook("taskUpdated", task(3, completionDetails=None)),
        hook("taskCreated", task(0, timeCreated="yesterday")),
        hook("taskCreated", task(0, timeCreated=True)),
        hook("taskArrival", task(), time=T + 0.5),
        hook("taskArrival", task(destination={"location": [41.1496, -98.6109]})),
        hook("taskArrival", task(destination={"location": [1]})),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body):
    assert isinstance(read(body).trouble, Unreadable)


def worker(active: str | None) -> dict:
    return {"activeTask": active, "location": [-8.62, 41.15], "timeLastSeen": T - 5000, "displayName": "Rui Courier"}


def test_the_couriers_place_and_first_name_are_told_while_the_task_is_the_current_one():
    reading = read(hook("taskArrival", data={"task": task(), "worker": worker(LONG)}))
    assert reading.positions == [Position(number=SHORT, at=NOW - timedelta(seconds=5), latitude=41.15, longitude=-8.62)]
    assert reading.details[0].courier == "Rui"


@pytest.mark.parametrize(
    ("told", "active"), [(task(), "another"), (task(), None), (task(1), LONG), (task(3, done={"time": T}), LONG)]
)
def test_the_couriers_place_is_not_told_before_or_after_or_on_another_task(told, active):
    assert read(hook("taskUpdated", data={"task": told, "worker": worker(active)})).positions == []


async def located(told: dict, courier: dict, seen: list[httpx.Request], number: str = SHORT):
    onfleet = connector("onfleet")

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=told if "/tasks/" in request.url.path else courier)

    auth = onfleet.auth({"api_key": "k3y"})
    async with HttpClient(onfleet.facts, auth, transport=httpx.MockTransport(handler)) as http:
        return await onfleet.locate(http, number)


async def test_locating_asks_for_the_task_then_for_no_more_of_its_courier_than_needed():
    seen: list[httpx.Request] = []
    answer = await located(task(), worker(LONG), seen, number=SHORT.upper())
    first, second = seen
    assert str(first.url) == f"https://onfleet.com/api/v2/tasks/shortId/{SHORT}"
    assert second.url.raw_path == (
        b"/api/v2/workers/wK3rT0aZ~demo%2ACourier1x9?filter=activeTask%2Clocation%2CtimeLastSeen"
    )
    assert b64decode(first.headers["authorization"].split()[1]) == b"k3y:"
    reading = read(json.loads(answer.body), numbers=(SHORT,))
    assert reading.positions == [Position(number=SHORT, at=NOW - timedelta(seconds=5), latitude=41.15, longitude=-8.62)]


@pytest.mark.parametrize(
    ("told", "active", "asked"),
    [(task(1), LONG, 1), (task(3), LONG, 1), (task(worker=None), LONG, 1), (task(), "another", 2), (task(), None, 2)],
)
async def test_a_courier_who_is_not_on_the_way_with_this_task_is_not_located(told, active, asked):
    seen: list[httpx.Request] = []
    with pytest.raises(NotFound):
        await located(told, worker(active), seen)
    assert len(seen) == asked

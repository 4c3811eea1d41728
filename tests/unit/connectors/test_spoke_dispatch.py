"""Spoke Dispatch: proof of origin, a stop's walk, attempts and pickups, promises, and who is never told of."""

from __future__ import annotations

import hmac
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from normalizer.model import Place, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("spoke-dispatch")
NOW = datetime(2026, 11, 3, 10, 10, tzinfo=UTC)
T = int(NOW.timestamp())
SECRET = "71d4eb15359c04280311116c6c590071"
ID = "plans/Pq7Rs/stops/Tu8Vw"
SENT, BEGUN, DONE = NOW - timedelta(hours=2), NOW - timedelta(hours=1), NOW - timedelta(minutes=2)


def seconds(at: datetime) -> int:
    return int(at.timestamp())


def attempt(state: str, **said: Any) -> dict[str, Any]:
    return {
        "attempted": True,
        "attemptedAt": seconds(DONE),
        "attemptedLocation": {"latitude": 51.5, "longitude": -0.1},
        "photoUrls": [],
        "signatureUrl": None,
        "signeeName": None,
        "succeeded": not state.startswith("failed"),
        "state": state,
        "driverProvidedRecipientNotes": "Ines was out",
    } | said


OPEN = {"attempted": False, "attemptedAt": None, "succeeded": False, "state": "unattempted", "photoUrls": []}


def stop(done: Any = None, *, sent: Any = SENT, begun: Any = BEGUN, **said: Any) -> dict[str, Any]:
    state = {"distributedAt": sent and seconds(sent), "startedAt": begun and seconds(begun)}
    return {
        "id": ID,
        "type": "stop",
        "activity": "delivery",
        "address": {"address": "18 Rua do Exemplo", "addressLineOne": "18", "latitude": 51.5074, "longitude": -0.1278},
        "notes": "code 4821",
        "recipient": {
            "name": "Ines Example",
            "phone": "+15555550142",
            "email": "ines@example.com",
            "externalId": "C-1",
        },
        "barcodes": ["PKG-1", "PKG-2"],
        "orderInfo": {"sellerOrderId": "SO-1", "invoiceNumber": None},
        "packageCount": 2,
        "deliveryInfo": OPEN if done is None else done,
        "route": {"state": state},
        "eta": {
            "status": "available",
            "value": {
                "estimatedArrivalAt": T,
                "estimatedEarliestArrivalAt": T - 60,
                "estimatedLatestArrivalAt": T + 60,
            },
        },
        "customProperties": {"vip": "Ines"},
    } | said


def hook(event: str, told: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": event, "version": "v1", "created": T * 1000 + 120, "data": told} | more


def read(body: Any) -> Any:
    return CARRIER.read(Payload(carrier="spoke-dispatch", body=orjson.dumps(body), source="push", received_at=NOW))


def told(body: Any) -> list[tuple[str, Any]]:
    return [(scan.codes[0], scan.at) for scan in read(body).scans]


def meaning(body: Any) -> str | None:
    found = CARRIER.codes.look_up(read(body).scans[-1].codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def pushed(body: bytes, **headers: str) -> Push:
    return Push("POST", {name.replace("_", "-"): value for name, value in headers.items()}, {}, body, NOW)


def signature(body: bytes, secret: str = SECRET) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


@pytest.mark.parametrize("header", ["spoke_signature", "circuit_signature"])
def test_a_push_signed_under_either_name_is_the_platforms_own(header: str) -> None:
    CARRIER.verify(pushed(b'{"a":1}', **{header: signature(b'{"a":1}')}), {"webhook_secret": SECRET})


@pytest.mark.parametrize(
    ("push", "secrets"),
    [
        (pushed(b"{}"), {"webhook_secret": SECRET}),
        (pushed(b"{ }", spoke_signature=signature(b"{}")), {"webhook_secret": SECRET}),
        (pushed(b"{}", spoke_signature=signature(b"{}", "other")), {"webhook_secret": SECRET}),
        (pushed(b"{}", circuit_signature="00", spoke_signature=signature(b"{}")), {"webhook_secret": SECRET}),
        (pushed(b"{}", spoke_signature=hmac.digest(bytes.fromhex(SECRET), b"{}", "sha256").hex()),
         {"webhook_secret": SECRET}),
        (pushed(b"{}", spoke_signature=signature(b"{}", "")), {"webhook_secret": ""}),
    ],
    ids=["none", "other body", "other secret", "a wrong one beside", "secret taken for hex", "no secret"],
)  # fmt: skip
def test_a_push_without_a_true_signature_is_forged(push: Push, secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(push, secrets)


def test_each_push_and_answer_tells_the_walk_so_far_as_the_same_events() -> None:
    allocated = hook("stop.allocated", stop(begun=None))
    started = hook("stop.out_for_delivery", stop())
    done = hook("stop.attempted_delivery", stop(attempt("delivered_to_recipient")))
    departed = hook("stop.departed", stop(attempt("delivered_to_recipient")))
    answer = stop(attempt("delivered_to_recipient"))
    assert told(allocated) == [("stop.allocated", SENT)]
    assert told(started) == [("stop.allocated", SENT), ("stop.out_for_delivery", BEGUN)]
    assert told(done) == told(departed) == told(answer) == [*told(started), ("delivered_to_recipient", DONE)]
    ids = {event_id("spoke-dispatch", scan) for body in (allocated, started, done, answer) for scan in read(body).scans}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("event", "body", "expected"),
    [
        ("stop.allocated", stop(sent=None, begun=None), "info_received/other/tells"),
        ("stop.out_for_delivery", stop(begun=None), "out_for_delivery/on_route/tells"),
        ("stop.next_in_route", stop(), "out_for_delivery/next_stop/tells"),
        ("stop.departed", stop(), "out_for_delivery/other/informs"),
        ("stop.attempted_delivery", stop(), "out_for_delivery/other/informs"),
        ("stop.levitated", stop(), None),
        ("stop.out_for_delivery", stop(begun=None, activity="pickup"), "info_received/pickup_scheduled/tells"),
        ("stop.next_in_route", stop(activity="pickup"), "info_received/pickup_scheduled/tells"),
    ],
)
def test_an_event_that_the_stop_does_not_tell_itself_has_the_time_of_the_push(
    event: str, body: Any, expected: str | None
) -> None:
    reading = read(hook(event, body))
    assert meaning(hook(event, body)) == expected
    assert reading.scans[-1].at == NOW + timedelta(milliseconds=120)


@pytest.mark.parametrize(
    ("state", "activity", "expected"),
    [
        ("delivered_to_recipient", "delivery", "delivered/to_recipient/tells"),
        ("delivered_to_third_party", "delivery", "delivered/other/tells"),
        ("delivered_to_mailbox", "delivery", "delivered/to_mailbox/tells"),
        ("delivered_to_safe_place", "delivery", "delivered/to_safe_place/tells"),
        ("delivered_to_pickup_point", "delivery", "available_for_pickup/other/tells"),
        ("failed_not_home", "delivery", "attempt_failed/recipient_absent/tells"),
        ("failed_cant_find_address", "delivery", "attempt_failed/wrong_address/tells"),
        ("failed_no_parking", "delivery", "attempt_failed/no_access/tells"),
        ("failed_payment_not_received", "delivery", "attempt_failed/payment_missing/tells"),
        ("failed_eaten", "delivery", None),
        ("picked_up_from_locker", "pickup", "in_transit/picked_up/tells"),
        ("failed_not_home", "pickup", "info_received/pickup_failed/tells"),
    ],
)
def test_an_attempt_means_its_state(state: str, activity: str, expected: str | None) -> None:
    assert meaning(stop(attempt(state), activity=activity)) == expected


def test_where_by_whom_and_with_which_proofs_it_was_handed_over() -> None:
    done = attempt(
        "delivered_to_recipient",
        photoUrls=["https://x.example/p"],
        signatureUrl="https://x.example/s",
        signeeName="I. Example",
    )
    proofs = (
        Proof(kind="signature", reference="https://x.example/s"),
        Proof(kind="photo", reference="https://x.example/p"),
    )
    reading = read(stop(done))
    scan, (whole,) = reading.scans[-1], reading.details
    assert (scan.signed_by, scan.proofs, scan.place) == ("I. Example", proofs, Place(latitude=51.5, longitude=-0.1))
    assert (whole.signed_by, whole.proofs) == ("I. Example", proofs)
    failed = read(stop(attempt("failed_other", signeeName="nobody", photoUrls=["https://x.example/door"])))
    assert (failed.scans[-1].signed_by, failed.details[0].signed_by) == (None, None)
    assert failed.scans[-1].proofs == (Proof(kind="photo", reference="https://x.example/door"),)


@pytest.mark.parametrize(
    ("eta", "expected"),
    [
        (stop()["eta"], Window(NOW - timedelta(seconds=60), NOW + timedelta(seconds=60))),
        (stop()["eta"]["value"], Window(NOW - timedelta(seconds=60), NOW + timedelta(seconds=60))),
        ({"status": "available", "value": {"estimatedArrivalAt": T}}, Window(NOW, NOW)),
        ({"status": "restricted", "restrictionCode": "subscription_not_supported"}, None),
        ({"status": "pending", "pendingReason": "not_optimized"}, None),
        (None, None),
    ],
    ids=["v1", "v0.2b", "likely only", "restricted", "pending", "null"],
)
def test_the_promise_is_read_where_the_account_may_see_it(eta: Any, expected: Window | None) -> None:
    assert read(stop(eta=eta)).details[0].eta == expected
    assert read(stop(attempt("failed_other"), eta=eta)).details[0].eta is None
    assert read(stop(eta=eta, activity="pickup")).details[0].eta is None


@pytest.mark.parametrize(
    ("weight", "grams"),
    [
        ({"amount": 2.5, "unit": "kilogram"}, 2500),
        ({"amount": 2, "unit": "pound"}, 907),
        ({"amount": 0.1, "unit": "metric-ton"}, 100_000),
        (None, None),
    ],
)
def test_a_weight_is_told_in_grams(weight: Any, grams: int | None) -> None:
    assert read(stop(weight=weight)).details[0].weight_grams == grams


def test_recipients_are_never_told_and_references_are() -> None:
    service = {"status": "available", "value": {"identifier": "SAME", "name": "Same day"}}
    reading = read(
        stop(attempt("failed_not_home"), packageLabel="A4", trackingLink="https://t.ex/1", serviceInfo=service)
    )
    (whole,) = reading.details
    assert whole.references == ("PKG-1", "PKG-2", "SO-1")
    assert (whole.pieces_total, whole.tracking_url, whole.extra) == (2, "https://t.ex/1", {"package_label": "A4"})
    assert (whole.service, whole.service_code) == ("Same day", "SAME")
    assert (whole.origin, whole.destination) == (None, Place(latitude=51.5074, longitude=-0.1278))
    assert read(stop(activity="pickup")).details[0].origin == whole.destination
    for personal in ("Ines", "Rua do Exemplo", "4821", "+1555", "C-1"):
        assert personal not in repr(reading)


@pytest.mark.parametrize(
    "body",
    [
        hook("test.send_event", {"email": "ops@example.com"}),
        hook("unassigned_stop.tracking_link_added", {"id": "unassignedStops/1"}),
        hook("stop.departed", {"id": ID, "type": "end"}),
        {"id": ID, "type": "start"},
    ],
)
def test_what_is_about_no_stop_on_the_way_tells_nothing(body: Any) -> None:
    reading = read(body)
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


def test_a_new_link_is_told_and_no_event_of_its_own() -> None:
    reading = read(hook("stop.tracking_link_added", stop(sent=None, begun=None, trackingLink="https://t.ex/1")))
    assert (reading.scans, reading.details[0].tracking_url) == ([], "https://t.ex/1")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        hook("stop.departed", stop(), created="today"),
        hook("stop.departed", stop(), created=True),
        stop(attempt("failed_other", attemptedAt="now")),
        stop(weight={"amount": 1, "unit": "stone"}),
        stop(address={"latitude": 151, "longitude": 0}),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(number: str) -> list[httpx.Request]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json=stop())

    auth = CARRIER.auth({"api_key": "k3y"})
    async with HttpClient(CARRIER.facts, auth, transport=httpx.MockTransport(wire)) as http:
        await CARRIER.poll(http, (number,))
    return seen


async def test_a_stop_is_asked_for_by_its_id_as_it_is_spelled() -> None:
    (request,) = await asked(ID)
    assert str(request.url) == f"https://api.spoke.com/public/v1/{ID}"
    assert b64decode(request.headers["authorization"].split()[1]) == b"k3y:"


@pytest.mark.parametrize("number", ["PKG-1", "plans/a", "plans/a/stops/b/c", "plans/../stops/x", "PLANS/A/STOPS/B"])
async def test_what_is_no_stops_id_is_not_asked_for(number: str) -> None:
    with pytest.raises(NotFound):
        await asked(number)

"""Nash: proof of origin, each delivery's statuses once, who takes over, the courier, and who is never told of."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Rejected, Unreadable
from normalizer.model import Place, Position, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("nash")
NOW = datetime(2026, 11, 3, 18, 40, tzinfo=UTC)
KEY = b"unit-unit-unit-unit-unit-unit"
SECRETS = {"signing_secret": "whsec_" + base64.b64encode(KEY).decode(), "api_key": "key-71"}
JOB = "job_Qr5bVt8W"


def at(minute: int) -> str:
    return f"2026-11-03T18:{minute:02}:00.264523"


def moment(minute: int) -> datetime:
    return datetime(2026, 11, 3, 18, minute, 0, 264523, tzinfo=UTC)


def delivery(*history: tuple[str, int], **said: Any) -> dict[str, Any]:
    return {
        "id": "dlv_A",
        "status": history[-1][0],
        "statusHistory": [{"status": status, "created_at": at(minute)} for status, minute in history],
        "dropoffEta": at(35),
        "courierName": "Noor Courier",
        "courierPhoneNumber": "+15555550130",
        "courierPickupPhoneNumber": "+15555550131",
        "courierDropoffPhoneNumber": "+15555550132",
        "courierLocation": {"lat": 47.61, "lng": -122.33},
        "courierVehicle": {"licensePlate": "ABC1234", "make": "Toyota", "model": "Prius", "color": "Blue"},
        "proofOfDelivery": None,
        "providerDeliveryId": "prov-1",
    } | said


def package(*tried: dict[str, Any], **said: Any) -> dict[str, Any]:
    where = {
        "address": "18 Rua do Exemplo",
        "addressCity": "Seattle",
        "addressState": "WA",
        "addressZip": "98109",
        "addressCountry": "US",
        "firstName": "Ines",
        "phoneNumber": "+15555550101",
        "instructions": "code 4821",
        "lat": 47.6231,
        "lng": -122.3489,
    }
    told = {
        "externalIdentifier": "SO-1-1",
        "pickupLocation": where | {"addressCity": "Tacoma"},
        "dropoffLocation": where,
        "dropoffStartTime": "2026-11-03T18:20:00Z",
        "dropoffEndTime": "2026-11-03T19:00:00Z",
    }
    tasks = [{"id": f"tsk_{index}", "delivery": one} for index, one in enumerate(tried)]
    return {"id": "cfg_A", "package": told, "tasks": tasks, "delivery": tried[-1] if tried else None} | said


def job(*packages: dict[str, Any], active: bool = True, **said: Any) -> dict[str, Any]:
    metadata = {"note": "for Ines"}
    told = {"id": JOB, "externalIdentifier": "SO-1", "jobMetadata": metadata, "isActive": active}
    return told | {"jobConfigurations": list(packages)} | said


def hook(told: dict[str, Any], kind: str = "delivery", event: str = "updated") -> dict[str, Any]:
    return {"type": kind, "event": event, "data": told}


def read(body: Any) -> Any:
    return CARRIER.read(Payload(carrier="nash", body=orjson.dumps(body), source="push", received_at=NOW))


def told(body: Any) -> list[tuple[str, datetime]]:
    return [(scan.codes[0], scan.at) for scan in read(body).scans]


def meaning(body: Any) -> str | None:
    found = CARRIER.codes.look_up(read(body).scans[-1].codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def ids(*bodies: Any) -> set[str]:
    return {event_id("nash", scan) for body in bodies for scan in read(body).scans}


def pushed(body: bytes = b"{}", *, stamp: str | None = None, signature: str | None = None, **headers: str) -> Push:
    stamp = str(int(NOW.timestamp())) if stamp is None else stamp
    made = {"svix-id": "msg_1", "svix-timestamp": stamp, "svix-signature": signature or f"v1,{signed(body, stamp)}"}
    return Push("POST", made | headers, {}, body, NOW)


def signed(body: bytes, stamp: str, key: bytes = KEY) -> str:
    return base64.b64encode(hmac.digest(key, f"msg_1.{stamp}.".encode() + body, "sha256")).decode()


STAMP = str(int(NOW.timestamp()))


@pytest.mark.parametrize(
    "push",
    [
        pushed(),
        pushed(signature=f"v1,AAAA v1a,BBBB v1,{signed(b'{}', STAMP)}"),
        pushed(stamp=str(int(NOW.timestamp()) - 290)),
    ],
    ids=["one", "one of several, as while a secret rotates", "almost five minutes old"],
)
def test_a_push_with_a_true_and_fresh_signature_is_the_platforms_own(push: Push) -> None:
    CARRIER.verify(push, SECRETS)


@pytest.mark.parametrize(
    ("push", "secrets"),
    [
        (pushed(signature=f"v1,{signed(b'{ }', STAMP)}"), SECRETS),
        (pushed(signature=f"v1,{signed(b'{}', STAMP, b'other')}"), SECRETS),
        (pushed(signature=f"v2,{signed(b'{}', STAMP)}"), SECRETS),
        (pushed(signature="v1," + " v1,".join(["AAAA"] * 16) + f" v1,{signed(b'{}', STAMP)}"), SECRETS),
        (pushed(**{"svix-id": "msg_2"}), SECRETS),
        (pushed(**{"svix-id": ""}), SECRETS),
        (pushed(**{"svix-timestamp": ""}), SECRETS),
        (pushed(stamp=str(int(NOW.timestamp()) - 301)), SECRETS),
        (pushed(stamp=str(int(NOW.timestamp()) + 301)), SECRETS),
        (pushed(stamp="yesterday"), SECRETS),
        (pushed(), SECRETS | {"signing_secret": ""}),
        (pushed(), SECRETS | {"signing_secret": "whsec_~~"}),
        (pushed(signature=f"v1,{signed(b'{}', STAMP, b'')}"), SECRETS | {"signing_secret": "whsec_"}),
    ],
    ids=[
        "other body", "other secret", "other version", "hidden behind many", "other id", "no id", "no stamp", "too old",
        "too new", "no time", "no secret", "odd secret", "empty secret",
    ],
)  # fmt: skip
def test_a_push_without_one_is_forged(push: Push, secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(push, secrets)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("created", "info_received/other/tells"),
        ("assigned_driver", "info_received/pickup_scheduled/tells"),
        ("started", "info_received/other/informs"),
        ("pickup_enroute", "info_received/pickup_scheduled/tells"),
        ("pickup_arrived", "info_received/awaiting_handover/tells"),
        ("pickup_complete", "in_transit/picked_up/tells"),
        ("dropoff_enroute", "out_for_delivery/on_route/tells"),
        ("dropoff_arrived", "out_for_delivery/arrived_at_door/tells"),
        ("dropoff_complete", "delivered/other/tells"),
        ("failed", "attempt_failed/other/tells"),
        ("return_in_progress", "returning/to_sender/tells"),
        ("returned", "returned/to_sender/tells"),
        ("levitating", None),
    ],
)
def test_a_status_has_one_meaning_in_push_and_answer(status: str, expected: str | None) -> None:
    body = job(package(delivery(("created", 1), (status, 2))))
    assert meaning(hook(body)) == meaning(body) == expected


def test_each_status_of_a_delivery_is_one_event_however_often_and_by_whatever_it_is_told() -> None:
    walk = (("created", 1), ("assigned_driver", 4), ("dropoff_enroute", 16))
    first, second = job(package(delivery(*walk[:2]))), job(package(delivery(*walk)))
    inferred = job(package(delivery(*walk[:2], ("assigned_driver", 5))))
    assert told(second) == [(status, moment(minute)) for status, minute in walk]
    assert len(ids(hook(first), hook(second, "courier_location"), hook(inferred, "task"), second)) == 3


def test_a_status_that_stands_in_no_history_happened_when_it_was_heard_of() -> None:
    assert told(job(package(delivery(("scheduled", 1), statusHistory=None)))) == [("scheduled", NOW)]
    late = delivery(("created", 1), status="pickup_label")
    assert told(job(package(late))) == [("created", moment(1)), ("pickup_label", NOW)]


@pytest.mark.parametrize("status", ["canceled_by_provider", "canceled_by_auto_reassign", "expired"])
def test_a_delivery_called_off_ends_the_parcel_only_where_the_job_is_over_and_none_takes_its_place(status: str) -> None:
    lost = delivery(("created", 1), (status, 8))
    alone, open_still = job(package(lost), active=False), job(package(lost))
    assert meaning(alone) == "cancelled/by_carrier/tells"
    assert meaning(open_still) == "info_received/other/informs"
    assert len(ids(alone, open_still)) == 3
    followed = job(package(lost, delivery(("created", 9), ("dropoff_complete", 30), id="dlv_B")), active=False)
    assert [code for code, _ in told(followed)] == ["created", f"open/{status}", "created", "dropoff_complete"]
    assert len(ids(open_still, followed)) == 4


def test_a_package_without_its_own_delivery_has_that_of_its_last_task() -> None:
    body = job(package(delivery(("created", 1)), delivery(("assigned_driver", 5), id="dlv_B"), delivery=None))
    assert [code for code, _ in told(body)] == ["created", "assigned_driver"]
    assert read(body).details[0].courier == "Noor"
    assert (read(job(package())).scans, read(job(package())).details[0].courier) == ([], None)


def test_packages_of_one_job_are_pieces_of_one_shipment() -> None:
    one = package(delivery(("created", 1), ("dropoff_complete", 30)))
    two = package(delivery(("created", 1), ("dropoff_enroute", 20), id="dlv_B"), id="cfg_B")
    reading = read(job(one, two))
    assert {(scan.number, scan.piece) for scan in reading.scans} == {(JOB, "cfg_A"), (JOB, "cfg_B")}
    (whole,) = reading.details
    assert (whole.pieces, whole.pieces_total, whole.eta, whole.destination) == (("cfg_A", "cfg_B"), 2, None, None)
    assert len(reading.positions) == 1


@pytest.mark.parametrize(
    ("status", "places"),
    [
        ("created", 0),
        ("assigned_driver", 1),
        ("dropoff_enroute", 1),
        ("return_in_progress", 1),
        ("dropoff_complete", 0),
    ],
)
def test_the_courier_is_placed_only_while_under_way(status: str, places: int) -> None:
    reading = read(job(package(delivery((status, 1)))))
    eta = None if status.startswith("return") else moment(35)
    expected = Position(number=JOB, at=NOW, latitude=47.61, longitude=-122.33, eta=eta)
    assert reading.positions == [expected] * places


def test_two_couriers_are_not_placed_and_what_a_fleet_measured_is_told() -> None:
    moving = [package(delivery(("dropoff_enroute", 1), id=one), id=one) for one in ("A", "B")]
    assert read(job(*moving)).positions == []
    place = {"lat": 1.5, "lng": 2.5, "updatedAt": at(21), "capturedAt": at(20), "heading": 41.5, "speed": 8.2}
    (position,) = read(job(package(delivery(("dropoff_enroute", 1), courierLocation=place)))).positions
    assert (position.at, position.heading, position.speed, position.accuracy) == (moment(20), 41.5, 8.2, None)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (job(package(delivery(("dropoff_enroute", 1)))), Window(moment(35), moment(35))),
        (
            job(package(delivery(("created", 1), dropoffEta=None))),
            Window(datetime(2026, 11, 3, 18, 20, tzinfo=UTC), datetime(2026, 11, 3, 19, 0, tzinfo=UTC)),
        ),
        (job(package(delivery(("dropoff_enroute", 1))), active=False), None),
        (job(package(delivery(("return_in_progress", 1)))), None),
        (job(package(delivery(("dropoff_complete", 1)))), None),
    ],
    ids=["estimate", "agreed", "over", "on the way back", "delivered"],
)
def test_the_promise_is_the_estimate_else_the_agreed_window_while_it_is_open(
    body: Any, expected: Window | None
) -> None:
    assert read(body).details[0].eta == expected


def test_proofs_with_an_address_are_named_once_it_is_delivered() -> None:
    kept = [
        {"type": "photo", "url": "https://x.example/p"},
        {"type": "signature", "url": "https://x.example/s"},
        {"type": "label", "url": "https://x.example/l"},
        {"type": "pincode", "url": None},
    ]
    proofs = (
        Proof(kind="photo", reference="https://x.example/p"),
        Proof(kind="signature", reference="https://x.example/s"),
        Proof(kind="document", reference="https://x.example/l"),
    )
    reading = read(job(package(delivery(("created", 1), ("dropoff_complete", 2), proofOfDelivery=kept))))
    assert [scan.proofs for scan in reading.scans] == [(), proofs]
    assert reading.details[0].proofs == proofs
    assert read(job(package(delivery(("created", 1), proofOfDelivery=kept)))).details[0].proofs is None


def test_a_courier_is_called_from_the_drop_off_and_only_while_under_way() -> None:
    call = {"courier_call": {"number": "+15555550132", "from": "dropoff"}}
    assert read(job(package(delivery(("pickup_complete", 1))))).details[0].extra == call
    assert read(job(package(delivery(("dropoff_complete", 1))))).details[0].extra is None


def test_recipients_and_plates_are_never_told_and_couriers_by_first_name_and_vehicle() -> None:
    reading = read(job(package(delivery(("pickup_complete", 1)), publicTrackingUrl="https://t.example/1")))
    (whole,) = reading.details
    assert (whole.courier, whole.courier_vehicle) == ("Noor", "Blue Toyota Prius")
    assert (whole.references, whole.tracking_url) == (("SO-1", "SO-1-1", "prov-1"), "https://t.example/1")
    assert whole.destination == Place(
        city="Seattle", region="WA", postal_code="98109", country="US", latitude=47.6231, longitude=-122.3489
    )
    assert whole.origin is not None
    assert whole.origin.city == "Tacoma"
    for personal in ("Ines", "Rua do Exemplo", "4821", "+15555550101", "+15555550130", "ABC1234", "Courier'"):
        assert personal not in repr(reading)


def test_a_shift_tells_nothing() -> None:
    reading = read(hook({"id": "shf_1"}, "shift", "dispatched"))
    assert (reading.scans, reading.details, reading.positions, reading.trouble) == ([], [], [], None)


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        hook({"id": JOB}),
        job(package(delivery(("created", 1), statusHistory=[{"status": "created"}]))),
        job(package(delivery(("created", 1), statusHistory=[{"status": "created", "created_at": "2026-11-03"}]))),
        job(package(delivery(("dropoff_enroute", 1), courierLocation={"lat": "north", "lng": 1}))),
        job(package(delivery(("created", 1))), id=None),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(call: str, answer: httpx.Response, **more: str) -> tuple[list[httpx.Request], Any]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answer

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS | more), transport=httpx.MockTransport(wire)) as http:
        try:
            return seen, await getattr(CARRIER, call)(http, (JOB,) if call == "poll" else JOB)
        except (NotFound, Rejected, Unreadable) as trouble:
            return seen, trouble


async def test_a_job_is_asked_for_as_its_id_is_spelled_without_the_offers_of_all_fleets() -> None:
    body = job(package(delivery(("created", 1))))
    ((request,), answer) = await asked("poll", httpx.Response(200, json=body))
    assert str(request.url) == f"https://api.usenash.com/v1/jobs/{JOB}?compressedPayload=true"
    assert request.headers["authorization"] == "Bearer key-71"
    assert "nash-org-id" not in request.headers
    assert read(orjson.loads(answer.body)) == read(hook(body))
    ((named,), _) = await asked("poll", httpx.Response(200, json=body), org_id="org_1")
    assert named.headers["nash-org-id"] == "org_1"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(200, json=job(package(delivery(("created", 1))))), NotFound),
        (httpx.Response(200, json=job(package(delivery(("dropoff_enroute", 1), courierLocation=None)))), NotFound),
        (httpx.Response(200, json=job(package())), NotFound),
        (httpx.Response(422), NotFound),
        (httpx.Response(401), Rejected),
        (httpx.Response(200, json=[]), Unreadable),
    ],
)
async def test_a_job_without_a_courier_under_way_has_no_place(answer: httpx.Response, kind: type[Exception]) -> None:
    _, trouble = await asked("locate", answer)
    assert type(trouble) is kind


def test_the_tolerance_of_a_stamp_is_five_minutes() -> None:
    late = Push("POST", dict(pushed().headers), {}, b"{}", NOW + timedelta(minutes=6))
    with pytest.raises(Forged):
        CARRIER.verify(late, SECRETS)

"""Uber Direct: proof of origin, statuses and reasons, the way back, the courier, proofs, and who is never told of."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors import connector
from connectors.base import Document, Payload, Push
from connectors.client import HttpClient
from connectors.errors import Forged, NotFound, Unreadable
from normalizer.model import Place, Position, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("uber-direct")
NOW = datetime(2026, 11, 3, 18, 21, tzinfo=UTC)
ID, BACK = "del_unit0000000000000000A", "ret_unit0000000000000000B"
KEY = "unit-key"
SECRETS = {"signing_key": KEY, "customer_id": "cus/1", "client_id": "i", "client_secret": "s"}


def waypoint(city: str = "Porto", **said: Any) -> dict[str, Any]:
    return {
        "name": "Ines E.",
        "phone_number": "+15555550101",
        "address": "18 Rua do Exemplo",
        "detailed_address": {"street_address_1": "18 Rua do Exemplo", "city": city, "state": "", "country": "PT"},
        "notes": "code 4821",
        "location": {"lat": 41.15, "lng": -8.61},
    } | said


def delivery(status: str = "dropoff", **said: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "kind": "delivery",
        "status": status,
        "complete": status in ("delivered", "canceled", "returned"),
        "created": "2026-11-03T17:55:00Z",
        "updated": "2026-11-03T18:12:41Z",
        "pickup": waypoint("Braga", status="completed", status_timestamp="2026-11-03T18:10:00Z"),
        "dropoff": waypoint(),
        "courier": {"name": "Noor A.", "vehicle_type": "car", "location": {"lat": 41.2, "lng": -8.5}},
    } | said


def told(status: str = "dropoff", kind: str = "event.delivery_status", **said: Any) -> dict[str, Any]:
    return {"kind": kind, "created": "2026-11-03T18:20:00.500Z", "data": delivery(status, **said)}


def read(body: Any) -> Any:
    source: Any = "poll" if body.get("kind") == "delivery" else "push"
    return CARRIER.read(Payload(carrier="uber-direct", body=orjson.dumps(body), source=source, received_at=NOW))


def meaning(reading: Any) -> str | None:
    (scan,) = reading.scans
    found = CARRIER.codes.look_up(scan.codes)[1]
    return f"{found.status}/{found.substatus}" if found else None


def pushed(body: bytes, signature: str | None) -> Push:
    return Push("POST", {} if signature is None else {"x-uber-signature": signature}, {}, body, NOW)


def test_a_push_with_its_signature_is_the_platforms_own() -> None:
    CARRIER.verify(pushed(b"{}", hmac.digest(KEY.encode(), b"{}", "sha256").hex()), SECRETS)


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (b"{ }", hmac.digest(KEY.encode(), b"{}", "sha256").hex()),
        (b"{}", hmac.digest(b"s", b"{}", "sha256").hex()),
        (b"{}", hmac.digest(KEY.encode(), b"{}", "sha512").hex()),
        (b"{}", None),
    ],
    ids=["changed", "client secret", "sha-512", "no header"],
)
def test_a_push_without_that_proof_is_forged(body: bytes, signature: str | None) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(body, signature), SECRETS)


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("pending", {}, "info_received/other"),
        ("pickup", {}, "info_received/pickup_scheduled"),
        ("pickup", {"courier_imminent": True}, "info_received/pickup_scheduled"),
        ("pickup_complete", {"courier_imminent": True}, "in_transit/picked_up"),
        ("dropoff", {"courier_imminent": False}, "out_for_delivery/on_route"),
        ("dropoff", {"courier_imminent": True}, "out_for_delivery/arriving"),
        ("delivered", {}, "delivered/other"),
        ("delivered", {"undeliverable_action": "left_at_door"}, "delivered/to_safe_place"),
        ("canceled", {}, "cancelled/other"),
        ("canceled", {"undeliverable_reason": "customer_unavailable"}, "attempt_failed/recipient_absent"),
        ("canceled", {"undeliverable_reason": "cannot_access_customer_location"}, "attempt_failed/no_access"),
        (
            "canceled",
            {"cancelation_reason": {"primary_reason": "CANNOT_FIND_CUSTOMER_ADDRESS"}},
            "attempt_failed/wrong_address",
        ),
        ("canceled", {"cancellation_reason": {"primary_reason": "customer_rejected_order"}}, "exception/refused"),
        ("canceled", {"undeliverable_reason": "the_moon"}, "cancelled/other"),
        ("returned", {}, "returning/to_sender"),
        ("returned", {"return": {"status": "failed"}}, "returning/to_sender"),
        ("returned", {"return": {"status": "completed"}}, "returned/to_sender"),
        ("teleported", {}, None),
    ],
)
def test_a_status_and_its_reason_have_one_meaning(status: str, said: dict[str, Any], expected: str | None) -> None:
    assert meaning(read(told(status, **said))) == expected


def test_an_answer_a_status_push_and_a_push_of_the_place_tell_one_event() -> None:
    bodies = (told(), told(kind="event.courier_update", updated="2026-11-03T18:13:59Z"), delivery())
    assert len({event_id("uber-direct", scan) for body in bodies for scan in read(body).scans}) == 1


def test_going_back_and_being_back_are_two_events() -> None:
    going, back = (read(told("returned", **{"return": {"status": one}})).scans[0] for one in ("", "completed"))
    assert event_id("uber-direct", going) != event_id("uber-direct", back)


@pytest.mark.parametrize(
    ("status", "at"),
    [
        ("pending", "2026-11-03T17:55:00+00:00"),
        ("pickup_complete", "2026-11-03T18:10:00+00:00"),
        ("dropoff", "2026-11-03T18:20:00.500000+00:00"),
        ("delivered", "2026-11-03T18:33:00+00:00"),
    ],
)
def test_a_status_happened_at_its_own_moment_where_it_has_one_and_else_when_it_was_pushed(status: str, at: str) -> None:
    done = waypoint(status="completed", status_timestamp="2026-11-03T18:33:00Z")
    (scan,) = read(told(status, dropoff=done)).scans
    assert scan.at.isoformat() == at


def test_every_event_of_a_return_delivery_is_part_of_the_way_back() -> None:
    assert [read(told("dropoff", id=one)).scans[0].returning for one in (ID, BACK)] == [False, True]


@pytest.mark.parametrize(
    ("related", "number"),
    [
        ([{"id": BACK, "relationship": "returned"}], BACK),
        ({"id": BACK, "relationship": "return"}, BACK),
        ([{"id": ID, "relationship": "original"}], None),
        (None, None),
    ],
)
def test_the_way_back_is_named_by_the_related_delivery(related: Any, number: str | None) -> None:
    assert read(told("returned", related_deliveries=related)).details[0].returns_as == number


def test_the_courier_is_placed_only_while_the_delivery_is_theirs() -> None:
    here = {"lat": 41.17, "lng": -8.6}
    (position,) = read(
        told(kind="event.courier_update", dropoff_eta="2026-11-03T18:34:30Z") | {"location": here}
    ).positions
    assert position == Position(
        number=ID,
        at=datetime(2026, 11, 3, 18, 20, 0, 500000, tzinfo=UTC),
        latitude=41.17,
        longitude=-8.6,
        eta=datetime(2026, 11, 3, 18, 34, 30, tzinfo=UTC),
    )
    for status in ("pending", "delivered", "canceled", "returned"):
        assert read(told(status, kind="event.courier_update") | {"location": here}).positions == []


def test_an_answer_places_the_courier_at_the_time_of_the_answer() -> None:
    (position,) = read(delivery()).positions
    assert (position.at, position.latitude, position.longitude) == (NOW, 41.2, -8.5)


def test_a_delivery_is_where_it_was_completed_with_its_signer_and_its_proofs() -> None:
    kept = {
        "signature": {"image_url": "https://x.example/s", "name": "Ines E."},
        "picture": {"image_url": "https://x.example/p"},
        "pin_code": {"entered": "0042"},
        "identification": {"min_age_verified": True},
        "barcodes": [
            {"value": "A", "scan_result": {"outcome": "SUCCESS"}},
            {"value": "B", "scan_result": {"outcome": "FAILURE"}},
        ],
        "completion_location": {"lat": 41.16, "lng": -8.62},
    }
    reading = read(told("delivered", dropoff=waypoint(verification=kept)))
    (scan,), (whole,) = reading.scans, reading.details
    assert scan.place == Place(city="Porto", country="PT", latitude=41.16, longitude=-8.62)
    assert scan.signed_by == whole.signed_by == "Ines E."
    assert scan.proofs == (
        Proof(kind="signature", reference="dropoff/signature"),
        Proof(kind="photo", reference="dropoff/picture"),
        Proof(kind="pin"),
        Proof(kind="id_check"),
        Proof(kind="barcode", text="A"),
    )
    assert "0042" not in repr(reading)


def test_what_is_required_and_not_yet_given_is_no_proof() -> None:
    kept = {"signature": {"image_url": ""}, "identification": {"min_age_verified": False}}
    assert read(told("delivered", dropoff=waypoint(verification=kept))).scans[0].proofs == ()


def test_the_promise_moves_with_the_estimate_and_ends_with_the_delivery() -> None:
    at = datetime(2026, 11, 3, 18, 34, 30, tzinfo=UTC)
    assert read(told(dropoff_eta="2026-11-03T18:34:30Z")).details[0].eta == Window(at, at)
    assert read(told("delivered", dropoff_eta="2026-11-03T18:34:30Z")).details[0].eta is None


@pytest.mark.parametrize(
    ("courier", "call"),
    [
        (
            {"public_phone_info": {"phone_number": "+15555550188", "pin_code": "4711"}, "phone_number": "+15555550177"},
            {"number": "+15555550188", "pin": "4711"},
        ),
        ({"phone_number": "+15555550177"}, {"number": "+15555550177", "from": "dropoff"}),
        ({}, None),
    ],
)
def test_a_courier_is_called_as_the_platform_says_and_only_while_under_way(courier: Any, call: Any) -> None:
    reading = read(told(courier={"name": "Noor A."} | courier))
    assert (reading.details[0].extra or {}).get("courier_call") == call
    assert read(told("delivered", courier=courier)).details[0].extra is None


def test_recipients_and_streets_are_never_told_and_couriers_by_first_name_and_vehicle() -> None:
    reading = read(told(external_id="SHOP-1", manifest={"reference": "SO-1"}, live_mode=False))
    (whole,) = reading.details
    assert (whole.courier, whole.courier_vehicle, whole.references) == ("Noor", "car", ("SHOP-1", "SO-1"))
    assert whole.destination == Place(city="Porto", country="PT", latitude=41.15, longitude=-8.61)
    assert whole.extra == {"test": True}
    for secret in ("Ines", "Rua do Exemplo", "4821", "+15555550101"):
        assert secret not in repr(reading)


@pytest.mark.parametrize("kind", ["event.refund_request", "event.shopping_progress", "event.delivery_return"])
def test_an_event_that_is_about_no_parcel_tells_nothing(kind: str) -> None:
    reading = read({"kind": kind})
    assert (reading.scans, reading.details, reading.trouble) == ([], [], None)


def test_an_event_of_a_kind_nobody_documents_is_unreadable() -> None:
    assert isinstance(read({"kind": "event.teleport"}).trouble, Unreadable)


async def asked(call: str, answer: httpx.Response, **more: Any) -> tuple[list[httpx.Request], Any]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        token = httpx.Response(200, json={"access_token": "t", "expires_in": 2592000})
        return token if request.url.host == "auth.uber.com" else answer

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        return seen, await getattr(CARRIER, call)(http, *more.values())


async def test_the_customer_stands_in_the_path_and_the_token_in_its_header() -> None:
    (token, question), _ = await asked("poll", httpx.Response(200, json=delivery()), numbers=["a/b~account~"])
    assert dict(httpx.QueryParams(token.content.decode()))["scope"] == "eats.deliveries"
    assert question.url.raw_path == b"/v1/customers/cus%2F1/deliveries/a%2Fb~account~"
    assert question.headers["authorization"] == "Bearer t"


@pytest.mark.parametrize("said", [delivery("pending"), delivery("delivered"), delivery(courier=None)])
async def test_a_delivery_without_a_courier_under_way_has_no_place(said: Any) -> None:
    with pytest.raises(NotFound):
        await asked("locate", httpx.Response(200, json=said), number=ID)


PNG = b"\x89PNG\r\n\x1a\n0"


@pytest.mark.parametrize("before", ["data:image/gif;base64,", ""])
async def test_a_proof_is_fetched_by_waypoint_and_kind_and_told_from_its_bytes(before: str) -> None:
    said = {"document": before + base64.b64encode(PNG).decode()}
    seen, document = await asked("prove", httpx.Response(200, json=said), number=ID, reference="dropoff/signature")
    assert document == Document(PNG, "image/png")
    assert orjson.loads(seen[-1].content) == {"waypoint": "dropoff", "type": "signature"}
    assert seen[-1].url.path == f"/v1/customers/cus/1/deliveries/{ID}/proof-of-delivery"


@pytest.mark.parametrize(
    ("answer", "error"), [({"document": ""}, NotFound), ({"document": "~~"}, Unreadable), ([], Unreadable)]
)
async def test_a_proof_that_is_none_is_named(answer: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await asked("prove", httpx.Response(200, json=answer), number=ID, reference=None)

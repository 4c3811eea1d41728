"""DoorDash Drive: proof of origin, tokens, events and statuses, the courier, proofs, and who is never told of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import orjson
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.client import HttpClient
from connectors.doordash_drive import STATUSES
from connectors.errors import Forged, NotFound, Rejected, Unreadable
from normalizer.model import Place, Position, Proof, Window
from normalizer.normalize import event_id

CARRIER: Any = connector("doordash-drive")
NOW = datetime(2026, 11, 3, 18, 21, tzinfo=UTC)
AUTH = "Basic dW5pdDp1bml0"
KEY = "dW5pdC11bml0LXVuaXQtdW5pdC11bml0LXVuaXQtdW5pdA"
SECRETS = {"developer_id": "dev", "key_id": "key", "signing_secret": KEY, "push_authorization": AUTH}
PICKED = "2026-11-03T18:10:00Z"


def common(**said: Any) -> dict[str, Any]:
    return {
        "external_delivery_id": "D-1",
        "dasher_name": "Noor A.",
        "dasher_dropoff_phone_number": "+15555550177",
        "dasher_pickup_phone_number": "+15555550178",
        "dasher_location": {"lat": 41.2, "lng": -8.5},
        "dropoff_address": "18 Rua do Exemplo, Porto",
        "dropoff_contact_given_name": "Ines",
        "dropoff_phone_number": "+15555550101",
        "dropoff_instructions": "code 4821",
        "dropoff_time_estimated": "2026-11-03T18:34:30Z",
    } | said


def hook(name: str, **said: Any) -> dict[str, Any]:
    return common(**{"event_name": name, "created_at": "2026-11-03T18:20:00.5Z"} | said)


def delivery(status: str, **said: Any) -> dict[str, Any]:
    return common(delivery_status=status, updated_at="2026-11-03T18:19:00Z", **said)


def read(body: Any) -> Any:
    source: Any = "push" if isinstance(body, dict) and "event_name" in body else "poll"
    return CARRIER.read(Payload(carrier="doordash-drive", body=orjson.dumps(body), source=source, received_at=NOW))


def meaning(body: Any) -> str | None:
    (scan,) = read(body).scans
    found = CARRIER.codes.look_up(scan.codes)[1]
    return f"{found.status}/{found.substatus}/{found.moves}" if found else None


def ids(*bodies: Any) -> set[str]:
    return {event_id("doordash-drive", scan) for body in bodies for scan in read(body).scans}


def pushed(authorization: str | None) -> Push:
    return Push("POST", {} if authorization is None else {"authorization": authorization}, {}, b"{}", NOW)


def test_a_push_with_the_header_set_at_the_webhook_is_the_platforms_own() -> None:
    CARRIER.verify(pushed(AUTH), SECRETS)


@pytest.mark.parametrize(
    ("given", "secrets"),
    [
        (None, SECRETS),
        ("", SECRETS),
        ("Basic dW5pdDp1bml1", SECRETS),
        (AUTH.removeprefix("Basic "), SECRETS),
        (AUTH, {}),
        ("", {"push_authorization": ""}),
    ],
    ids=["none", "empty", "other", "without its scheme", "no secret", "empty secret"],
)
def test_a_push_without_that_header_is_forged(given: str | None, secrets: dict[str, str]) -> None:
    with pytest.raises(Forged):
        CARRIER.verify(pushed(given), secrets)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DASHER_CONFIRMED", "info_received/pickup_scheduled/tells"),
        ("dasher_enroute_to_pickup", "info_received/pickup_scheduled/tells"),
        ("DASHER_CONFIRMED_PICKUP_ARRIVAL", "info_received/awaiting_handover/tells"),
        ("DASHER_PICKED_UP", "in_transit/picked_up/tells"),
        ("dasher_enroute_to_dropoff", "out_for_delivery/on_route/tells"),
        ("DASHER_CONFIRMED_DROPOFF_ARRIVAL", "out_for_delivery/arrived_at_door/tells"),
        ("DASHER_DROPPED_OFF", "delivered/other/tells"),
        ("DELIVERY_CANCELLED", "cancelled/other/tells"),
        ("DELIVERY_RETURN_INITIALIZED", "returning/to_sender/tells"),
        ("DASHER_CONFIRMED_RETURN_ARRIVAL", "returning/in_transit/tells"),
        ("DELIVERY_RETURNED", "returned/to_sender/tells"),
        ("DELIVERY_BATCHED", "info_received/other/informs"),
        ("PARCEL_SCANNED", "in_transit/at_delivery_depot/tells"),
        ("PARCEL_DELAYED", "exception/delayed/informs"),
        ("PARCEL_EATEN", None),
    ],
)
def test_an_event_has_one_meaning_whatever_its_capitals(name: str, expected: str | None) -> None:
    assert meaning(hook(name)) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("cancelled_by_creator", "cancelled/by_merchant/tells"),
        ("failed_to_assign_and_refunded", "cancelled/by_carrier/tells"),
        ("failed_to_deliver", "attempt_failed/other/tells"),
        ("failed_to_return", "exception/undeliverable/tells"),
        ("the_moon", "cancelled/other/tells"),
        (None, "cancelled/other/tells"),
    ],
)
def test_a_cancellation_means_its_reason_in_a_push_and_in_an_answer(reason: str | None, expected: str) -> None:
    assert meaning(hook("DELIVERY_CANCELLED", cancellation_reason=reason)) == expected
    assert meaning(delivery("cancelled", cancellation_reason=reason)) == expected


@pytest.mark.parametrize(("event", "status"), STATUSES.items())
def test_an_answer_tells_the_event_of_the_push_that_led_to_its_status(event: str, status: str) -> None:
    assert meaning(hook(event)) == meaning(delivery(status))
    assert len(ids(hook(event), hook(event.lower()), delivery(status))) == 1


def test_each_push_of_the_couriers_place_is_one_event_and_another_pickup_makes_another() -> None:
    first = [hook("DASHER_ENROUTE_TO_DROPOFF", pickup_time_actual=PICKED, dasher_location={"lat": lat, "lng": 1})
             for lat in (1, 2)]  # fmt: skip
    again = hook("DASHER_ENROUTE_TO_DROPOFF", pickup_time_actual="2026-11-04T09:00:00Z")
    answer = delivery("enroute_to_dropoff", pickup_time_actual="2026-11-03T18:10:00.000Z")
    assert len(ids(*first, answer)) == 1
    assert len(ids(*first, again)) == 2


def test_two_facilities_are_two_events() -> None:
    towns = [{"city": "Tacoma", "state": "WA"}, {"city": "Kent", "state": "WA"}]
    bodies = [hook("PARCEL_MID_MILE_ARRIVED", package_location=town) for town in towns]
    assert len(ids(*bodies)) == 2
    assert read(bodies[0]).scans[0].place == Place(city="Tacoma", region="WA")


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (hook("DASHER_PICKED_UP", pickup_time_actual=PICKED), "2026-11-03T18:10:00+00:00"),
        (hook("DASHER_DROPPED_OFF", dropoff_time_actual="2026-11-03T18:19:58Z"), "2026-11-03T18:19:58+00:00"),
        (hook("DELIVERY_RETURNED", return_time_actual="2026-11-03T18:19:57Z"), "2026-11-03T18:19:57+00:00"),
        (hook("DASHER_DROPPED_OFF"), "2026-11-03T18:20:00.500000+00:00"),
        (delivery("arrived_at_dropoff"), "2026-11-03T18:19:00+00:00"),
    ],
)
def test_it_happened_at_its_actual_time_else_when_it_was_told(body: Any, at: str) -> None:
    assert read(body).scans[0].at.isoformat() == at


def test_an_answer_without_any_time_has_none() -> None:
    assert read(common(delivery_status="created")).scans[0].at is None


def test_the_courier_is_placed_with_the_arrival_only_while_under_way() -> None:
    (position,) = read(hook("DASHER_ENROUTE_TO_DROPOFF")).positions
    assert position == Position(
        number="D-1",
        at=datetime(2026, 11, 3, 18, 20, 0, 500000, tzinfo=UTC),
        latitude=41.2,
        longitude=-8.5,
        eta=datetime(2026, 11, 3, 18, 34, 30, tzinfo=UTC),
    )
    (back,) = read(hook("DASHER_ENROUTE_TO_RETURN")).positions
    assert back.eta is None
    for name in ("DASHER_DROPPED_OFF", "DELIVERY_CANCELLED", "DELIVERY_RETURNED", "DELIVERY_BATCHED"):
        assert read(hook(name)).positions == []
    (asked,) = read(delivery("picked_up")).positions
    assert asked.at == NOW


def test_the_promise_ends_with_the_delivery_and_with_the_way_back() -> None:
    at = datetime(2026, 11, 3, 18, 34, 30, tzinfo=UTC)
    assert read(hook("DASHER_PICKED_UP")).details[0].eta == Window(at, at)
    for name in ("DASHER_DROPPED_OFF", "DELIVERY_RETURN_INITIALIZED", "DELIVERY_RETURNED", "DELIVERY_CANCELLED"):
        reading = read(hook(name))
        assert (reading.details[0].eta, reading.scans[0].eta) == (None, None)


def test_proofs_are_named_by_their_addresses_once_it_is_delivered() -> None:
    urls = {
        "dropoff_signature_image_url": "https://x.example/s",
        "dropoff_verification_image_url": "https://x.example/p",
    }
    proofs = (
        Proof(kind="signature", reference="https://x.example/s"),
        Proof(kind="photo", reference="https://x.example/p"),
    )
    reading = read(hook("DASHER_DROPPED_OFF", **urls))
    assert (reading.scans[0].proofs, reading.details[0].proofs) == (proofs, proofs)
    assert read(hook("DASHER_PICKED_UP", **urls)).details[0].proofs is None


def test_a_courier_is_called_from_the_drop_off_and_only_while_under_way() -> None:
    (whole,) = read(hook("DASHER_PICKED_UP", support_reference="77")).details
    assert whole.extra == {"support_reference": "77", "courier_call": {"number": "+15555550177", "from": "dropoff"}}
    assert read(hook("DASHER_DROPPED_OFF")).details[0].extra is None


def test_recipients_and_addresses_are_never_told_and_couriers_by_first_name_and_vehicle() -> None:
    parts = {
        "street_address": "18 Rua do Exemplo",
        "city": "Seattle",
        "state": "WA",
        "zip_code": "98109",
        "country": "US",
    }
    body = delivery(
        "picked_up",
        dropoff_address_components=parts,
        dropoff_location={"lat": 41.15, "lng": -8.61},
        pickup_reference_tag="SO-1",
        dasher_vehicle_make="Toyota",
        dasher_vehicle_model="Prius",
    )
    reading = read(body)
    (whole,) = reading.details
    assert (whole.courier, whole.courier_vehicle, whole.references) == ("Noor", "Toyota Prius", ("SO-1",))
    assert whole.destination == Place(
        city="Seattle", region="WA", postal_code="98109", country="US", latitude=41.15, longitude=-8.61
    )
    for personal in ("Ines", "Rua do Exemplo", "4821", "+15555550101", "+15555550178"):
        assert personal not in repr(reading)


def test_australian_addresses_have_other_names_for_the_same_parts() -> None:
    parts = {"locality": "Perth", "territory": "WA", "postal_code": "6000", "country": "Australia"}
    place = read(delivery("picked_up", dropoff_address_components=parts)).details[0].destination
    assert place == Place(city="Perth", region="WA", postal_code="6000")


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        hook("DASHER_CONFIRMED", created_at="yesterday"),
        hook("DASHER_CONFIRMED", created_at="2026-11-03T18:20:00"),
        hook("DASHER_CONFIRMED", dasher_location={"lat": 91, "lng": 0}),
        hook("DASHER_CONFIRMED", external_delivery_id=None),
    ],
)
def test_a_body_of_another_shape_is_unreadable(body: Any) -> None:
    assert isinstance(read(body).trouble, Unreadable)


async def asked(call: str, answers: dict[str, httpx.Response], **more: Any) -> tuple[list[httpx.Request], Any]:
    seen: list[httpx.Request] = []

    def wire(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return answers[request.url.raw_path.decode().rpartition("/")[2]]

    async with HttpClient(CARRIER.facts, CARRIER.auth(SECRETS), transport=httpx.MockTransport(wire)) as http:
        try:
            return seen, await getattr(CARRIER, call)(http, *more.values())
        except NotFound as trouble:
            return seen, trouble


async def test_each_question_carries_its_own_token_of_five_minutes() -> None:
    seen, _ = await asked("poll", {"D-1": httpx.Response(200, json=delivery("picked_up"))}, numbers=["D-1"])
    token = seen[0].headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, b"unit-unit-unit-unit-unit-unit-unit", algorithms=["HS256"], audience="doordash")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT", "dd-ver": "DD-JWT-V1"}
    assert (claims["iss"], claims["kid"], claims["exp"] - claims["iat"]) == ("dev", "key", 300)
    assert seen[0].url.path == "/drive/v2/deliveries/D-1"


def test_a_signing_secret_that_is_none_stops_the_account_without_quoting_it() -> None:
    with pytest.raises(Rejected) as caught:
        CARRIER.auth(SECRETS | {"signing_secret": "~no base64~"})
    assert "~no" not in str(caught.value)


async def test_an_id_nobody_knows_in_capitals_is_asked_for_in_small_letters_once() -> None:
    answers = {"D-A": httpx.Response(404), "d-a": httpx.Response(200, json=delivery("picked_up"))}
    seen, answer = await asked("poll", answers, numbers=["D-A"])
    assert ([one.url.path.rpartition("/")[2] for one in seen], answer.status) == (["D-A", "d-a"], 200)
    seen, trouble = await asked("poll", {"1-2": httpx.Response(404)}, numbers=["1-2"])
    assert (len(seen), type(trouble)) == (1, NotFound)


@pytest.mark.parametrize(
    "said", [delivery("created"), delivery("delivered"), delivery("picked_up", dasher_location=None)]
)
async def test_a_delivery_without_a_courier_under_way_has_no_place(said: Any) -> None:
    _, trouble = await asked("locate", {"D-1": httpx.Response(200, json=said)}, number="D-1")
    assert isinstance(trouble, NotFound)

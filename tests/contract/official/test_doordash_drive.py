"""DoorDash Drive against the material in reach: bodies, events, statuses and reasons, the token, the API's types."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jwt
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.doordash_drive import STATUSES, TOKEN_LIFE
from connectors.errors import Forged

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/doordash-drive"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


def reading(body: bytes):
    return connector("doordash-drive").read(
        Payload(carrier="doordash-drive", body=body, source="push", received_at=NOW)
    )


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read, told = reading(file.read_bytes()), json.loads(file.read_bytes())
    assert read.trouble is None
    (scan,), (whole,) = read.scans, read.details
    assert scan.number == told["external_delivery_id"]
    assert connector("doordash-drive").codes.look_up(scan.codes)[1]
    running = told["event_name"] == "DELIVERY_RETURN_INITIALIZED" or (
        told["event_name"].startswith("DASHER_") and told["event_name"] != "DASHER_DROPPED_OFF"
    )
    places = [(told["dasher_location"]["lat"], told["dasher_location"]["lng"])] if running else []
    assert [(one.latitude, one.longitude) for one in read.positions] == places
    assert (whole.extra or {}).get("courier_call", {}).get("number") == (
        told["dasher_dropoff_phone_number"] if running else None
    )
    assert whole.courier == "John"
    for address in ("pickup_address", "dropoff_address"):
        assert told[address] not in repr(read)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 10


def test_the_arrival_and_the_proofs_of_real_bodies_are_told():
    on_the_way = reading((FOLDER / "samples/composed/webhook-DASHER_ENROUTE_TO_DROPOFF.json").read_bytes())
    assert on_the_way.positions[0].eta == on_the_way.scans[0].eta.end == datetime(2022, 2, 1, 23, 15, tzinfo=UTC)
    body = (FOLDER / "samples/composed/webhook-DASHER_DROPPED_OFF-with-pod.json").read_bytes()
    told = json.loads(body)
    assert {one.kind: one.reference for one in reading(body).scans[0].proofs} == {
        "signature": told["dropoff_signature_image_url"],
        "photo": told["dropoff_verification_image_url"],
    }


def test_every_event_status_and_reason_in_reach_has_a_row():
    codes, events = set(connector("doordash-drive").codes.codes), loaded("events.json")
    assert {one["name"] for one in events["events"]} <= codes
    assert set(events["parcel_events"]) <= codes
    assert set(events["delivery_status_values"]) <= codes
    for word in ("cancelled", "DELIVERY_CANCELLED"):
        assert {f"{word}/{reason}" for reason in events["cancellation_reason_values"]} <= codes
    enums = loaded("schema.json")["enums"]
    assert set(STATUSES.values()) <= set(enums["DeliveryOutputDeliveryStatusEnum"])


@pytest.mark.filterwarnings("ignore:The HMAC key is")  # the vector's key is shorter than the library likes
def test_a_question_is_signed_as_the_vector_is():
    vector = loaded("jwt-vector.json")
    secrets = {
        "developer_id": vector["developer_id"],
        "key_id": vector["key_id"],
        "signing_secret": vector["signing_secret_base64url"],
    }
    request = connector("doordash-drive").auth(secrets).apply(httpx.Request("GET", "https://x.example"))
    token = request.headers["authorization"].removeprefix("Bearer ")
    key = jwt.utils.base64url_decode(vector["signing_secret_base64url"])
    wanted = jwt.decode(vector["token"], key, ["HS256"], options={"verify_exp": False}, audience="doordash")
    claims = jwt.decode(token, key, ["HS256"], audience="doordash")
    assert jwt.get_unverified_header(token) == vector["header"]
    assert {**claims, "iat": 0, "exp": 0} == {**wanted, "iat": 0, "exp": 0}
    assert claims["exp"] - claims["iat"] == wanted["exp"] - wanted["iat"] == TOKEN_LIFE


def test_a_push_with_another_header_is_forged():
    body = HOOKS[0].read_bytes()
    by, secrets = connector("doordash-drive"), {"push_authorization": "Basic b25lOm9uZQ=="}
    by.verify(Push("POST", {"authorization": "Basic b25lOm9uZQ=="}, {}, body, NOW), secrets)
    with pytest.raises(Forged):
        by.verify(Push("POST", {"authorization": "Basic dHdvOnR3bw=="}, {}, body, NOW), secrets)


def test_an_answer_has_the_fields_we_read():
    objects = loaded("schema.json")["objects"]
    fields = {field["name"] for field in objects["DeliveryResponse"]}
    assert {"external_delivery_id", "delivery_status", "updated_at", "cancellation_reason", "tracking_url"} <= fields
    assert {"dropoff_address_components", "dropoff_location", "dasher_location", "dasher_vehicle_make"} <= fields
    assert {"pickup_time_actual", "dropoff_time_actual", "return_time_actual", "dropoff_time_estimated"} <= fields

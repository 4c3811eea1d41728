"""Lalamove against the material in reach: published and composed bodies, statuses, events, both signatures."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import connector
from connectors.base import Payload, Push, Reply
from connectors.errors import Forged
from connectors.lalamove import NO_PARCEL
from connectors.lalamove.signing import signed_text
from connectors.signatures import hmac_hex

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/lalamove"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


def reading(body: bytes, numbers=()):
    payload = Payload(
        carrier="lalamove", body=body, source="poll" if numbers else "push", received_at=NOW, numbers=numbers
    )
    return connector("lalamove").read(payload)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 3


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    told, read = json.loads(file.read_bytes()), reading(file.read_bytes())
    assert read.trouble is None
    (scan,) = read.scans
    assert scan.number == told["data"]["order"]["orderId"]
    assert connector("lalamove").codes.look_up(scan.codes)[1]
    if courier := told["data"].get("driver"):
        location = told["data"]["location"]
        assert [(one.latitude, one.longitude) for one in read.positions] == [(location["lat"], location["lng"])]
        assert courier["phone"] not in repr(read)
        assert courier["plateNumber"] not in repr(read)


def test_an_answer_about_a_courier_gives_its_place_and_time():
    told = loaded("samples/composed/driver.json")
    (position,) = reading((FOLDER / "samples/composed/driver.json").read_bytes(), numbers=("1",)).positions
    place = told["data"]["coordinates"]
    assert (position.latitude, position.longitude) == (float(place["lat"]), float(place["lng"]))
    assert position.at == datetime.fromisoformat(place["updatedAt"])


def test_every_status_has_a_row_and_every_event_is_read_or_about_money():
    api, codes = loaded("api.json"), set(connector("lalamove").codes.codes)
    assert set(api["order_statuses"]) <= codes
    order = {"orderId": "1", "status": "PICKED_UP"}
    data = {"order": order, "driver": {"driverId": "2", "name": "A B"}, "prevOrderId": "0"}
    for event in api["events"]:
        read = reading(json.dumps({"eventType": event, "data": data}).encode())
        assert read.trouble is None
        assert read.scans
    assert set(api["events"]) >= NO_PARCEL


def test_a_question_is_signed_as_the_vector_is():
    vector = loaded("signature-vectors.json")["request"]
    text = signed_text(vector["timestamp"], vector["method"], vector["path"], vector["body"].encode())
    assert hmac_hex(vector["secret"].encode(), text) == vector["signature"]
    secrets = {"api_key": vector["key"], "api_secret": vector["secret"], "market": "HK"}
    request = httpx.Request("POST", f"https://x.example{vector['path']}", content=vector["body"].encode())
    proof = connector("lalamove").auth(secrets).apply(request).headers["authorization"]
    key, stamp, signature = proof.removeprefix("hmac ").split(":")
    text = signed_text(stamp, vector["method"], vector["path"], vector["body"].encode())
    assert (key, signature) == (vector["key"], hmac_hex(vector["secret"].encode(), text))


def test_the_signed_envelope_is_the_platforms_and_another_is_forged():
    by, vector = connector("lalamove"), loaded("signature-vectors.json")["webhook"]
    body = (FOLDER / "samples/composed/webhook-signed-envelope.json").read_bytes()
    secrets = {"api_key": json.loads(body)["apiKey"], "api_secret": vector["secret"], "market": "HK"}
    by.verify(Push("POST", {}, {}, body, NOW, vector["path"]), secrets)
    for forged, path in ((body.replace(b"PICKED_UP", b"COMPLETED"), vector["path"]), (body, "/elsewhere")):
        with pytest.raises(Forged):
            by.verify(Push("POST", {}, {}, forged, NOW, path), secrets)


def test_an_empty_call_is_answered_with_200():
    assert connector("lalamove").challenge(Push("POST", {}, {}, b"", NOW), {}) == Reply(200, b"")

"""Onfleet against the material in reach: published and composed bodies, triggers, states, the signature's vector."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push, Reply
from connectors.errors import Forged
from connectors.onfleet import _NO_PARCEL

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/onfleet"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = [file for file in sorted(FOLDER.glob("samples/*/webhook-*.json")) if ".shape." not in file.name]


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    onfleet = connector("onfleet")
    reading = onfleet.read(Payload(carrier="onfleet", body=file.read_bytes(), source="push", received_at=NOW))
    assert reading.trouble is None
    told = json.loads(file.read_bytes())
    expected = 1 if told["data"].get("task") else 0
    assert len(reading.scans) == expected
    assert all(onfleet.codes.look_up(scan.codes)[1] for scan in reading.scans)
    for person in told["data"].get("task", {}).get("recipients", []):
        assert person["name"] not in repr(reading)
        assert person["phone"] not in repr(reading)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 11


def test_every_trigger_is_either_about_a_parcel_with_a_row_or_known_to_be_about_none():
    names = {trigger["name"] for trigger in loaded("triggers.json")["triggers"]}
    rows = {code.partition("/")[0] for code in connector("onfleet").codes.codes} - {"pickup"}
    assert rows | _NO_PARCEL == names
    assert not rows & _NO_PARCEL


def test_every_failure_reason_in_reach_has_a_row():
    reasons = loaded("fields.json")["failureReason"]["unconfirmed"]
    assert {f"taskFailed/{reason}" for reason in reasons} <= set(connector("onfleet").codes.codes)


def test_the_vectors_of_signature_and_handshake_hold():
    onfleet = connector("onfleet")
    vectors = loaded("signature-vectors.json")
    (vector,) = vectors["vectors"]

    def push(signature: str) -> Push:
        return Push("POST", {"x-onfleet-signature": signature}, {}, vector["body"].encode(), NOW)

    secrets = {"webhook_secret": vector["secret_hex"]}
    onfleet.verify(push(vector["signature"]), secrets)
    with pytest.raises(Forged):
        onfleet.verify(push(vector["wrong_if_secret_used_as_text"]), secrets)
    check = vectors["url_validation"]["request"].partition("check=")[2]
    answered = onfleet.challenge(Push("GET", {}, {"check": check}, b"", NOW), secrets)
    assert answered == Reply(
        200, vectors["url_validation"]["expected_response"]["body"].encode(), answered.content_type
    )


def test_a_task_asked_for_by_the_interface_has_the_fields_we_read():
    fields = {field["name"] for field in loaded("fields.json")["objects"]["task"]["Task"]}
    read = {"id", "shortId", "state", "worker", "completionDetails", "pickupTask", "destination", "trackingURL", "eta"}
    assert read | {"estimatedArrivalTime", "completeAfter", "completeBefore", "timeCreated", "sourceTaskId"} <= fields
    worker = {field["name"] for field in loaded("fields.json")["objects"]["worker"]["Worker"]}
    assert {"activeTask", "location", "timeLastSeen"} <= worker

"""Ninja Van against the event texts, signature vector and bodies that public integrations give."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.errors import Forged
from gateway.reading import read

SHARED = Path(__file__).resolve().parents[4] / "shared"
TEXTS = SHARED / "carriers/ninja-van/codes.csv"
FOLDER = SHARED / "lastmile/ninja-van"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

NINJA = connector("ninja-van")
NOW = datetime(2026, 6, 10, tzinfo=UTC)


def test_every_text_on_record_has_a_row_and_no_other():
    listed = {row["code"] for row in csv.DictReader(TEXTS.read_text("utf-8").splitlines())}
    events = set(json.loads((FOLDER / "events.json").read_text("utf-8"))["events_v2"])
    assert (len(listed), len(events)) == (53, 51)
    assert set(NINJA.codes.codes) == listed | events


def test_the_signature_vector_is_accepted_and_a_changed_byte_is_not():
    (vector,) = json.loads((FOLDER / "signature-vectors.json").read_text("utf-8"))["vectors"]
    headers = {"x-ninjavan-hmac-sha256": vector["signature"]}
    secrets = {"client_secret": vector["client_secret"]}
    body = vector["body"].encode()
    NINJA.verify(Push("POST", headers, {}, body, NOW), secrets)
    with pytest.raises(Forged):
        NINJA.verify(Push("POST", headers, {}, body.replace(b"ORDER-1001", b"ORDER-1002"), NOW), secrets)


@pytest.mark.parametrize(
    ("name", "expected", "returning"),
    [
        ("webhook-delivered", "delivered/to_recipient", False),
        ("webhook-delivery-exception", "attempt_failed/other", False),
        ("webhook-on-vehicle", "out_for_delivery/on_route", False),
        ("webhook-returned", "returned/to_sender", True),
    ],
)
def test_a_composed_body_reads_whole(name, expected, returning):
    body = (FOLDER / f"samples/composed/{name}.json").read_bytes()
    result = read(NINJA, Payload(carrier="ninja-van", body=body, source="push", received_at=NOW))
    assert (result.trouble, result.unlisted) == (None, {})
    (event,) = result.events
    assert (f"{event.status}/{event.substatus}", event.returning) == (expected, returning)
    assert event.time_basis == "offset"
    assert [detail.references for detail in result.details] == [("ORDER-1001",)]


def test_every_field_of_the_record_is_read_or_left_out_on_purpose():
    fields = json.loads((FOLDER / "events.json").read_text("utf-8"))["fields"]
    body = fields | {"tracking_id": "N1", "timestamp": "2024-03-01T14:22:10+0800", "is_parcel_on_rts_leg": False,
                     "event": "Delivered, Received by Customer", "status": "Delivered"}  # fmt: skip
    reading = NINJA.read(Payload(carrier="ninja-van", body=json.dumps(body).encode(), source="push", received_at=NOW))
    assert reading.trouble is None
    assert len(reading.scans) == 1

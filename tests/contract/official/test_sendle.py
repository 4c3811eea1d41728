"""Sendle against its published answer and errors."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from connectors.errors import Unreadable
from gateway.reading import document, read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/sendle"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

SENDLE = connector("sendle")


def payload(body):
    now = datetime(2026, 6, 10, tzinfo=UTC)
    return Payload(carrier="sendle", body=body, source="poll", received_at=now, numbers=("SKYLARK7",))


def test_the_published_answer_reads_whole():
    body = (FOLDER / "tracking-response.sample.json").read_bytes()
    result = read(SENDLE, payload(body))
    events = json.loads(body)["tracking_events"]
    assert (result.trouble, result.unlisted) == (None, {})
    assert [(event.code, event.at) for event in result.events] == [
        (event["event_type"], datetime.fromisoformat(event["scan_time"])) for event in events
    ]
    walls = {event.at.isoformat(): event.utc_offset for event in result.events}
    assert walls["2023-04-05T13:10:00+00:00"] == "-04:00"
    (shipment,) = document(SENDLE, payload(body))["shipments"]
    assert (shipment["status"], shipment["delivered_at"]) == ("delivered", "2023-04-05T18:56:00Z")


def test_a_published_error_is_unreadable_and_never_an_unknown_number():
    for error in json.loads((FOLDER / "error-responses.sample.json").read_text("utf-8")):
        reading = SENDLE.read(payload(json.dumps(error).encode()))
        assert isinstance(reading.trouble, Unreadable)
        assert reading.missing == []

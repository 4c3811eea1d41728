"""Asendia against the published samples of question and answer."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/asendia"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def test_what_is_asked_has_the_published_shape():
    published = json.loads((FOLDER / "tracking-request.sample.json").read_text())
    for sample in samples(HERE / "asendia/samples"):
        asked = json.loads(sample.exchanges[0][0].body)
        assert {name: type(value) for name, value in asked.items()} == {
            name: type(value) for name, value in published.items()
        }


def test_the_published_answer_reads_whole_in_its_order_with_nothing_unlisted():
    body = (FOLDER / "tracking-response.sample.json").read_bytes()
    told = json.loads(body)
    carrier = connector("asendia")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    reading = carrier.read(Payload(carrier="asendia", body=body, source="poll", received_at=now))
    assert reading.trouble is None
    events = told["trackingEvents"]
    assert [scan.codes for scan in reading.scans] == [(event["code"],) for event in events]
    assert [scan.at for scan in reading.scans] == [datetime.fromisoformat(event["time"]) for event in events]
    assert [scan.place.country for scan in reading.scans] == [event["locationCountry"] for event in events]
    assert all(carrier.codes.look_up(scan.codes)[1] for scan in reading.scans)
    assert {scan.number for scan in reading.scans} == {told["trackingNumber"]}

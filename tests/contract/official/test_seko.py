"""SEKO against the published sample of an answer: it reads whole, with nothing unlisted."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/seko/tracking-response.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_the_published_sample_reads_whole_in_its_order_with_nothing_unlisted():
    (told,) = json.loads(FILE.read_text())
    carrier = connector("seko")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    number = told["ConsignmentNo"]
    reading = carrier.read(
        Payload(carrier="seko", body=FILE.read_bytes(), source="poll", received_at=now, numbers=(number,))
    )
    assert (reading.trouble, reading.missing) == (None, [])
    assert [scan.codes for scan in reading.scans] == [(event["OmniCode"],) for event in told["Events"]]
    assert [scan.at for scan in reading.scans] == [datetime.fromisoformat(event["EventDT"]) for event in told["Events"]]
    assert all(carrier.codes.look_up(scan.codes)[1] for scan in reading.scans)
    assert {scan.place.country for scan in reading.scans} == {"US"}
    assert reading.details[0].references == (told["Reference1"],)

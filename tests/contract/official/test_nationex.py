"""Nationex against the published sample of an answer: it reads whole, with nothing unlisted."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/nationex/tracking-response.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_the_published_sample_reads_whole_in_its_order_with_nothing_unlisted():
    told = json.loads(FILE.read_text(), strict=False)
    carrier = connector("nationex")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    body = json.dumps(told).encode()
    reading = carrier.read(
        Payload(carrier="nationex", body=body, source="poll", received_at=now, numbers=(str(told["ShipmentId"]),))
    )
    assert (reading.trouble, reading.missing) == (None, [])
    scans = [scan for parcel in told["Parcels"] for scan in parcel["History"]]
    assert len(reading.scans) == len(told["StatusHistories"]) + len(scans)
    assert [scan.text for scan in reading.scans] == [
        *(step["ShipmentStatusEn"] for step in told["StatusHistories"]),
        *(scan["DescriptionEn"] for scan in scans),
    ]
    assert all(carrier.codes.look_up(scan.codes)[1] for scan in reading.scans)
    assert all(carrier.codes.look_up((), scan.phrase)[1] for scan in reading.scans)
    assert reading.scans[-1].proofs[0].inline
    assert told["Photos"][0]["Data"] not in repr(reading)
    assert told["Destination"]["Phone"] not in repr(reading)


def test_our_phrases_are_words_of_the_published_sample():
    words = FILE.read_text().casefold()
    assert all(phrase in words for phrase in connector("nationex").codes.phrases)

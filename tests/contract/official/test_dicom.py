"""GLS Canada (Dicom) against the published sample of an answer: it reads whole, with nothing unlisted."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from normalizer.model import Status

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/dicom/tracking.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_the_published_sample_reads_whole_with_nothing_unlisted():
    (told,) = json.loads(FILE.read_text())["tracking"]
    carrier = connector("dicom")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    reading = carrier.read(
        Payload(carrier="dicom", body=FILE.read_bytes(), source="poll", received_at=now, numbers=("W1234567",))
    )
    assert (reading.trouble, reading.missing) == (None, [])
    (scan,), (activity,) = reading.scans, told["activities"]
    assert scan.number == told["trackingNumber"]
    assert scan.codes == (f"{activity['code']}/{activity['codeDetail']}", activity["code"])
    assert scan.at == datetime.fromisoformat(activity["activityDate"])
    assert carrier.codes.look_up(scan.codes)[1].status is Status.DELIVERED
    assert carrier.codes.look_up((), scan.phrase)[1].status is Status.DELIVERED
    assert reading.details[0].weight_grams == float(activity["weight"]) * 1000
    assert told["note"] not in repr(reading)

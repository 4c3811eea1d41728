"""Amazon Shipping against the published sample of an answer: it reads whole, with nothing unlisted."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from normalizer.model import Status

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/amazon-shipping/tracking-response.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_the_published_sample_reads_whole_in_its_order_with_nothing_unlisted():
    told = json.loads(FILE.read_text())
    carrier = connector("amazon-shipping")
    now = datetime(2026, 3, 6, tzinfo=UTC)
    reading = carrier.read(
        Payload(carrier="amazon-shipping", body=FILE.read_bytes(), source="poll", received_at=now, numbers=("1",))
    )
    assert reading.trouble is None
    assert [scan.codes[-1] for scan in reading.scans] == [event["eventCode"] for event in told["eventHistory"]]
    assert [scan.place.city for scan in reading.scans] == [event["location"]["city"] for event in told["eventHistory"]]
    meanings = [carrier.codes.look_up(scan.codes)[1] for scan in reading.scans]
    assert None not in meanings
    assert (meanings[0].status, meanings[0].substatus) == (Status.DELIVERED, "signed")
    assert reading.details[0].signed_by == told["summary"]["proofOfDelivery"]["receivedBy"]

"""DHL eCommerce against the one published shape in reach: with values in its places it reads whole."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/dhl-ecommerce/americas-tracking-response.sample.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


def test_the_published_shape_reads_whole_once_its_placeholders_are_values():
    shape = json.loads(FILE.read_text())
    body = shape["body"]
    body["events"][0] |= {"eventDate": "2026-03-04", "eventTime": "10:00:00", "eventCode": "600"}
    carrier = connector("dhl-ecommerce")
    now = datetime(2026, 3, 5, tzinfo=UTC)
    reading = carrier.read(
        Payload(carrier="dhl-ecommerce", body=json.dumps(shape).encode(), source="push", received_at=now)
    )
    assert reading.trouble is None
    assert [scan.number for scan in reading.scans] == [body["trackingNumber"]]
    assert carrier.codes.look_up(reading.scans[0].codes)[1] is not None
    assert reading.details[0].signed_by == body["signedBy"]


def test_the_published_shape_has_no_field_for_a_zone():
    names = set(json.loads(FILE.read_text())["body"]["events"][0])
    assert names == {"eventDate", "eventTime", "eventDescription", "location", "eventCode"}

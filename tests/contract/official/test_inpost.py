"""InPost against the statuses on record: no payload of the carrier's is in reach."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from connectors import connector
from connectors.base import Payload
from gateway.reading import read

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/inpost/codes.csv"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")

INPOST = connector("inpost")
SAYS_NOTHING = {"missing", "other"}


@pytest.fixture(scope="module")
def listed():
    return [row["code"] for row in csv.DictReader(FILE.read_text("utf-8").splitlines())]


def test_every_status_on_record_has_a_row_but_those_that_say_nothing_for_certain(listed):
    assert len(listed) == 53
    assert set(INPOST.codes.codes) == set(listed) - SAYS_NOTHING


def test_every_status_on_record_reads_to_an_event(listed):
    events = [{"status": one, "datetime": "2026-06-02T07:20:00.000+02:00"} for one in listed]
    body = orjson.dumps({"tracking_number": "1", "tracking_details": events})
    now = datetime(2026, 6, 10, tzinfo=UTC)
    result = read(INPOST, Payload(carrier="inpost", body=body, source="poll", received_at=now))
    assert result.trouble is None
    assert [event.codes for event in result.events] == [(one,) for one in listed]
    assert set(result.unlisted) == SAYS_NOTHING

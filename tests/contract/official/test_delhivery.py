"""Delhivery against the vocabulary, the captured answer and the push body of its developer portal."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from gateway.reading import read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/delhivery"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

DELHIVERY = connector("delhivery")


def test_every_listed_code_has_a_row_and_no_other():
    listed = {row["code"] for row in csv.DictReader((FOLDER / "codes.csv").read_text("utf-8").splitlines())}
    assert len(listed) == 22
    assert set(DELHIVERY.codes.codes) == listed


@pytest.mark.parametrize(
    ("name", "source", "codes", "status", "at"),
    [
        (
            "track-response-not-picked.sample.json",
            "poll",
            ("X-PNP", "UD/Not Picked"),
            "info_received",
            "2026-08-24T18:27:00.373000+00:00",
        ),
        (
            "scan-push-webhook.sample.json",
            "push",
            ("X-UCI", "UD/Manifested"),
            "info_received",
            "2019-01-09T11:40:42.767000+00:00",
        ),
    ],
)
def test_a_documented_body_reads_whole(name, source, codes, status, at):
    body = (FOLDER / name).read_bytes()
    result = read(
        DELHIVERY, Payload(carrier="delhivery", body=body, source=source, received_at=datetime(2026, 9, 1, tzinfo=UTC))
    )
    assert (result.trouble, result.unlisted) == (None, {})
    (event,) = result.events
    assert (event.codes, event.status.value, event.at.isoformat()) == (codes, status, at)
    assert len(result.details) == 1

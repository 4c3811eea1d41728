"""Correos against the codes and the two answers that a public client wrote down."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from gateway.reading import document, read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/correos"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

CORREOS = connector("correos")


def test_every_code_on_record_has_a_row():
    listed = {row["code"] for row in csv.DictReader((FOLDER / "codes.csv").read_text("utf-8").splitlines())}
    assert len(listed) == 7
    assert listed <= {code.partition("/")[0] for code in CORREOS.codes.codes}


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("delivered", ["in_transit", "in_transit", "out_for_delivery", "delivered"]),
        ("at-office", ["in_transit", "in_transit", "available_for_pickup"]),
    ],
)
def test_an_answer_on_record_reads_whole(name, statuses):
    body = (FOLDER / f"eventos-envio-{name}.sample.json").read_bytes()
    payload = Payload(carrier="correos", body=body, source="poll", received_at=datetime(2026, 6, 1, tzinfo=UTC))
    result = read(CORREOS, payload)
    assert (result.trouble, result.unlisted) == (None, {})
    assert [event.status.value for event in result.events] == statuses
    assert {event.utc_offset for event in result.events} == {"+02:00"}
    assert document(CORREOS, payload)["shipments"][0]["status"] == statuses[-1]

"""Shipday against the material in reach: the published and the composed body, events, the scheme of the token."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.errors import Forged

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/shipday"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def reading(body: bytes):
    return connector("shipday").read(Payload(carrier="shipday", body=body, source="push", received_at=NOW))


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read, told = reading(file.read_bytes()), json.loads(file.read_bytes())
    assert read.trouble is None
    (scan,), (whole,) = read.scans, read.details
    assert (scan.number, whole.references) == ("100071", ("12",))
    assert scan.at.timestamp() * 1000 == told["timestamp"]
    assert connector("shipday").codes.look_up(scan.codes)[1]
    assert whole.destination.latitude == told["delivery_details"]["location"]["lat"]
    for personal in (told["carrier"]["phone"], told["carrier"]["email"], told["delivery_details"]["address"]):
        assert personal not in repr(read)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 2


def test_the_promise_and_the_proof_of_the_bodies_are_told():
    assigned = reading((FOLDER / "samples/published/webhook-ORDER_ASSIGNED.json").read_bytes())
    assert assigned.details[0].eta.end.timestamp() == 1603513500
    completed = reading((FOLDER / "samples/composed/webhook-ORDER_COMPLETED.json").read_bytes())
    assert [proof.reference for proof in completed.scans[0].proofs] == ["https://example.com/pod/1.jpg"]
    assert completed.details[0].eta is None


def test_every_event_in_reach_has_a_row_and_no_other_is_invented():
    events = json.loads((FOLDER / "events.json").read_text())
    assert set(connector("shipday").codes.codes) == set(events["event"])
    assert connector("shipday").facts.api.production == events["host"]


def test_a_push_with_another_token_is_forged():
    body, by = HOOKS[0].read_bytes(), connector("shipday")
    by.verify(Push("POST", {"token": "one"}, {}, body, NOW), {"webhook_token": "one"})
    with pytest.raises(Forged):
        by.verify(Push("POST", {"token": "two"}, {}, body, NOW), {"webhook_token": "one"})

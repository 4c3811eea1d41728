"""Tookan against the material in reach: bodies composed after a captured one, numbers of states and kinds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.errors import Forged
from connectors.tookan import NO_PARCEL

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/tookan"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def reading(body: bytes):
    return connector("tookan").read(Payload(carrier="tookan", body=body, source="push", received_at=NOW))


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 6


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: file.stem)
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read, told = reading(file.read_bytes()), json.loads(file.read_bytes())
    assert read.trouble is None
    assert {scan.number for scan in read.scans} == {str(told["job_id"])}
    assert all(connector("tookan").codes.look_up(scan.codes)[1] for scan in read.scans)
    assert read.scans[-1].codes == (str(told["job_status"]),)
    places = [(float(told["fleet_latitude"]), float(told["fleet_longitude"]))] if told["job_status"] in (1, 4) else []
    assert [(one.latitude, one.longitude) for one in read.positions] == places
    for name in ("customer_username", "customer_phone", "job_address", "fleet_phone", "tookan_shared_secret"):
        assert told[name] not in repr(read)


def test_times_are_utc_once_the_documented_minutes_are_added():
    body = (FOLDER / "samples/composed/webhook-SUCCESSFUL.json").read_bytes()
    started, delivered = reading(body).scans[1], reading(body).scans[-1]
    assert started.at == datetime(2021, 3, 5, 11, 10, tzinfo=UTC)  # as its history says in UTC
    assert delivered.at.utcoffset() == timedelta(hours=5, minutes=30)
    assert [(one.kind, one.reference) for one in delivered.proofs] == [
        ("signature", "https://example.com/signature.png")
    ]


def test_every_state_has_a_row_for_pickups_and_deliveries_and_every_kind_is_known():
    told, codes = json.loads((FOLDER / "codes.json").read_text()), set(connector("tookan").codes.codes)
    assert codes == set(told["job_status"]) | {f"pickup/{status}" for status in told["job_status"]}
    assert {"0", "1"} | NO_PARCEL == set(told["job_type"])


def test_the_secret_proves_a_body_and_is_not_kept():
    by, body = connector("tookan"), HOOKS[0].read_bytes()
    secret = json.loads(body)["tookan_shared_secret"]
    push = Push("POST", {}, {}, body, NOW)
    by.verify(push, {"shared_secret": secret})
    with pytest.raises(Forged):
        by.verify(push, {"shared_secret": secret[::-1]})
    kept = by.kept(push)
    assert secret.encode() not in kept
    assert json.loads(kept) == json.loads(body) | {"tookan_shared_secret": ""}
    assert reading(kept) == reading(body)

"""Stuart against the material in reach: bodies of both generations, statuses, topics, the API's fields."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import HERE, connector
from connectors.base import Payload, Push
from connectors.errors import Forged
from connectors.samples import samples
from connectors.stuart import STATUSES, UNDER_WAY

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/stuart"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def reading(body: bytes):
    return connector("stuart").read(Payload(carrier="stuart", body=body, source="push", received_at=NOW))


def api():
    return json.loads((FOLDER / "api.json").read_text())


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read = reading(file.read_bytes())
    assert read.trouble is None
    (scan,), (whole,) = read.scans, read.details
    assert scan.number in ("ORDER-1001", "LSS20230612D2Z2X7")
    assert whole.number == scan.number
    assert connector("stuart").codes.look_up(scan.codes)[1]
    assert "+33610101010" not in repr(read)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 4


def test_place_and_arrival_of_the_job_and_place_of_the_driver_are_told():
    (job,) = reading((FOLDER / "samples/composed/webhook-v2-job-update.json").read_bytes()).positions
    assert (job.latitude, job.longitude) == (48.8606, 2.3476)
    assert job.eta == datetime(2023, 12, 6, 9, 24, tzinfo=UTC)
    (driver,) = reading((FOLDER / "samples/composed/webhook-v2-driver-update.json").read_bytes()).positions
    assert (driver.number, driver.latitude, driver.longitude) == ("ORDER-1001", 48.8579, 2.3582)
    (near,) = reading((FOLDER / "samples/composed/webhook-v3-courier_arriving.json").read_bytes()).scans
    assert (near.codes[0], near.extra) == ("courier_arriving_at_pickup", {"proximity_m": 36})


def test_every_status_and_topic_in_reach_has_a_row():
    codes = set(connector("stuart").codes.codes)
    assert set(api()["delivery_statuses"]) | set(api()["v3_package_statuses"]) <= codes
    assert set(STATUSES) == set(api()["v3_package_statuses"])
    assert set(STATUSES.values()) == set(api()["delivery_statuses"])
    assert set(api()["delivery_statuses"]) - {"pending", "delivered", "cancelled"} == UNDER_WAY
    # What 'voided' means no source says.
    assert {f"job/{status}" for status in api()["job_statuses"]} - codes == {"job/voided"}


def test_what_is_asked_is_what_the_api_offers():
    facts = connector("stuart").facts.api
    assert {"production": facts.production, "sandbox": facts.test} == api()["hosts"]
    asked = {one.exchanges[0][0].path for one in samples(HERE / "stuart/samples") if one.source == "poll"}
    assert asked == {"/v2/jobs"}
    assert any(offered.startswith("GET /v2/jobs?") and "client_reference=" in offered for offered in api()["endpoints"])
    fields = {field.partition("{")[0] for field in api()["delivery_fields"]}
    read = {"id", "status", "picked_at", "delivered_at", "tracking_url", "client_reference", "eta", "proof", "dropoff"}
    assert read <= fields
    assert {"latitude", "longitude", "display_name", "transport_type"} <= set(api()["driver_fields"])


def test_a_push_without_the_accounts_key_is_forged():
    body, by = HOOKS[0].read_bytes(), connector("stuart")
    by.verify(Push("POST", {}, {"key": "one"}, body, NOW), {"push_key": "one"})
    with pytest.raises(Forged):
        by.verify(Push("POST", {}, {"key": "two"}, body, NOW), {"push_key": "one"})

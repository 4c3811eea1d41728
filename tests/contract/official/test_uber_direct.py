"""Uber Direct against the material in reach: bodies, statuses, the signature's vector, the API."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import HERE, connector
from connectors.base import Payload, Push
from connectors.samples import samples
from connectors.uber_direct import NO_PARCEL, STATUS_EVENT, TOKEN_URL

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/uber-direct"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_every_body_reads_whole_with_nothing_unlisted(file):
    uber = connector("uber-direct")
    # Whoever published them masked places by 99.99999 and more, which lie on no earth.
    body = file.read_text().replace("99.99999", "9.5").replace("99.9999", "9.5").replace("9.59", "9.5")
    reading = uber.read(Payload(carrier="uber-direct", body=body.encode(), source="push", received_at=NOW))
    assert reading.trouble is None
    told = json.loads(body)
    (scan,) = reading.scans
    assert scan.number == told["data"]["id"]
    assert uber.codes.look_up(scan.codes)[1]
    running = told["data"]["status"] in ("pickup", "pickup_complete", "dropoff")
    assert len(reading.positions) == (running and told["kind"] != STATUS_EVENT)
    if "XXX" not in told["data"]["dropoff"]["address"]:  # masked by whoever published it
        assert told["data"]["dropoff"]["address"] not in repr(reading)


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 6


def test_every_status_and_reason_in_reach_has_a_row_and_every_kind_is_known():
    codes = connector("uber-direct").codes.codes
    statuses = {
        one["status"] + ("/imminent" if one.get("courier_imminent") else "")
        for one in loaded("events.json")["statuses"]
    }
    assert statuses <= set(codes)
    reasons = loaded("events.json")["robo_courier"]["cancel_reason_values"]
    assert {f"canceled/{reason}" for reason in reasons} <= set(codes)
    kinds = set(loaded("events.json")["event_kinds"])
    assert kinds == NO_PARCEL | {STATUS_EVENT, "event.courier_update"}


def test_the_published_signature_holds():
    (vector,) = loaded("signature-vectors.json")["vectors"]
    push = Push("POST", {"x-uber-signature": vector["signature"]}, {}, vector["body"].encode(), NOW)
    connector("uber-direct").verify(push, {"signing_key": vector["key"]})


def test_what_is_asked_is_what_the_api_offers():
    api = loaded("openapi-deliveries.json")
    assert connector("uber-direct").facts.api.production == api["servers"][0]["url"] + "/customers"
    assert api["components"]["securitySchemes"]["direct_auth"]["flows"]["clientCredentials"]["tokenUrl"] == TOKEN_URL
    offered = {path.count("/") for path, calls in api["paths"].items() if "get" in calls and "delivery_id" in path}
    asked = {
        one.exchanges[0][0].path.removeprefix("/v1")
        for one in samples(HERE / "uber_direct/samples")
        if one.source == "poll"
    }
    assert {path.count("/") for path in asked} == offered
    wanted = api["components"]["schemas"]["PODReq"]["properties"]
    assert {"picture", "signature"} <= set(wanted["type"]["enum"])
    assert "dropoff" in wanted["waypoint"]["enum"]

"""USPS against its own documents, where they are at hand: official samples, code list, OpenAPI."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from gateway.reading import document

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "usps"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

USPS: Any = connector("usps")
NUMBER = "9400110200300000000011"


def told(body: bytes) -> dict[str, Any]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    said = document(USPS, Payload(carrier="usps", body=body, source="poll", received_at=at))
    assert said["unlisted_codes"] == []
    return {one["tracking_number"]: one for one in said["shipments"]}


def test_the_official_answers_of_the_specifications_dialect_are_read_whole() -> None:
    body = (SHARED / "tracking-responses.sample.json").read_bytes()
    shipments = told(body)
    real = shipments["9400109104250532908587"]
    assert len(real["events"]) == len(orjson.loads(body)[0]["trackingEvents"]) == 12
    assert "unknown" not in {event["status"] for event in real["events"]}
    assert (real["status"], real["substatus"]) == ("delivered", "to_locker")
    assert real["delivered_at"] == "2024-11-22T18:58:40Z"
    assert real["events"][-1]["utc_offset"] == "-05:00"
    # The other one is filled with placeholders: its one event says nothing but its time.
    (empty,) = shipments["string"]["events"]
    assert (empty["at"], empty["utc_offset"], empty["codes"]) == ("2024-04-04T14:03:12.041000Z", "-07:00", ())


def test_the_official_answer_of_the_examples_dialect_is_read_whole() -> None:
    body = (SHARED / "api-examples-tracking-detail-response.sample.json").read_bytes()
    (shipment,) = told(body).values()
    (event,) = shipment["events"]
    assert (event["status"], event["substatus"]) == ("in_transit", "accepted")
    # 7:31 in Richmond, Virginia, in August: the Z behind it is false.
    assert (event["at"], event["time_basis"]) == ("2023-08-02T11:31:00Z", "place")
    assert shipment["service"] == "Priority Mail®"


def test_every_official_code_has_a_row_but_the_one_nobody_explains() -> None:
    with (SHARED / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]
    assert len(codes) == 62
    assert {code for code in codes if code not in USPS.codes.codes} == {"43"}


@pytest.mark.parametrize("name", ["tracking-v3.openapi.yaml", "tracking-v3-older.openapi.yaml"])
async def test_the_poll_is_the_documented_request(name: str) -> None:
    spec = yaml.safe_load((SHARED / name).read_text("utf-8"))
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"access_token": "token", "expires_in": 28799})

    auth = USPS.auth({"client_id": "one", "client_secret": "two"})
    await USPS.poll(HttpClient(USPS.facts, auth, transport=httpx.MockTransport(carrier)), [NUMBER])
    token, request = asked
    assert (token.method, token.url.path) == ("POST", "/oauth2/v3/token")
    servers = {one["url"] for one in spec["servers"]}
    assert {USPS.facts.api.production + "/tracking/v3", USPS.facts.api.test + "/tracking/v3"} <= servers
    path = "/tracking/{trackingNumber}"
    declared = {one["name"]: one for one in spec["paths"][path]["get"]["parameters"]}
    assert request.url.path == "/tracking/v3" + path.format(trackingNumber=NUMBER)
    assert set(request.url.params) <= set(declared)
    assert request.url.params["expand"] in declared["expand"]["schema"]["enum"]

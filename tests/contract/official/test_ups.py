"""UPS against its own documents, where they are at hand: official samples, code tables, OpenAPI."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from gateway.reading import document

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "ups"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

UPS: Any = connector("ups")
NUMBER = "1Z7R4K900348117020"
TABLES = {
    "Package Activity Types": ("{code}",),
    "Manifest Codes": ("M/{code}",),
    "Updates": ("U/{code}",),
    "Movement Scans": ("I/{code}",),
    "Status/Description Codes": ("statuscode/{code:0>3}",),
    "Delivery Codes": ("D/{code}",),
    "Package Exceptions": ("X/{code}",),
    "Mail Innovations": ("mail/{code}",),
    "Freight Activity": ("freight/{code}",),
    "Freight Exceptions": ("freight/{code}",),
}
LEFT_OUT = {
    "D/8N", "D/FV", "I/OC", "NA", "freight/000", "freight/60", "freight/U3",
    "statuscode/000", "statuscode/088", "statuscode/148", "statuscode/163",
}  # fmt: skip
"""Rows whose meaning cannot be told (see the carrier's README)."""


def read(name: str, source: Any) -> dict[str, Any]:
    body = (SHARED / name).read_bytes()
    return document(UPS, Payload(carrier="ups", body=body, source=source, received_at=datetime(2026, 3, 1, tzinfo=UTC)))


def told(name: str, source: Any) -> list[tuple[str, str, str | None, str | None]]:
    said = read(name, source)
    assert said["unlisted_codes"] == []
    return [(one["status"], one["substatus"], one["at"], one["utc_offset"]) for one in said["shipments"][0]["events"]]


def test_the_official_tracking_answer_is_read_with_nothing_unlisted() -> None:
    label, delivery = told("track-response.sample.json", "poll")
    assert label[:2] == ("info_received", "label_created")
    # Local clocks without an offset: Paramus, New Jersey, in January.
    assert delivery == ("delivered", "other", "2022-01-26T21:30:00Z", "-05:00")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("delivered", ("delivered", "other", "2024-04-23T13:50:04Z", "-04:00")),
        ("out-for-delivery", ("out_for_delivery", "on_route", "2024-04-23T13:15:19Z", "-04:00")),
    ],
)
def test_the_official_pushes_are_read_at_the_right_instant(name: str, expected: tuple[str, ...]) -> None:
    assert told(f"track-alert-event-{name}.sample.json", "push") == [expected]


def test_every_official_code_has_a_row_in_its_own_table_or_is_left_out_by_name() -> None:
    with (SHARED / "codes.csv").open(encoding="utf-8", newline="") as lines:
        rows = [(row["notes"].removeprefix("table: ").partition(";")[0], row["code"]) for row in csv.DictReader(lines)]
    keys = [spelling.format(code=code) for table, code in rows for spelling in TABLES[table]]
    assert len(keys) == 1541
    assert {key for key in keys if key not in UPS.codes.codes} == LEFT_OUT


async def asked_by(call: Any, said: Any) -> httpx.Request:
    """Return the one request a call makes, behind a token."""
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/oauth/token"):
            return httpx.Response(200, json={"access_token": "token", "expires_in": "14399"})
        asked.append(request)
        return httpx.Response(200, json=said)

    auth = UPS.auth({"client_id": "one", "client_secret": "two"})
    await call(HttpClient(UPS.facts, auth, transport=httpx.MockTransport(carrier)))
    (request,) = asked
    return request


def parameters(operation: Any, spec: Any) -> list[dict[str, Any]]:
    found = [one if "$ref" not in one else resolve(spec, one["$ref"]) for one in operation["parameters"]]
    return [dict(one) for one in found]


def resolve(spec: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        spec = spec[step]
    return spec


def load(name: str) -> Any:
    # One of the carrier's documents carries tabs, which YAML forbids.
    return yaml.safe_load((SHARED / name).read_text("utf-8").replace("\t", " "))


def assert_documented(request: httpx.Request, declared: list[dict[str, Any]]) -> None:
    query = {one["name"]: one.get("required", False) for one in declared if one["in"] == "query"}
    assert {name for name, needed in query.items() if needed} <= set(request.url.params) <= set(query)
    headers = {one["name"] for one in declared if one["in"] == "header" and one.get("required")}
    assert {name for name in headers if not request.headers.get(name)} == set()


async def test_the_poll_is_the_documented_request() -> None:
    spec, path = load("track-v1.openapi.yaml"), "/track/v1/details/{inquiryNumber}"
    request = await asked_by(lambda http: UPS.poll(http, [NUMBER]), {})
    server = UPS.facts.api.production + "/api"
    assert {server, UPS.facts.api.test + "/api"} == {one["url"] for one in spec["servers"]}
    assert str(request.url).partition("?")[0] == server + path.format(inquiryNumber=NUMBER)
    assert_documented(request, parameters(spec["paths"][path]["get"], spec))


async def test_the_subscription_is_the_documented_request() -> None:
    spec, path = load("track-alert.openapi.yaml"), "/subscription/{type}/package"
    said = {"validTrackingNumbers": [NUMBER]}
    request = await asked_by(lambda http: UPS.subscribe(http, [NUMBER], "https://ours.example/push", {}), said)
    server = UPS.facts.api.production + "/api/track/{version}"
    assert server in {one["url"] for one in spec["servers"]}
    assert str(request.url) == (server + path).format(version="v2", type="standard")
    assert_documented(request, parameters(spec["paths"][path]["post"], spec))
    validator = Draft202012Validator(spec | {"$ref": "#/components/schemas/PackageSubscriptionRequest"})
    validator.validate(orjson.loads(request.content))
    assert not validator.is_valid({"trackingNumberList": ["1Z1"]})
    numbers = spec["components"]["schemas"]["PackageSubscriptionRequest"]["allOf"][1]["properties"]
    assert UPS.facts.push.batch == numbers["trackingNumberList"]["maxItems"]


def test_the_token_is_asked_for_where_the_document_says() -> None:
    spec = load("oauth-client-credentials.openapi.yaml")
    assert "/security/v1/oauth/token" in spec["paths"]
    auth = UPS.auth({"client_id": "one", "client_secret": "two", "account_number": "A1B2C3"})
    assert auth._token_url == "/security/v1/oauth/token"
    assert auth._headers["x-merchant-id"] == "A1B2C3"

"""DHL Express against its own documents, where they are at hand: official samples, code list, OpenAPI."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unreadable
from gateway.reading import document

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "dhl-express"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

EXPRESS: Any = connector("dhl-express")
NUMBER = "4550011211"


@cache
def spec() -> Any:
    text = (SHARED / "mydhl-api-3.1.1.openapi.yaml").read_text("utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def told(body: Any) -> dict[str, Any]:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    payload = Payload(carrier="dhl-express", body=orjson.dumps(body), source="poll", received_at=at)
    said = document(EXPRESS, payload)
    assert said["unlisted_codes"] == []
    (shipment,) = said["shipments"]
    return dict(shipment)


def test_the_official_sample_is_read_whole() -> None:
    shipment = told(orjson.loads((SHARED / "mydhl-tracking-response.sample.json").read_bytes()))
    assert (shipment["status"], shipment["signed_by"]) == ("delivered", "J. Smith")
    assert [(one["status"], one["at"], one["utc_offset"]) for one in shipment["events"]] == [
        ("in_transit", "2024-11-05T09:00:00Z", "+01:00"),
        ("in_transit", "2024-11-07T12:00:00Z", "+00:00"),
        ("delivered", "2024-11-07T18:00:00Z", "+00:00"),
    ]
    assert shipment["weight_grams"] == 5000
    assert shipment["dimensions_mm"] == [150, 150, 150]


def test_the_examples_of_the_specification_are_read_whole_with_every_instant_known() -> None:
    path = "/shipments/{shipmentTrackingNumber}/tracking"
    content = spec()["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]
    examples = [one["value"] for one in content.get("examples", {}).values()]
    assert examples
    for example in examples:
        events = example["shipments"][0]["events"]
        shipment = told({"shipments": example["shipments"][:1]})
        assert len([one for one in shipment["events"] if not one["piece"]]) == len(events)
        assert "unknown" not in {one["status"] for one in shipment["events"]}
        assert all(one["at"] for one in shipment["events"])


def test_an_official_error_is_no_answer() -> None:
    body = (SHARED / "mydhl-error-response.sample.json").read_bytes()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    with pytest.raises(Unreadable):
        document(EXPRESS, Payload(carrier="dhl-express", body=body, source="poll", received_at=at))


def test_every_official_code_has_a_row() -> None:
    with (SHARED / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]
    assert len(codes) == 44
    assert {code for code in codes if code not in EXPRESS.codes.codes} == set()


async def asked_by(call: Any) -> httpx.Request:
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"documents": [{"content": "JVBERi0="}]})

    auth = EXPRESS.auth({"username": "user", "password": "word"})
    await call(HttpClient(EXPRESS.facts, auth, transport=httpx.MockTransport(carrier)))
    (request,) = asked
    return request


@pytest.mark.parametrize(
    ("call", "path"),
    [
        (lambda http: EXPRESS.poll(http, [NUMBER]), "/shipments/{shipmentTrackingNumber}/tracking"),
        (lambda http: EXPRESS.poll(http, ["JD0146000045"]), "/tracking"),
        (lambda http: EXPRESS.prove(http, NUMBER, None), "/shipments/{shipmentTrackingNumber}/proof-of-delivery"),
    ],
)
async def test_each_request_is_the_documented_one(call: Any, path: str) -> None:
    request = await asked_by(call)
    assert {EXPRESS.facts.api.production, EXPRESS.facts.api.test} <= {one["url"] for one in spec()["servers"]}
    assert str(request.url).partition("?")[0] == EXPRESS.facts.api.production + path.format(
        shipmentTrackingNumber=NUMBER
    )
    references = [one["$ref"].rpartition("/")[2] for one in spec()["paths"][path]["get"]["parameters"]]
    declared = {one["name"]: one for one in (spec()["components"]["parameters"][name] for name in references)}
    assert set(request.url.params) <= set(declared)
    for name, value in request.url.params.items():
        choices = declared[name]["schema"].get("enum")
        assert choices is None or (value == "true" and True in choices) or value in choices
    for name, one in declared.items():
        if one["in"] == "header" and one.get("required"):
            assert request.headers[name] == one["schema"]["default"]

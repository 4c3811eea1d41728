"""FedEx against its own documents, where they are at hand: official samples, code lists, OpenAPI."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from jsonschema import Draft4Validator

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from gateway.reading import document

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "fedex"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

FEDEX: Any = connector("fedex")
NUMBER = "772033100014"


def spec() -> Any:
    return orjson.loads((SHARED / "track-v1.openapi.json").read_bytes())


def test_the_official_answer_is_read_with_nothing_unlisted() -> None:
    body = (SHARED / "track-response.sample.json").read_bytes()
    said = document(
        FEDEX, Payload(carrier="fedex", body=body, source="poll", received_at=datetime(2026, 3, 1, tzinfo=UTC))
    )
    shipments = {one["tracking_number"]: one for one in said["shipments"]}
    assert said["unlisted_codes"] == []
    assert shipments["39936862321"]["substatus"] == "not_found"
    (scan,) = shipments["123456789012"]["events"]
    assert (scan["status"], scan["substatus"]) == ("in_transit", "picked_up")
    assert (scan["at"], scan["utc_offset"]) == ("2018-02-02T19:01:00Z", "-07:00")
    assert shipments["123456789012"]["dimensions_mm"] == [1000, 500, 300]
    assert shipments["123456789012"]["weight_grams"] == round(22222 * 453.59237)


def test_every_official_code_has_a_row_in_its_own_list() -> None:
    with (SHARED / "codes.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    keys = [("possession/" if "Possession" in row["notes"] else "") + row["code"] for row in rows]
    assert len(keys) == 109
    assert {key for key in keys if key not in FEDEX.codes.codes} == set()


def test_the_reasons_of_the_mock_numbers_have_rows() -> None:
    text = (SHARED / "mock-tracking-numbers.csv").read_text("utf-8")
    for words, key in (
        ("(Delivery Exception 007)", "DE/007"),
        ("(Delivery Exception 083)", "DE/083"),
        ("(Delivery Exception 03)", "DE/03"),
        ("(Shipment Exception 099)", "SE/099"),
    ):
        assert words in text
        assert key in FEDEX.codes.codes


async def asked_by(call: Any, said: Any) -> tuple[httpx.Request, httpx.Request]:
    """Return the token request and the one request a call makes."""
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        token = request.url.path == "/oauth/token"
        return httpx.Response(200, json={"access_token": "token", "expires_in": 3600} if token else said)

    auth = FEDEX.auth({"client_id": "one", "client_secret": "two"})
    await call(HttpClient(FEDEX.facts, auth, transport=httpx.MockTransport(carrier)))
    token, request = asked
    return token, request


def assert_documented(request: httpx.Request, path: str, schema: str) -> None:
    document = spec()
    assert {FEDEX.facts.api.production, FEDEX.facts.api.test} == {one["url"] for one in document["servers"]}
    assert str(request.url) == FEDEX.facts.api.production + path
    needed = {one["name"] for one in document["paths"][path]["post"]["parameters"] if one.get("required")}
    assert needed <= {name.lower() for name in request.headers}
    # The document says nullable and the like, which a draft 4 validator passes over.
    validator = Draft4Validator(document | {"$ref": f"#/components/schemas/{schema}"})
    validator.validate(orjson.loads(request.content))
    assert not validator.is_valid({})


async def test_the_poll_is_the_documented_request() -> None:
    token, request = await asked_by(lambda http: FEDEX.poll(http, [NUMBER]), {})
    assert_documented(request, "/track/v1/trackingnumbers", "Full_Schema_Tracking_Numbers")
    assert token.content == b"grant_type=client_credentials&client_id=one&client_secret=two"
    limit = spec()["components"]["schemas"]["Full_Schema_Tracking_Numbers"]["properties"]["trackingInfo"]["description"]
    assert f"Maximum limit is {FEDEX.facts.api.batch}" in limit


async def test_the_proof_is_the_documented_request_and_its_example_is_read() -> None:
    said = orjson.loads((SHARED / "track-document-response.sample.json").read_bytes())
    proofs = []

    async def fetch(http: HttpClient) -> None:
        proofs.append(await FEDEX.prove(http, NUMBER, None))

    _, request = await asked_by(fetch, said)
    assert_documented(request, "/track/v1/trackingdocuments", "Full_Schema_SPOD")
    assert [(one.media_type, one.body[:5]) for one in proofs] == [("application/pdf", b"%PDF-")]

"""DHL Parcel Germany against its own documents, where they are at hand: samples, codes, errors, collection, schemas."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.dhl_parcel_de import NOT_LET_IN, THEIR_TROUBLE, UNKNOWN_NUMBER
from gateway.reading import document

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "dhl-parcel-de"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

PAKET: Any = connector("dhl-parcel-de")
SECRETS = {"api_key": "key", "api_secret": "secret", "appname": "zt1", "password": "word"}


def table(name: str) -> list[dict[str, str]]:
    with (SHARED / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_official_answer_is_read_whole_with_german_clocks() -> None:
    body = (SHARED / "piece-detail-delivered-response.sample.xml").read_bytes()
    at = datetime(2026, 3, 1, tzinfo=UTC)
    said = document(PAKET, Payload(carrier="dhl-parcel-de", body=body, source="poll", received_at=at))
    assert said["unlisted_codes"] == []
    (shipment,) = said["shipments"]
    assert [(one["status"], one["substatus"], one["at"]) for one in shipment["events"]] == [
        ("in_transit", "accepted", "2016-03-17T10:44:00Z"),
        ("in_transit", "departed", "2016-03-17T12:54:00Z"),
        ("in_transit", "picked_up", "2016-03-17T12:55:00Z"),
        ("in_transit", "departed", "2016-03-17T14:51:00Z"),
        ("in_transit", "arrived", "2016-03-18T02:32:00Z"),
        ("out_for_delivery", "loaded", "2016-03-18T08:02:00Z"),
        ("delivered", "other", "2016-03-18T09:02:00Z"),
    ]
    assert shipment["signed_by"] == "Kraemer"


def test_every_official_code_has_a_row_of_its_own_and_so_has_each_standard_event() -> None:
    keys, standards = [], set()
    for row in table("codes.csv"):
        found = re.search(r"standard-event-code ([A-Z]{2}) =", row["notes"])
        assert found
        keys.append(f"{row['code']}/{found[1]}")
        standards.add(found[1])
    assert len(keys) == len(set(keys)) == 338
    assert {key for key in keys if key not in PAKET.codes.codes} == set()
    assert {key for key in PAKET.codes.codes if "/" not in key and len(key) == len("ZU")} == standards


def test_an_event_speaks_by_itself_only_where_all_its_official_reasons_agree() -> None:
    rows = PAKET.codes.codes
    alone = [key for key in rows if "/" not in key and len(key) == len("DSPSD")]
    assert alone
    for event in alone:
        assert {meaning.status for key, meaning in rows.items() if key.startswith(f"{event}/")} == {rows[event].status}


def test_every_official_error_leads_somewhere() -> None:
    codes = {row["code"] for row in table("error-codes.csv")}
    ours = UNKNOWN_NUMBER | NOT_LET_IN | THEIR_TROUBLE
    assert ours <= codes
    # What is left blames the question, which is always the same.
    assert codes - ours == {"0", "-3", "45", "58", "59", "60"}


async def asked_by(call: Any) -> httpx.Request:
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=(SHARED / "piece-detail-delivered-response.sample.xml").read_bytes())

    await call(HttpClient(PAKET.facts, PAKET.auth(SECRETS), mode="test", transport=httpx.MockTransport(carrier)))
    (request,) = asked
    return request


async def test_the_poll_is_the_collections_request_and_fits_the_schema() -> None:
    numbers = [f"{at:020d}" for at in range(PAKET.facts.api.batch)]
    request = await asked_by(lambda http: PAKET.poll(http, numbers))
    collection = json.loads((SHARED / "tracking.postman-collection.json").read_text("utf-8"))
    examples = [one["request"]["url"]["raw"] for one in collection["item"] if "piece-detail" in one["name"]]
    assert str(request.url).partition("?")[0] in {one.partition("?")[0] for one in examples}
    question = etree.fromstring(request.url.params["xml"].partition("?>")[2])
    schema = etree.XMLSchema(etree.parse(str(SHARED / "tracking-request.xsd")))
    schema.assertValid(question)
    example = etree.fromstring(examples[0].partition("?>")[2])
    assert set(question.attrib) == set(example.attrib)
    assert question.get("piece-code", "").split(";") == numbers
    assert f"up to {len(numbers)} semicolon-separated" in (SHARED / "tracking-request.xsd").read_text("utf-8")


def test_our_samples_fit_the_schema_made_after_answers() -> None:
    schema = etree.XMLSchema(etree.parse(str(SHARED / "tracking-response.xsd")))
    folder = Path(__file__).parents[3] / "connectors" / "dhl_parcel_de" / "samples"
    for sample in sorted(folder.glob("*.http")):
        schema.assertValid(etree.fromstring(sample.read_bytes().partition(b"\n###\n")[2].partition(b"\n\n")[2]))


def test_the_sandbox_numbers_have_the_format_we_know() -> None:
    collection = json.loads((SHARED / "tracking.postman-collection.json").read_text("utf-8"))
    numbers = [one["value"] for one in collection["variable"] if one["key"].startswith("pieceCode")]
    assert len(numbers) >= 5
    assert [number for number in numbers if PAKET.facts.numbers[0].match(number) is None] == []

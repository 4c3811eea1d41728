"""UPU against the collected lists: every agreed code has a row and a leg, and the shape of the service reads whole."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload
from connectors.upu import ORIGIN, PATH, TRANSIT

SHARED = Path(__file__).resolve().parents[4] / "shared"
STANDARD = SHARED / "standards/upu"
CODES = SHARED / "carriers/upu/codes.csv"

pytestmark = pytest.mark.skipif(not CODES.exists(), reason="the carriers' documents (../shared) are not here")


def test_every_collected_code_has_a_row_but_the_one_seen_once():
    with CODES.open(encoding="utf-8") as file:
        collected = {row["code"] for row in csv.DictReader(file)}
    agreed = {event["code"] for event in json.loads((STANDARD / "event-codes.json").read_text())["events"]}
    assert set(connector("upu").codes.codes) == agreed == collected - {"EMX"}


def test_the_legs_are_the_collected_ones():
    legs = {event["code"]: event["leg"] for event in json.loads((STANDARD / "event-codes.json").read_text())["events"]}
    assert {code for code, leg in legs.items() if leg == "origin"} == ORIGIN
    assert {code for code, leg in legs.items() if leg == "transit"} == TRANSIT


def test_the_shape_of_the_service_reads_whole():
    told = json.loads((STANDARD / "ptt-api.json").read_text())
    body = json.dumps(told["response"]).encode()
    now = datetime(2026, 3, 6, tzinfo=UTC)
    upu = connector("upu")
    reading = upu.read(Payload(carrier="upu", body=body, source="poll", received_at=now))
    assert reading.trouble is None
    assert [(scan.number, scan.codes, scan.place.country) for scan in reading.scans] == [
        (told["response"]["ID"], ("EMA",), told["response"]["OriginCountryCd"])
    ]
    address = told["request"].removeprefix("GET ")
    assert address.startswith(upu.facts.api.production + PATH + "/")
    assert told["no_result"] == "the literal 1"

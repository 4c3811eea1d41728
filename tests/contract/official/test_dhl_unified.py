"""DHL unified against the material in reach: captured answers, errors, code tables, a subscription request."""

import csv
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from gateway.reading import document, read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/dhl-unified"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
LEFT_OUT = {
    "ecommerce/300",
    "ecommerce/350",
    "ecommerce/371",
    "ecommerce/603",
    "ecommerce/632",
    "parcel-nl/DIFFERENT_STATUSES",
    "svb/AMBIGUOUS",
    "svb/NO_INFO",
}
"""Codes whose words do not tell what happened; the README names them."""

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

ANSWERS = [*sorted(FOLDER.glob("captured/*.json")), FOLDER / "tracking-response.sample.json"]
DHL = connector("dhl-unified")


def payload(file: Path, numbers: tuple[str, ...] = ()) -> Payload:
    return Payload(carrier="dhl-unified", body=file.read_bytes(), source="poll", received_at=NOW, numbers=numbers)


def shipments(file: Path):
    body = json.loads(file.read_bytes())
    return body.get("trackingResponse", body)["shipments"]


def table():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            division = re.match(r"service: ([a-z-]+)", row["notes"])
            assert division
            yield f"{division[1]}/{row['code']}", row["notes"]


def test_there_are_answers_to_read():
    assert len(ANSWERS) == 15
    assert sum(len(one["events"]) for file in ANSWERS for one in shipments(file)) == 187


@pytest.mark.parametrize("file", ANSWERS, ids=lambda file: file.name)
def test_every_answer_reads_whole_in_its_own_order_with_nothing_unlisted(file):
    result = read(DHL, payload(file))
    assert result.trouble is None
    told = [
        (str(one["id"]), event["timestamp"][:19], event.get("description") or event.get("status"))
        for one in shipments(file)
        for event in one["events"]
    ]
    said = [(event.tracking_number, event.local_time.isoformat()[:19], event.text) for event in result.events]
    assert said == told
    assert result.unlisted == {}
    assert [event.text for event in result.events if event.status is Status.UNKNOWN] == []


def test_a_not_collected_parcel_comes_out_as_returned():
    (told,) = document(DHL, payload(FOLDER / "captured/track-JVGL06048524783718330083.sample.json"))["shipments"]
    assert (told["status"], told["substatus"], told["delivery_attempts"]) == ("returned", "to_sender", 1)
    assert told["milestones"]["available_for_pickup_at"] == "2019-05-21T09:51:50Z"


def test_out_for_delivery_is_found_behind_a_coarse_transit():
    found = Counter(
        event.codes[0]
        for file in ANSWERS
        for event in read(DHL, payload(file)).events
        if event.status is Status.OUT_FOR_DELIVERY
    )
    assert found == {
        "ecommerce/OUT FOR DELIVERY": 5,
        "parcel-de/The shipment has been loaded onto the delivery vehicle": 6,
        "parcel-nl/OUT_FOR_DELIVERY": 3,
        "parcel-nl/PARCEL_HANDED_OVER_TO_COURIER": 3,
    }


def test_the_loading_of_a_german_parcel_comes_before_its_delivery():
    (told,) = document(DHL, payload(FOLDER / "captured/track-423475729485.sample.json"))["shipments"]
    assert told["milestones"]["out_for_delivery_at"] == "2019-08-30T05:42:00Z"
    assert told["milestones"]["delivered_at"] == "2019-08-30T06:59:00Z"


def test_no_recipient_is_kept_but_who_signed():
    for file in ANSWERS:
        reading = DHL.read(payload(file))
        assert "Max Muster" not in repr(reading)


def test_nine_parcels_of_one_reference_are_nine_pieces():
    (told,) = document(DHL, payload(FOLDER / "captured/track-64888.sample.json"))["shipments"]
    assert (told["tracking_number"], told["pieces_total"], told["pieces_delivered"]) == ("64888", 9, 9)


def test_not_found_is_a_missing_number():
    reading = DHL.read(payload(FOLDER / "error-not_found.sample.json"))
    assert [one.number for one in reading.missing] == ["8264715546"]


@pytest.mark.parametrize("name", ["bad_input", "too_many_requests", "unauthorized"])
def test_another_error_is_unreadable(name):
    assert DHL.read(payload(FOLDER / f"error-{name}.sample.json")).trouble is not None


def test_every_code_of_the_portals_tables_has_a_row_but_the_ones_left_out():
    codes = {code for code, _ in table()}
    assert len(codes) == 1090
    assert codes - set(DHL.codes.codes) == LEFT_OUT


def test_no_row_contradicts_the_class_that_the_table_itself_names():
    """Where a table names a class, a delivery is a delivery, unless the parcel waits for collection or goes on."""
    waits = {f"ecommerce-europe/{code}" for code in (43, 44, 45, 46, 302)}
    for code, notes in table():
        meaning = DHL.codes.codes.get(code)
        if meaning is None:
            continue
        if notes.endswith("; Delivered") and code not in waits:
            assert meaning.status in (Status.DELIVERED, Status.RETURNED), code
        if notes.endswith(("; Failure", "; Transit", "; Pre-transit")):
            assert meaning.status is not Status.DELIVERED, code
        if notes.endswith("; Pre-transit"):
            assert meaning.status is Status.INFO_RECEIVED, code


async def test_our_subscription_has_the_fields_of_the_published_one():
    published = json.loads((FOLDER / "push-subscribe-by-account-request.sample.json").read_bytes())
    seen = []

    def carrier(request):
        seen.append(json.loads(request.content))
        return httpx.Response(200)

    secrets = {"api_key": "k", "push_header": "X-Proof", "push_token": "t", "push_service": "ecommerce-europe"}
    async with HttpClient(DHL.facts, DHL.auth(secrets), transport=httpx.MockTransport(carrier)) as http:
        await DHL.subscribe(http, ["1"], "https://gw.example/push", secrets)
    (ours,) = seen
    assert set(ours) - {"shipmentIDs"} == set(published) - {"accountID"}
    assert set(ours["hook"]["authentication"]) == set(published["hook"]["authentication"])
    assert sorted(ours["events"]) == sorted(published["events"])
    assert (ours["format"], ours["service"]) == (published["format"], published["service"])

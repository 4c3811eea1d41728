"""PostNL against the material in reach: official and captured answers, signatures, the codes seen in them."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unreadable
from gateway.reading import document, read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/postnl"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
NL = connector("postnl")

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

ANSWERS = {
    "official-get-status-by-barcode": ["out_for_delivery"],
    "official-get-status-by-reference": ["out_for_delivery"],
    "official-get-updated-status-by-customer-number": ["in_transit", "info_received", "info_received", "info_received"],
    "shipping-status-completestatus": ["in_transit", "info_received", "info_received"],
    "shipping-status-completestatus2": ["in_transit"],
    "shipping-status-completestatus3": [
        *("delivered", "out_for_delivery", "in_transit", "in_transit", "info_received"),  # as events
        "in_transit",  # a status a day after the event it belongs to, in this answer
    ],
    "shipping-status-currentstatus": ["in_transit"],
    "shipping-status-currentstatus2": ["in_transit"],
    "shipping-status-currentstatus3": ["delivered"],
    "shipping-status-updatedshipments": ["delivered"] * 4,
}


def payload(name):
    body = (FOLDER / f"{name}.sample.json").read_bytes()
    return Payload(carrier="postnl", body=body, source="poll", received_at=NOW, numbers=())


@pytest.mark.parametrize("name", ANSWERS)
def test_every_answer_reads_whole_with_nothing_unlisted(name):
    result = read(NL, payload(name))
    assert (result.trouble, result.unlisted) == (None, {})
    assert [event.status.value for event in result.events] == ANSWERS[name]
    assert not [event for event in result.events if event.at is None]


@pytest.mark.parametrize("name", [name for name in ANSWERS if "complete" in name])
def test_events_come_in_number_and_order_as_in_the_body(name):
    said = json.loads(payload(name).body)["CompleteStatus"]["Shipment"]["Event"]
    told = [one["Description"] for one in (said if isinstance(said, list) else [said])]
    assert [event.text for event in read(NL, payload(name)).events][: len(told)] == told


def test_every_status_that_tells_something_is_in_some_event():
    for name in ANSWERS:
        said = json.loads(payload(name).body)
        if not isinstance(said, dict):
            continue
        shipment = next(iter(said.values()))["Shipment"]
        old = shipment.get("OldStatus", [])
        statuses = [shipment["Status"], *(old if isinstance(old, list) else [old])]
        wanted = {f"status/{one['StatusCode']}" for one in statuses} - {"status/99"}
        assert wanted <= {code for event in read(NL, payload(name)).events for code in event.codes}


def test_the_delivered_parcel_has_its_measures_and_its_frame():
    (told,) = document(NL, payload("shipping-status-completestatus3"))["shipments"]
    assert (told["status"], told["weight_grams"], told["dimensions_mm"]) == ("delivered", 440, [260, 165, 150])
    assert told["milestones"]["delivered_at"] == "2021-03-26T14:06:53Z"
    assert told["carrier_destination"] == {"city": "Stadskanaal", "postal_code": "9500AB", "country": "NL"}


def test_no_name_and_no_street_is_kept():
    for name in ANSWERS:
        said = repr(NL.read(payload(name)))
        assert not [word for word in ("LASTNAME", "Ruiter", "Molengraaffplantsoen", "Ergens") if word in said]


def test_not_found_is_a_missing_number():
    body = (FOLDER / "shipping-status-nocurrentshipments.sample.json").read_bytes()
    asked = Payload(carrier="postnl", body=body, source="poll", received_at=NOW, numbers=("3SQWTZ1002003",))
    assert [one.number for one in NL.read(asked).missing] == ["3SQWTZ1002003"]


def test_every_code_seen_has_a_row_but_those_the_readme_names():
    seen = set()
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            kind = "phase" if row["notes"].startswith("phase") else "event" if row["code"][-1:] == "B" else None
            kind = kind or ("status" if row["code"].isdigit() else "event")
            seen.add(f"{kind}/{row['code']}")
    assert seen - set(NL.codes.codes) == {"event/01B", "phase/1", "phase/4", "phase/99", "status/99"}
    assert all(meaning.status is not Status.UNKNOWN for meaning in NL.codes.codes.values())


async def prove(name):
    body = (FOLDER / f"{name}.sample.json").read_bytes()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with HttpClient(NL.facts, NL.auth({"api_key": "k"}), transport=transport) as http:
        return await NL.prove(http, "3SDEVC123456789", None)


async def test_the_captured_signature_is_an_image():
    assert (await prove("shipping-status-signature")).media_type == "image/gif"


async def test_the_shortened_official_signature_is_no_image():
    with pytest.raises(Unreadable):
        await prove("official-get-shipment-signature")

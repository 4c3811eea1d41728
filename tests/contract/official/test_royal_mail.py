"""Royal Mail against the material in reach: answer samples, the table of codes, the list of errors."""

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.royal_mail import UNKNOWN
from gateway.reading import read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/royal-mail"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
MAIL = connector("royal-mail")
SECRETS = {"client_id": "i", "client_secret": "s"}

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

HEADINGS = {
    "Collected": {Status.DELIVERED},
    "Delivered": {Status.DELIVERED, Status.AVAILABLE_FOR_PICKUP},
    "Delivery Attempted": {Status.ATTEMPT_FAILED},
    "In Customs": {Status.IN_TRANSIT},
    "In Transit": {Status.IN_TRANSIT, Status.EXCEPTION, Status.RETURNING},
    "Pending": {Status.IN_TRANSIT, Status.EXCEPTION, Status.AVAILABLE_FOR_PICKUP},
    "Ready for Delivery": {Status.OUT_FOR_DELIVERY},
    "Released from Customs": {Status.IN_TRANSIT},
    "Restricted or Prohibited Contents": {Status.EXCEPTION},
    "Returned to Sender": {Status.RETURNING},
    "We're expecting it": {Status.INFO_RECEIVED},
    "We've got it": {Status.IN_TRANSIT, Status.EXCEPTION},
}


def payload(name):
    body = (FOLDER / name).read_bytes()
    return Payload(carrier="royal-mail", body=body, source="poll", received_at=NOW, numbers=("FQ087430672GB",))


def table():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("name", ["events-response", "response", "summary-response"])
def test_every_answer_reads_whole(name):
    result = read(MAIL, payload(f"tracking-v2-{name}.sample.json"))
    assert (result.trouble, result.unlisted) == (None, {})
    (event,) = result.events
    assert (event.code, event.status, event.substatus, event.text) == (
        "EVNMI",
        Status.EXCEPTION,
        "missorted",
        "Forwarded - Mis-sort",
    )
    assert (event.at, event.utc_offset) == (datetime(2016, 10, 20, 9, 4, tzinfo=UTC), "+01:00")


def test_the_promise_and_the_signer_are_kept():
    (detail,) = MAIL.read(payload("tracking-v2-events-response.sample.json")).details
    assert (detail.signed_by, detail.service_code) == ("Elliot", "SD2")
    assert detail.eta.end == datetime.fromisoformat("2017-02-20T11:00:00+01:00")


def test_every_code_has_a_row_and_no_row_is_invented():
    codes = [row["code"] for row in table()]
    assert len(codes) == 269
    assert sorted(codes) == list(MAIL.codes.codes)


def test_no_row_contradicts_the_carriers_public_heading():
    for row in table():
        heading = re.search(r"public heading: ([^;]*)", row["notes"])
        meaning = MAIL.codes.codes[row["code"]]
        if heading and heading[1] in HEADINGS:
            assert meaning.status in HEADINGS[heading[1]], row["code"]
            assert meaning.moves == "tells", row["code"]
        if row["code"].startswith("N"):
            assert meaning.moves == "informs", row["code"]


async def test_the_signature_sample_is_fetched():
    body = (FOLDER / "tracking-v2-signature-response.sample.json").read_bytes()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with HttpClient(MAIL.facts, MAIL.auth(SECRETS), transport=transport) as http:
        proof = await MAIL.prove(http, "FQ087430672GB", "001234")
    assert (proof.media_type, proof.body.decode()) == (
        "image/svg+xml",
        json.loads(body)["mailPieces"]["signature"]["image"],
    )


def test_every_listed_error_about_a_number_is_known():

    with (FOLDER / "error-codes.csv").open(encoding="utf-8", newline="") as lines:
        told = {row["code"] for row in csv.DictReader(lines) if "404" in row["notes"]}
    assert told - UNKNOWN == {"E1144", "E1145"}  # about a proof, not about the number

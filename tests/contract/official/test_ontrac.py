"""OnTrac against the carrier's own list, example and schema."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples
from normalizer.model import Place, Window
from normalizer.numbers import normal_number

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/ontrac"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

ONTRAC = connector("ontrac")


def test_every_code_of_the_manual_has_a_row_and_no_other():
    listed = {row["code"] for row in csv.DictReader((FOLDER / "codes.csv").read_text("utf-8").splitlines())}
    assert len(listed) == 40
    assert set(ONTRAC.codes.codes) == listed


def test_the_manuals_example_reads_whole():
    payload = Payload(
        carrier="ontrac",
        body=(FOLDER / "track-response.sample.xml").read_bytes(),
        source="poll",
        received_at=datetime(2026, 5, 8, tzinfo=UTC),
    )
    reading = ONTRAC.read(payload)
    assert reading.trouble is None
    (scan,) = reading.scans
    assert (scan.number, scan.codes, scan.text) == ("D10010466126749", ("XX",), "DATA ENTRY")
    assert scan.at.isoformat() == "2022-04-06T14:53:21.450000"
    assert scan.place == Place(facility="Commerce", city="COMMERCE", region="CA", postal_code="90040", country="US")
    (detail,) = reading.details
    assert detail.eta == Window(date(2012, 4, 9), date(2012, 4, 9))
    assert detail.references == ("TESTING",)
    assert any(known.match(normal_number(scan.number)) for known in ONTRAC.facts.numbers)


def test_our_samples_are_answered_as_the_carriers_schema_says_but_for_the_newer_picture():
    schema = etree.XMLSchema(etree.parse(FOLDER / "OnTracTrackingResponse.xsd"))
    checked = 0
    for sample in samples(HERE / "ontrac" / "samples"):
        root = etree.fromstring(sample.body)
        shipments = root.findall("Shipments/Shipment")
        if not shipments or any(len(one) < 5 for one in shipments):  # errors alone: no example of them is in reach
            continue
        for picture in root.iter("Vpod"):
            picture.getparent().remove(picture)
        schema.assertValid(root)
        checked += 1
    assert checked == 6

"""DHL Express's XML-PI against the carrier's own schemas and code list, where they are at hand."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from connectors import connector
from connectors.client import HttpClient
from connectors.samples import samples

SHARED = Path(__file__).parents[4] / "shared" / "carriers" / "dhl-express"
SAMPLES = Path(__file__).parents[3] / "connectors" / "dhl_express_xml" / "samples"
pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="the carrier's documents are not at hand")

XMLPI: Any = connector("dhl-express-xml")


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(SHARED / "xmlpi" / name)))


@pytest.mark.parametrize("number", ["4660022301", "JD0146000047"])
async def test_the_question_fits_the_carriers_schema(number: str) -> None:
    asked: list[httpx.Request] = []

    def carrier(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=b"<a/>")

    auth = XMLPI.auth({"site_id": "SampleSite", "password": "sample-word"})
    await XMLPI.poll(HttpClient(XMLPI.facts, auth, transport=httpx.MockTransport(carrier)), [number])
    known = schema("TrackingRequestKnown-1.0.xsd")
    question = etree.fromstring(asked[0].content)
    known.assertValid(question)
    question.attrib.clear()
    assert not known.validate(question)


def test_our_samples_fit_the_carriers_schemas() -> None:
    questions, answers = schema("TrackingRequestKnown-1.0.xsd"), schema("TrackingResponse.xsd")
    written = samples(SAMPLES)
    assert len(written) >= 8
    for sample in written:
        ((request, response),) = sample.exchanges
        assert response is not None
        questions.assertValid(etree.fromstring(request.body))
        answers.assertValid(etree.fromstring(response.body))


def test_every_official_code_of_two_letters_has_a_row() -> None:
    with (SHARED / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = {row["code"] for row in csv.DictReader(lines)}
    # 101 to 104 are states of a shipment in another service; the schema allows two letters only.
    assert codes - set(XMLPI.codes.codes) == {"101", "102", "103", "104"}
    assert set(XMLPI.codes.codes) <= codes

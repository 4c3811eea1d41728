"""DPD France against the carrier's own types: our question and its proof are valid, our samples answer as they say."""

from copy import deepcopy
from pathlib import Path

import httpx
import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.client import HttpClient
from connectors.samples import samples

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/dpd-france/Webtrace_Service.xsd"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(FILE))


def only_child(body: bytes, part: str = "Body") -> etree._Element:
    (child,) = etree.fromstring(body).find(f"{{{SOAP}}}{part}")
    return deepcopy(child)


async def test_our_question_and_its_proof_are_valid_by_the_carriers_types(schema):
    dpd, seen = connector("dpd-france"), []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return httpx.Response(200, content=b"<e/>")

    secrets = {"userid": "u", "password": "p", "center_number": "77", "customer_number": "12345"}
    async with HttpClient(dpd.facts, dpd.auth(secrets), transport=httpx.MockTransport(handler)) as http:
        await dpd.poll(http, ["250077001100220"])
    schema.assertValid(only_child(seen[0]))
    schema.assertValid(only_child(seen[0], "Header"))


def test_our_samples_are_answered_as_the_carriers_types_say(schema):
    answers = [only_child(sample.body) for sample in samples(HERE / "dpd_france" / "samples")]
    answered = [answer for answer in answers if etree.QName(answer).localname != "Fault"]
    for answer in answered:
        schema.assertValid(answer)
    assert (len(answers), len(answered)) == (7, 6)

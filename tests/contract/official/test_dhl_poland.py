"""DHL Parcel Poland against the carrier's own types: our question is valid, our samples answer as they say."""

from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from connectors import HERE
from connectors.dhl_poland import SERVICE
from connectors.samples import samples

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/dhl-poland/webapi2.xsd"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(FILE))


def only_child(body: bytes) -> etree._Element:
    (child,) = etree.fromstring(body).find(f"{{{SOAP}}}Body")
    return deepcopy(child)


def test_our_question_is_valid_by_the_carriers_types(schema):
    asked, _ = SERVICE.request(
        "getTrackAndTraceInfo", authData={"username": "u", "password": "p"}, shipmentId="21880011220"
    )
    schema.assertValid(only_child(asked))


def test_our_samples_are_answered_as_the_carriers_types_say(schema):
    answers = [only_child(sample.body) for sample in samples(HERE / "dhl_poland" / "samples")]
    answered = [answer for answer in answers if etree.QName(answer).localname != "Fault"]
    for answer in answered:
        schema.assertValid(answer)
    assert (len(answers), len(answered)) == (7, 5)

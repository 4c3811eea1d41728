"""TNT against the carrier's own schemas: our question is valid, and our samples answer as they say."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from lxml import etree

from connectors import HERE, connector
from connectors.samples import samples
from connectors.tnt import _question

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/tnt"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def request_schema():
    return etree.XMLSchema(etree.parse(FOLDER / "express-connect-tracking-request.xsd"))


@pytest.fixture(scope="module")
def response_schema():
    return etree.XMLSchema(etree.parse(FOLDER / "express-connect-tracking-response.xsd"))


def test_a_question_about_a_whole_batch_is_valid_and_one_more_would_not_be(request_schema):
    batch = connector("tnt").facts.api.batch
    numbers = [str(at) for at in range(batch + 1)]
    request_schema.assertValid(etree.fromstring(_question(numbers[:batch])))
    assert not request_schema.validate(etree.fromstring(_question(numbers)))


def test_our_samples_ask_and_are_answered_as_the_carriers_schemas_say(request_schema, response_schema):
    checked = 0
    for sample in samples(HERE / "tnt" / "samples"):
        (document,) = parse_qs(sample.exchanges[0][0].body.decode())["xml_in"]
        request_schema.assertValid(etree.fromstring(document))
        response_schema.assertValid(etree.fromstring(sample.body))
        checked += 1
    assert checked == 7


def test_every_summary_of_the_schema_is_read():
    tree = etree.parse(FOLDER / "express-connect-tracking-response.xsd")
    (summary,) = tree.xpath("//*[local-name()='element'][@name='SummaryCode']")
    assert [node.get("value") for node in summary.iter("{*}enumeration")] == ["EXC", "INT", "DEL", "CNF"]

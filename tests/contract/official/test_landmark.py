"""Landmark against the published XSD: our question and our samples' answers are valid, the fields we read exist."""

from pathlib import Path
from urllib.parse import parse_qs

import pytest
from lxml import etree

from connectors import HERE
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/landmark"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

SAMPLES = samples(HERE / "landmark/samples")


def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(FOLDER / name))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_what_is_asked_is_a_valid_track_request(sample):
    # The contract test holds the connector to ask exactly what its samples say.
    document = parse_qs(sample.exchanges[0][0].body.decode())["RQXML"][0]
    schema("track_request.xsd").assertValid(etree.fromstring(document.encode()))


@pytest.mark.parametrize(
    "sample", [one for one in SAMPLES if b"<Errors>" not in one.body], ids=lambda sample: sample.name
)
def test_a_samples_answer_is_valid(sample):
    schema("track_response.xsd").assertValid(etree.fromstring(sample.body))


@pytest.mark.parametrize("sample", [one for one in SAMPLES if b"<Errors>" in one.body], ids=lambda sample: sample.name)
def test_a_samples_errors_are_valid(sample):
    errors = etree.fromstring(sample.body).find("Errors")
    schema("error_response.xsd").assertValid(etree.fromstring(etree.tostring(errors)))


def test_there_are_answers_and_errors_among_the_samples():
    assert len(SAMPLES) == 10
    assert sum(b"<Errors>" in one.body for one in SAMPLES) == 2

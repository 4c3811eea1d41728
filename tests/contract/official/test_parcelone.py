"""Parcel.One against its OpenAPI document: path, key and hosts, and the example reads whole."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples

FILE = Path(__file__).resolve().parents[4] / "shared/carriers/parcelone/track-lmc.openapi.json"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the carriers' documents (../shared) are not here")


@pytest.fixture(scope="module")
def document():
    return json.loads(FILE.read_text())


def test_the_example_reads_whole_in_its_order_with_nothing_unlisted(document):
    answer = document["paths"]["/shipment/{trackno}"]["get"]["responses"]["200"]["content"]["application/json"]
    example = answer["examples"]["ResultSuccess"]["value"]
    carrier = connector("parcelone")
    now = datetime(2026, 3, 5, tzinfo=UTC)
    reading = carrier.read(
        Payload(carrier="parcelone", body=json.dumps(example).encode(), source="poll", received_at=now)
    )
    assert reading.trouble is None
    assert [scan.codes[0] for scan in reading.scans] == [event["Statuscode"] for event in example["TrackingEvents"]]
    assert [scan.at for scan in reading.scans] == [
        datetime.fromisoformat(event["EventdateUTC"]) for event in example["TrackingEvents"]
    ]
    assert all(carrier.codes.look_up(scan.codes)[1] for scan in reading.scans)
    unsaid = {scan.codes[1] for scan in reading.scans if carrier.codes.look_up(scan.codes[1:])[1] is None}
    assert unsaid == {"Pending_001"}  # beside a parcel that moves: the two words disagree
    assert not any("<" in scan.text for scan in reading.scans)
    assert reading.details[0].continues_as == (None, example["TrackingEvents"][-1]["CarrierTrackno"])


def test_what_is_asked_is_what_the_document_offers(document):
    operation = document["paths"]["/shipment/{trackno}"]["get"]
    parameters = document["components"]["parameters"]
    offered = {parameters[one["$ref"].rpartition("/")[2]]["name"] for one in operation["parameters"]}
    for sample in samples(HERE / "parcelone/samples"):
        request, _ = sample.exchanges[0]
        assert (request.method, request.path.rpartition("/")[0]) == ("GET", "/tracklmc/shipment")
        assert set(request.query) <= offered
        assert document["components"]["securitySchemes"]["api_key"]["name"].lower() in request.headers


def test_the_hosts_are_the_documents(document):
    api = connector("parcelone").facts.api
    assert api.test == document["servers"][0]["url"]
    assert api.production in document["info"]["description"]

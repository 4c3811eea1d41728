"""Spring GDS against the published samples of request, answer and error."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import HERE, connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Rejected
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/spring-gds"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def loaded(name):
    return json.loads((FOLDER / f"{name}.sample.json").read_text())


def test_what_is_asked_has_the_published_shape():
    published = loaded("tracking-request")
    for sample in samples(HERE / "spring-gds".replace("-", "_") / "samples"):
        asked = json.loads(sample.exchanges[0][0].body)
        assert set(asked) == set(published)
        assert set(asked["Shipment"]) == set(published["Shipment"])
        assert asked["Command"] == published["Command"]


def test_the_published_answer_reads_whole_with_nothing_unlisted_and_the_clock_of_toronto():
    told = loaded("tracking-response")
    carrier = connector("spring-gds")
    now = datetime(2026, 3, 5, tzinfo=UTC)
    body = (FOLDER / "tracking-response.sample.json").read_bytes()
    reading = carrier.read(Payload(carrier="spring-gds", body=body, source="poll", received_at=now))
    assert reading.trouble is None
    events = told["Shipment"]["Events"]
    assert [scan.codes for scan in reading.scans] == [(str(event["Code"]),) for event in events]
    assert [int(scan.at.timestamp()) for scan in reading.scans] == [event["Timestamp"] for event in events]
    assert {scan.at.utcoffset().total_seconds() for scan in reading.scans} == {-5 * 3600}
    assert all(carrier.codes.look_up(scan.codes)[1] for scan in reading.scans)


async def test_the_published_error_stops_the_account():
    carrier = connector("spring-gds")

    def wire(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=loaded("error-response"))

    auth = carrier.auth({"api_key": "k"})
    async with HttpClient(carrier.facts, auth, transport=httpx.MockTransport(wire)) as http:
        with pytest.raises(Rejected):
            await carrier.poll(http, ["LX555000449NL"])

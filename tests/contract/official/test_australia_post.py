"""Australia Post against the published answer and errors of its tracking call."""

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable
from gateway.reading import document, read

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/australia-post"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")

POST = connector("australia-post")


def test_the_published_answer_reads_whole():
    body = (FOLDER / "track-items-response.sample.json").read_bytes()
    payload = Payload(carrier="australia-post", body=body, source="poll", received_at=datetime(2026, 6, 10, tzinfo=UTC))
    result = read(POST, payload)
    assert (result.trouble, result.unlisted) == (None, {})
    first, second = (
        [event for item in entry["trackable_items"] for one in item.get("items", [item]) for event in one["events"]]
        for entry in json.loads(body)["tracking_results"][1:]
    )
    assert [(event.text, event.at) for event in result.events] == [
        (event["description"], datetime.fromisoformat(event["date"])) for event in first + second
    ]
    assert {event.status.value for event in result.events} == {
        "info_received",
        "in_transit",
        "out_for_delivery",
        "delivered",
    }
    assert [one.number for one in result.missing] == ["7XX1000"]
    shipments = {one["tracking_number"]: one["status"] for one in document(POST, payload)["shipments"]}
    assert shipments == {"7XX1000": "pending", "7XX1000634011427": "delivered", "ET123456789AU": "in_transit"}


async def test_the_published_throttle_waits():
    published = json.loads((FOLDER / "error-response.sample.json").read_text("utf-8"))
    auth = POST.auth({"api_key": "k", "password": "p", "account_number": "1"})
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"errors": published["errors"][:1]}))
    async with HttpClient(POST.facts, auth, transport=transport) as http:
        with pytest.raises(Unavailable):
            await POST.poll(http, ["7XX1000"])

"""La Poste against the material in reach: its OpenAPI, an answer, an error, the codes."""

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import httpx
import jsonschema
import pytest

from connectors import HERE, connector
from connectors.base import Payload
from connectors.client import HttpClient
from connectors.errors import Unavailable
from connectors.samples import samples
from gateway.reading import document, read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/laposte-colissimo"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
POSTE = connector("laposte-colissimo")

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def spec():
    return json.loads((FOLDER / "suivi-v2.openapi.json").read_bytes())


def payload():
    body = (FOLDER / "suivi-v2-response.sample.json").read_bytes()
    return Payload(carrier="laposte-colissimo", body=body, source="poll", received_at=NOW, numbers=("EW112720413FR",))


def test_the_answer_reads_whole_in_its_own_order_with_nothing_unlisted():
    result = read(POSTE, payload())
    assert (result.trouble, result.unlisted) == (None, {})
    told = json.loads(payload().body)["responses"][0]["shipment"]["event"]
    assert [(event.code, event.text) for event in result.events] == [(one["code"], one["label"]) for one in told]
    assert not [event for event in result.events if event.status is Status.UNKNOWN]
    assert [event.place.country for event in result.events if event.place.country] == ["BR"]


def test_the_answer_is_a_delivery_abroad():
    (told,) = document(POSTE, payload())["shipments"]
    assert (told["status"], told["milestones"]["delivered_at"]) == ("delivered", "2023-03-09T08:38:00Z")
    assert told["carrier_destination"] == {"country": "BR"}


async def test_the_error_is_a_used_up_plan():
    body = (FOLDER / "suivi-v2-error.sample.json").read_bytes()
    transport = httpx.MockTransport(lambda _: httpx.Response(400, content=body))
    async with HttpClient(POSTE.facts, POSTE.auth({"api_key": "k"}), transport=transport) as http:
        with pytest.raises(Unavailable):
            await POSTE.poll(http, ["EW112720413FR"])


def test_every_code_has_a_row_and_no_row_is_invented():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        codes = [row["code"] for row in csv.DictReader(lines)]
    assert len(codes) == 83
    assert sorted(codes) == list(POSTE.codes.codes)


def test_our_question_is_the_one_the_specification_describes():
    said = spec()
    asked = said["paths"]["/idships/{idship}"]["get"]["parameters"]
    known = {said["components"]["parameters"][one["$ref"].rpartition("/")[2]]["name"] for one in asked}
    base = said["servers"][0]["url"]
    assert base == POSTE.facts.api.production + "/suivi/v2"
    languages = said["components"]["parameters"]["langQ"]["schema"]["enum"]
    for sample in samples(HERE / "laposte_colissimo" / "samples"):
        request = sample.exchanges[0][0]
        assert re.fullmatch(r"/suivi/v2/idships/[^/]+", request.path)
        assert set(request.query) <= known
        assert request.query["lang"] in languages
        assert set(request.headers) <= {name.lower() for name in known}


def test_our_own_samples_are_answers_the_specification_allows():
    schemas = spec()["components"]
    for schema in schemas["schemas"].values():
        schema["required"] = [name for name in schema.get("required", []) if name != "order"]  # required, not defined
    read_one = {"$ref": "#/components/schemas/suiviShipment", "components": schemas}
    checked = 0
    for sample in samples(HERE / "laposte_colissimo" / "samples"):
        response = sample.exchanges[0][1]
        if response.status not in (200, 207) or not response.body.startswith((b"{", b"[")):
            continue
        said = json.loads(response.body)
        for one in said if isinstance(said, list) else said.get("responses", [said]):
            if "shipment" in one:
                jsonschema.validate(one["shipment"], read_one)
                checked += 1
    assert checked == 9

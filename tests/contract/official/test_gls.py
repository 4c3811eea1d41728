"""GLS against the carrier's own OpenAPI: requests, examples, our samples, statuses."""

import csv
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from connectors import HERE, connector
from connectors.base import Payload
from connectors.samples import samples
from gateway.reading import read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/gls"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
GLS = connector("gls")
PATH = "/tracking/simple/references/{references}"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def spec():
    return yaml.safe_load((FOLDER / "track-and-trace-v1.openapi.yaml").read_text("utf-8"))


def examples():
    answer = spec()["components"]["responses"]["Response200"]["content"]["application/json"]
    told = {name: one["value"] for name, one in answer["examples"].items()}
    told["sample"] = json.loads((FOLDER / "tracking-response.sample.json").read_bytes())
    return told


def test_every_example_reads_whole_in_its_own_order_with_nothing_unlisted():
    told = examples()
    assert sum(len(parcel.get("events", ())) for one in told.values() for parcel in one["parcels"]) == 14
    for name, body in told.items():
        asked = Payload(
            carrier="gls", body=json.dumps(body).encode(), source="poll", received_at=NOW, numbers=("1", "2")
        )
        result = read(GLS, asked)
        assert (result.trouble, result.unlisted) == (None, {}), name
        expected = [
            text
            for parcel in body["parcels"]
            if not parcel.get("errorCode")
            for text in (*(event["code"] for event in parcel["events"]), f"status/{parcel['status']}")
        ]
        assert [event.code for event in result.events] == expected, name
        assert not [event for event in result.events if event.status is Status.UNKNOWN]
        unknown = [parcel["requested"] for parcel in body["parcels"] if parcel.get("errorCode")]
        assert [one.number for one in GLS.read(asked).missing] == unknown, name


def test_our_question_is_the_one_the_specification_describes():
    said = spec()
    servers = {server["url"].rstrip("/") for server in said["servers"]}
    assert {f"{GLS.facts.api.production}/track-and-trace-v1", f"{GLS.facts.api.test}/track-and-trace-v1"} <= servers
    asked = said["paths"][PATH]["get"]["parameters"]
    known = {said["components"]["parameters"][one["$ref"].rpartition("/")[2]]["name"] for one in asked}
    wanted = re.escape("/track-and-trace-v1" + PATH).replace(r"\{references\}", r"[^/]+")
    for sample in samples(HERE / "gls" / "samples"):
        request = sample.exchanges[0][0]
        assert re.fullmatch(wanted, request.path)
        assert set(request.query) == set()
        assert set(request.headers) <= {name.lower() for name in known}


def test_the_token_comes_from_the_address_of_the_authentication_api():
    said = yaml.safe_load((FOLDER / "authentication-v2.openapi.yaml").read_text("utf-8"))
    addresses = {server["url"] + path for server in said["servers"] for path in said["paths"]}
    assert f"{GLS.facts.api.production}/oauth2/v2/token" in addresses
    assert f"{GLS.facts.api.test}/oauth2/v2/token" in addresses


def test_our_own_samples_are_answers_the_specification_allows():
    schema = {"$ref": "#/components/schemas/ParcelsResponseDTO", "components": spec()["components"]}
    for name in ("errorCode", "errorMessage"):  # sent as null, the specification's own sample says
        kept = schema["components"]["schemas"]["ParcelDTO"]["properties"]
        kept[name] = {"anyOf": [kept[name], {"type": "null"}]}
    checked = 0
    for sample in samples(HERE / "gls" / "samples"):
        response = sample.exchanges[0][1]
        if response.status == 200 and response.body.startswith(b"{"):
            jsonschema.validate(json.loads(response.body), schema)
            checked += 1
    assert checked == 10


def test_every_status_and_every_event_code_in_reach_has_a_row_and_no_row_is_invented():
    statuses = set(spec()["components"]["schemas"]["ParcelDTO"]["properties"]["status"]["enum"])
    listed = spec()["components"]["responses"]["Response200_EventsCodes"]["content"]["application/json"]["examples"]
    codes = {one["code"] for example in listed.values() for one in example["value"]["eventsCodes"]}
    codes |= {
        event["code"] for body in examples().values() for one in body["parcels"] for event in one.get("events", ())
    }
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        table = {row["code"] for row in csv.DictReader(lines)}
    assert table <= statuses | codes
    seen_by_clients = {"DELIVD.NORMAL", "INBOUD.NORMAL", "OUTBOD.NORMAL", "OUTDEL.NORMAL"}
    assert {f"status/{one}" for one in statuses} | codes | seen_by_clients == set(GLS.codes.codes)
    assert len(GLS.codes.codes) == 23

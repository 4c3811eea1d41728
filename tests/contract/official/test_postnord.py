"""PostNord against the carrier's own specification of Track & Trace v7."""

import csv
import json
import re
from pathlib import Path

import jsonschema
import pytest

from connectors import HERE, connector
from connectors.postnord.measures import GRAMS, MILLIMETRES
from connectors.samples import samples

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/postnord"
NORD = connector("postnord")
PATH = "/v7/trackandtrace/id/{id}/public"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def spec():
    return json.loads((FOLDER / "track-and-trace-v7-findbyidentifier.swagger.json").read_bytes())


def answers():
    for sample in samples(HERE / "postnord" / "samples"):
        request, response = sample.exchanges[0]
        if response.status == 200 and response.body.startswith(b"{"):
            yield sample.name, request, json.loads(response.body)


def test_our_question_is_the_one_the_specification_describes():
    said = spec()
    known = {one["name"]: one for one in said["paths"][PATH]["get"]["parameters"]}
    (server,) = said["servers"]
    assert server["url"].startswith(NORD.facts.api.test)
    prefix = server["url"].removeprefix(NORD.facts.api.test)
    for _, request, _ in answers():
        assert re.fullmatch(re.escape(prefix + PATH).replace(r"\{id\}", r"[A-Za-z0-9]{10,35}"), request.path)
        assert set(request.query) <= set(known)
        assert {name for name, one in known.items() if one["required"]} - {"id"} <= set(request.query)


def test_our_own_samples_are_answers_the_specification_allows():
    schema = {"$ref": "#/components/schemas/ResponseDto", "components": spec()["components"]}
    checked = 0
    for name, _, body in answers():
        if name == "locker-in-norway":  # a lone item instead of a list, on purpose
            continue
        jsonschema.validate(body, schema)
        checked += 1
    assert checked == 9


def test_every_status_of_an_item_has_a_row_and_split_is_no_events_status():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        listed = {row["code"] for row in csv.DictReader(lines)}
    statuses = set(spec()["components"]["schemas"]["ItemStatus"]["enum"])
    assert len(statuses) == 13
    assert {code for code in NORD.codes.codes if "/" not in code} == statuses
    assert listed - statuses == {"SPLIT"}


def test_synthetic_codes_are_made_of_words_the_specification_has():
    schemas = spec()["components"]["schemas"]
    kinds = set(schemas["LocationType"]["enum"])
    assert "isPlacedInRetailParcelBox" in schemas["ItemDto"]["properties"]
    for code in NORD.codes.codes:
        status, _, kind = code.partition("/")
        assert status in schemas["ItemStatus"]["enum"]
        assert not kind or kind in kinds | {"PARCEL_BOX"}


def test_units_are_those_of_the_specification():
    schemas = spec()["components"]["schemas"]
    assert set(GRAMS) == set(schemas["WeightUnit"]["enum"])
    assert set(MILLIMETRES) == set(schemas["DistanceUnit"]["enum"])

"""Hermes against the carrier's own OpenAPI, its sample and its table of codes."""

import csv
import json
import re
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import yaml

from connectors import HERE, connector
from connectors.base import Payload
from connectors.hermes_de import REASONS, TOKEN
from connectors.samples import samples
from gateway.reading import document, read
from normalizer.model import Status

FOLDER = Path(__file__).resolve().parents[4] / "shared/carriers/hermes-de"
NOW = datetime(2026, 4, 1, tzinfo=UTC)
HERMES = connector("hermes-de")

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the carriers' documents (../shared) are not here")


def spec(name="shipment-info"):
    return yaml.safe_load((FOLDER / f"{name}.openapi.yaml").read_text("utf-8"))


def payload():
    body = (FOLDER / "tracking-response.sample.json").read_bytes()
    number = json.loads(body)["shipmentinfo"][0]["shipmentID"]
    return Payload(carrier="hermes-de", body=body, source="poll", received_at=NOW, numbers=(number,))


def table():
    with (FOLDER / "codes.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            two = re.match(r"2x2 code (\d{4})", row["notes"])
            assert two
            yield row["code"], two[1], row["carrier_description"]


def test_the_answer_reads_whole_in_its_own_order_with_nothing_unlisted():
    result = read(HERMES, payload())
    assert (result.trouble, result.unlisted) == (None, {})
    told = json.loads(payload().body)["shipmentinfo"][0]["status"]
    assert [(event.code, event.text) for event in result.events] == [(one["code"], one["description"]) for one in told]
    assert [event.status.value for event in result.events] == [
        *("delivered", "out_for_delivery", "in_transit", "info_received")
    ]


def test_the_answer_is_a_delivery_with_a_forecast():
    (told,) = document(HERMES, payload())["shipments"]
    assert (told["status"], told["milestones"]["delivered_at"]) == ("delivered", "2020-12-04T06:58:24Z")
    assert told["carrier_destination"] == {"city": "Hamburg", "postal_code": "22083", "country": "DE"}


def test_our_question_is_the_one_the_specification_describes():
    said = spec()
    (server,) = said["servers"]
    path = server["url"].removeprefix(HERMES.facts.api.test) + "/shipmentinfo"
    get = said["paths"]["/shipmentinfo"]["get"]
    assert not get.get("deprecated")
    known = {one["name"]: one for one in get["parameters"]}
    assert known["shipmentID"]["schema"]["maxItems"] == HERMES.facts.api.batch
    for sample in samples(HERE / "hermes_de" / "samples"):
        request = sample.exchanges[0][0]
        assert (request.method, request.path, set(request.query)) == ("GET", path, {"shipmentID"})
        assert set(request.headers) <= {"accept", "accept-language"}


def test_tokens_come_from_the_addresses_of_the_authentication_api():
    said = spec("auth")
    addresses = {server["url"] for server in said["servers"]}
    path = "/authorization-facade/oauth2/access_token"
    assert {one.removesuffix(path) for one in TOKEN.values()} == addresses
    fields = said["paths"][path]["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert {"client_id", "client_secret", "grant_type", "username", "password"} <= set(fields["properties"])
    assert "password" in fields["properties"]["grant_type"]["enum"]


def test_our_own_samples_are_answers_the_specification_allows():
    schema = {"$ref": "#/components/schemas/ShipmentInfoResponse", "components": spec()["components"]}
    checked = 0
    for sample in samples(HERE / "hermes_de" / "samples"):
        response = sample.exchanges[0][1]
        if response.status == 200 and response.body.startswith(b"{"):
            jsonschema.validate(json.loads(response.body), schema)
            checked += 1
    assert checked == 9


def test_a_proof_is_asked_with_the_reasons_and_at_the_path_the_specification_knows():
    said = spec("pod")
    (server,) = said["servers"]
    assert server["url"] + "/signature" == f"{HERMES.facts.api.test}/services/pod/signature"
    assert set(said["components"]["schemas"]["GetSignatureRequest"]["properties"]["reason"]["enum"]) == REASONS


def test_every_code_of_both_tables_has_a_row_and_no_row_is_invented():
    rows = list(table())
    assert len(rows) == 294
    three, two = {code for code, _, _ in rows}, {code for _, code, _ in rows}
    assert (len(three), len(two)) == (294, 128)
    assert set(HERMES.codes.codes) == three | two


def test_a_short_code_says_no_more_than_what_all_codes_below_it_have_in_common():
    below = defaultdict(set)
    for three, two, _ in table():
        below[two].add(HERMES.codes.codes[three])
    for two, meanings in below.items():
        short = HERMES.codes.codes[two]
        if len(meanings) == 1:
            assert meanings == {short}, two
        elif two != "4100":  # kept: why differs, and with it the status
            assert {one.status for one in meanings} == {short.status}, two
            assert short.substatus == "other", two


SAYS = {
    r"has been delivered\b(?! to the wrong)": {Status.DELIVERED},
    r"has been delivered to the wrong": {Status.EXCEPTION},
    r"way back to the client|returned to the client": {Status.RETURNING},
    r"arrived at the client": {Status.RETURNED},
    r"gone out on a delivery route": {Status.OUT_FOR_DELIVERY},
    r"available for collection": {Status.AVAILABLE_FOR_PICKUP},
    r"was not present": {Status.ATTEMPT_FAILED},
    r"^Identification failed": {Status.ATTEMPT_FAILED},
    r"notified": {Status.INFO_RECEIVED},
    r"sorted #IM# #ORT# #CITY#\.": {Status.IN_TRANSIT, Status.RETURNING},
}


@pytest.mark.parametrize("words", SAYS)
def test_no_row_contradicts_the_carriers_own_words(words):
    hit = [(code, HERMES.codes.codes[code].status) for code, _, text in table() if re.search(words, text)]
    assert hit
    assert not [one for one in hit if one[1] not in SAYS[words]]

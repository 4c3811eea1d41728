"""Spoke Dispatch against the material in reach: bodies, events, states, the signature's vector, the API's schema."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.errors import Forged
from connectors.spoke_dispatch import LINK, NO_STOP, STOP_ID

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/spoke-dispatch"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-stop.*.json"))


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


def reading(body: bytes):
    return connector("spoke-dispatch").read(
        Payload(carrier="spoke-dispatch", body=body, source="push", received_at=NOW)
    )


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 6


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: file.stem)
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read, told = reading(file.read_bytes()), json.loads(file.read_bytes())
    stop, (whole,) = told["data"], read.details
    assert read.trouble is None
    assert {scan.number for scan in read.scans} == {stop["id"]}
    assert STOP_ID.fullmatch(stop["id"])
    assert all(connector("spoke-dispatch").codes.look_up(scan.codes)[1] for scan in read.scans)
    done, value = stop["deliveryInfo"], stop["eta"]["value"]
    if done["attempted"]:
        assert read.scans[-1].codes == (done["state"],)
        assert read.scans[-1].at.timestamp() == done["attemptedAt"]
        assert [one.reference for one in read.scans[-1].proofs] == [
            *filter(None, [done["signatureUrl"]]),
            *done["photoUrls"],
        ]
    else:
        assert told["type"] in {scan.codes[0] for scan in read.scans}
        promised = (value["estimatedEarliestArrivalAt"], value["estimatedLatestArrivalAt"])
        assert (whole.eta.start.timestamp(), whole.eta.end.timestamp()) == promised
    assert read.positions == []
    for personal in (stop["recipient"]["email"], stop["recipient"]["phone"], stop["address"]["address"], stop["notes"]):
        assert personal not in repr(read)


def test_every_event_and_state_has_a_row_or_tells_of_nothing_that_happened():
    told, codes = loaded("events.json"), set(connector("spoke-dispatch").codes.codes)
    assert set(told["types"]) - codes == NO_STOP | {LINK}
    for state in set(told["delivery_states"]) - {"unattempted"}:
        names = {
            "delivered": {state},
            "picked": {f"pickup/{state}"},
            "failed": {state, f"pickup/{state}"},
        }[state.partition("_")[0]]
        assert names <= codes


def test_the_vector_of_the_signature_holds():
    by, (vector,) = connector("spoke-dispatch"), loaded("signature-vectors.json")["vectors"]

    def push(body: str, name: str) -> Push:
        return Push("POST", {name: vector["signature"]}, {}, body.encode(), NOW)

    for name in ("spoke-signature", "circuit-signature"):
        by.verify(push(vector["body"], name), {"webhook_secret": vector["secret"]})
        with pytest.raises(Forged):
            by.verify(push(vector["body"] + " ", name), {"webhook_secret": vector["secret"]})


def test_a_trial_from_the_settings_page_tells_nothing():
    read = reading((FOLDER / "samples/composed/webhook-test.send_event.json").read_bytes())
    assert (read.scans, read.details, read.trouble) == ([], [], None)


def test_an_answer_has_the_fields_we_read():
    api = loaded("openapi-subset.json")
    fields = set(api["components"]["schemas"]["stopSchema"]["properties"])
    assert {"id", "type", "activity", "address", "deliveryInfo", "route", "eta", "trackingLink"} <= fields
    assert {"barcodes", "orderInfo", "serviceInfo", "weight", "packageCount", "packageLabel"} <= fields
    assert "get" in api["paths"]["/plans/{planId}/stops/{stopId}"]
    assert [server["url"] for server in api["servers"]] == [connector("spoke-dispatch").facts.api.production]

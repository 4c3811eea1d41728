"""Nash against the material in reach: bodies composed after its schema, its events, the signature, the API's schema."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.errors import Forged
from connectors.nash import CALLED_OFF, UNDER_WAY

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/nash"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/*/webhook-*.json"))


def loaded(name: str):
    return json.loads((FOLDER / name).read_text())


def reading(body: bytes):
    return connector("nash").read(Payload(carrier="nash", body=body, source="push", received_at=NOW))


def test_there_are_bodies_to_read():
    assert len(HOOKS) == 4


@pytest.mark.parametrize("file", HOOKS, ids=lambda file: file.stem)
def test_every_body_reads_whole_with_nothing_unlisted(file):
    read, job = reading(file.read_bytes()), json.loads(file.read_bytes())["data"]
    (one,), (whole,) = job["jobConfigurations"], read.details
    delivery, where = one["delivery"], one["package"]["dropoffLocation"]
    assert read.trouble is None
    assert [(scan.number, scan.codes[0]) for scan in read.scans] == [
        (job["id"], entry["status"]) for entry in delivery["statusHistory"]
    ]
    assert [scan.at.replace(tzinfo=None).isoformat() for scan in read.scans] == [
        entry["created_at"] for entry in delivery["statusHistory"]
    ]
    assert all(connector("nash").codes.look_up(scan.codes)[1] for scan in read.scans)
    moving = delivery["status"] in UNDER_WAY
    place = delivery["courierLocation"]
    assert [(one.latitude, one.longitude) for one in read.positions] == [(place["lat"], place["lng"])] * moving
    assert (whole.extra or {}).get("courier_call", {}).get("number") == (
        delivery["courierDropoffPhoneNumber"] if moving else None
    )
    assert whole.courier == "Test"
    for personal in (where["lastName"], where["phoneNumber"], where["email"], where["address"], where["instructions"]):
        assert personal not in repr(read)


def test_the_arrival_and_the_proof_are_told():
    on_the_way = reading((FOLDER / "samples/composed/webhook-delivery-dropoff_enroute.json").read_bytes())
    arrival = datetime(2023, 8, 2, 14, 40, tzinfo=UTC)
    assert on_the_way.details[0].eta.end == on_the_way.positions[0].eta == arrival
    done = reading((FOLDER / "samples/composed/webhook-delivery-dropoff_complete.json").read_bytes())
    assert [(one.kind, one.reference) for one in done.scans[-1].proofs] == [("photo", "https://example.com/pod/1.jpg")]


def test_every_delivery_event_has_a_row():
    events, codes = loaded("events.json")["delivery"], set(connector("nash").codes.codes)
    assert codes == set(events) | {f"open/{status}" for status in CALLED_OFF}
    assert set(events) >= UNDER_WAY


def test_the_vector_of_the_signature_holds():
    by, vector = connector("nash"), loaded("samples/composed/svix-signature-vector.json")
    secrets = {"signing_secret": vector["secret"]}
    at = datetime.fromtimestamp(int(vector["headers"]["svix-timestamp"]), UTC)

    def push(body: str, received_at: datetime) -> Push:
        return Push("POST", vector["headers"], {}, body.encode(), received_at)

    by.verify(push(vector["body"], at + timedelta(minutes=5)), secrets)
    for body, moment in ((vector["body"] + " ", at), (vector["body"], at + timedelta(minutes=6))):
        with pytest.raises(Forged):
            by.verify(push(body, moment), secrets)


def test_an_answer_has_the_fields_we_read():
    api = loaded("openapi-subset.json")
    fields = {name: set(schema.get("properties", {})) for name, schema in api["components"]["schemas"].items()}
    assert {"id", "externalIdentifier", "isActive", "jobConfigurations"} <= fields["ReturnedJobMixin"]
    assert {"id", "package", "tasks", "delivery", "publicTrackingUrl"} <= fields["JobConfigurationsSerializer"]
    read = {
        "id",
        "status",
        "statusHistory",
        "dropoffEta",
        "courierName",
        "courierDropoffPhoneNumber",
        "courierLocation",
    }
    assert read | {"courierVehicle", "proofOfDelivery", "providerDeliveryId"} <= fields["DeliverySerializer"]
    assert {"lat", "lng", "updatedAt", "capturedAt", "accuracy", "heading"} <= fields["CourierPositionSerializer"]
    (question,) = [one for one in api["paths"]["/v1/jobs/{id}"]["get"]["parameters"] if one["in"] == "query"]
    assert question["name"] == "compressedPayload"
    facts = connector("nash").facts.api
    assert {facts.production, facts.test} <= {server["url"] for server in api["servers"]}

"""Bringg against the material in reach: published bodies of both generations, statuses, the index of webhooks."""

import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest

from connectors import connector
from connectors.base import Payload, Push
from connectors.bringg import NO_PARCEL, SUBJECT
from connectors.errors import Forged

FOLDER = Path(__file__).resolve().parents[4] / "shared/lastmile/bringg"
NOW = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the platforms' documents (../shared) are not here")

HOOKS = sorted(FOLDER.glob("samples/published/webhook-*.json"))

TOLD = {
    "driver_location_updated": [],
    "driver_on_the_way.head": ["dropoff/driver_on_the_way"],
    "driver_unavailable_status_changed": [],
    "order_cancelled.head": ["status/7"],
    "order_eta_changed-newer.head": [],
    "order_eta_changed-older": [],
    "rating_submitted": [],
    "run_started.head": ["status/6"],
    "shift_started": [],
    "task_assigned_to_dp.head": ["task_assigned_to_dp"],
    "task_done": ["task_done"],
    "way_point_arrived": ["dropoff/way_point_arrived"],
}
"""What each published body tells: the row that its event rests on."""

NAMELESS = {"driver_on_the_way.head": "driver_on_the_way"}
"""The published first parts stop before the webhook's name, which stands on the page of the body."""


def reading(name: str):
    body = json.loads((FOLDER / f"samples/published/webhook-{name}.json").read_text())
    if name in NAMELESS:
        body["webhook_type"] = NAMELESS[name]
    payload = Payload(carrier="bringg", body=json.dumps(body).encode(), source="push", received_at=NOW)
    return connector("bringg").read(payload)


@pytest.mark.parametrize(("name", "codes"), TOLD.items())
def test_every_body_reads_whole_with_nothing_unlisted(name, codes):
    read = reading(name)
    assert read.trouble is None
    assert [connector("bringg").codes.look_up(scan.codes)[0] for scan in read.scans] == codes
    for personal in ("+1555555", "customer@example.com", "Customer Name", "Fifth Ave", "YORK WAY", "Driver,"):
        assert personal not in repr(read)


def test_every_published_body_is_among_them():
    assert {file.stem.removeprefix("webhook-") for file in HOOKS} == set(TOLD)


def test_places_promises_and_people_of_the_bodies_are_told():
    (position,) = reading("driver_location_updated").positions
    # Its time has eleven digits, a slip of the documents: no such time is near.
    assert (position.number, position.latitude, position.longitude, position.at) == (
        "374163410",
        30.3657807,
        -97.7373743,
        NOW,
    )
    newer = reading("order_eta_changed-newer.head").details[0]
    assert (newer.number, newer.references) == ("1234", ("h9371hHE",))
    assert newer.eta.end == datetime(2023, 1, 1, 12, 35, tzinfo=UTC)
    older = reading("order_eta_changed-older").details[0]
    assert (older.number, older.extra) == ("8916170", {"first_stop_eta": "2017-12-24T18:00:40.043000+00:00"})
    run = reading("run_started.head").details[0]
    assert (run.number, run.courier) == ("4545484542", "Test")
    assert run.eta.end == datetime(2024, 2, 5, 11, 30, 0, 17000, tzinfo=UTC)
    assert reading("task_done").scans[0].at == datetime(2023, 1, 1, 12, 52, tzinfo=UTC)
    assert reading("task_assigned_to_dp.head").details[0].extra == {"fleet": "GLS"}
    assert reading("way_point_arrived").scans[0].place.city == "LONDON"


def test_every_status_number_has_a_row_and_every_webhook_of_the_index_is_known():
    codes = set(connector("bringg").codes.codes)
    numbers = {f"status/{one['id']}" for one in json.loads((FOLDER / "task-status.json").read_text())["status"]}
    assert numbers <= codes
    kinds = set(json.loads((FOLDER / "events.json").read_text())["webhook_type_confirmed"])
    told = {"way_point_schedule_changed", "driver_location_updated"}  # by the promise and the place, not by an event
    assert kinds - codes == NO_PARCEL | told
    assert kinds >= NO_PARCEL


def test_a_token_of_the_documented_kind_is_believed_and_another_forged():
    key, by = b"a-key-of-our-own-a-key-of-our-own-a-key-of-our-own-a-key-of-our-own", connector("bringg")
    said = json.loads((FOLDER / "events.json").read_text())["delivery"]["authentication"][0]
    assert f"sub {SUBJECT}" in said
    claims = {"sub": SUBJECT, "iss": "https://us2-admin-api.bringg.com", "exp": int(NOW.timestamp()) + 60}

    def push(of: bytes) -> Push:
        token = jwt.encode(claims, of, algorithm="HS256")
        return Push("POST", {"authorization": f"Bearer {token}"}, {}, HOOKS[0].read_bytes(), NOW)

    by.verify(push(key), {"jwt_key": key.decode()})
    with pytest.raises(Forged):
        by.verify(push(key * 2), {"jwt_key": key.decode()})

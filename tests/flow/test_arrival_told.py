"""A new arrival time is told where it lies so far from the one the person was told last, however it came there."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from flow.conftest import demo_push
from flow.people import PHONE, town
from flow.roads import NUMBER
from flow.test_asking import make_due, notices

from gateway.clock import now_ms
from gateway.people import notices as writing
from webhooks import log

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def place(house):
    async with town(house) as one:
        yield one


@pytest.fixture
async def road(house, place):
    """A parcel that is out, of whose arrival somebody hears by SMS."""
    account_id = await house.demo_account()
    shipment_id = await house.shipment()
    base = (datetime.now(UTC) + timedelta(hours=30)).replace(minute=0, second=0, microsecond=0)

    async def promise(minutes):
        """Let the carrier promise the delivery so many minutes after what it said first."""
        body = orjson.loads(demo_push(NUMBER, "PICKED_UP", start=place.began))
        start = base + minutes * MINUTE
        body["parcels"][0]["promised"] = {"from": start.isoformat(), "to": (start + 30 * MINUTE).isoformat()}
        assert (await house.push(account_id, orjson.dumps(body))).status == 200
        await house.read_all()

    await promise(0)
    assert (await place.subscribe(shipment_id, "sms", PHONE)).status == 201
    return promise


def asleep():
    """Return quiet hours that end two hours from now."""
    now = datetime.now(UTC)
    quiet = {"from": f"{now - 60 * MINUTE:%H:%M}", "to": f"{now + 120 * MINUTE:%H:%M}"}
    return {"quiet_hours": quiet, "zone": "UTC"}


async def states(house):
    return [state for state, _, _ in await notices(house, "eta_changed")]


@pytest.mark.both_databases
async def test_a_slow_creep_is_told_once_it_adds_up_and_from_there_on_measured_anew(house, place, road):
    for minutes in (25, 50, 75):
        await road(minutes)
    assert len(await states(house)) == 1  # not by any step, but by all of them
    await house.until(lambda: len(place.sms.texted) == 1)
    await place.settled("shipment.eta_changed")
    for minutes in (100, 125, 75):
        await road(minutes)
    assert await states(house) == ["sent"]
    await road(140)
    await house.until(lambda: len(place.sms.texted) == 2)


async def test_the_merchant_says_how_far_is_far(house, place, road):
    kept = await house.call("PUT", "/v1/last-mile", {"arrival": {"moved_minutes": 20}})
    assert kept.json["arrival"] == {"moved_minutes": 20}
    await road(15)
    assert await states(house) == []
    await road(25)
    await house.until(lambda: len(place.sms.texted) == 1)
    for wrong in (4, 1_441, None):
        refused = await house.call("PUT", "/v1/last-mile", {"arrival": {"moved_minutes": wrong}})
        assert (refused.status, refused.pointers) == (422, ["/arrival/moved_minutes"])
    assert (await house.call("PUT", "/v1/last-mile", {})).json["arrival"] == {"moved_minutes": 60}


async def test_what_moved_back_before_it_was_told_is_not_told(house, place, road):
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    await place.subscribe(shipment["id"], "sms", PHONE, **asleep())
    await road(90)
    assert await states(house) == ["queued"]
    await road(10)
    await place.subscribe(shipment["id"], "sms", PHONE)
    await make_due(house, "eta_changed")

    async def skipped():
        return [one[:2] for one in await notices(house, "eta_changed")] == [
            ("skipped", "the arrival is where the person knows it to be")
        ]

    await house.until(skipped)
    await road(95)
    await house.until(lambda: len(place.sms.texted) == 1)


async def test_what_never_went_counts_as_not_told(house, place, road):
    place.sms.token, right = "another", place.sms.token  # the provider does not accept the account any more
    await road(70)
    path = f"/v1/channels/{place.channels['sms']['id']}"

    async def rejected():
        return (await house.call("GET", path)).json["state"] == "rejected"

    await house.until(rejected)
    await road(80)
    assert await states(house) == ["superseded", "queued"]
    place.sms.token = right
    await house.call("PATCH", path, {"secrets": {"auth_token": right}})
    await house.until(lambda: len(place.sms.texted) == 1)
    await place.settled("shipment.eta_changed")
    assert await states(house) == ["superseded", "sent"]


@pytest.mark.both_databases
async def test_planned_twice_is_told_once(house, place, road):
    (shipment,) = (await house.call("GET", "/v1/shipments")).json["data"]
    await place.subscribe(shipment["id"], "sms", PHONE, **asleep())
    await road(90)
    assert await states(house) == ["queued"]

    def again(conn):
        keys = [(house.merchant_id, one + 1) for one in range(log.head(conn, house.merchant_id))]
        entries = sorted(log.read_entries(conn, keys).values(), key=lambda one: one.sequence)
        writing.follow(conn, {house.merchant_id: entries}, now_ms())

    await house.gateway.store.write(again)
    assert await states(house) == ["queued"]

"""The fleet: every courier who is out now, by run and by platform, with who is late."""

from datetime import UTC, datetime, timedelta

import pytest
from flow.roads import DOOR, NUMBER, drive, position_push
from flow.test_courier_page import Phone, act
from flow.test_runs import made, run, stop


async def fleet(house, key=""):
    return (await house.call("GET", "/v1/fleet", key=key)).json["data"]


def fix(**more):
    return {"at": datetime.now(UTC).isoformat(), "latitude": DOOR[0], "longitude": DOOR[1], "accuracy": 5} | more


async def test_a_run_is_one_courier_with_what_is_ahead_and_what_is_late(house):
    past = datetime.now(UTC) - timedelta(hours=1)
    window = {"from": (past - timedelta(hours=1)).isoformat(), "to": past.isoformat()}
    told = await made(house, stop("VAN-1"), stop("VAN-2", window=window), stop("VAN-3"), stop("VAN-4"))
    phone = Phone(house, told)
    assert await fleet(house) == []
    loaded = [act(one, "loaded", 60) for one in phone.stops[:3]]
    await phone.send(*loaded, act(phone.stops[0], "delivered", 30, to="mailbox"), positions=[fix()])
    (one,) = await fleet(house, await house.key_of("support"))
    assert (one["run_id"], one["courier"], one["vehicle"], one["carrier"]) == (
        told["id"],
        "Rui",
        "white van",
        "courier",
    )
    assert (one["stops_total"], one["stops_done"], one["late"], one["stale"]) == (4, 1, 1, False)
    assert one["position"]["latitude"] == DOOR[0]
    assert [(row["tracking_number"], row["late"]) for row in one["shipments"]] == [("VAN-2", True), ("VAN-3", False)]
    await phone.send(*(act(at, "delivered", to="mailbox") for at in phone.stops))
    assert await fleet(house) == []


async def test_couriers_of_a_platform_are_told_apart_and_parcels_of_nobody_known_are_left_out(house):
    account_id = await house.demo_account()
    numbers = (NUMBER, "DEMO100200351", "DEMO770044006")
    for number in numbers:
        await house.shipment(number)
        await house.tell(account_id, number, "PICKED_UP", "OUT")
    assert await fleet(house) == []
    await drive(house, account_id, position_push(900, 5, NUMBER), position_push(5_000, 5, numbers[1]))
    couriers = await fleet(house)
    assert [[row["tracking_number"] for row in one["shipments"]] for one in couriers] == [[NUMBER], [numbers[1]]]
    assert {(one["run_id"], one["stops_total"], one["late"]) for one in couriers} == {(None, None, 0)}


async def test_the_fleet_is_its_merchants_own(house):
    told = await made(house, stop("VAN-1"))
    phone = Phone(house, told)
    await phone.send(act(phone.stops[0], "loaded"))
    assert len(await fleet(house)) == 1
    _, key = await house.merchant()
    assert await fleet(house, key) == []
    for role in ("operator", "storefront"):
        refused = await house.call("GET", "/v1/fleet", key=await house.key_of(role))
        assert refused.status == 403, role


@pytest.mark.parametrize(("wish", "pointer"), [(run(day="9999-12-31"), "/day"), (run(courier="  "), "/courier")])
async def test_a_day_out_of_our_time_and_a_courier_without_a_name_are_refused(house, wish, pointer):
    refused = await house.call("POST", "/v1/runs", wish)
    assert (refused.status, refused.pointers) == (422, [pointer])

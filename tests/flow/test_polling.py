"""Carriers are asked when it is time, within limits, and every answer leads to the right next step."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
import pytest
from flow.loopback import ACCOUNT, HOUR, MERCHANT, NUMBER, OTHERS, Carrier, House, open_house, soon
from sqlalchemy import select

from gateway import shipments
from gateway.tables import Tables
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def house(tmp_path: Path, carrier: Carrier) -> AsyncIterator[House]:
    async with open_house(tmp_path, carrier) as made:
        yield made


async def test_a_due_shipment_is_asked_for_and_its_answer_goes_the_whole_way(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert carrier.asked == [NUMBER]
    assert (row["status"], row["poll_failures"], row["version"]) == ("in_transit", 0, 1)
    assert "shipment.in_transit" in house.told
    assert row["next_poll_at"] > time.time_ns() // 1_000_000 + HOUR
    await house.poll()
    assert carrier.asked == [NUMBER]


async def test_an_answer_equal_to_the_last_one_is_not_kept_twice(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.poll()
    await house.make_due()
    await house.poll()
    assert len(carrier.asked) == 2
    assert await house.payloads() == 1


async def test_shipments_of_one_account_share_a_call_up_to_the_carriers_batch(house: House, carrier: Carrier) -> None:
    numbers = [f"DEMO{number:09}" for number in range(45)]
    await house.register(*numbers)
    await house.poll()
    assert sorted(len(asked.split(",")) for asked in carrier.asked) == [5, 20, 20]
    assert sorted(",".join(carrier.asked).split(",")) == numbers


@pytest.mark.parametrize("how", ["404", "inside a 200"])
async def test_a_number_the_carrier_does_not_know_yet_is_asked_for_again_and_slower(
    house: House, carrier: Carrier, how: str
) -> None:
    if how == "404":
        carrier.status = 404
    else:
        carrier.unknown = [NUMBER]
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["status"], row["substatus"], row["not_found"]) == ("pending", "not_found", 1)
    assert soon(row["next_poll_at"], HOUR // 4)
    await house.make_due()
    await house.poll()
    row = await house.row()
    assert row["not_found"] == 2
    assert soon(row["next_poll_at"], HOUR // 2)
    assert house.told == []


async def test_a_carrier_that_says_when_is_asked_then(house: House, carrier: Carrier) -> None:
    carrier.status, carrier.headers = 429, {"Retry-After": "7200"}
    await house.register(NUMBER)
    await house.poll()
    row = await house.row()
    assert (row["status"], row["poll_failures"]) == ("pending", 1)
    assert soon(row["next_poll_at"], 2 * HOUR)


async def test_refused_credentials_stop_the_account_and_tell_its_owner_once(house: House, carrier: Carrier) -> None:
    carrier.status = 401
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    account = await house.store.read(lambda conn: conn.execute(select(Tables.account)).mappings().one())
    assert (account["state"], account["state_reason"]) == ("rejected", "the carrier answered 401")
    assert house.told == ["account.rejected"]
    asked = len(carrier.asked)
    await house.make_due()
    await house.poll()
    assert len(carrier.asked) == asked
    body = await house.store.read(lambda conn: conn.execute(select(WebhookTables.message.c.body)).scalar_one())
    assert b"key-of-the-merchant" not in body
    assert orjson.loads(body)["data"]["account"] == {"id": ACCOUNT, "carrier": "demo"}


async def test_one_poisoned_parcel_in_a_batch_costs_that_parcel_alone(house: House, carrier: Carrier) -> None:
    carrier.poisoned = {OTHERS[0]}
    await house.register(NUMBER, *OTHERS)
    await house.poll()
    payload = await house.store.read(lambda conn: conn.execute(select(Tables.payload)).mappings().one())
    assert payload["state"] == "unreadable"
    s = Tables.shipment.c
    rows = await house.store.read(lambda conn: conn.execute(select(s.tracking_number, s.status)).all())
    assert dict(map(tuple, rows)) == {NUMBER: "in_transit", OTHERS[0]: "pending", OTHERS[1]: "in_transit"}


async def test_a_claim_lost_in_a_crash_is_due_again(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    carrier.status = 500
    await house.poller.tick()
    claimed = (await house.row())["next_poll_at"]
    assert claimed - time.time_ns() // 1_000_000 <= 300_000
    await house.poll()


async def test_a_shipment_without_an_account_is_not_asked_with_anybody_elses(house: House, carrier: Carrier) -> None:
    await house.register()
    now = time.time_ns() // 1_000_000
    new = [shipments.NewShipment(carrier="demo", tracking_number=NUMBER, next_poll_at=now - 1)]
    await house.store.write(lambda conn: shipments.create(conn, MERCHANT, new, now))
    await house.poll()
    assert carrier.asked == []
    assert (await house.row())["poll_failures"] == 1

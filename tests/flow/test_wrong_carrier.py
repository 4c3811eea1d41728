"""A number that its detected carrier does not know is asked for elsewhere, once, and what a merchant said stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flow.loopback import ACCOUNT, DAY, HOUR, MERCHANT, NUMBER, Carrier, House, open_house, soon
from sqlalchemy import func, select

from gateway import shipments
from gateway.clock import now_ms
from gateway.tables import Tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WRONG, WRONG_ACCOUNT = "dhl-unified", "acc_dhl"


@pytest.fixture
async def carrier() -> Carrier:
    return Carrier()


@pytest.fixture
async def house(database: str, carrier: Carrier) -> AsyncIterator[House]:
    """A parcel of the demo carrier, taken for DHL's, with an account at both."""
    carrier.scans = [{"id": "s1", "at": datetime.now(UTC).isoformat(), "code": "SORTED", "text": "Sorted"}]
    async with open_house(database, carrier) as made:
        await made.add_account()
        await made.add_account(WRONG_ACCOUNT, WRONG, per_second=1000)
        await made.add(NUMBER, carrier=WRONG, account_id=WRONG_ACCOUNT, carrier_set_by="detected")
        yield made


async def doubt(house: House, **columns: int | str) -> None:
    """Let the parcel have been unknown four times over a day."""
    await house.set(**{"not_found": 4, "created_at": now_ms() - DAY, "next_poll_at": 1} | columns)


async def test_a_number_another_carrier_knows_becomes_its_and_the_merchant_is_told(
    house: House, carrier: Carrier
) -> None:
    await doubt(house)
    await house.poll()
    shipment = await house.document()
    assert (shipment["carrier"], shipment["account"], shipment["status"]) == ("demo", ACCOUNT, "in_transit")
    assert house.told == ["shipment.carrier_changed", "shipment.event", "shipment.in_transit"]
    (told,) = await house.bodies("shipment.carrier_changed")
    assert (told["previous"], told["shipment"]["carrier"]) == ({"carrier": WRONG}, "demo")
    assert (carrier.asked, carrier.asked_elsewhere) == ([NUMBER], [])
    row = await house.row()
    assert (row["carrier_set_by"], row["not_found"]) == ("detected", 0)
    assert row["next_poll_at"] > now_ms() + HOUR


async def test_a_number_nobody_knows_goes_on_with_its_carrier_and_is_asked_elsewhere_only_once(
    house: House, carrier: Carrier
) -> None:
    carrier.unknown = [NUMBER]
    await doubt(house)
    for _ in range(3):
        await house.make_due()
        await house.poll()
    assert (len(carrier.asked), len(carrier.asked_elsewhere)) == (1, 3)
    row = await house.row()
    assert (row["carrier"], row["not_found"], row["second_guess_at"] is not None) == (WRONG, 7, True)
    assert (house.told, await house.payloads()) == ([], 0)


async def test_a_carrier_out_of_order_is_asked_again_another_time(house: House, carrier: Carrier) -> None:
    carrier.status = 500
    await doubt(house)
    await house.poll()
    row = await house.row()
    assert (row["carrier"], row["second_guess_at"], row["not_found"]) == (WRONG, None, 5)
    assert soon(row["next_poll_at"], 4 * HOUR)
    carrier.status = 200
    await house.make_due()
    await house.poll()
    assert (await house.row())["carrier"] == "demo"


@pytest.mark.parametrize("known", [{"carrier_set_by": "merchant"}, {"not_found": 3}, {"created_at": now_ms()}])
async def test_a_carrier_the_merchant_named_or_a_young_label_is_not_doubted(
    house: House, carrier: Carrier, known: dict[str, int | str]
) -> None:
    await doubt(house, **known)
    await house.poll()
    assert (carrier.asked, carrier.asked_elsewhere) == ([], [NUMBER])
    assert (await house.row())["carrier"] == WRONG


async def test_another_carriers_old_parcel_of_the_same_number_is_not_taken_for_this_one(
    house: House, carrier: Carrier
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=90)
    carrier.scans = [{"id": "s1", "at": long_ago.isoformat(), "code": "DELIVERED", "text": "Handed over"}]
    await doubt(house)
    await house.poll()
    assert len(carrier.asked) == 1
    assert (await house.row())["carrier"] == WRONG


async def test_a_parcel_the_merchant_tracks_at_the_other_carrier_already_is_left_there(
    house: House, carrier: Carrier
) -> None:
    new = [shipments.NewShipment(carrier="demo", tracking_number=NUMBER, account_id=ACCOUNT)]
    await house.store.write(lambda conn: shipments.create(conn, MERCHANT, new, now_ms()))
    await house.set(not_found=4, created_at=now_ms() - DAY)
    await house.poll()
    s = Tables.shipment.c
    count = select(s.carrier, func.count()).group_by(s.carrier)
    rows = await house.store.read(lambda conn: sorted(map(tuple, conn.execute(count))))
    assert rows == [("demo", 1), (WRONG, 1)]
    assert "shipment.carrier_changed" not in house.told

"""Carriers that push number by number are asked to, in batches and in time, and their refusals harm no poll."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from flow.loopback import ACCOUNT, DAY, HOUR, MERCHANT, NUMBER, OTHERS, Carrier, House, open_house, soon
from sqlalchemy import select

from connectors import connector
from connectors.facts import Push
from gateway import accounts, metrics, shipments
from gateway.clock import now_ms
from gateway.demo.carrier_server import CarrierServer
from gateway.demo.lives import lives
from gateway.demo.world import World
from gateway.subscribing import Subscriber
from gateway.tables import Tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from sqlalchemy import Connection

CALLBACK = f"https://hub.example/carriers/demo/push/{ACCOUNT}"
MINUTE = 60_000


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat()


@pytest.fixture
async def carrier() -> Carrier:
    made = Carrier()
    made.until = in_days(30)
    return made


@pytest.fixture
async def house(database: str, carrier: Carrier) -> AsyncIterator[House]:
    async with open_house(database, carrier) as made:
        yield made


async def test_a_new_shipment_is_subscribed_and_renewed_a_day_before_its_end(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.subscribe()
    assert carrier.subscriptions == [{"numbers": [NUMBER], "callback": CALLBACK}]
    row = await house.row()
    assert soon(row["subscribed_until"], 30 * DAY)
    assert soon(row["subscribe_at"], 29 * DAY)
    await house.subscribe()
    assert len(carrier.subscriptions) == 1
    await house.set(subscribe_at=now_ms(), subscribed_until=now_ms() + DAY)
    await house.subscribe()
    assert len(carrier.subscriptions) == 2
    assert soon((await house.row())["subscribed_until"], 30 * DAY)


@pytest.mark.parametrize(("days", "again"), [(1, 0.5), (3, 2), (0.02, 1 / 24), (-1, 1 / 24)])
async def test_a_short_subscription_is_renewed_half_way_and_never_in_a_rush(
    house: House, carrier: Carrier, days: float, again: float
) -> None:
    carrier.until = in_days(days)
    await house.register(NUMBER)
    await house.subscribe()
    assert soon((await house.row())["subscribe_at"], int(again * DAY))


async def test_numbers_of_one_account_share_a_call_up_to_the_carriers_batch(house: House, carrier: Carrier) -> None:
    numbers = [f"DEMO{number:09}" for number in range(230)]
    await house.register(*numbers)
    await house.subscribe()
    assert [len(one["numbers"]) for one in carrier.subscriptions] == [100, 100, 30]
    assert sorted(number for one in carrier.subscriptions for number in one["numbers"]) == numbers


async def test_a_refused_number_is_noted_and_left_in_peace_for_a_day(house: House, carrier: Carrier) -> None:
    carrier.refused = {NUMBER: "too old"}
    before = metrics.subscriptions("demo", "refused")._value.get()
    await house.register(NUMBER, *OTHERS)
    await house.subscribe()
    row = await house.row(NUMBER)
    assert (row["subscription_refused"], row["subscribed_until"]) == ("too old", None)
    assert soon(row["subscribe_at"], DAY)
    assert (await house.row(OTHERS[0]))["subscription_refused"] is None
    assert metrics.subscriptions("demo", "refused")._value.get() == before + 1


async def test_a_number_that_spoils_a_whole_call_is_found_and_the_others_are_subscribed(
    house: House, carrier: Carrier
) -> None:
    carrier.poisoned = {OTHERS[1]}
    await house.register(NUMBER, *OTHERS)
    await house.subscribe()
    refused = {number: (await house.row(number))["subscription_refused"] for number in (NUMBER, *OTHERS)}
    assert refused == {NUMBER: None, OTHERS[0]: None, OTHERS[1]: "the carrier answered 422"}
    assert (await house.row(NUMBER))["subscribed_until"] is not None


async def test_a_carrier_out_of_order_is_asked_again_slower_and_its_own_delay_is_kept(
    house: House, carrier: Carrier
) -> None:
    carrier.subscription_status = 500
    await house.register(NUMBER)
    for failures, wait in ((1, MINUTE), (2, 2 * MINUTE), (3, 4 * MINUTE)):
        await house.set(subscribe_at=1)
        await house.subscribe()
        row = await house.row()
        assert row["subscribe_failures"] == failures
        assert soon(row["subscribe_at"], wait)
    carrier.subscription_status = 200
    await house.set(subscribe_at=1)
    await house.subscribe()
    row = await house.row()
    assert (row["subscribe_failures"], row["subscribed_until"] is not None) == (0, True)


async def test_a_refused_right_to_pushes_does_not_stop_the_accounts_polls(house: House, carrier: Carrier) -> None:
    carrier.subscription_status = 403
    await house.register(NUMBER)
    await house.subscribe()
    await house.poll()
    row = await house.row()
    assert (row["subscription_refused"], row["status"]) == ("the carrier answered 403", "in_transit")
    assert soon(row["subscribe_at"], DAY)
    account = await house.store.read(lambda conn: conn.execute(select(Tables.account.c.state)).scalar_one())
    assert (account, "account.rejected" in house.told) == ("active", False)


async def test_an_account_that_could_not_prove_a_push_asks_for_none_until_its_credentials_change(
    house: House, carrier: Carrier
) -> None:
    bare = house.vault.seal(MERCHANT, f"account:{ACCOUNT}", b'{"api_key":"key-of-the-merchant"}')
    await house.add_account(secrets=bare)
    await house.add(NUMBER)
    await house.subscribe()
    assert (await house.row())["subscription_refused"] == "the account has no signing_secret"
    assert carrier.subscriptions == []
    whole = house.vault.seal(MERCHANT, f"account:{ACCOUNT}", b'{"api_key":"k","signing_secret":"s"}')

    def change(conn: Connection) -> None:
        accounts.change(conn, MERCHANT, ACCOUNT, now_ms() + 1, secrets=whole)
        shipments.subscribe_again(conn, MERCHANT, ACCOUNT, now_ms())

    await house.store.write(change)
    await house.subscribe()
    row = await house.row()
    assert (row["subscription_refused"], len(carrier.subscriptions)) == (None, 1)


@pytest.fixture
def only_news() -> Iterator[None]:
    """The demo carrier as one whose pushes tell only what happens from now on."""
    demo = connector("demo")
    whole = demo.facts
    demo.facts = whole.model_copy(update={"push": Push(lives_days=30, batch=100, history=False)})
    yield
    demo.facts = whole


async def test_where_pushes_bring_no_history_one_poll_follows_the_first_subscription_and_no_renewal(
    house: House, carrier: Carrier, only_news: None
) -> None:
    await house.register(NUMBER, next_poll_at=now_ms() + HOUR)
    await house.subscribe()
    assert carrier.asked == [NUMBER]
    assert (await house.row())["status"] == "in_transit"
    await house.set(subscribe_at=1)
    await house.subscribe()
    assert (len(carrier.subscriptions), carrier.asked) == (2, [NUMBER])


@pytest.mark.parametrize("columns", [{"status": "delivered"}, {"status": "expired"}, {"tracking": False}])
async def test_what_is_over_or_stopped_is_not_subscribed_any_more(
    house: House, carrier: Carrier, columns: dict[str, str | bool]
) -> None:
    await house.register(NUMBER)
    await house.set(**columns)
    await house.subscribe()
    assert (await house.row())["subscribe_at"] is None
    assert carrier.subscriptions == []


async def test_a_parcel_that_was_given_up_and_wakes_is_subscribed_again(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    await house.set(status="expired", subscribe_at=None, subscribed_until=now_ms() - DAY)
    await house.poll()
    assert (await house.row())["status"] == "in_transit"
    await house.subscribe()
    assert [one["numbers"] for one in carrier.subscriptions] == [[NUMBER]]
    assert soon((await house.row())["subscribed_until"], 30 * DAY)


async def test_without_an_address_of_our_own_nobody_is_asked_to_push(house: House, carrier: Carrier) -> None:
    await house.register(NUMBER)
    nowhere = Subscriber(house.store, house.access, "")
    await nowhere.tick()
    await nowhere.settle()
    assert carrier.subscriptions == []
    assert (await house.row())["subscribe_at"] <= now_ms()


async def test_a_shipment_without_an_account_or_at_a_carrier_that_only_answers_waits_for_no_push(house: House) -> None:
    await house.register()
    await house.add(NUMBER, account_id=None)
    await house.add("12345678", carrier="canada-post", account_id=ACCOUNT)
    assert [(await house.row(number))["subscribe_at"] for number in (NUMBER, "12345678")] == [None, None]


async def test_the_demo_carrier_takes_subscriptions_and_knows_where_to_push(house: House) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    world = World(lives().cast, start, lambda: start + timedelta(hours=1))
    known = next(parcel.number for parcel in world.cast if parcel.carrier == "demo")
    async with CarrierServer(world) as server:
        house.access._base_urls = server.base_urls
        await house.add_account(
            secrets=house.vault.seal("mer_1", f"account:{ACCOUNT}", b'{"api_key":"demo-key","signing_secret":"s"}')
        )
        await house.add(known, "DEMO999999999")
        await house.subscribe()
    assert world.callbacks == {"demo": CALLBACK}
    row = await house.row(known)
    assert row["subscribed_until"] == int((start + timedelta(hours=1, days=30)).timestamp() * 1000)
    assert (await house.row("DEMO999999999"))["subscription_refused"] == "unknown"

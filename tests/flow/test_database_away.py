"""What is under way when PostgreSQL is taken away is neither lost nor told twice, and goes on by itself after."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import postgres
import pytest
from faults.receiver import receiving
from flow.conftest import demo_push
from flow.people import PHONE, Interrupted, town
from flow.roads import NUMBER
from flow.test_dispatch import SOON, M, draft
from flow.test_dispatch import house as lanes
from flow.test_relay import out_with, said_in
from flow.test_tracking_page import post
from sqlalchemy import select

from gateway.db import postgres as store
from gateway.db import run_once
from gateway.tables import Tables as Gateway
from webhooks import dispatcher, log
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.own_server() as server:
        yield server


@pytest.fixture(scope="module")
def databases_of_its_own(server: postgres.Server) -> postgres.Databases:
    return postgres.Databases(server.address)


@pytest.fixture
def database(databases_of_its_own: postgres.Databases, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(store, "PATIENCE", 0.2)
    return databases_of_its_own.fresh()


@asynccontextmanager
async def away(server: postgres.Server) -> AsyncIterator[None]:
    """Take the server away as if it had crashed."""
    await asyncio.to_thread(server.stop, signal.SIGQUIT)
    try:
        yield
    finally:
        server.start()  # not in a thread: it would end with the thread


async def until(true: Any) -> None:
    async with asyncio.timeout(15):
        while not true():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.02)


async def test_lanes_write_what_came_meanwhile_once_and_go_on(server: postgres.Server, database: str) -> None:
    """Answers arrive, a retry and its parked follower come due and an endpoint is changed while it is away."""
    answered = {200: asyncio.Event(), 500: asyncio.Event()}

    async def late(status: int, _got: Any) -> int:
        await answered[status].wait()
        return status

    async with receiving() as receiver, lanes(database, receiver) as home:
        receiver.plan |= {"/late": [partial(late, 200)], "/failing": [500] * 3, "/dead": [200, partial(late, 500)]}
        touched, _ = await home.endpoint("/late", ordering="strict")
        failing, _ = await home.endpoint("/failing", ordering="strict", schedule=SOON)
        dead, _ = await home.endpoint("/dead", ordering="strict", schedule=[0])
        await home.tell(draft(1, shipment="one"), draft(2, shipment="one"))
        await receiver.until(lambda: receiver.flying["/late"] == 1 and len(receiver.on("/failing")) > 0)
        await until(lambda: len(receiver.on("/dead")) == 1 and receiver.flying["/dead"] == 1)
        async with away(server):
            answered[500].set()
            await until(lambda: home.dispatcher.stats()["results_stuck"])
            answered[200].set()
            home.dispatcher.touch(M, touched)
            saved = home.dispatcher._flusher._cursors_at
            await until(lambda: home.dispatcher._flusher._cursors_at > saved)
        await until(lambda: not home.store.away)
        for endpoint_id in (touched, failing, dead):
            await home.settled(endpoint_id, 2)
        assert [(row.endpoint_id, row.sequence) for row in await home.rows(Tables.dead)] == [(dead, 2)]
        await home.tell(draft(3, shipment="one"))
        for endpoint_id in (touched, failing, dead):
            await home.settled(endpoint_id, 3)
        sent = {path: [got.json["sequence"] for got in receiver.on(path)] for path in ("/late", "/failing", "/dead")}
        assert sent == {"/late": [1, 2, 3], "/failing": [1, 1, 1, 1, 2, 3], "/dead": [1, 2, 3]}
        rows = await home.rows(Tables.attempt)
        assert sorted((row.endpoint_id, row.sequence) for row in rows) == sorted(
            (endpoint_id, sequence)
            for endpoint_id, sequences in zip((touched, failing, dead), sent.values(), strict=True)
            for sequence in sequences
        )
        assert await home.rows(Tables.retry) == []
        stats = home.dispatcher.stats()
        assert (stats["lanes"], stats["in_flight"], stats["unwritten"], stats["results_stuck"]) == (3, 0, 0, 0)


async def test_what_a_command_wrote_before_is_found_however_long_it_was_away(
    server: postgres.Server, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_BACK", 500)
    async with receiving() as receiver, lanes(database, receiver) as home:
        await home.endpoint()
        await home.tell(draft(1))
        await receiver.count(1)
        looked = home.dispatcher._looked_at
        await until(lambda: home.dispatcher._looked_at > looked)
        await asyncio.to_thread(run_once, database, lambda conn: log.append(conn, M, [draft(2)]))
        async with away(server):
            await asyncio.sleep(1)
        await receiver.count(2)


@pytest.fixture
async def place(house):
    async with town(house, Interrupted()) as one:
        yield one


async def taken_away(house, server) -> None:
    """Wait until the provider has taken the database away and what it answered cannot be written."""
    await until(lambda: house.gateway.store.away)
    server.start()
    await until(lambda: not house.gateway.store.away)


async def test_a_courier_is_told_once_when_the_note_of_it_has_to_wait(house, place, server) -> None:
    account_id = await house.demo_account()
    shipment_id, path = await out_with(house, place, account_id, NUMBER)
    place.sms.meanwhile = partial(server.stop, signal.SIGQUIT)
    await post(house, f"{path}/say", words="the bell is broken")
    await taken_away(house, server)
    del place.sms.meanwhile
    await said_in(house, shipment_id, "sent")
    assert len(place.sms.texted) == 1


async def test_a_recipient_is_told_once_when_the_note_of_it_has_to_wait(house, place, server) -> None:
    account_id = await house.demo_account()
    await place.subscribe(await house.shipment(NUMBER), "sms", PHONE)
    place.sms.meanwhile = partial(server.stop, signal.SIGQUIT)
    await place.tell(account_id, NUMBER, "PICKED_UP", "OUT")
    await taken_away(house, server)
    del place.sms.meanwhile
    (notice,) = await place.settled("shipment.out_for_delivery")
    assert (notice["state"], notice["attempts"]) == ("sent", 1)
    assert len(place.sms.texted) == 1


async def test_who_is_stopped_meanwhile_ends_without_the_note(house, place, server) -> None:
    account_id = await house.demo_account()
    _, path = await out_with(house, place, account_id, NUMBER)
    place.sms.meanwhile = partial(server.stop, signal.SIGQUIT)
    await post(house, f"{path}/say", words="the bell is broken")
    await until(lambda: house.gateway.store.away)
    async with asyncio.timeout(10):
        await house.gateway.relay.stop()
        await house.gateway.postroom.stop()
    server.start()


@asynccontextmanager
async def refusing(database: str, table: str, state: str) -> AsyncIterator[None]:
    """Let the server refuse what is written to a table, as it does while somebody alters it or cancels."""
    body = f"begin raise 'as the server does' using errcode = '{state}'; end"
    refuse = (
        f"create function refuse() returns trigger language plpgsql as $$ {body} $$",
        f"create trigger refuse before insert or update on {table} for each row execute function refuse()",
    )

    def run(*statements: str) -> None:
        run_once(database, lambda conn: [conn.exec_driver_sql(one) for one in statements])

    await asyncio.to_thread(run, *refuse)
    try:
        yield
    finally:
        await asyncio.to_thread(run, "drop function refuse cascade")


@pytest.mark.parametrize("state", ["55P03", "57014"])
async def test_who_writes_while_something_is_in_the_way_is_told_to_come_again(house, database: str, state: str) -> None:
    wish = {"url": None}
    async with refusing(database, "endpoint", state):
        refused = await house.call("POST", "/v1/endpoints", wish)
        assert (refused.status, refused.headers["Retry-After"], refused.json["type"]) == (503, "5", "/problems/busy")
        assert (await house.call("GET", "/v1/endpoints")).json["data"] == []
    assert (await house.call("POST", "/v1/endpoints", wish)).status == 201


@pytest.mark.parametrize("state", ["55P03", "57014"])
async def test_no_payload_is_set_aside_because_something_was_in_the_way(house, database: str, logs, state: str) -> None:
    account_id, shipment_id = await house.demo_account(), await house.shipment()

    async def states() -> list[str]:
        found = select(Gateway.payload.c.state).order_by(Gateway.payload.c.id)
        return list(await house.gateway.store.read(lambda conn: conn.execute(found).scalars().all()))

    async with refusing(database, "event", state):
        pushed = await house.push(account_id, demo_push(NUMBER, "PICKED_UP"))
        assert pushed.status == 200
        await house.until(lambda: "ingest_waits" in logs.getvalue())
        assert await states() == ["kept"]
    await house.until(partial(_is, states, ["read"]))
    assert (await house.call("GET", f"/v1/shipments/{shipment_id}")).json["status"] == "in_transit"


async def _is(ask: Any, wanted: Any) -> bool:
    return await ask() == wanted

"""PostgreSQL's store: one owner, nothing told done that is not, and it goes on by itself after a restart."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from typing import TYPE_CHECKING

import asyncpg
import postgres
import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from unit.gateway.things import adding, make_table, names

from gateway.db import NotNow, StoreAway, run_once
from gateway.db.lines import connected
from gateway.db.owner import Taken
from gateway.db.postgres import PATIENCE, PostgresStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture
def database(postgresql: str) -> str:
    return make_table(postgresql)


@pytest.fixture
async def store(database: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(database, owner=True)
    store.start()
    yield store
    await store.close()


def cut_off(url: str, who: str = "owner") -> int:
    """End the sessions of stores, as a server that restarts does; return how many there were."""
    kill = text("select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name like :who")
    return run_once(
        url, lambda conn: conn.execute(kill, {"who": f"carrier-gateway {who}%"}).scalar_one(), read_only=True
    )


async def test_a_second_gateway_is_told_who_owns_the_database(store: PostgresStore, database: str) -> None:
    other = PostgresStore(database, owner=True)
    with pytest.raises(Taken, match=r"another gateway owns this database: process \d+ on .+, since 20"):
        await asyncio.to_thread(other.start)
    await other.close()
    assert await store.write(adding("a")) == "a"


async def test_the_next_gateway_starts_once_the_last_one_has_gone(database: str) -> None:
    for name in ("a", "b"):
        store = PostgresStore(database, owner=True)
        store.start()
        await store.write(adding(name))
        await store.close()
    assert run_once(database, names, read_only=True) == ["a", "b"]


async def test_a_command_writes_beside_the_owner_one_after_the_other(store: PostgresStore, database: str) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold(conn: Connection) -> list[str]:
        held.set()
        go_on.wait(5)
        return names(conn)

    command = asyncio.create_task(asyncio.to_thread(run_once, database, hold))
    await asyncio.to_thread(held.wait, 5)
    written = asyncio.create_task(store.write(adding("a")))
    await asyncio.sleep(0.2)
    assert not written.done()
    go_on.set()
    assert await command == []
    assert await written == "a"


async def test_work_cut_off_before_its_commit_runs_again_and_is_kept_once(store: PostgresStore, database: str) -> None:
    runs = []

    def work(conn: Connection) -> str:
        runs.append(None)
        conn.execute(text("insert into thing values ('once')"))
        if len(runs) == 1:
            assert cut_off(database) == 1
        return names(conn)[0]

    assert await store.write(work) == "once"
    assert len(runs) == 2
    assert await store.read(names) == ["once"]
    assert store.away == ""


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_commit_without_an_answer_is_looked_for_and_told_as_it_is(
    store: PostgresStore, database: str, monkeypatch: pytest.MonkeyPatch, arrives: bool
) -> None:
    """The connection breaks at the commit: after the server has taken it, or before it came there."""
    broken = []
    commit = asyncpg.transaction.Transaction.commit

    async def cut(transaction: asyncpg.transaction.Transaction) -> None:
        if broken:
            await commit(transaction)
            return
        broken.append(None)
        if arrives:
            await commit(transaction)
        transaction._connection.terminate()
        raise ConnectionResetError("cut by the test")

    runs = []

    def work(conn: Connection) -> str:
        runs.append(None)
        return adding("once")(conn)

    monkeypatch.setattr(asyncpg.transaction.Transaction, "commit", cut)
    assert await store.write(work) == "once"
    assert len(runs) == (1 if arrives else 2)
    monkeypatch.undo()
    assert await store.read(names) == ["once"]


async def test_work_that_breaks_its_connection_every_time_ends_and_harms_no_other(
    store: PostgresStore, database: str
) -> None:
    def break_it(_conn: Connection) -> None:
        cut_off(database)
        raise ConnectionResetError("cut by the test")

    gate = threading.Event()
    blocked = asyncio.create_task(store.write(lambda _conn: gate.wait(5)))
    await asyncio.sleep(0)
    works = [asyncio.create_task(store.write(work)) for work in (adding("a"), break_it, adding("b"))]
    await asyncio.sleep(0)
    gate.set()
    await blocked
    results = await asyncio.gather(*works, return_exceptions=True)
    assert [type(one).__name__ for one in results] == ["str", "ConnectionResetError", "str"]
    assert await store.read(names) == ["a", "b"]


async def test_what_is_the_servers_own_trouble_is_told_as_such_and_costs_no_session(store: PostgresStore) -> None:
    def full(conn: Connection) -> None:
        adding("lost and told so")(conn)
        conn.exec_driver_sql("do $$ begin raise 'no space left on device' using errcode = 'disk_full'; end $$")

    with pytest.raises(StoreAway, match=r"^the database takes no work: DiskFullError 53100$"):
        await store.write(full)
    assert store.away == ""
    assert await store.write(adding("a")) == "a"
    assert await store.read(names) == ["a"]


async def test_a_nul_that_somebody_sent_is_kept_as_a_sign_that_something_was_there(store: PostgresStore) -> None:
    await store.write(adding("before\0after"))
    assert await store.read(names) == ["before\ufffdafter"]
    asked = text("select count(*) from thing where name = :name")
    assert await store.read(lambda conn: conn.execute(asked, {"name": "before\0after"}).scalar_one()) == 1
    many = text("insert into thing values (:name)")
    await store.write(lambda conn: conn.execute(many, [{"name": "a\0"}, {"name": "b"}]).rowcount)
    assert (await store.read(names))[0] == "a\ufffd"


async def test_readers_go_on_after_they_were_cut_off(store: PostgresStore, database: str) -> None:
    await store.write(adding("a"))
    assert await asyncio.gather(*(store.read(names) for _ in range(6))) == [["a"]] * 6
    assert cut_off(database, "reader") >= 1
    assert await asyncio.gather(*(store.read(names) for _ in range(6))) == [["a"]] * 6


async def test_who_lost_the_database_to_another_never_writes_again(store: PostgresStore, database: str) -> None:
    taken = threading.Event()
    store.on_taken = taken.set
    await store.write(adding("before"))
    # A writer that has no session and is slow to ask again: another process is quicker.
    slow = threading.Event()
    opening = store._open
    store._open = lambda: slow.wait(10) and opening()  # type: ignore[method-assign]
    cut_off(database)
    late = asyncio.create_task(store.write(adding("stale")))
    other = PostgresStore(database, owner=True)
    await asyncio.to_thread(other.start)
    await other.write(adding("other"))
    await other.close()  # it is gone again, and still what the first one remembers is out of date
    slow.set()
    with pytest.raises(StoreAway, match="another gateway owns this database"):
        await late
    with pytest.raises(StoreAway, match="another gateway owns this database"):
        await store.write(adding("stale too"))
    assert taken.wait(1)
    assert run_once(database, names, read_only=True) == ["before", "other"]


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.own_server() as server:
        yield server


@pytest.fixture
async def own(server: postgres.Server) -> AsyncIterator[PostgresStore]:
    """A store on a server of its own."""
    store = PostgresStore(make_table(postgres.Databases(server.address).fresh()), owner=True)
    store.start()
    yield store
    await store.close()


async def test_a_server_that_is_away_is_told_of_and_come_back_to(server: postgres.Server, own: PostgresStore) -> None:
    await own.write(adding("before"))
    await own.read(names)
    server.stop(signal.SIGQUIT)
    began = time.monotonic()
    with pytest.raises(StoreAway, match="the database is away"):
        await own.write(adding("lost and told so"))
    assert time.monotonic() - began >= PATIENCE
    began = time.monotonic()
    with pytest.raises(StoreAway):
        await own.write(adding("refused at once"))
    with pytest.raises(StoreAway):
        await own.read(names)
    assert time.monotonic() - began < 1
    assert own.away
    server.start()
    for _ in range(100):
        if not own.away:
            break
        await asyncio.sleep(0.05)
    assert await own.write(adding("after")) == "after"
    assert await own.read(names) == ["after", "before"]


async def test_work_outlasts_a_short_restart(server: postgres.Server, own: PostgresStore) -> None:
    server.stop()
    writes = [asyncio.create_task(own.write(adding(f"n{number}"))) for number in range(5)]
    await asyncio.sleep(0.3)
    await asyncio.to_thread(server.start)
    assert await asyncio.gather(*writes) == [f"n{number}" for number in range(5)]


def raising(state: str) -> str:
    return f"do $$ begin raise 'as the server does' using errcode = '{state}'; end $$"


@pytest.mark.parametrize("state", ["55000", "55006", "55P03", "57014"])
async def test_what_was_held_or_stopped_from_outside_may_come_again_and_harms_no_other(
    store: PostgresStore, state: str
) -> None:
    def held(conn: Connection) -> None:
        adding("lost and told so")(conn)
        conn.exec_driver_sql(raising(state))

    gate = threading.Event()
    blocked = asyncio.create_task(store.write(lambda _conn: gate.wait(5)))
    await asyncio.sleep(0)
    works = [asyncio.create_task(store.write(work)) for work in (adding("a"), held, adding("b"))]
    await asyncio.sleep(0)
    gate.set()
    await blocked
    first, second, third = await asyncio.gather(*works, return_exceptions=True)
    assert (first, third) == ("a", "b")
    assert isinstance(second, NotNow)
    assert state in str(second)
    assert await store.read(names) == ["a", "b"]
    assert store.away == ""


@pytest.mark.parametrize("state", ["53200", "58030", "55P03", "57014"])
async def test_reads_and_commands_are_told_so_too(store: PostgresStore, database: str, state: str) -> None:
    with pytest.raises(NotNow, match=state):
        await store.read(lambda conn: conn.exec_driver_sql(raising(state)))
    with pytest.raises(NotNow, match=state):
        await asyncio.to_thread(run_once, database, lambda conn: conn.exec_driver_sql(raising(state)))
    assert await store.read(names) == []


@pytest.mark.parametrize("state", ["XX001", "XX002", "25P02", "54000", "22003"])
async def test_what_no_time_mends_is_told_as_it_is(store: PostgresStore, state: str) -> None:
    with pytest.raises(DBAPIError, match=state):
        await store.write(lambda conn: conn.exec_driver_sql(raising(state)))
    with pytest.raises(DBAPIError, match=state):
        await store.read(lambda conn: conn.exec_driver_sql(raising(state)))


@pytest.mark.parametrize("who", ["owner", "reader"])
async def test_a_statement_the_servers_owner_cancels_may_come_again(
    store: PostgresStore, database: str, who: str
) -> None:
    cancel = text(
        "select count(pg_cancel_backend(pid)) from pg_stat_activity "
        "where application_name like :who and query like '%pg_sleep%' and state = 'active'"
    )

    def cancelled(conn: Connection) -> bool:
        return conn.execute(cancel, {"who": f"carrier-gateway {who}%"}).scalar_one() > 0

    give = store.write if who == "owner" else store.read
    slow = asyncio.create_task(give(lambda conn: conn.exec_driver_sql("select pg_sleep(30)").scalar()))
    while not await asyncio.to_thread(run_once, database, cancelled, read_only=True):  # noqa: ASYNC110 - so it is found
        await asyncio.sleep(0.02)
    with pytest.raises(NotNow, match="57014"):
        await slow
    assert await store.write(adding("a")) == "a"
    assert await store.read(names) == ["a"]


async def test_a_lock_that_is_not_to_be_had_is_waited_for_by_coming_again(store: PostgresStore, database: str) -> None:
    held, go_on = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        conn.exec_driver_sql("lock table thing in access exclusive mode")
        held.set()
        go_on.wait(10)

    def impatient(conn: Connection) -> str:
        conn.exec_driver_sql("set local lock_timeout = '20ms'")
        return adding("a")(conn)

    # a guest of the owner would have to wait for it: whoever alters tables is none
    holder = asyncio.create_task(asyncio.to_thread(connected, database, hold))
    await asyncio.to_thread(held.wait, 10)
    with pytest.raises(NotNow, match="55P03"):
        await store.write(impatient)
    go_on.set()
    await holder
    assert await store.write(impatient) == "a"


async def test_a_database_that_takes_no_writes_is_waited_for(store: PostgresStore, database: str) -> None:
    """As providers make it when the disk runs full. Sessions that are there keep what they began with."""

    def set_to(word: str):
        def work(conn: Connection) -> None:
            conn.exec_driver_sql("set transaction read write")
            name = conn.exec_driver_sql("select current_database()").scalar_one()
            conn.exec_driver_sql(f'alter database "{name}" set default_transaction_read_only = {word}')
            conn.commit()

        return work

    await asyncio.to_thread(connected, database, set_to("on"))
    cut_off(database)
    with pytest.raises(NotNow, match="25006"):
        await store.write(adding("lost and told so"))
    await asyncio.to_thread(connected, database, set_to("off"))
    assert await store.write(adding("a")) == "a"
    assert await store.read(names) == ["a"]


async def test_a_session_ended_for_idling_in_a_transaction_costs_no_work(store: PostgresStore) -> None:
    runs = []

    def idle(conn: Connection) -> str:
        runs.append(None)
        if len(runs) == 1:
            conn.exec_driver_sql("set local idle_in_transaction_session_timeout = '20ms'")
            time.sleep(0.2)
        return adding("once")(conn)

    assert await store.write(idle) == "once"
    assert len(runs) == 2
    assert await store.read(names) == ["once"]

"""The store: one writer, shared commits, nothing half done."""

from __future__ import annotations

import asyncio
import threading
import traceback
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from unit.gateway.things import adding, make_table, names

from gateway.db import GroupStore, LogFull, StoreAway, StoreClosed, open_store, shown, sqlite_engine
from gateway.db.store import alongside

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


pytestmark = pytest.mark.both_databases


@pytest.fixture
async def store(database: str) -> AsyncIterator[GroupStore]:
    make_table(database)
    store = open_store(database, owner=True)
    store.start()
    yield store
    await store.close()


async def test_what_was_answered_is_there_for_every_reader(store: GroupStore) -> None:
    assert await store.write(adding("a")) == "a"
    assert await store.read(names) == ["a"]


async def test_work_given_together_shares_a_commit(store: GroupStore) -> None:
    gate = threading.Event()
    blocked = asyncio.create_task(store.write(lambda _conn: gate.wait(5)))
    await asyncio.sleep(0)
    rest = [asyncio.create_task(store.write(adding(f"n{number:03}"))) for number in range(100)]
    await asyncio.sleep(0)
    before = store.commits
    gate.set()
    await asyncio.gather(blocked, *rest)
    assert store.commits - before <= 3
    assert len(await store.read(names)) == 100


async def test_work_that_fails_harms_no_other_of_its_commit(store: GroupStore) -> None:
    await store.write(adding("a"))
    gate = threading.Event()
    blocked = asyncio.create_task(store.write(lambda _conn: gate.wait(5)))
    await asyncio.sleep(0)
    works = [asyncio.create_task(store.write(adding(name))) for name in ("b", "a", "c")]
    await asyncio.sleep(0)
    gate.set()
    await blocked
    results = await asyncio.gather(*works, return_exceptions=True)
    assert [type(one).__name__ for one in results] == ["str", "IntegrityError", "str"]
    assert await store.read(names) == ["a", "b", "c"]


async def test_half_of_a_failed_work_is_not_kept(store: GroupStore) -> None:
    def half(conn: Connection) -> None:
        conn.execute(text("insert into thing values ('half')"))
        raise ValueError("and then it broke")

    with pytest.raises(ValueError, match="and then it broke"):
        await store.write(half)
    assert await store.read(names) == []


async def test_an_error_tells_nobodys_values(store: GroupStore) -> None:
    name = "Ana " + "Prado"
    await store.write(adding(name))
    with pytest.raises(DBAPIError) as caught:
        await store.write(adding(name))
    whole = "".join(traceback.format_exception(caught.value))
    assert "thing" in whole
    assert name not in whole


async def test_a_reader_cannot_write(store: GroupStore) -> None:
    with pytest.raises(DBAPIError, match=r"readonly|ReadOnly"):
        await store.read(adding("a"))
    assert await store.read(names) == []


async def test_a_store_that_closes_finishes_its_work_and_takes_no_more(store: GroupStore) -> None:
    given = [asyncio.create_task(store.write(adding(str(number)))) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert [await one for one in given] == [str(number) for number in range(20)]
    with pytest.raises(StoreClosed):
        await store.write(adding("late"))


async def test_a_writer_that_cannot_keep_up_says_so_instead_of_growing(store: GroupStore) -> None:
    store._most_waiting = 3
    gate, taken = threading.Event(), threading.Event()

    def hold(_conn: Connection) -> None:
        taken.set()
        gate.wait(5)

    first = asyncio.create_task(store.write(hold))
    await asyncio.sleep(0)
    await asyncio.to_thread(taken.wait, 5)
    rest = [asyncio.create_task(store.write(adding(str(number)))) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(LogFull):
        await store.write(adding("one too many"))
    gate.set()
    await asyncio.gather(first, *rest)


@pytest.mark.sqlite_only
async def test_a_full_disk_is_told_as_what_it_is_and_what_is_kept_stays(store: GroupStore) -> None:
    def fill(conn: Connection) -> None:
        pages = conn.exec_driver_sql("pragma page_count").scalar_one()
        conn.exec_driver_sql(f"pragma max_page_count = {pages}")
        conn.execute(text("insert into thing values (:name)"), {"name": "x" * 100_000})

    await store.write(adding("a"))
    with pytest.raises(StoreAway, match=r"^the database takes no work: the disk is full$"):
        await store.write(fill)
    assert await store.read(names) == ["a"]
    await store.write(lambda conn: conn.exec_driver_sql("pragma max_page_count = 1000000").scalar_one())
    assert await store.write(adding("b")) == "b"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://hub:s3cret@db/hub", "postgresql://hub:***@db/hub"),
        (
            "postgresql://hub:s:3:c@a:5432,b:5433/hub?sslmode=require",
            "postgresql://hub:***@a:5432,b:5433/hub?sslmode=require",
        ),
        (
            "postgresql://db/hub?user=hub&password=s3cret&sslmode=require",
            "postgresql://db/hub?user=hub&password=***&sslmode=require",
        ),
        ("postgresql://hub@db/hub", "postgresql://hub@db/hub"),
        ("sqlite:///gateway.db", "sqlite:///gateway.db"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, told: str) -> None:
    assert shown(url) == told


def test_a_database_in_memory_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="must be a file"):
        sqlite_engine("sqlite://")


def mark(conn: Connection) -> None:
    adding("mark")(conn)


async def test_what_goes_alongside_is_committed_with_each_write_of_the_code_inside_and_with_no_other(
    store: GroupStore,
) -> None:
    beside: list[asyncio.Task[str]] = []
    with alongside(mark):
        await store.write(adding("work"))
        gate = asyncio.Event()

        async def left_behind() -> str:
            await gate.wait()
            return await store.write(adding("later"))

        beside.append(asyncio.create_task(left_behind()))
    gate.set()
    await asyncio.gather(*beside)
    await store.write(adding("other"))
    assert sorted(await store.read(names)) == ["later", "mark", "other", "work"]


async def test_work_whose_alongside_fails_is_not_kept(store: GroupStore) -> None:
    await store.write(adding("mark"))
    with alongside(mark), pytest.raises(DBAPIError):
        await store.write(adding("work"))
    assert await store.read(names) == ["mark"]

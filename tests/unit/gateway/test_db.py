"""The store: one writer, shared commits, nothing half done."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from gateway.db import LogFull, SqliteStore, StoreClosed, sqlite_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    url = f"sqlite:///{tmp_path}/test.db"
    engine = sqlite_engine(url)
    with engine.begin() as conn:
        conn.execute(text("create table thing (name text primary key)"))
    engine.dispose()
    store = SqliteStore(url)
    store.start()
    yield store
    await store.close()


def adding(name: str):
    def work(conn: Connection) -> str:
        conn.execute(text("insert into thing values (:name)"), {"name": name})
        return name

    return work


def names(conn: Connection) -> list[str]:
    return list(conn.execute(text("select name from thing order by name")).scalars())


async def test_what_was_answered_is_there_for_every_reader(store: SqliteStore) -> None:
    assert await store.write(adding("a")) == "a"
    assert await store.read(names) == ["a"]


async def test_work_given_together_shares_a_commit(store: SqliteStore) -> None:
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


async def test_work_that_fails_harms_no_other_of_its_commit(store: SqliteStore) -> None:
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


async def test_half_of_a_failed_work_is_not_kept(store: SqliteStore) -> None:
    def half(conn: Connection) -> None:
        conn.execute(text("insert into thing values ('half')"))
        raise ValueError("and then it broke")

    with pytest.raises(ValueError, match="and then it broke"):
        await store.write(half)
    assert await store.read(names) == []


async def test_a_reader_cannot_write(store: SqliteStore) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await store.read(adding("a"))


async def test_a_store_that_closes_finishes_its_work_and_takes_no_more(tmp_path: Path, store: SqliteStore) -> None:
    given = [asyncio.create_task(store.write(adding(str(number)))) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert [await one for one in given] == [str(number) for number in range(20)]
    with pytest.raises(StoreClosed):
        await store.write(adding("late"))


async def test_a_writer_that_cannot_keep_up_says_so_instead_of_growing(tmp_path: Path, store: SqliteStore) -> None:
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


def test_a_database_in_memory_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="must be a file"):
        sqlite_engine("sqlite://")

"""Killed between the commit of a request's work and the keeping of its answer: the work is not done again."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from faults.process import Gateway

from gateway.db import connected, run_once
from gateway.idempotency import ABANDONED_MS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_MANY = ", ".join(f"({n})" for n in range(1000))
STALL = {
    "postgresql": (
        "create function stall() returns trigger language plpgsql as 'begin perform pg_sleep(600); return new; end'",
        """create trigger stall before update on idempotency for each row when (new.status >= 200)
        execute function stall()""",
    ),
    "sqlite": (
        "create table many (n integer)",
        f"insert into many values {_MANY}",
        """create trigger stall before update on idempotency when new.status >= 200 begin
        select count(*) from many a, many b, many c, many d where a.n + b.n + c.n + d.n < 0; end""",
    ),
}
"""Keeping an answer takes for ever."""
GO_ON = {
    "postgresql": ("drop function stall cascade",),
    "sqlite": ("drop trigger stall", "drop table many"),
}


def stall(conn: Connection) -> None:
    for statement in STALL[conn.dialect.name]:
        conn.exec_driver_sql(statement)


def end_sessions(conn: Connection) -> None:
    """Let a server see at once that its client is gone, outside any transaction that would wait for it."""
    if conn.dialect.name == "postgresql":
        alone = conn.execution_options(isolation_level="AUTOCOMMIT")
        alone.exec_driver_sql(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


def go_on(conn: Connection) -> None:
    for statement in GO_ON[conn.dialect.name]:
        conn.exec_driver_sql(statement)


def let_a_minute_pass(conn: Connection) -> None:
    conn.exec_driver_sql(f"update idempotency set at = at - {ABANDONED_MS}")


@pytest.mark.slow
@pytest.mark.both_databases
@pytest.mark.timeout(120)
async def test_killed_between_the_work_and_its_answer_a_repeat_is_told_so_and_nothing_is_done_twice(
    database: str, tmp_path: Path
) -> None:
    endpoint = {"url": "https://shop.example/hook"}
    parcel = {"tracking_number": "DEMO100200302", "carrier": "demo"}
    async with Gateway(tmp_path, database) as gateway, aiohttp.ClientSession() as session:

        async def post(path: str, wish: Any) -> tuple[int, Any]:
            headers = {"Authorization": f"Bearer {gateway.key}", "Idempotency-Key": path}
            async with session.post(gateway.url + path, json=wish, headers=headers) as answer:
                return answer.status, await answer.json(content_type=None)

        async def killed_after(path: str, wish: Any) -> list[Any]:
            """Send a request, and kill the gateway once its work is there; return what is there."""
            await asyncio.to_thread(run_once, database, stall)
            asked = asyncio.create_task(post(path, wish))
            there: list[Any] = []
            while not there:
                assert not asked.done()
                there = (await gateway.call(session, "GET", path))["data"]
            await gateway.kill()
            with suppress(aiohttp.ClientError):
                await asked
            await asyncio.to_thread(connected, database, end_sessions)
            await asyncio.to_thread(run_once, database, go_on)
            await gateway.start()
            return there

        (made,) = await killed_after("/v1/endpoints", endpoint)
        early = await post("/v1/endpoints", endpoint)
        assert (early[0], early[1]["type"]) == (409, "/problems/request-under-way")
        await asyncio.to_thread(run_once, database, let_a_minute_pass)
        for _ in range(2):
            status, told = await post("/v1/endpoints", endpoint)
            assert (status, told["type"]) == (409, "/problems/answer-lost")
            assert told["detail"] == "look at what is there; to do it once more, send it with a fresh Idempotency-Key"
        assert [one["id"] for one in (await gateway.call(session, "GET", "/v1/endpoints"))["data"]] == [made["id"]]

        (tracked,) = await killed_after("/v1/shipments", parcel)
        await asyncio.to_thread(run_once, database, let_a_minute_pass)
        status, told = await post("/v1/shipments", parcel)
        assert (status, told["id"]) == (200, tracked["id"])
        assert len((await gateway.call(session, "GET", "/v1/shipments"))["data"]) == 1
        assert await gateway.stop() == 0

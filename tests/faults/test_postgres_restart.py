"""PostgreSQL taken away under load: nothing accepted is lost, health says so meanwhile, and it goes on by itself."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import aiohttp
import postgres
import pytest
from faults.process import Gateway
from faults.receiver import receiving
from faults.test_kill import Load, assert_in_order, repeated, told

from gateway.db.postgres import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def server() -> Iterator[postgres.Server]:
    with postgres.own_server(durable=True) as server:
        yield server


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_server_that_crashes_and_restarts_under_load_costs_nothing_that_was_accepted(
    server: postgres.Server, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut off politely, crashed, and away for longer than work waits."""
    rounds = 10 if request.config.getoption("--long") else 1
    away = [(signal.SIGINT, 0.2), (signal.SIGQUIT, 0.2), (signal.SIGQUIT, PATIENCE + 2)] * rounds
    database = postgres.Databases(server.address).fresh()
    async with (
        Gateway(tmp_path, database) as gateway, receiving() as receiver, aiohttp.ClientSession() as session,
    ):  # fmt: skip
        await gateway.open_account(session)
        wish = {"url": receiver.url(), "event_types": ["*"], "ordering": "strict"}
        await gateway.call(session, "POST", "/v1/endpoints", wish)
        load = Load(gateway, session, {}, 0)
        tasks = load.start()
        for how, seconds in away:
            await asyncio.sleep(1.0)
            assert await gateway.readiness(session) == (200, [])
            before = len(load.accepted)
            await asyncio.to_thread(server.stop, how)
            await asyncio.sleep(seconds)
            if seconds > PATIENCE:
                status, reasons = await gateway.readiness(session)
                assert status == 503
                assert reasons[0].startswith("the database is away: ")
                refused = len(load.accepted)
                await asyncio.sleep(0.3)
                assert len(load.accepted) == refused
            await asyncio.to_thread(server.start)
            for _ in range(200):
                if len(load.accepted) > before + 50:
                    break
                await asyncio.sleep(0.05)
            assert len(load.accepted) > before + 50
        load.running = False
        await asyncio.gather(*tasks)
        for _ in range(600):
            if load.accepted <= told(receiver):
                break
            await asyncio.sleep(0.1)
        assert load.accepted - told(receiver) == set()
        assert gateway.lives == 1
        repeats = repeated(receiver.got)
        assert_in_order(receiver.got)
        assert await gateway.stop() == 0
        with capsys.disabled():
            print(
                f"\ntaken away {len(away)} times: {len(load.accepted)} of {load.tried} pushes accepted, 0 lost; "
                f"{len(receiver.got)} webhooks, {repeats} repeats with the same id and bytes; order kept"
            )

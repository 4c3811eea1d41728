"""Killed while outcomes are counted: each delivery counts once, in the figures and in what is normal."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import Gateway

if TYPE_CHECKING:
    from pathlib import Path

PARCELS = 3_000
PUSHERS = 8
HOURS = 47


async def deliver(gateway: Gateway, session: aiohttp.ClientSession, numbers: list[str]) -> None:
    """Push each parcel's delivery until it was accepted, and then once more."""
    begun = datetime.now(UTC) - timedelta(days=9)
    for number in numbers:
        for code, at in (("PICKED_UP", begun), ("DELIVERED", begun + timedelta(hours=HOURS))):
            scan = {"id": code, "at": at.isoformat(timespec="seconds"), "code": code, "text": code}
            accepted = 0
            while accepted < 2:
                accepted += await gateway.push_scan(session, number, scan)
                if not accepted:
                    await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_while_counting_each_delivery_counts_once(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kills, parcels = (60, PARCELS) if request.config.getoption("--long") else (5, PARCELS // 15)
    chance = random.Random(20261129)
    numbers = [f"DEMO{number:09}" for number in range(parcels)]
    async with Gateway(tmp_path) as gateway, aiohttp.ClientSession() as session:
        await gateway.open_account(session)
        tasks = [asyncio.create_task(deliver(gateway, session, numbers[one::PUSHERS])) for one in range(PUSHERS)]
        seen: set[int] = set()
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.5, 4))
            await gateway.kill()
            seen.add(counted(tmp_path))
            await gateway.start()
        await asyncio.gather(*tasks)
        for _ in range(1_000):
            told = await gateway.call(session, "GET", "/v1/insights/transit-times")
            if told["total"]["measured"] == parcels:
                break
            await asyncio.sleep(0.05)
        assert await gateway.stop() == 0
    assert (told["total"]["arrived"], told["total"]["measured"]) == (parcels, parcels)
    assert told["total"]["transit_hours"]["p50"] == pytest.approx(HOURS, rel=0.1)
    assert counted(tmp_path) == parcels
    with sqlite3.connect(tmp_path / "gateway.db") as conn:
        weights = conn.execute("select weights from norm").fetchall()
        left = conn.execute("select count(*) from insight_due").fetchone()[0]
    # The same parcels teach the service (none is named) and the carrier, each once.
    assert [sum(json.loads(one)["silence"].values()) for (one,) in weights] == [parcels, parcels]
    assert left == 0
    assert len(seen) > 1
    with capsys.disabled():
        print(f"\n{kills} kills while counting: {parcels} deliveries, each counted once (seen between: {sorted(seen)})")


def counted(folder: Path) -> int:
    """Return how many deliveries the figures hold."""
    with sqlite3.connect(folder / "gateway.db") as conn:
        found = conn.execute("select coalesce(sum(count), 0) from tally where measure = 'end'").fetchone()
    return int(found[0])

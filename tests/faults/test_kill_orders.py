"""Killed while files are taken in and shops push: every line is taken once, every accepted push is an order."""

from __future__ import annotations

import asyncio
import base64
import hmac
import random
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from faults.process import Gateway

if TYPE_CHECKING:
    from pathlib import Path

LINES = 4_000
BAD = range(0, LINES, 400)
SECRET = b"a secret of the fault shop"


def file_of_orders() -> bytes:
    """Return a file with some lines that nobody can take."""
    wishes: list[dict[str, Any]] = [{"order_number": f"A-{number}"} for number in range(LINES)]
    for number in BAD:
        wishes[number]["placed_at"] = "yesterday"
    return b"\n".join(orjson.dumps(wish) for wish in wishes)


async def push(session: aiohttp.ClientSession, url: str, number: int) -> bool:
    """Push one order of Shopify's; return whether it was accepted."""
    at = "2026-11-20T08:00:00+00:00"
    body = orjson.dumps(
        {"id": number, "name": f"#{number}", "created_at": at, "updated_at": at, "line_items": [], "cancelled_at": None}
    )
    signature = base64.b64encode(hmac.digest(SECRET, body, "sha256")).decode()
    headers = {"X-Shopify-Topic": "orders/create", "X-Shopify-Hmac-Sha256": signature}
    with suppress(aiohttp.ClientError, OSError, TimeoutError):
        async with session.post(url, data=body, headers=headers, timeout=aiohttp.ClientTimeout(5)) as answer:
            return answer.status == 200
    return False


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_killed_while_taking_in_nothing_is_lost_and_nothing_made_twice(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = 60 if request.config.getoption("--long") else 8
    chance = random.Random(20261129)
    async with Gateway(tmp_path) as gateway, aiohttp.ClientSession() as session:
        shop = await gateway.call(
            session, "POST", "/v1/shops", {"shop": "shopify", "secrets": {"signing_secret": SECRET.decode()}}
        )
        path = f"{gateway.url}/shops/shopify/push/{shop['id']}"
        headers = {"Authorization": f"Bearer {gateway.key}", "Content-Type": "application/x-ndjson"}
        async with session.post(f"{gateway.url}/v1/orders/import", data=file_of_orders(), headers=headers) as answer:
            import_id = (await answer.json())["id"]
        accepted: set[int] = set()
        running = True

        async def pushing() -> None:
            number = 0
            while running:
                number += 1
                if await push(session, path, number):
                    accepted.add(number)
                else:
                    await asyncio.sleep(0.02)

        task = asyncio.create_task(pushing())
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.5))
            await gateway.kill()
            await gateway.start()
        for _ in range(3_000):
            done = await gateway.call(session, "GET", f"/v1/imports/{import_id}")
            if done["state"] == "finished":
                break
            await asyncio.sleep(0.05)
        running = False
        await task
        await asyncio.sleep(3)  # what was pushed last is read
        assert await gateway.stop() == 0
    assert (done["total"], done["done"], done["refused"]) == (LINES, LINES, len(BAD))
    assert (done["created"], done["known"]) == (LINES - len(BAD), 0)
    with sqlite3.connect(tmp_path / "gateway.db") as conn:
        numbers = {number for (number,) in conn.execute("select order_number from merchant_order")}
        lines = conn.execute("select count(*), count(distinct line) from import_line").fetchone()
        told = conn.execute("select count(*), count(distinct shipment_id) from message where type = 'order.ordered'")
        messages = told.fetchone()
        waiting = conn.execute("select count(*) from shop_push where state <> 'read'").fetchone()[0]
    assert lines == (LINES, LINES)
    assert {f"#{number}" for number in accepted} <= numbers
    assert len({number for number in numbers if number.startswith("A-")}) == LINES - len(BAD)
    assert messages == (len(numbers), len(numbers))
    assert waiting == 0
    with capsys.disabled():
        print(f"\n{kills} kills: {LINES} lines and {len(accepted)} pushes, none lost, none twice")

"""Three endpoints, one answering 500, one hanging, one healthy: nobody pays for a neighbour."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import Gateway
from faults.receiver import receiving
from standardwebhooks import Webhook

if TYPE_CHECKING:
    from pathlib import Path

    from faults.receiver import Got

PARCELS = 60


def parcel_of(got: Got) -> str:
    return got.json["data"]["shipment"]["tracking_number"]


@pytest.mark.timeout(120)
async def test_a_healthy_endpoint_gets_each_message_once_and_on_time_beside_a_failing_and_a_hanging_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Gateway(tmp_path) as gateway, receiving() as receiver, aiohttp.ClientSession() as session:
        await gateway.open_account(session)
        receiver.otherwise["/failing"] = 500
        receiver.otherwise["/hanging"] = "hang"
        endpoints = {}
        for path in ("/healthy", "/failing", "/hanging"):
            wish = {"url": receiver.url(path), "event_types": ["shipment.in_transit"], "timeout_ms": 2000}
            endpoints[path] = await gateway.call(session, "POST", "/v1/endpoints", wish)
        arrived: dict[str, float] = {}
        receiver.otherwise["/healthy"] = lambda got: arrived.setdefault(parcel_of(got), time.monotonic()) and 200
        pushed: dict[str, float] = {}
        for number in range(PARCELS):
            pushed[f"DEMO{number:09}"] = time.monotonic()
            assert await gateway.push(session, f"DEMO{number:09}", 0)
            await asyncio.sleep(0.02)
        healthy = await receiver.count(PARCELS, "/healthy")
        await receiver.until(lambda: len(receiver.on("/failing")) >= 6, 30)
        await asyncio.sleep(0.5)

        assert len(receiver.on("/healthy")) == PARCELS
        assert len({got.id for got in healthy}) == PARCELS
        for got in healthy:
            Webhook(endpoints["/healthy"]["secret"]).verify(got.body, got.headers)
        slowest = max(arrived[parcel] - at for parcel, at in pushed.items())
        assert slowest < 5

        async def attempts(path: str) -> list[dict]:
            listed = await gateway.call(session, "GET", f"/v1/endpoints/{endpoints[path]['id']}/attempts")
            return listed["data"]

        failing = await attempts("/failing")
        assert {one["status"] for one in failing} == {500}
        deadline = time.monotonic() + 20
        while not (hanging := await attempts("/hanging")):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.2)
        assert {(one["status"], one["outcome"]) for one in hanging} == {(None, "timeout")}
        assert {one["outcome"] for one in await attempts("/healthy")} == {"delivered"}

        first = failing[-1]
        repeated = [got for got in receiver.on("/failing") if got.id == first["message_id"]]
        await receiver.until(
            lambda: len([got for got in receiver.on("/failing") if got.id == first["message_id"]]) >= 2, 30
        )
        assert len({got.body for got in repeated}) == 1
        with capsys.disabled():
            print(
                f"\nhealthy: {len(healthy)} messages, each once, slowest {slowest * 1000:.0f} ms after its push began; "
                f"failing: {len(failing)} attempts seen; hanging: {len(hanging)} deadlines seen"
            )
        assert await gateway.stop() == 0

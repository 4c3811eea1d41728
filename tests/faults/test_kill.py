"""Killed at random moments under load: nothing accepted is lost, repeats carry the same id, order holds."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import Gateway
from faults.receiver import receiving
from standardwebhooks import Webhook

from webhooks.flusher import MOST_UNWRITTEN

if TYPE_CHECKING:
    from pathlib import Path

    from faults.receiver import Got

PARCELS = 40
PUSHERS = 16
CONCURRENCY = 16
"""Requests an endpoint gets at once by default."""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_under_load_nothing_accepted_is_lost_and_order_per_shipment_holds(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = 100 if request.config.getoption("--long") else 20
    chance = random.Random(20261123)
    accepted: set[tuple[str, int]] = set()
    tried = 0
    upcoming = iter(range(10**9))

    async with Gateway(tmp_path) as gateway, receiving() as receiver, aiohttp.ClientSession() as session:
        await gateway.open_account(session)
        wish = {"url": receiver.url(), "event_types": ["*"], "ordering": "strict"}
        secret = (await gateway.call(session, "POST", "/v1/endpoints", wish))["secret"]
        running = True

        async def pusher() -> None:
            nonlocal tried
            while running:
                number = next(upcoming)
                parcel, scan = f"DEMO{number % PARCELS:09}", number // PARCELS
                tried += 1
                if await gateway.push(session, parcel, scan):
                    accepted.add((parcel, scan))
                else:
                    await asyncio.sleep(0.02)

        pushers = [asyncio.create_task(pusher()) for _ in range(PUSHERS)]
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            await gateway.kill()
            await gateway.start()
        await asyncio.sleep(0.3)
        running = False
        await asyncio.gather(*pushers)

        def told() -> set[tuple[str, int]]:
            return {event_of(got) for got in receiver.got if got.json["type"] == "shipment.event"}

        for _ in range(600):
            if accepted <= told():
                break
            await asyncio.sleep(0.1)
        assert accepted - told() == set()
        assert await gateway.stop() == 0

        bodies: dict[str, bytes] = {}
        repeats = 0
        verifier = Webhook(secret)
        for got in receiver.got:
            verifier.verify(got.body, got.headers)
            repeats += got.id in bodies
            assert bodies.setdefault(got.id, got.body) == got.body
        assert_in_order(receiver.got)
        share = repeats / len(receiver.got)
        with capsys.disabled():
            print(
                f"\nkilled {kills} times: {len(accepted)} of {tried} pushes accepted, 0 lost; {len(receiver.got)} "
                f"webhooks received and verified, {repeats} repeats ({repeats / kills:.0f} a kill, {share:.2%}), "
                f"all with the same id and bytes; order kept for {PARCELS} shipments"
            )
        # A kill repeats what was in flight or not yet written down, and no more than that.
        assert repeats <= kills * (MOST_UNWRITTEN + CONCURRENCY)


def event_of(got: Got) -> tuple[str, int]:
    event = got.json["data"]["event"]
    return event["tracking_number"], int(event["text"].removeprefix("Scan "))


def assert_in_order(received: list[Got]) -> None:
    """Each shipment's messages came first in the order of the log; only repeats may look back."""
    last: dict[str, int] = defaultdict(int)
    seen: set[str] = set()
    for got in received:
        if got.id in seen:
            continue
        seen.add(got.id)
        body = got.json
        shipment = body["data"]["shipment"]["id"]
        assert body["sequence"] > last[shipment], f"{shipment}: {body['sequence']} after {last[shipment]}"
        last[shipment] = body["sequence"]

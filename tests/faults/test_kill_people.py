"""Killed at random moments while people are written to: everybody hears, and hardly anybody twice."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import SECRET, Gateway

from gateway.demo.providers.sms import SmsProvider
from gateway.people.postroom import AT_ONCE

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

PACE = 0.004
"""Seconds between two pushes, so that the kills fall among the sending."""
LATENCY = 0.02
"""Seconds the provider takes for a message: what is on its way when the process ends."""


class SlowProvider(SmsProvider):
    """A provider that takes its time."""

    async def _take(self, request: web.Request) -> web.Response:
        await asyncio.sleep(LATENCY)
        return await super()._take(request)


async def push(gateway: Gateway, session: aiohttp.ClientSession, number: str) -> None:
    """Tell that a parcel goes out now, until it is accepted."""
    said = {"id": f"{number}-out", "at": datetime.now(UTC).isoformat(timespec="seconds"), "code": "OUT", "text": "Out"}
    body = json.dumps({"parcels": [{"number": number, "scans": [said]}]}).encode()
    while True:
        stamp = str(int(time.time()))
        signature = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"Demo-Signature": f"t={stamp},v1={signature}", "Content-Type": "application/json"}
        try:
            path = f"{gateway.url}/carriers/demo/push/{gateway.account_id}"
            async with session.post(path, data=body, headers=headers) as answer:
                if answer.status < 300:
                    return
        except (aiohttp.ClientError, OSError):
            pass
        await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_while_people_are_written_to_nobody_is_forgotten_and_hardly_anybody_told_twice(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    kills = 100 if request.config.getoption("--long") else 5
    people = kills * 40
    chance = random.Random(20261129)
    async with Gateway(tmp_path) as gateway, SlowProvider() as provider, aiohttp.ClientSession() as session:
        await gateway.open_account(session)
        account = {"account_sid": provider.account_sid, "from": "+15005550006", "base_url": provider.address}
        channel = {"channel": "sms", "settings": account, "secrets": {"auth_token": provider.token}}
        await gateway.call(session, "POST", "/v1/channels", channel)
        phones = {}
        for index in range(people):
            number = f"DEMO{index:09}"
            made = await gateway.call(session, "POST", "/v1/shipments", {"tracking_number": number, "carrier": "demo"})
            phones[number] = f"+4915112{index:06}"
            wish = {"channel": "sms", "address": phones[number], "consent": {"how": "test"}, "quiet_hours": None}
            await gateway.call(session, "POST", f"/v1/shipments/{made['id']}/subscriptions", wish)

        async def day() -> None:
            for number in phones:
                await push(gateway, session, number)
                await asyncio.sleep(PACE)

        pushing = asyncio.create_task(day())
        killed = 0
        while not pushing.done():
            await asyncio.sleep(chance.uniform(0.1, 0.5))
            if killed < kills:
                await gateway.kill()
                await gateway.start()
                killed += 1
        await pushing
        told: Counter[str] = Counter()
        for _ in range(600):
            told = Counter(text.to for text in provider.texted)
            if len(told) == people:
                break
            await asyncio.sleep(0.1)
        forgotten = [phone for phone in phones.values() if phone not in told]
        repeats = len(provider.texted) - len(told)
        with capsys.disabled():
            print(
                f"\nkilled {killed} times while {people} people were written to: {len(forgotten)} forgotten, "
                f"{repeats} told twice ({repeats / people:.2%}), {max(told.values()) - 1} repeats at most each"
            )
        assert forgotten == []
        assert max(told.values()) <= 2
        assert repeats <= killed * AT_ONCE
        assert await gateway.stop() == 0

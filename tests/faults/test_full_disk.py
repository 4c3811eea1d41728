"""The disk runs full under load: nothing accepted is lost, all hear why, and it goes on once there is room again."""

from __future__ import annotations

import asyncio
import json
import resource
import sqlite3
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import Gateway
from faults.receiver import receiving
from faults.test_kill import Load, assert_in_order, repeated, texted, told

from gateway.demo.providers.sms import SmsProvider

if TYPE_CHECKING:
    from pathlib import Path


def allow(gateway: Gateway, size: int) -> None:
    """Let no file of the gateway grow beyond a size in bytes: the system refuses more as if the disk were full."""
    assert gateway.process is not None
    resource.prlimit(gateway.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def longest_file(folder: Path) -> int:
    return max(file.stat().st_size for file in folder.glob("gateway.db*"))


def states_of_notices(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / "gateway.db")) as conn:
        return {state for (state,) in conn.execute("select distinct state from notice")}


async def register(gateway: Gateway, session: aiohttp.ClientSession) -> tuple[int, str | None]:
    """Register a parcel as a merchant; return the answer's status and when to come again."""
    wish = {"tracking_number": "DEMO999999999", "carrier": "demo"}
    headers = {"Authorization": f"Bearer {gateway.key}"}
    async with session.post(f"{gateway.url}/v1/shipments", json=wish, headers=headers) as answer:
        return answer.status, answer.headers.get("Retry-After")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the limits of a running process are set the Linux way")
async def test_a_full_disk_costs_nothing_that_was_accepted_and_is_said(
    tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds = 30 if request.config.getoption("--long") else 3
    phones = {f"DEMO{number:09}": f"+49151{number:08}" for number in range(10**7, 10**7 + rounds * 40)}
    async with (
        SmsProvider() as provider, Gateway(tmp_path) as gateway, receiving() as receiver,
        aiohttp.ClientSession() as session,
    ):  # fmt: skip
        await gateway.open_account(session)
        await gateway.open_channel(session, provider)
        for parcel, phone in phones.items():
            await gateway.expect(session, parcel, phone)
        wish = {"url": receiver.url(), "event_types": ["*"], "ordering": "strict"}
        await gateway.call(session, "POST", "/v1/endpoints", wish)
        load = Load(gateway, session, phones, 0.02)
        tasks = load.start()
        for _ in range(rounds):
            await asyncio.sleep(0.7)
            assert await gateway.readiness(session) == (200, [])
            allow(gateway, longest_file(tmp_path) // 2)
            for _ in range(200):
                status, reasons = await gateway.readiness(session)
                if status == 503:
                    break
                await asyncio.sleep(0.05)
            assert (status, reasons) == (503, ["the database takes no work: the disk answers with an error"])
            assert await register(gateway, session) == (503, "5")
            await asyncio.sleep(0.3)
            allow(gateway, resource.RLIM_INFINITY)
            refused = len(load.accepted)
            for _ in range(200):
                if len(load.accepted) > refused + 50:
                    break
                await asyncio.sleep(0.05)
            assert len(load.accepted) > refused + 50
        load.running = False
        await asyncio.gather(*tasks)
        for _ in range(600):
            if load.accepted <= told(receiver) and {phones[parcel] for parcel in load.out} <= texted(provider):
                break
            await asyncio.sleep(0.1)
        assert load.accepted - told(receiver) == set()
        assert {phones[parcel] for parcel in load.out} == texted(provider)
        assert len(provider.texted) == len(texted(provider))
        assert states_of_notices(tmp_path) <= {"sent", "delivered"}
        repeats = repeated(receiver.got)
        assert_in_order(receiver.got)
        assert gateway.lives == 1
        assert await gateway.stop() == 0
        complaints = [json.loads(line) for line in (tmp_path / "errors.log").read_text().splitlines()]
        with capsys.disabled():
            print(
                f"\nfull {rounds} times: {len(load.accepted)} of {load.tried} pushes accepted, 0 lost; "
                f"{len(receiver.got)} webhooks, {repeats} repeats with the same id and bytes; order kept; "
                f"{len(provider.texted)} people told by SMS, none twice"
            )
        assert {complaint["event"] for complaint in complaints} <= {"webhook_results_wait"}

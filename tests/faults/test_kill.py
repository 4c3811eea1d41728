"""Killed at random moments under load: nothing accepted is lost, repeats carry the same id, order holds."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from faults.process import Gateway
from faults.receiver import receiving
from standardwebhooks import Webhook

from gateway.demo.providers.sms import SmsProvider
from gateway.people.postroom import AT_ONCE
from webhooks.endpoints import CONCURRENCY
from webhooks.flusher import MOST_UNWRITTEN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from faults.receiver import Got, Receiver

PARCELS = 40
"""On their way at a time."""
SCANS = 25
"""Of one parcel, as many as a long way has; then come the next parcels."""
PUSHERS = 16
HALF_A_PERCENT = 0.005
"""What may be sent twice, of all that is sent, in lives of some seconds under full load."""


@dataclass(frozen=True)
class Plan:
    """How often it is killed, after how many seconds, and how much people hear meanwhile."""

    kills: int
    lives: tuple[float, float]
    people_each_life: int
    people_every: float


SHORT = Plan(kills=12, lives=(0.05, 0.6), people_each_life=8, people_every=0.02)
FEW = replace(SHORT, kills=4)
LONG = Plan(kills=100, lives=(0.05, 16.0), people_each_life=25, people_every=0.2)


def plan_for(database: str, *, long: bool) -> Plan:
    if long:
        return LONG
    return SHORT if database.startswith("sqlite") else FEW


@dataclass
class Load:
    """Who pushes what, and what was accepted."""

    gateway: Gateway
    session: aiohttp.ClientSession
    phones: dict[str, str]
    people_every: float
    tried: int = 0
    accepted: set[tuple[str, int]] = field(default_factory=set)
    out: set[str] = field(default_factory=set)
    running: bool = True

    def start(self) -> list[asyncio.Task[None]]:
        upcoming = itertools.count()
        tasks = [asyncio.create_task(self._push(upcoming)) for _ in range(PUSHERS)]
        return [*tasks, asyncio.create_task(self._tell_people())]

    async def _push(self, upcoming: Iterator[int]) -> None:
        while self.running:
            number = next(upcoming)
            round_, which = divmod(number, PARCELS)
            parcel, scan = f"DEMO{round_ // SCANS * PARCELS + which:09}", round_ % SCANS
            self.tried += 1
            if await self.gateway.push(self.session, parcel, scan):
                self.accepted.add((parcel, scan))
            else:
                await asyncio.sleep(0.05)

    async def _tell_people(self) -> None:
        for parcel in self.phones:
            while self.running:
                accepted = await self.gateway.push_news(self.session, parcel)
                await asyncio.sleep(self.people_every if accepted else 0.02)
                if accepted:
                    self.out.add(parcel)
                    break


@pytest.mark.slow
@pytest.mark.both_databases
@pytest.mark.timeout(1_800)
async def test_killed_under_load_nothing_accepted_is_lost_and_order_per_shipment_holds(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_for(database, long=request.config.getoption("--long"))
    kills = plan.kills
    chance = random.Random(20261123)
    people = range(10**7, 10**7 + kills * plan.people_each_life)
    phones = {f"DEMO{number:09}": f"+49151{number:08}" for number in people}
    async with (
        SmsProvider() as provider, Gateway(tmp_path, database) as gateway, receiving() as receiver,
        aiohttp.ClientSession() as session,
    ):  # fmt: skip
        await gateway.open_account(session)
        await gateway.open_channel(session, provider)
        for parcel, phone in phones.items():
            await gateway.expect(session, parcel, phone)
        wish = {"url": receiver.url(), "event_types": ["*"], "ordering": "strict"}
        secret = (await gateway.call(session, "POST", "/v1/endpoints", wish))["secret"]
        load = Load(gateway, session, phones, plan.people_every)
        tasks = load.start()
        verified = 0
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(*plan.lives))
            await gateway.kill()
            verify(secret, receiver.got[verified:])  # while nothing comes: a slow receiver would measure itself
            verified = len(receiver.got)
            await gateway.start()
        await asyncio.sleep(0.3)
        load.running = False
        await asyncio.gather(*tasks)

        due = {phones[parcel] for parcel in load.out}
        for _ in range(600):
            if load.accepted <= told(receiver) and due <= texted(provider):
                break
            await asyncio.sleep(0.1)
        assert load.accepted - told(receiver) == set()
        silent = {parcel for parcel in load.out if phones[parcel] not in texted(provider)}
        reasons = [await why_silent(gateway, session, parcel) for parcel in silent]
        assert await gateway.stop() == 0

        verify(secret, receiver.got[verified:])
        repeats = repeated(receiver.got)
        assert_in_order(receiver.got)
        texts: dict[str, set[str]] = defaultdict(set)
        for text in provider.texted:
            texts[text.to].add(text.body)
        again = len(provider.texted) - len(texts)
        enough = int(max(repeats, 1) / kills / HALF_A_PERCENT)
        share, texts_share = repeats / len(receiver.got), again / len(provider.texted)
        with capsys.disabled():
            print(
                f"\nkilled {kills} times: {len(load.accepted)} of {load.tried} pushes accepted, 0 lost; "
                f"{len(receiver.got)} webhooks received and verified, {repeats} repeats ({repeats / kills:.1f} a kill, "
                f"{share:.2%}; half a percent where a life brings {enough}), "
                f"all with the same id and bytes; "
                f"order kept for {len({parcel for parcel, _ in told(receiver)})} shipments\n"
                f"{len(load.out)} people due an SMS, {len(texts)} got it, {again} twice ({texts_share:.2%}), each the "
                f"same text; given up and said so: {len(silent)}"
            )
        assert all(len(bodies) == 1 for bodies in texts.values())
        assert reasons == ["it is unclear whether it went: the process ended twice"] * len(silent)
        assert 2 * len(silent) <= kills * AT_ONCE  # each was on its way at two kills
        # A kill repeats what was in flight or not yet written down, and no more than that.
        assert repeats <= kills * (MOST_UNWRITTEN + CONCURRENCY)
        assert again <= kills * AT_ONCE
        if plan is LONG:  # lives of seconds, which bring enough to tell a share
            assert max(share, texts_share) <= HALF_A_PERCENT
            assert len(silent) <= 1 + len(load.out) * HALF_A_PERCENT


def told(receiver: Receiver) -> set[tuple[str, int]]:
    """Return the scans a merchant was told of."""
    return {event_of(got) for got in receiver.got if is_scan(got)}


def texted(provider: SmsProvider) -> set[str]:
    """Return the numbers that got an SMS."""
    return {text.to for text in provider.texted}


def verify(secret: str, received: list[Got]) -> None:
    """Check every request as the official library does: signature, and sent within the last minutes."""
    verifier = Webhook(secret)
    for got in received:
        verifier.verify(got.body, got.headers)


async def why_silent(gateway: Gateway, session: aiohttp.ClientSession, parcel: str) -> str:
    """Return what is said of a notice that never went."""
    found = await gateway.call(session, "GET", f"/v1/shipments?tracking_number={parcel}")
    told = await gateway.call(session, "GET", f"/v1/messages?shipment_id={found['data'][0]['id']}")
    shown = [await gateway.call(session, "GET", f"/v1/messages/{one['id']}") for one in told["data"]]
    (notice,) = [notice for one in shown for notice in one["notices"] if notice["state"] == "undelivered"]
    reason: str = notice["reason"]
    return reason


def repeated(received: list[Got]) -> int:
    """Return how many requests repeat another one, which they do with the same id and bytes."""
    bodies: dict[str, bytes] = {}
    repeats = 0
    for got in received:
        repeats += got.id in bodies
        assert bodies.setdefault(got.id, got.body) == got.body
    return repeats


def is_scan(got: Got) -> bool:
    return got.json["type"] == "shipment.event" and got.json["data"]["event"]["text"].startswith("Scan ")


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

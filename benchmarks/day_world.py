"""The simulated carriers: real carriers' limits over the demo carrier's JSON, parcels that live, and a bad network."""

from __future__ import annotations

import asyncio
import bisect
import math
import random
import shutil
import sys
from array import array
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import orjson

import connectors
from connectors.base import Polls

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from day_clock import Clock

    from connectors.facts import Api

HOUR = 3600.0
KEY = "key-of-the-simulated-day"
NEWS_END = 18 * HOUR
"""No news after this hour, so that the slowest pace of those still under way has found all by midnight."""
DOWN = (9 * HOUR, 11 * HOUR)
BROKEN = (12 * HOUR, 13 * HOUR)
ASKS_A_PARCEL = 25
"""Twice what a parcel below is asked for in a day on average: about 13 times, the usual pace of its states."""
_BEAT = 0.25
"""Seconds: answers come at multiples of it, so that those of one moment share a commit, as under load in real time."""
STATUS = {
    "LABEL": "info_received",
    "PICKED_UP": "in_transit",
    "SORTED": "in_transit",
    "DEPARTED": "in_transit",
    "ARRIVED": "in_transit",
    "DEPOT": "in_transit",
    "OUT": "out_for_delivery",
    "DELIVERED": "delivered",
}


@dataclass(slots=True, eq=False)
class Parcel:
    """A parcel and its script. Times in seconds since the day's start."""

    number: str
    registered: float
    due: float
    """When it is asked for first."""
    known: float
    """Before, the carrier does not know the number."""
    poisoned: str = ""
    """`odd`: its part of an answer is unreadable; `refused`: the carrier refuses a whole question that names it."""
    visible: list[float] = field(default_factory=list)
    scans: list[tuple[int, str, bytes]] = field(default_factory=list)
    """(epoch milliseconds, code, JSON)."""
    shown: int = 0
    """How many of its scans a complete answer held."""
    asked: array[float] = field(default_factory=lambda: array("d"))


@dataclass(slots=True)
class Carrier:
    """A simulated carrier and what it saw."""

    code: str
    api: Api
    trouble: str = ""
    """`down` or `broken` for some hours."""
    parcels: dict[str, Parcel] = field(default_factory=dict)
    calls: array[float] = field(default_factory=lambda: array("d"))
    numbers: int = 0
    largest: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)

    @property
    def suffices(self) -> bool:
        """Whether its allowance leaves room even if each parcel were asked for alone: four times the average need."""
        allowed = min(self.api.per_day or float("inf"), (self.api.per_second or float("inf")) * 24 * HOUR)
        return allowed >= 2 * ASKS_A_PARCEL * len(self.parcels)

    @property
    def outage(self) -> tuple[float, float]:
        """From when until when it does not answer as it should."""
        return {"down": DOWN, "broken": BROKEN}.get(self.trouble, (0.0, 0.0))


class World(httpx.AsyncBaseTransport):
    """The network with all carriers in it."""

    def __init__(self, carriers: Sequence[Carrier], clock: Clock, seed: int) -> None:
        self.carriers = {f"{one.code}.invalid": one for one in carriers}
        self.asked_twice_at_once = 0
        self._clock = clock
        self._random = random.Random(seed)
        self._under_way: set[Parcel] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer as the carrier of that host."""
        by = self.carriers[request.url.host]
        numbers = request.url.params["numbers"].split(",")
        by.calls.append(self._clock.now)
        by.numbers += len(numbers)
        by.largest = max(by.largest, len(numbers))
        parcels = [by.parcels[number] for number in numbers]
        self.asked_twice_at_once += len(self._under_way.intersection(parcels))
        self._under_way.update(parcels)
        for one in parcels:
            one.asked.append(self._clock.now)
        try:
            outcome, response = await self._answer(by, parcels, request.headers["demo-key"])
        finally:
            self._under_way.difference_update(parcels)
        by.outcomes[outcome] += 1
        return response

    async def _answer(self, by: Carrier, parcels: list[Parcel], key: str) -> tuple[str, httpx.Response]:
        now, luck = self._clock.now, self._random.random()
        if by.trouble == "down" and DOWN[0] <= now < DOWN[1]:
            by.outcomes["no connection"] += 1
            raise httpx.ConnectError("down")
        if luck < 0.005:
            by.outcomes["no answer in time"] += 1
            await asyncio.sleep(24 * HOUR)
        until = math.ceil((now + self._random.uniform(0.1, 0.6)) / _BEAT) * _BEAT
        await asyncio.sleep(until - now)
        if by.trouble == "broken" and BROKEN[0] <= now < BROKEN[1]:
            return "500 HTML", httpx.Response(500, html="<html><h1>Oops</h1></html>")
        if luck < 0.015:
            return "503", httpx.Response(503)
        if luck < 0.020:
            return "429", httpx.Response(429, headers={"Retry-After": str(self._random.randrange(10, 90))})
        if key != KEY:
            return "401", httpx.Response(401)
        if any(one.poisoned == "refused" for one in parcels):
            return "400", httpx.Response(400)
        return "200", httpx.Response(200, content=self._told(parcels), headers={"Content-Type": "application/json"})

    def _told(self, parcels: list[Parcel]) -> bytes:
        now = self._clock.now
        known: list[bytes] = []
        unknown: list[str] = []
        for one in parcels:
            if now < one.known:
                unknown.append(one.number)
            elif one.poisoned:
                known.append(b'{"number":"%b","scans":"none"}' % one.number.encode())
            else:
                count = bisect.bisect_right(one.visible, now)
                one.shown = max(one.shown, count)
                scans = b",".join([scan for _, _, scan in one.scans[:count]])
                known.append(b'{"number":"%b","scans":[%b]}' % (one.number.encode(), scans))
        return b'{"parcels":[%b],"unknown":%b}' % (b",".join(known), orjson.dumps(unknown))


def carriers_like_real_ones(count: int) -> list[Carrier]:
    """Return carriers with real ones' limits, those with rates first; the last two have a bad day."""
    real = [one for one in connectors.connectors().values() if isinstance(one, Polls) and one.facts.kind != "simulator"]
    real.sort(key=lambda one: (one.facts.api.per_second is None and one.facts.api.per_day is None, one.code))
    if not 4 <= count <= len(real):
        raise ValueError(f"between 4 and {len(real)} carriers can be simulated")
    chosen = [Carrier(f"sim-{one.code}", one.facts.api) for one in real[:count]]
    chosen[-1].trouble, chosen[-2].trouble = "down", "broken"
    return chosen


@contextmanager
def registered(carriers: Sequence[Carrier], folder: Path) -> Iterator[None]:
    """Let the real loader find these carriers, a folder each, instead of the real ones while the block lasts."""
    home_of_all = connectors.HERE
    names = [one.code.replace("-", "_") for one in carriers]
    for one, name in zip(carriers, names, strict=True):
        home = folder / name
        home.mkdir()
        (home / "__init__.py").write_text('"""A simulated carrier."""\n\nfrom connectors.demo import Carrier\n')
        (home / "carrier.toml").write_text(_facts(one))
        shutil.copy(home_of_all / "demo" / "codes.csv", home)
    connectors.HERE = folder
    connectors.__path__.append(str(folder))
    _forget()
    try:
        yield
    finally:
        connectors.HERE = home_of_all
        connectors.__path__.remove(str(folder))
        _forget()
        for name in names:
            sys.modules.pop(f"connectors.{name}", None)


def _forget() -> None:
    connectors.carrier_codes.cache_clear()
    connectors.connector.cache_clear()


def _facts(one: Carrier) -> str:
    limits = {"per_second": one.api.per_second, "per_day": one.api.per_day}
    lines = [f'code = "{one.code}"', f'name = "{one.code}"', 'website = "https://simulated.invalid"']
    lines += ['kind = "simulator"', "[api]", f'production = "https://{one.code}.invalid"']
    lines += [f"batch = {one.api.batch}", f"timeout = {one.api.timeout}"]
    lines += [f"{name} = {value}" for name, value in limits.items() if value is not None]
    lines += ["[clock]", 'kind = "offset"', "[secrets.api_key]", 'title = "API key"']
    return "\n".join(lines) + "\n"


def populate(carriers: Sequence[Carrier], shipments: int, start: float, seed: int) -> None:
    """Give the carriers their parcels, evenly, each with a life of its own."""
    chance = random.Random(seed)
    for index in range(shipments):
        by = carriers[index % len(carriers)]
        parcel = _parcel(f"SIM{index:09}", start, chance)
        if index // len(carriers) in (7, 19) and not by.trouble:
            parcel.poisoned = "odd" if index % 2 else "refused"
        by.parcels[parcel.number] = parcel


def _parcel(number: str, start: float, chance: random.Random) -> Parcel:
    kind, between = chance.random(), chance.uniform
    registered, due, known = -between(20, 40) * HOUR, between(0, 2) * HOUR, -48 * HOUR
    life: list[tuple[str, float]] = [("LABEL", -between(30, 40)), ("PICKED_UP", -between(20, 29))]
    if kind < 0.35:  # delivered today
        out = between(6, 11)
        life += [("SORTED", -between(5, 18)), ("ARRIVED", between(0, 4)), ("DEPOT", between(4, 5.5))]
        life += [("OUT", out), ("DELIVERED", out + between(1, 6))]
    elif kind < 0.70:  # under way all day
        life += [("SORTED", between(0, 6)), ("DEPARTED", between(6, 11)), ("ARRIVED", between(11, 17))]
    elif kind < 0.95:  # new, and half of them unknown to their carrier for some hours
        registered = due = between(0, 10) * HOUR
        known = registered + (between(0, 4) * HOUR if chance.random() < 0.5 else 0.0)
        label = known / HOUR
        picked_up = label + between(0.3, 1.5)
        life = [("LABEL", label), ("PICKED_UP", picked_up), ("SORTED", picked_up + between(0.3, 1.5))]
    else:  # over before the day began
        life += [("OUT", -between(12, 18)), ("DELIVERED", -between(5, 11))]
    parcel = Parcel(number, registered, due, known)
    last = float("-inf")
    for index, (code, hour) in enumerate(life):
        second = int(hour * HOUR)
        last = max(last, second + between(0, 900))  # carriers tell of a scan some minutes later
        at = datetime.fromtimestamp(start + second, UTC)
        parcel.visible.append(min(last, NEWS_END))
        scan = {"id": f"s{index}", "at": at.isoformat(), "code": code, "text": code.capitalize()}
        parcel.scans.append((int(start + second) * 1000, code, orjson.dumps(scan)))
    return parcel

"""A courier of the demo: drives through the town, knows the courier's page alone, and answers what is written there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.demo import town
from gateway.demo.pictures import doorstep, signature

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.demo.screens import CourierScreen, Stop

COURIER, VEHICLE = "Marta", "white van"
ASKED, ANSWER = "The bell is broken, please knock.", "I will knock, and I am nearly there."
_TO_ANYTHING_ELSE = "Thank you, I have read it."
_PACE = 9.0
"""Metres per second through town."""
_FASTEST = 60.0
"""Metres per second in a story of a few seconds: what the gateway still believes of a courier."""
_SHORT_WAY = 900.0
_EVERY = 0.5
"""Seconds between two positions, and two looks at the page."""
_STAY, _SHORT_STAY = 6.0, 2.0
"""Seconds at a door where somebody is to open."""
_DRAWN = {"photo": doorstep, "signature": signature}
_FROM = {
    "loaded": frozenset({"open"}),
    "on_the_way": frozenset({"open", "loaded"}),
    "arrived": frozenset({"open", "loaded", "on_the_way"}),
}
"""In which states of a stop there is something left to be done by an act."""


@dataclass(frozen=True, slots=True)
class Way:
    """The last so many metres of the way through the town, how fast, and how long at the door."""

    metres: float
    pace: float
    stay: float

    @classmethod
    def within(cls, seconds: float | None) -> Way:
        """Return a way of so many seconds to the door; without them the whole way, as fast as couriers drive."""
        if seconds is None:
            return cls(town.LENGTH, _PACE, _STAY)
        metres = min(_SHORT_WAY, _FASTEST * seconds)
        return cls(metres, max(_PACE, metres / seconds), _SHORT_STAY)

    @property
    def doors(self) -> list[tuple[str, str, float]]:
        """The other doors on it, as the town tells them."""
        return [door for door in town.DOORS if door[-1] < self.metres]


class Courier:
    """Works off one run. Whoever else has the page open may act first: what is over is passed by."""

    def __init__(self, screen: CourierScreen, way: Way, told: Callable[[str], None]) -> None:
        self._screen = screen
        self._way = way
        self._told = told
        self._left = way.metres
        self._since = 0.0
        self._stops: dict[str, Stop] = {}
        self._answered: set[str] = set()

    async def work(self) -> None:
        """Drive from door to door, until every stop is over. Raises `LinkEnded`."""
        await self._read()
        stops = list(self._stops.values())
        for stop in stops:
            await self._act(stop, "loaded")
        self._since = asyncio.get_running_loop().time()
        for stop, left in zip(stops, [*(left for *_, left in self._way.doors), 0.0], strict=False):
            await self._serve(stop, left)

    async def _serve(self, stop: Stop, left: float) -> None:
        await self._act(stop, "on_the_way")
        while self._left > left and self._open(stop):
            await self._go_on(left)
        if stop.needs:
            await self._act(stop, "arrived")
            await self._stay(stop)
        if not self._open(stop):
            self._told(f"somebody else was faster at the stop of {stop.name}")
            return
        ids = {kind: await self._screen.keep(stop, kind, _DRAWN[kind]()) for kind in _DRAWN if kind in stop.needs}
        signed = ids.get("signature")
        latitude, longitude = self._place
        await self._screen.act(
            stop,
            "delivered",
            to="mailbox" if signed is None else "recipient",
            name="" if signed is None else stop.name,
            photos=[ids["photo"]] if "photo" in ids else [],
            signature=signed,
            place={"latitude": latitude, "longitude": longitude},
        )

    async def _stay(self, stop: Stop) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._way.stay
        while loop.time() < end and self._open(stop):
            await self._go_on(self._left)

    async def _go_on(self, to: float) -> None:
        """Let a moment pass: drive, tell where, read what is written."""
        await asyncio.sleep(_EVERY)
        now, before = asyncio.get_running_loop().time(), self._left
        self._left = max(to, before - (now - self._since) * self._way.pace)
        self._since = now
        await self._screen.share(*self._place, self._way.pace if self._left < before else 0.0)
        await self._read()

    async def _read(self) -> None:
        """Read the page; answer what is new there."""
        self._stops = {stop.id: stop for stop in await self._screen.stops()}
        for stop in self._stops.values():
            for line in stop.lines:
                if not line.mine and line.id not in self._answered:
                    self._answered.add(line.id)
                    words = ANSWER if line.words == ASKED else _TO_ANYTHING_ELSE
                    await self._screen.act(stop, "say", words=words)

    async def _act(self, stop: Stop, act: str) -> None:
        await self._read()
        now = self._stops.get(stop.id)
        if now is not None and now.state in _FROM[act]:
            await self._screen.act(stop, act)

    def _open(self, stop: Stop) -> bool:
        now = self._stops.get(stop.id)
        return now is not None and not now.over

    @property
    def _place(self) -> tuple[float, float]:
        return town.along(town.LENGTH - self._left)

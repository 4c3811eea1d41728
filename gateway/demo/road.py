"""A parcel that is on the road now, in real time: a courier drives it through the town while people watch the page.

It lives beside the story's cast, on a clock of its own, and is told by the same demo carrier's pushes.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from gateway.demo import town
from gateway.demo.lives import Beat, Parcel, Place
from gateway.demo.shop import Ordered
from gateway.demo.wires import WIRES
from gateway.demo.wires.demo import Demo
from normalizer.numbers import Check

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from gateway.demo.carrier_server import CarrierServer
    from gateway.demo.merchant import Told
    from gateway.demo.world import World

PATH = "/demo/town.geojson"
"""Where the streets are served, on the gateway's own address."""
_FIRST_SERIAL = 30_020_001
_PACE = 9.0
"""Metres per second through town."""
_FASTEST = 60.0
"""Metres per second in a story of a few seconds: what the gateway still believes of a courier."""
_SHORT_WAY = 900.0
_EVERY = 0.5
"""Seconds between two positions."""
_AT_THE_DOOR = 4.0
_BETWEEN = 20.0
"""Seconds between a delivery and the next courier's start, where there is no end."""
_BEFORE = 4.0
"""Hours of a parcel's life before its courier's start."""
_OUTSIDE = 1_500.0
"""Metres from which on others come first: the recipient sees the courier only about where it is."""


def _place(at: tuple[float, float], facility: str) -> Place:
    return Place(
        city=town.NAME,
        region="",
        postal_code=town.POSTAL_CODE,
        country=town.COUNTRY,
        latitude=at[0],
        longitude=at[1],
        zone=town.ZONE,
        facility=facility,
    )


_STORE, _DOOR = _place(town.STORE, "Armazém"), _place(town.DOOR, "Rua das Hortas")


@dataclass(slots=True)
class Drive:
    """One courier's way to one door."""

    number: str
    metres: float
    pace: float
    began: float

    @property
    def seconds(self) -> float:
        """How long it takes to the door."""
        return self.metres / self.pace

    def left(self, now: float) -> float:
        """Return the metres left to the door."""
        return max(0.0, self.metres - (now - self.began) * self.pace)

    def where(self, now: float) -> dict[str, Any]:
        """Return the courier's place as the demo carrier tells it."""
        left = self.left(now)
        latitude, longitude = town.along(town.LENGTH - left)
        at = datetime.fromtimestamp(now, UTC)
        stops = 5 if left > _OUTSIDE else 2 if left > self.metres / 2 else 1 if left > 0 else 0
        where = {"at": at.isoformat(), "latitude": latitude, "longitude": longitude, "stops_before": stops}
        return where | {"speed": self.pace if left else 0.0}

    def parcel(self) -> Parcel:
        """Return the parcel with its life: put on the road a moment ago, handed over when the courier is there."""
        there = _BEFORE + (self.seconds + _AT_THE_DOOR) / 3600
        beats = (
            Beat(0.2, "label", _STORE),
            Beat(1.0, "picked_up", _STORE),
            Beat(3.0, "depot", _STORE),
            Beat(_BEFORE - 0.05, "out", _STORE),
            Beat(there, "safe", _DOOR),
        )
        window = (0.05, there - _BEFORE + 0.25)
        about = "on the road now"
        return Parcel(carrier=Demo.code, number=self.number, about=about, beats=beats, by="push", arrives=window)


class Road:
    """Parcels on the road, one after the other. `call` makes the merchant's calls, `on_new` hears of each parcel."""

    def __init__(
        self,
        world: World,
        carriers: CarrierServer,
        call: Callable[[str, str, Any], Awaitable[Any]],
        on_new: Callable[[Ordered], None] = lambda _one: None,
    ) -> None:
        self._world = world
        self._carriers = carriers
        self._call = call
        self._on_new = on_new
        self._serial = _FIRST_SERIAL
        self._driving: asyncio.Task[None] | None = None
        self.numbers: list[str] = []
        self.ends = False
        """Whether there is one parcel and no more."""

    async def begin(self, seconds: float | None) -> None:
        """Put the first parcel on the road, its courier there within `seconds`; without them, more follow for ever."""
        self.ends = seconds is not None
        drive = await self._start(seconds)
        self._driving = asyncio.create_task(self._go_on(drive, seconds), name="demo-road")

    async def stop(self) -> None:
        """Stop driving."""
        if self._driving is not None:
            self._driving.cancel()
            with suppress(asyncio.CancelledError):
                await self._driving

    async def _go_on(self, drive: Drive, seconds: float | None) -> None:
        await self._drive(drive)
        while seconds is None:
            await asyncio.sleep(_BETWEEN)
            await self._drive(await self._start(None))

    async def _start(self, seconds: float | None) -> Drive:
        number = self._number()
        metres = town.LENGTH if seconds is None else min(_SHORT_WAY, _FASTEST * seconds)
        drive = Drive(number, metres, _PACE if seconds is None else max(_PACE, metres / seconds), time.time())
        begin = datetime.fromtimestamp(drive.began, UTC) - timedelta(hours=_BEFORE)
        self._world.join(drive.parcel(), begin, lambda: datetime.now(UTC))
        made = await self._call("POST", "/v1/shipments", _wish(number))
        self.numbers.append(number)
        self._on_new(Ordered(number, made["tracking_url"]))
        return drive

    async def _drive(self, drive: Drive) -> None:
        wire = WIRES[Demo.code]
        assert isinstance(wire, Demo)  # noqa: S101 - the registry is ours
        parcel = self._world.parcel(Demo.code, drive.number)
        assert parcel is not None  # noqa: S101 - it has just joined
        while len(self._world.happened(parcel)) < len(parcel.beats):
            now = time.time()
            self._world.couriers[drive.number] = where = drive.where(now)
            if not any(True for one, _ in self._world.unpushed() if one is parcel):  # the scans go first
                body = orjson.dumps({"number": drive.number, "position": where})
                await self._carriers.send(Demo.code, wire.signed(body, now), body)
            await asyncio.sleep(_EVERY)
        self._world.couriers.pop(drive.number, None)

    def _number(self) -> str:
        serial = f"{self._serial:08}"
        self._serial += 1
        return f"DEMO{serial}{Check(algorithm='luhn').digit(serial)}"

    def waiting(self, told: Iterable[Told]) -> bool:
        """Tell whether the first parcel's delivery was not told yet."""
        return not any(one.type == "shipment.delivered" and one.number in self.numbers[:1] for one in told)

    def wrong(self, told: Iterable[Told]) -> list[str]:
        """Return what did not come about: the arrival told once, and the delivery."""
        kinds = [one.type for one in told if one.number in self.numbers[:1]]
        return [
            f"the courier in {town.NAME}: {kind} was told {kinds.count(kind)} times, not once"
            for kind in ("courier.arriving", "shipment.delivered")
            if kinds.count(kind) != 1
        ]


def _wish(number: str) -> dict[str, Any]:
    address = {
        "street": "Rua das Hortas 7",
        "city": town.NAME,
        "postal_code": town.POSTAL_CODE,
        "country": town.COUNTRY,
    }
    door = {"latitude": town.DOOR[0], "longitude": town.DOOR[1]}
    return {
        "tracking_number": number,
        "carrier": Demo.code,
        "order_number": f"SHOP-{number[-5:]}",
        "destination": address | door,
        "recipient": {"name": "Ines Prado", **address},
    }

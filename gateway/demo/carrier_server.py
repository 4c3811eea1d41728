"""The carriers of the demo world as one HTTP server on loopback: each under a path of its own, pushes going out.

world = World(lives().cast, start, clock)
async with CarrierServer(world) as carriers:
    settings = load(carrier_base_urls=carriers.base_urls)
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web

from gateway.demo.wires import WIRES

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.demo.lives import Happened, Parcel
    from gateway.demo.world import World

OK = range(200, 300)
_LOOK_EVERY = 0.1


class CarrierServer:
    """All carriers of the world. Pushes go out on `push_due`, or by themselves between `live` and the end."""

    def __init__(self, world: World, *, port: int = 0, wall_clock: Callable[[], float] = time.time) -> None:
        self.world = world
        self.port = port
        self.refused: list[str] = []
        """Pushes the receiver did not take, as `carrier status`; each is tried again at the next look."""
        self._wall_clock = wall_clock
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self._living: asyncio.Task[None] | None = None

    @property
    def base_urls(self) -> dict[str, str]:
        """Return each carrier's address here, for `carrier_base_urls`."""
        return {code: f"http://127.0.0.1:{self.port}/{code}" for code in WIRES}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1_000_000)
        for code, wire in WIRES.items():
            carrier = web.Application()
            carrier.add_routes(wire.routes(self.world))
            app.add_subapp(f"/{code}", carrier)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])
        self._session = aiohttp.ClientSession(trust_env=False, timeout=aiohttp.ClientTimeout(total=10))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._living is not None:
            self._living.cancel()
            with suppress(asyncio.CancelledError):
                await self._living
        if self._session is not None:
            await self._session.close()
        if self._runner is not None:
            await self._runner.cleanup()

    def live(self) -> None:
        """Let time do its work: look for pushes that are due until the server ends."""
        self._living = asyncio.create_task(self._live(), name="demo-carriers")

    async def _live(self) -> None:
        while True:
            await self.push_due()
            await asyncio.sleep(_LOOK_EVERY)

    async def push_due(self) -> int:
        """Push what is due, in the order of its telling; return how many pushes were taken."""
        taken = 0
        for parcel, one in list(self.world.unpushed()):
            taken += await self._push(parcel, one)
        return taken

    async def _push(self, parcel: Parcel, one: Happened) -> bool:
        assert self._session is not None  # noqa: S101 - only within the context
        headers, body = WIRES[parcel.carrier].push(parcel, self.world.happened(parcel), one, self._wall_clock())
        try:
            async with self._session.post(
                self.world.callbacks[parcel.carrier], data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = str(answer.status)
                taken = answer.status in OK
        except (aiohttp.ClientError, TimeoutError) as trouble:
            status, taken = type(trouble).__name__, False
        if taken:
            self.world.pushed(parcel, one)
        else:
            self.refused.append(f"{parcel.carrier} {status}")
        return taken

"""A recipient of the demo who watches the courier come: she knows the tracking page alone, writes there and rates."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

from PIL import Image

from gateway.demo.courier import ASKED, COURIER

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.demo.screens import Tracked, TrackingScreen

RECIPIENT = "Ines"
STARS, WORDS = 5, "She knocked, as promised."
STEPS = {
    "moved": "the courier moving on the map",
    "written": f"{RECIPIENT}'s words to the courier",
    "answered": "the courier's answer",
    "proof": "photo and signature",
    "rated": "the rating at the desk",
}
"""What is to be seen."""
PAGE, DESK = "on the page", "at the desk"
_EVERY = 0.5
_PATIENCE = 10.0
"""Seconds for which she still waits for something when the courier's work is over."""
_PROOF = frozenset({"photo", "signature"})


class Watcher:
    """One person before one page. `told` hears where she saw what; `done` holds the steps that came about."""

    def __init__(self, screen: TrackingScreen, postcode: str, told: Callable[[str, str], None]) -> None:
        self._screen = screen
        self._postcode = postcode
        self._told = told
        self._places: set[tuple[float, float]] = set()
        self._lines = 0
        self._end: float | None = None
        self.done: set[str] = set()

    async def watch(self, over: asyncio.Event) -> None:
        """Do what a recipient does, to the rating. `over`: the courier has nothing left to do. Raises `LinkEnded`."""
        # With the postcode she reads along what is written on her page in another browser.
        await self._screen.fill("postcode", postcode=self._postcode)
        seen = await self._until(lambda seen: "moved" in self.done or seen.stage == "over", over)
        if seen is not None and seen.stage != "over":
            await self._screen.fill("say", words=ASKED)
        await self._until(lambda seen: "answered" in self.done or seen.stage == "over", over)
        if await self._until(lambda seen: seen.may_rate or seen.stars > 0, over) is None:
            return
        seen = await self._until(lambda seen: {kind for kind, _ in seen.pictures} >= _PROOF, over)
        if seen is not None:
            await self._see_proof(seen)
        await self._screen.fill("rate", stars=str(STARS), reason="friendly", words=WORDS)

    async def _see_proof(self, seen: Tracked) -> None:
        for _, address in seen.pictures:
            Image.open(io.BytesIO(await self._screen.picture(address))).verify()
        self.done.add("proof")
        self._told(PAGE, "proof: photo and signature")

    async def _until(self, holds: Callable[[Tracked], bool], over: asyncio.Event) -> Tracked | None:
        """Look until something holds and return what is seen then; None where it is in vain."""
        loop = asyncio.get_running_loop()
        while not holds(seen := await self._look()):
            if self._end is None and over.is_set():
                self._end = loop.time() + _PATIENCE
            if self._end is not None and loop.time() > self._end:
                return None
            await asyncio.sleep(_EVERY)
        return seen

    async def _look(self) -> Tracked:
        seen = await self._screen.look()
        if seen.place is not None:
            self._places.add(seen.place)
        if len(self._places) > 1 and "moved" not in self.done:
            self.done.add("moved")
            self._told(PAGE, "the courier moves on the map")
        for line in seen.lines[self._lines :]:
            who = "the courier" if line.who == COURIER else line.who
            said = f"{RECIPIENT} to the courier" if line.mine else f"{who} answers"
            self._told(PAGE, f"{said}: {line.words}")
            if line.mine:
                self.done.add("written")
            elif "written" in self.done:
                self.done.add("answered")
        self._lines = len(seen.lines)
        return seen

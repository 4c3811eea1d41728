"""Who waits for a merchant's news in this process: streams are woken when messages were appended.

Only a hint: whoever waits also looks by itself, so a lost hint costs a second and no message.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LOOK_EVERY = 1.0
"""Seconds after which a waiter looks by itself."""


class Watch:
    """One waiter's bell. Ring it before looking and no news can fall between the look and the wait."""

    __slots__ = ("_bell", "desk")

    def __init__(self) -> None:
        self._bell = asyncio.Event()
        self.desk: set[str] = set()
        """Shipments somebody at the desk took, noted or let sleep since the waiter last looked."""

    def ring(self) -> None:
        """Wake the waiter now, or at its next wait."""
        self._bell.set()

    async def news(self, seconds: float = LOOK_EVERY) -> None:
        """Return when somebody rang, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._bell.wait()
        self._bell.clear()


class Live:
    """The bells of all waiters, by merchant. Used from the event loop only."""

    def __init__(self) -> None:
        self._watches: dict[str, set[Watch]] = {}
        self.closed = False

    def tell(self, merchant_id: str) -> None:
        """Say that a merchant's log has grown."""
        for watch in self._watches.get(merchant_id, ()):
            watch.ring()

    def tell_desk(self, merchant_id: str, shipment_ids: Iterable[str]) -> None:
        """Say that somebody at a merchant's desk did something about shipments, of which the log tells nothing."""
        ids = set(shipment_ids)
        for watch in self._watches.get(merchant_id, ()):
            watch.desk |= ids
            watch.ring()

    @contextlib.contextmanager
    def watch(self, merchant_id: str) -> Iterator[Watch]:
        """Wait for a merchant's news while the block runs."""
        watch = Watch()
        theirs = self._watches.setdefault(merchant_id, set())
        theirs.add(watch)
        try:
            yield watch
        finally:
            theirs.discard(watch)
            if not theirs and self._watches.get(merchant_id) is theirs:
                del self._watches[merchant_id]

    @property
    def watching(self) -> int:
        """How many wait."""
        return sum(len(theirs) for theirs in self._watches.values())

    def close(self) -> None:
        """Wake everybody for the last time: waiters end when they see `closed`."""
        self.closed = True
        for theirs in self._watches.values():
            for watch in theirs:
                watch.ring()

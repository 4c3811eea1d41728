"""The requests in flight: each is signed when it leaves, and whatever happens comes back as an outcome."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from webhooks.log import Entry
from webhooks.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhooks.course import Course
    from webhooks.item import Item
    from webhooks.sender import Sender
    from webhooks.store import Vault

_log = structlog.get_logger(__name__)


class Requests:
    """Sends lanes' messages, one task for each that is in flight.

    `back` gets lane, message, the time it left (epoch ms) and the outcome, and may return what the lane sends next: the
    task that has just come back carries it.
    """

    def __init__(self, sender: Sender, vault: Vault, back: Callable[[Course, Item, int, Outcome], Item | None]) -> None:
        self._sender = sender
        self._vault = vault
        self._back = back
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """Return how many are in flight."""
        return len(self._tasks)

    def send(self, course: Course, item: Item) -> None:
        """Send one message of a lane."""
        task = asyncio.create_task(self._carry(course, item))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, course: Course, item: Item | None) -> None:
        while item is not None:
            at = int(time.time() * 1000)
            item = self._back(course, item, at, await self._send(course, item, at))

    async def _send(self, course: Course, item: Item, at: int) -> Outcome:
        entry = item.message
        try:
            assert isinstance(entry, Entry)  # noqa: S101 - tells mypy what the dispatcher offered
            body = entry.body_for(course.projection)
            return await course.envoy(self._vault).bring(self._sender, entry.id, at, body)
        except Exception as trouble:  # noqa: BLE001 - a fault of ours must not leave the message in flight for ever
            _log.error("webhook_not_sent", endpoint=course.key[1], reason=type(trouble).__name__)
            return Outcome("ours")

    async def finish(self, grace: float) -> None:
        """Wait up to `grace` seconds for those in flight, then cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        late = list(self._tasks)
        for task in late:
            task.cancel()  # its message is repeated after the next start
        await asyncio.gather(*late, return_exceptions=True)

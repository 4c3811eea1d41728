"""Looks up host names in threads, so that names nobody answers for hold up each other and nobody else.

The system's look-up cannot be ended: a thread is held until it gives up by itself, long after the endpoint's deadline.
So there are many threads, a name is looked up once for all who ask at the same time, and names that took long the last
time may hold only some of the threads together.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import Task

MOST_THREADS, MOST_SLOW = 256, 64
"""Look-ups at once, and of those such of names that are known to be slow."""
PROMPT = 1.0
"""Seconds after which a name counts as slow, until it is found sooner again."""
_MOST_REMEMBERED = 10_000


class Names:
    """The look-ups that are under way, and which names are slow."""

    def __init__(self) -> None:
        # Threads of its own: the database's and everybody else's are others.
        self._threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="webhook-dns")
        self._room_for_slow = asyncio.Semaphore(MOST_SLOW)
        self._slow: dict[str, None] = {}
        self._asked: dict[tuple[str, int, int], Task[list[Any]]] = {}

    async def look_up(self, host: str, port: int, family: int = socket.AF_UNSPEC) -> list[Any]:
        """Return what `getaddrinfo` does. Raises `OSError` and `UnicodeError`, as it does."""
        key = host, port, family
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.create_task(self._ask(host, port, family))
            asked.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(asked)  # whoever gives up leaves it to the others

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _ask(self, host: str, port: int, family: int) -> list[Any]:
        async with self._room_for_slow if host in self._slow else nullcontext():
            loop = asyncio.get_running_loop()
            found = loop.run_in_executor(self._threads, _get, host, port, family)
            _, late = await asyncio.wait({found}, timeout=PROMPT)
            if late:
                self._remember(host)
            else:
                self._slow.pop(host, None)
            return await found

    def _remember(self, host: str) -> None:
        if len(self._slow) >= _MOST_REMEMBERED:
            del self._slow[next(iter(self._slow))]
        self._slow[host] = None

    def _answered(self, key: tuple[str, int, int], asked: Task[list[Any]]) -> None:
        del self._asked[key]
        if not asked.cancelled():
            asked.exception()  # seen, even when nobody waits any more


def _get(host: str, port: int, family: int) -> list[Any]:
    return socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)

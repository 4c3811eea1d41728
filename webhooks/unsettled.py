"""The messages a lane has in hand, neither delivered nor given up, and which of them may leave next. Pure.

Retries that are due leave first, then what its shipment's order had held back, then what is fresh from the log.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Literal

from webhooks.item import Phase

if TYPE_CHECKING:
    from webhooks.item import Item

Ordering = Literal["latest", "strict", "none"]


class Unsettled:
    """Messages by sequence, chained by shipment (unless order is `none`), queued by when they may leave."""

    __slots__ = ("_chains", "_flying", "_fresh", "_probed", "_released", "_retries", "items", "ordering")

    def __init__(self, ordering: Ordering) -> None:
        self.ordering = ordering
        self.items: dict[int, Item] = {}
        self._fresh: deque[Item] = deque()
        self._released: list[tuple[int, Item]] = []
        self._retries: list[tuple[int, int, Item]] = []
        self._chains: dict[str, list[int]] = {}
        self._flying: set[str] = set()
        self._probed: dict[int, int] = {}

    @property
    def buffered(self) -> int:
        """Messages from the log that nobody has looked at yet."""
        return len(self._fresh)

    # in and out of the hand

    def add_fresh(self, item: Item) -> None:
        """Take a message from the log."""
        self._add(item)
        self._fresh.append(item)

    def add_retry(self, item: Item) -> None:
        """Take a message that is to be tried again at its `run_at`."""
        self._add(item)
        self.defer(item, item.run_at)

    def _add(self, item: Item) -> None:
        self.items[item.sequence] = item
        if item.key is not None and self.ordering != "none":
            chain = self._chains.get(item.key)
            if chain is None:
                self._chains[item.key] = [item.sequence]
            else:
                insort(chain, item.sequence)

    def defer(self, item: Item, run_at: int) -> None:
        """Have a message tried at a time; its body is let go until then."""
        item.run_at, item.phase, item.message = run_at, Phase.RETRY, None
        heappush(self._retries, (run_at, item.sequence, item))

    def settle(self, item: Item) -> None:
        """Let a message go: it is delivered or given up."""
        item.settled = True
        item.message = None
        del self.items[item.sequence]
        self._probed.pop(item.sequence, None)
        if item.key is not None and self.ordering != "none":
            chain = self._chains[item.key]
            if len(chain) == 1:
                del self._chains[item.key]
            else:
                del chain[bisect_left(chain, item.sequence)]

    # the order of a shipment

    def chain(self, key: str) -> list[Item]:
        """Return a shipment's messages, oldest first."""
        return [self.items[sequence] for sequence in self._chains[key]]

    def head(self, key: str) -> Item:
        """Return a shipment's oldest message."""
        return self.items[self._chains[key][0]]

    def older(self, item: Item) -> list[Item]:
        """Return the messages of an item's shipment that stand before it, oldest first."""
        if item.key is None or self.ordering == "none":
            return []
        chain = self._chains[item.key]
        if chain[0] == item.sequence:
            return []
        return [self.items[sequence] for sequence in chain if sequence < item.sequence]

    def took_off(self, item: Item) -> None:
        """Note that a message is in flight."""
        item.phase = Phase.FLYING
        if item.key is not None:
            self._flying.add(item.key)

    def landed(self, item: Item) -> None:
        """Note that a message is in flight no more."""
        if item.key is not None:
            self._flying.discard(item.key)

    def release(self, key: str | None) -> None:
        """Let the next message of a shipment go that waited for another one."""
        chain = self._chains.get(key) if key is not None else None
        if not chain:
            return
        for sequence in chain[:1] if self.ordering == "strict" else chain:
            item = self.items[sequence]
            if item.phase is Phase.WAITING:
                item.phase = Phase.FRESH
                heappush(self._released, (sequence, item))
                return

    def _blocked(self, item: Item) -> bool:
        if item.key is None or self.ordering == "none":
            return False
        if item.key in self._flying:
            return True
        return self.ordering == "strict" and self._chains[item.key][0] != item.sequence

    # what leaves next

    def next(self, now: int) -> Item | None:
        """Return the next message that may leave; what may not waits for `release`."""
        while self._retries and self._retries[0][0] <= now:
            run_at, _, item = heappop(self._retries)
            if not item.settled and item.phase is Phase.RETRY and item.run_at == run_at and self._passes(item):
                return item
        while self._released:
            _, item = heappop(self._released)
            if not item.settled and item.phase is Phase.FRESH and self._passes(item):
                return item
        while self._fresh:
            item = self._fresh.popleft()
            if not item.settled and item.phase is Phase.FRESH and self._passes(item):
                return item
        return None

    def next_at(self, now: int) -> int | None:
        """Return when `next` may have something, None when only a change brings it."""
        if self._fresh or self._released:
            return now
        return max(now, self._retries[0][0]) if self._retries else None

    def _passes(self, item: Item) -> bool:
        if self._blocked(item):
            item.phase = Phase.WAITING
            return False
        return True

    def choose_probe(self) -> Item | None:
        """Return the oldest message, of those probed least: one that always fails must not keep the lane closed."""
        choice: Item | None = None
        best = (0, 0)
        for item in self.items.values():
            rank = (self._probed.get(item.sequence, 0), item.sequence)
            if (choice is None or rank < best) and item.phase is not Phase.FLYING and not self._blocked(item):
                choice, best = item, rank
        if choice is not None:
            self._probed[choice.sequence] = best[0] + 1
        return choice

    def forget_probes(self) -> None:
        """Note that the endpoint answers again."""
        self._probed.clear()

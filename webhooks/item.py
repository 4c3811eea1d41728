"""A message in a lane: where it stands, where its reader stands, what came of a try and what is to be written of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, Protocol


class Phase(IntEnum):
    """Where an unsettled message stands."""

    FRESH = 0
    WAITING = 1
    RETRY = 2
    FLYING = 3


class Offer(Protocol):
    """A message as the lane sees it."""

    @property
    def sequence(self) -> int:
        """Its place in the log."""
        ...

    @property
    def shipment_id(self) -> str | None:
        """The shipment whose order it belongs to."""
        ...

    @property
    def shipment_version(self) -> int:
        """How new its state is."""
        ...

    @property
    def topic(self) -> str | None:
        """What it is the latest state of; None when nothing newer repeats it."""
        ...


@dataclass(slots=True, eq=False)
class Item:
    """One unsettled message of a lane."""

    sequence: int
    key: str | None
    version: int
    topic: str | None
    message: Offer | None = None
    replayed: bool = False
    attempts: int = 0
    """Tries that count for the schedule."""
    tries: int = 0
    """All tries, probes included."""
    run_at: int = 0
    phase: Phase = Phase.FRESH
    stored: bool = False
    """It has a row in the retry table (or will have with the next write)."""
    parked: bool = False
    settled: bool = False
    charged: bool = True
    """The try in flight was due by the schedule, so its failure counts there."""
    probe: bool = False


class Reader:
    """A place in the log: all up to `position` was offered; all up to `low_water` is final or stored."""

    __slots__ = ("_order", "position")

    def __init__(self, position: int) -> None:
        self.position = position
        self._order: deque[Item] | None = None

    def took(self, item: Item) -> None:
        """Note a message that was taken from the log, in its order."""
        if self._order is None:
            self._order = deque()
        self._order.append(item)

    def low_water(self) -> int:
        """Return the sequence up to which nothing has to be read again after a crash."""
        order = self._order
        if order is None:
            return self.position
        while order and (order[0].settled or order[0].stored):
            order.popleft()
        return order[0].sequence - 1 if order else self.position

    def rest(self) -> None:
        """Give memory back."""
        if not self._order:
            self._order = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one try, as far as the lane cares."""

    delivered: bool = False
    gone: bool = False
    ours: bool = False
    blocked: bool = False
    """Something that stands before the endpoint did not let us through; a fault of its own, not the endpoint's."""
    lost: bool = False
    """The message is no longer in the log, so there is nothing to send."""
    timeout: bool = False
    busy: bool = False
    """The endpoint said that this is too much for it."""
    retry_after: int | None = None
    """Milliseconds the endpoint asked everybody to wait."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """Something to be written.

    `retry`: upsert the row; `settled`: delete the retry (and, for a replayed message, dead) row; `dead`; `superseded`;
    `disabled`, `failing` and `blocked` (the warning whose number is `tries`): tell the merchant. Of `failing`,
    `attempts` are the tries that failed, as far as they are counted (`patience.DISABLE_TRIES`).
    """

    kind: Literal["retry", "settled", "dead", "superseded", "disabled", "failing", "blocked"]
    sequence: int = 0
    key: str | None = None
    attempts: int = 0
    run_at: int = 0
    parked: bool = False
    tries: int = 0
    reason: str = ""
    stored: bool = False
    replayed: bool = False

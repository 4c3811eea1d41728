"""One return of an order: asked for, approved, labelled, carried, received, inspected, closed. Pure.

What is said of a return only takes it forward: a late word takes nothing back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from normalizer.model import Status

if TYPE_CHECKING:
    from normalizer.order_lines import Goods

_STAGES: dict[tuple[Status, str], int] = {
    (Status.RETURNING, "requested"): 1,
    (Status.RETURNING, "approved"): 2,
    (Status.RETURNING, "label_created"): 3,
    (Status.RETURNING, "in_transit"): 5,
    (Status.RETURNED, "received"): 6,
    (Status.RETURNED, "inspected"): 7,
    (Status.RETURNED, "rejected"): 8,
    (Status.REFUNDED, "refunded"): 9,
    (Status.REFUNDED, "store_credit"): 10,
    (Status.REFUNDED, "exchanged"): 11,
}
_VOID = 4
"""Called off: before the goods are on their way, and not after."""

CASE_DONE = 6
"""From this stage on the goods are back."""

_OTHERS = {Status.RETURNING: 5, Status.RETURNED: 6, Status.REFUNDED: 9}
_NAMES = {stage: state for state, stage in _STAGES.items()} | {_VOID: (Status.CANCELLED, "by_merchant")}
_LABELLED = 3
_MOVING = 5
_PAPER = frozenset({Status.PENDING, Status.ORDERED, Status.INFO_RECEIVED})


def is_case(status: Status) -> bool:
    """Whether an event of this status is about goods on their way back."""
    return status in _OTHERS


@dataclass(slots=True)
class Case:
    """One return while its history is walked; `since` in epoch milliseconds."""

    items: Goods = ()
    since: int = 0
    _said: int = 0
    _carried: dict[str, int] = field(default_factory=dict)

    def said(self, status: Status, substatus: str, at: int) -> None:
        """Take what the shop, the merchant or the desk says of it."""
        before = self.stage
        stage = _VOID if status is Status.CANCELLED else _STAGES.get((status, substatus), _OTHERS.get(status, 0))
        self._said = max(self._said, stage)
        self._moved(before, at)

    def carried(self, parcel: str, status: Status, at: int) -> None:
        """Take what became of one of its shipments."""
        before = self.stage
        if status is Status.CANCELLED:
            self._carried.pop(parcel, None)
        else:
            stage = _LABELLED if status in _PAPER else _OTHERS.get(status, _MOVING)
            stage = CASE_DONE if status is Status.DELIVERED else stage
            self._carried[parcel] = max(stage, self._carried.get(parcel, 0))
        self._moved(before, at)

    def _moved(self, before: int, at: int) -> None:
        if self.stage != before or not self.since:  # a return begins where it is asked for
            self.since = at

    @property
    def stage(self) -> int:
        """How far it is: the least advanced of its shipments, or further where somebody said so."""
        return max(self._said, min(self._carried.values(), default=0), 1)

    @property
    def void(self) -> bool:
        """Whether it was called off."""
        return self.stage == _VOID

    @property
    def paid_back(self) -> bool:
        """Whether the money was given back, with the goods or without."""
        return _STAGES[Status.REFUNDED, "refunded"] <= self.stage < _STAGES[Status.REFUNDED, "exchanged"]

    @property
    def state(self) -> tuple[Status, str]:
        """Status and substatus."""
        return _NAMES[self.stage]

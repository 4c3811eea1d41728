"""What an order's outbound deliveries add up to: shipped and delivered, in part or whole, or come back. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from normalizer.model import OrderStatus, Status
from normalizer.order_lines import Goods, covers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ON_PAPER = frozenset({Status.PENDING, Status.ORDERED, Status.INFO_RECEIVED})
SILENT = frozenset({Status.EXPIRED, Status.UNKNOWN})
"""What says nothing of where a parcel is: it stays where it was."""

_BACK = frozenset({Status.RETURNING, Status.RETURNED, Status.REFUNDED})
_UNDERWAY = (
    Status.EXCEPTION,
    Status.IN_TRANSIT,
    Status.OUT_FOR_DELIVERY,
    Status.ATTEMPT_FAILED,
    Status.AVAILABLE_FOR_PICKUP,
)
"""On the way, the least advanced first; of two in one place the one in trouble speaks."""


@dataclass(slots=True)
class Delivery:
    """One delivery: a shipment with those it continues as, or one without a number.

    `case` names the return it replaces; `order` the shipments of its line, first to last.
    """

    items: Goods
    case: str = ""
    hops: dict[str, tuple[Status, str]] = field(default_factory=dict)
    order: tuple[str, ...] = ()

    @property
    def now(self) -> tuple[Status, str]:
        """Where it is: the furthest hand that has it speaks."""
        known = [self.hops[hop] for hop in self.order if hop in self.hops]
        moved = [one for one in known if one[0] not in ON_PAPER and one[0] is not Status.CANCELLED]
        return moved[-1] if moved else known[0]

    @property
    def void(self) -> bool:
        """Whether it was called off before anybody had it."""
        return self.now[0] is Status.CANCELLED

    @property
    def moved(self) -> bool:
        """Whether a carrier ever had it."""
        return self.now[0] not in ON_PAPER and not self.void


class Outbound(NamedTuple):
    """What the deliveries add up to; `settled` once nothing more is to come of them."""

    status: OrderStatus
    substatus: str
    settled: bool


def sum_up(deliveries: Sequence[Delivery], expected: Mapping[str, int], stage: str, cancelled: str | None) -> Outbound:
    """Sum up deliveries.

    `expected` is what is to be sent by line, empty where nobody told; `stage` the substatus of an order nothing of
    which is sent, `cancelled` that of an order called off as a whole.
    """
    live = [one for one in deliveries if not one.void]
    moved = [one for one in live if one.moved]
    if not moved:
        nothing_left = bool(expected) and not any(expected.values())
        if cancelled is not None or nothing_left:
            return Outbound(OrderStatus.CANCELLED, cancelled or "by_merchant", settled=True)
        return Outbound(OrderStatus.ORDERED, stage, settled=False)
    if expected and all(one.items for one in moved):
        complete = covers([one.items for one in moved], expected)
    else:
        complete = len(moved) == len(live)
    if complete or cancelled is not None:  # a cancelled order sends nothing more: what is on its way is all there is
        return _all_sent([one.now for one in moved])
    some = any(one.now[0] is Status.DELIVERED for one in moved)
    return Outbound(OrderStatus.PARTIALLY_DELIVERED if some else OrderStatus.PARTIALLY_SHIPPED, "other", settled=False)


def _all_sent(states: Sequence[tuple[Status, str]]) -> Outbound:
    """Sum up deliveries that are all there will be."""
    underway = [one for one in states if one[0] in _UNDERWAY]
    there = [one for one in states if one[0] is Status.DELIVERED]
    back = [one for one in states if one[0] in _BACK]
    if underway and there:
        return Outbound(OrderStatus.PARTIALLY_DELIVERED, "other", settled=False)
    if underway:
        status, substatus = min(underway, key=lambda one: _UNDERWAY.index(one[0]))
        return Outbound(OrderStatus(status.value), substatus, settled=False)
    if not back:
        return Outbound(OrderStatus.DELIVERED, there[-1][1], settled=True)
    if returning := [one for one in back if one[0] is Status.RETURNING]:
        return Outbound(OrderStatus.RETURNING, returning[0][1], settled=False)
    return Outbound(OrderStatus.PARTIALLY_RETURNED if there else OrderStatus.RETURNED, back[0][1], settled=True)


def chains(after: Mapping[str, str | None]) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return for each shipment the first one of its line, and the line in order.

    `after` tells which shipment each one continues. A ring, which nobody means, begins at its smallest id.
    """
    heads: dict[str, str] = {}
    lines: dict[str, list[tuple[int, str]]] = {}
    for id_ in sorted(after):
        walked = [id_]
        while (before := after[walked[-1]]) in after and before is not None and before not in walked:
            walked.append(before)
        ring = after[walked[-1]] in walked
        heads[id_] = min(walked) if ring else walked[-1]
        lines.setdefault(heads[id_], []).append((len(walked), id_))
    return {id_: (head, tuple(one for _, one in sorted(lines[head]))) for id_, head in heads.items()}

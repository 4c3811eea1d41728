"""An order is the sum of its own events and of its shipments: `fold` finds its state. Pure.

An order's own events (`Act`) come from the shop, from the merchant or from a support desk; its shipments bring the
changes that their own fold found (`normalizer.journey`). Both are walked by their times, and what they add up to at
each instant is noted as a change of the order's status with its run, as for shipments (docs/decisions/0003, 0010).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from normalizer.model import OrderStatus, Status
from normalizer.order_deliveries import SILENT, Delivery, chains, sum_up
from normalizer.order_lines import Goods, counted, covers
from normalizer.order_returns import CASE_DONE, Case, is_case

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from normalizer.journey import Change


class Act(NamedTuple):
    """One event of the order itself. `at` in epoch milliseconds.

    `case` names the return or refund it belongs to (all that name none are one), `parcel` the delivery without a
    tracking number; both empty for the order.
    `items` are what it is about, (line, quantity); empty means all of it.
    """

    at: int
    id: str
    status: Status
    substatus: str
    case: str = ""
    parcel: str = ""
    items: Goods = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One shipment of the order, outbound or on its way back, with the changes its own fold found.

    `after` is the shipment it continues; `case` the return it belongs to: of an outbound one, the return it replaces.
    `items` empty means that nobody told what is in it.
    """

    id: str
    created_at: int
    changes: tuple[Change, ...] = ()
    is_return: bool = False
    after: str | None = None
    case: str = ""
    items: Goods = ()


class OrderChange(NamedTuple):
    """One entry of the order into a status: the `run`-th of its kind. `cause` is the id of the act or the shipment."""

    status: OrderStatus
    substatus: str
    run: int
    cause: str
    at: int


class CaseState(NamedTuple):
    """Where one return is."""

    id: str
    status: Status
    substatus: str
    since: int


@dataclass(frozen=True, slots=True)
class OrderJourney:
    """An order's state. Instants in epoch milliseconds; `progress` is line -> what became of how many."""

    status: OrderStatus = OrderStatus.ORDERED
    substatus: str = "placed"
    since: int | None = None
    milestones: dict[str, int] = field(default_factory=dict)
    changes: tuple[OrderChange, ...] = ()
    returns: tuple[CaseState, ...] = ()
    progress: dict[str, dict[str, int]] = field(default_factory=dict)


_MILESTONES = {
    OrderStatus.ORDERED: "ordered_at",
    OrderStatus.PARTIALLY_SHIPPED: "first_shipped_at",
    OrderStatus.IN_TRANSIT: "shipped_at",
    OrderStatus.OUT_FOR_DELIVERY: "shipped_at",
    OrderStatus.ATTEMPT_FAILED: "shipped_at",
    OrderStatus.AVAILABLE_FOR_PICKUP: "shipped_at",
    OrderStatus.EXCEPTION: "shipped_at",
    OrderStatus.PARTIALLY_DELIVERED: "first_delivered_at",
    OrderStatus.DELIVERED: "delivered_at",
    OrderStatus.RETURNING: "returning_at",
    OrderStatus.RETURNED: "returned_at",
    OrderStatus.REFUNDED: "refunded_at",
    OrderStatus.CANCELLED: "cancelled_at",
}


_REVIVES = frozenset({"placed", "confirmed", "on_hold"})
"""What a shop says of an order it takes up again; a warehouse that is late with `picking` or `packed` does not."""


def fold(acts: Iterable[Act], parcels: Iterable[Parcel], lines: Mapping[str, int] | None = None) -> OrderJourney:
    """Fold an order's own events and its shipments into its state.

    `lines` are the quantities ordered by line; without them what is shipped is counted by shipments alone.
    """
    walk = _Walk({one.id: one for one in parcels}, dict(lines or {}))
    for at, instant in groupby(sorted(_steps(acts, walk.parcels)), key=lambda step: step.at):
        for step in instant:
            walk.take(step)
        walk.note(at)
    return walk.journey()


class _Step(NamedTuple):
    at: int
    kind: int
    id: str
    turn: int
    act: Act | None
    status: Status
    substatus: str


def _steps(acts: Iterable[Act], parcels: Mapping[str, Parcel]) -> Iterable[_Step]:
    for act in {one.id: one for one in acts}.values():
        yield _Step(act.at, 0, act.id, 0, act, act.status, act.substatus)
    for one in parcels.values():
        times = [change.at for change in one.changes if change.at is not None]
        at = min([one.created_at, *times])
        yield _Step(at, 1, one.id, 0, None, Status.PENDING, "registered")
        for turn, change in enumerate(one.changes, 1):
            at = at if change.at is None else max(at, change.at)
            if change.status not in SILENT:
                yield _Step(at, 1, one.id, turn, None, change.status, change.substatus)


class _Walk:
    """The order while its history is walked."""

    def __init__(self, parcels: Mapping[str, Parcel], lines: dict[str, int]) -> None:
        self.parcels = parcels
        self._ordered = lines
        self._stage = "placed"
        self._cancelled: str | None = None
        self._called_off: list[Goods] = []
        self._deliveries: dict[str, Delivery] = {}
        self._cases: dict[str, Case] = {}
        self._chains = chains({id_: one.after for id_, one in parcels.items() if not one.is_return})
        self._at_hand: tuple[OrderStatus, str] | None = None
        self._since: int | None = None
        self._runs: dict[OrderStatus, int] = {}
        self._changes: list[OrderChange] = []
        self._milestones: dict[str, int] = {}
        self._cause = ""

    def take(self, step: _Step) -> None:
        """Let one step have its effect."""
        self._cause = step.id
        if step.act is not None:
            self._act(step.act)
            return
        parcel = self.parcels[step.id]
        if parcel.is_return:
            case = self._case(parcel.case or parcel.id, parcel.items)
            case.carried(parcel.id, step.status, step.at)
            return
        head, order = self._chains[step.id]
        line = self._deliveries.setdefault(head, Delivery(self.parcels[head].items, self.parcels[head].case))
        line.order = order
        line.hops[step.id] = (step.status, step.substatus)

    def _act(self, act: Act) -> None:
        if act.case or is_case(act.status):
            case = self._case(act.case, act.items)
            case.said(act.status, act.substatus, act.at)
        elif act.status is Status.CANCELLED:
            if act.items:
                self._called_off.append(act.items)
            elif self._cancelled is None:
                self._cancelled = act.substatus
        elif act.status is Status.ORDERED and not act.parcel:
            self._stage = act.substatus
            if act.substatus in _REVIVES:
                self._cancelled = None
        elif act.status not in SILENT:
            line = self._deliveries.setdefault(act.parcel, Delivery(act.items))
            line.items = line.items or act.items
            line.order = (act.parcel,)
            line.hops[act.parcel] = (act.status, act.substatus)

    def _case(self, name: str, items: Goods) -> Case:
        case = self._cases.setdefault(name, Case())
        case.items = case.items or items
        return case

    def note(self, at: int) -> None:
        """Note what all of it adds up to at the end of an instant."""
        status, substatus = now = self._sum()
        if self._at_hand is not None and self._at_hand[0] is status:
            self._at_hand = now
            return
        self._at_hand, self._since = now, at
        run = self._runs[status] = self._runs.get(status, 0) + 1
        self._changes.append(OrderChange(status, substatus, run, self._cause, at))
        milestone = _MILESTONES.get(status)
        if milestone is not None:
            self._milestones.setdefault(milestone, at)

    def _expected(self) -> dict[str, int]:
        gone = counted(self._called_off)
        return {line: max(count - gone.get(line, 0), 0) for line, count in self._ordered.items()}

    def _sum(self) -> tuple[OrderStatus, str]:
        first = [line for line in self._deliveries.values() if not line.case]
        status, substatus, settled = sum_up(first, self._expected(), self._stage, self._cancelled)
        if status is OrderStatus.CANCELLED:  # nothing was handed over: there is nothing to come back
            return status, substatus
        cases = [case for case in self._cases.values() if not case.void]
        underway = [case for case in cases if case.stage < CASE_DONE]
        if underway and not any(case.paid_back and self._is_whole([case]) for case in cases):
            return OrderStatus.RETURNING, min(underway, key=lambda case: case.stage).state[1]
        if cases:
            return self._closed(cases, (status, substatus), settled=settled)
        return status, substatus

    def _closed(self, cases: list[Case], out: tuple[OrderStatus, str], *, settled: bool) -> tuple[OrderStatus, str]:
        """Sum up returns that are all over: of the whole, or of a part where nothing else is on its way."""
        whole = self._is_whole(cases)
        if not whole and not settled:
            return out
        least = min((case for case in cases if case.stage >= CASE_DONE), key=lambda case: case.stage)
        status, substatus = least.state
        if status is Status.REFUNDED:
            if (instead := self._replacement(cases)) is not None:
                return instead
            return (OrderStatus.REFUNDED if whole else OrderStatus.PARTIALLY_REFUNDED), substatus
        return (OrderStatus.RETURNED if whole else OrderStatus.PARTIALLY_RETURNED), substatus

    def _is_whole(self, cases: list[Case]) -> bool:
        return any(not case.items for case in cases) or covers([case.items for case in cases], self._expected())

    def _replacement(self, cases: list[Case]) -> tuple[OrderStatus, str] | None:
        """Return where the goods sent in exchange are, None where none are on their way."""
        if not any(case.state[1] == "exchanged" for case in cases):
            return None
        instead = [line for line in self._deliveries.values() if line.case]
        status, substatus, _ = sum_up(instead, {}, self._stage, None)
        return None if status in (OrderStatus.ORDERED, OrderStatus.CANCELLED) else (status, substatus)

    def journey(self) -> OrderJourney:
        """Return what the walk found."""
        if self._at_hand is None:
            return OrderJourney(progress=self._progress())
        return OrderJourney(
            status=self._at_hand[0],
            substatus=self._at_hand[1],
            since=self._since,
            milestones=self._milestones,
            changes=tuple(self._changes),
            returns=tuple(CaseState(name, *case.state, case.since) for name, case in sorted(self._cases.items())),
            progress=self._progress(),
        )

    def _progress(self) -> dict[str, dict[str, int]]:
        lines = [line for line in self._deliveries.values() if not line.case]
        moved = [line for line in lines if line.moved]
        cases = [case for case in self._cases.values() if not case.void]
        sums = {
            "cancelled": counted(self._called_off),
            "shipped": counted(line.items for line in moved),
            "delivered": counted(line.items for line in moved if line.now[0] is Status.DELIVERED),
            "returned": counted(case.items for case in cases if case.state[0] is Status.RETURNED),
            "refunded": counted(case.items for case in cases if case.state[0] is Status.REFUNDED),
        }
        return {
            line: {"ordered": count} | {name: of.get(line, 0) for name, of in sums.items()}
            for line, count in self._ordered.items()
        }

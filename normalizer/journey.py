"""A shipment is the sum of its events: `fold` finds its state. Pure, and free of order and repetition.

What a merchant is told follows from the same fold. The fold walks the events by their own time and notes each
*change* of status with its run (the first, second ... time that status was entered). Adding an event anywhere in a
history never lowers the run count of a status, so the pair (status, run) names one message however the events arrive,
how often, and in how many parts (docs/decisions/0003).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from normalizer.model import RANK, Event, Moves, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMELESS = -(2**60)

_ONLY_ON_PAPER = 2
"""Up to this rank no carrier has the parcel, so such a scan never takes back one that shows it moving."""

_FOUND_AFTER_ALL = frozenset({Status.CANCELLED, Status.EXPIRED})
"""Ends from which any scan wakes a shipment: the carrier has it after all."""

_AFTER_DELIVERY = frozenset({Status.DELIVERED, Status.RETURNING, Status.RETURNED, Status.REFUNDED})
_CLAIMS = frozenset({"damaged", "lost"})
_UNTIL_BACK = frozenset({Status.ORDERED, Status.INFO_RECEIVED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY})

_AT_A_DOOR = frozenset({Status.OUT_FOR_DELIVERY, Status.DELIVERED})

_MILESTONES = {
    Status.ORDERED: "ordered_at",
    Status.INFO_RECEIVED: "info_received_at",
    Status.IN_TRANSIT: "shipped_at",
    Status.OUT_FOR_DELIVERY: "out_for_delivery_at",
    Status.ATTEMPT_FAILED: "first_attempt_at",
    Status.AVAILABLE_FOR_PICKUP: "available_for_pickup_at",
    Status.DELIVERED: "delivered_at",
    Status.RETURNING: "returning_at",
    Status.RETURNED: "returned_at",
    Status.REFUNDED: "refunded_at",
    Status.CANCELLED: "cancelled_at",
}

_ACTIONS = {
    (Status.EXCEPTION, "duties_unpaid"): "pay_duties",
    (Status.EXCEPTION, "documents_missing"): "provide_documents",
    (Status.EXCEPTION, "wrong_address"): "correct_address",
    (Status.EXCEPTION, "contact_carrier"): "contact_carrier",
    (Status.EXCEPTION, "held"): "contact_carrier",
    (Status.ATTEMPT_FAILED, "wrong_address"): "correct_address",
    (Status.ATTEMPT_FAILED, "payment_missing"): "pay_on_delivery",
    (Status.ATTEMPT_FAILED, "id_missing"): "show_id",
}
"""What the recipient or the merchant must do; every `available_for_pickup` asks to `collect`."""


class Step(NamedTuple):
    """An event as far as the fold needs it: what the store keeps in columns. `piece` is empty for the whole."""

    sort_at: int
    order: int
    id: str
    status: Status
    substatus: str
    moves: Moves
    returning: bool
    at: int | None
    day: str
    piece: str


@dataclass(frozen=True, slots=True)
class Change:
    """One entry into a status: the `run`-th of its kind in this shipment's life. `at` in epoch milliseconds."""

    status: Status
    substatus: str
    run: int
    event_id: str
    at: int | None


@dataclass(frozen=True, slots=True)
class Journey:
    """A shipment's state. Instants in epoch milliseconds, None where no carrier's clock tells them."""

    status: Status = Status.PENDING
    substatus: str = "registered"
    since: int | None = None
    """When the present status was entered."""
    event_id: str | None = None
    """The event that says so."""
    last_at: int | None = None
    """The latest instant any event tells of."""
    returning: bool = False
    attempts: int = 0
    pieces_seen: int = 0
    pieces_delivered: int = 0
    action: str | None = None
    milestones: dict[str, int] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    @property
    def days_in_transit(self) -> float | None:
        """Days from the first movement to the delivery (or the return), to a hundredth; None before that."""
        start = self.milestones.get("shipped_at")
        end = self.milestones.get("delivered_at") or self.milestones.get("returned_at")
        if start is None or end is None:
            return None
        return round((end - start) / 86_400_000, 2)


def step(event: Event) -> Step:
    """Return the part of an event that the fold needs."""
    local = event.local_time
    at = _millis(event.at) if event.at is not None else None
    return Step(
        sort_at=at if at is not None else _sort_time(local, event.status),
        order=event.order,
        id=event.id,
        status=event.status,
        substatus=event.substatus,
        moves=event.moves,
        returning=event.returning,
        at=at,
        day="" if local is None else local.isoformat()[:10],
        piece=event.piece or "",
    )


def fold(steps: Iterable[Step], *, is_return: bool = False, told_back: bool = False) -> Journey:
    """Fold events into a shipment's state.

    `is_return` marks a shipment that goes from the customer to the merchant: what would be transit is `returning`,
    what would be a delivery is `returned`. `told_back` says that the carrier calls the shipment as a whole a return
    (`Detail.returning`) without marking a scan: then so is where it stands now, and what came before stays.
    """
    known = {one.id: one for one in steps}
    history = sorted(known.values(), key=in_time)
    names = sorted({one.piece for one in history if one.piece}) or [""]  # which of two equals rules is not chance
    pieces = {name: _Piece(is_return) for name in names}
    line = _Line()
    last: Step | None = None
    for one in history:
        line.last_at = one.at if line.last_at is None else max(line.last_at, one.at or line.last_at)
        if one.moves == "informs" or one.status is Status.UNKNOWN:
            continue
        moved = [piece for name, piece in pieces.items() if one.piece in ("", name) and piece.take(one)]
        if moved:
            line.note(one, list(pieces.values()))
            last = one
    if told_back and last is not None:
        for piece in pieces.values():
            piece.turn_back()
        line.enter(last, list(pieces.values()))
    return line.journey(pieces)


def on_the_way_back(
    steps: Iterable[Step], *, is_return: bool = False, told_back: bool = False
) -> dict[str, dict[str, str]]:
    """Return what scans of a parcel that goes back count as, by id: its delivery is no delivery to the recipient.

    Only of those that would be read wrongly. Arguments are as for `fold`, answers `{"status", "substatus"}`.
    """
    history = sorted({one.id: one for one in steps}.values(), key=in_time)
    pieces = {name: _Piece(is_return) for name in {one.piece for one in history if one.piece} or {""}}
    found: dict[str, dict[str, str]] = {}
    last: tuple[Step, _Piece] | None = None
    for one in history:
        if one.moves == "informs" or one.status is Status.UNKNOWN:
            continue
        for name, piece in pieces.items():
            if one.piece in ("", name) and piece.take(one):
                last = one, piece
                _note_back(found, one, piece)
    if told_back and last is not None:
        last[1].turn_back()
        _note_back(found, *last)
    return found


def _note_back(found: dict[str, dict[str, str]], one: Step, piece: _Piece) -> None:
    if one.status in _AT_A_DOOR and piece.status is not None and piece.status is not one.status:
        found[one.id] = {"status": piece.status.value, "substatus": piece.substatus}


def in_time(one: Step) -> tuple[int, int, int, str]:
    """Return what a history is sorted by: the instant, then the carrier's own order, then how far along it is."""
    return one.sort_at, one.order, RANK[one.status], one.id


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _sort_time(local: datetime | date | None, status: Status) -> int:
    """Place an event of unknown instant: by its wall clock, a bare day by what usually happens when in a day.

    Paper comes before a day's scans, an end after them. What has no time at all comes before everything, so it never
    overrules what has one.
    """
    if local is None:
        return _TIMELESS
    if isinstance(local, datetime):
        return _millis(local.replace(tzinfo=UTC))
    rank = RANK[status]
    hour = time(0) if rank <= _ONLY_ON_PAPER else time(23, 59, 59) if rank >= RANK[Status.RETURNING] else time(12)
    return _millis(datetime.combine(local, hour, tzinfo=UTC))


class _Piece:
    """One parcel's walk through its statuses."""

    __slots__ = ("back", "is_return", "status", "substatus")

    def __init__(self, is_return: bool) -> None:  # noqa: FBT001 - internal, one caller
        self.status: Status | None = None
        self.substatus = "other"
        self.is_return = is_return
        self.back = is_return

    def take(self, one: Step) -> bool:
        """Apply one telling event; return whether it counts."""
        status, substatus = one.status, one.substatus
        # A correction calls off a way back as well as a delivery, unless it is itself part of the way back.
        back = self.is_return or one.returning or (self.back and one.moves != "corrects")
        if back and status is Status.DELIVERED:
            status, substatus = Status.RETURNED, "received" if self.is_return else "to_sender"
        elif (back and not self.is_return and status in _UNTIL_BACK) or (
            self.is_return and status in (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY)
        ):
            status, substatus = Status.RETURNING, "in_transit"
        if one.moves != "corrects" and not self._may_become(status, substatus):
            return False
        self.back = back or status is Status.RETURNING
        self.status, self.substatus = status, substatus
        return True

    def turn_back(self) -> None:
        """Read where the parcel stands as part of its way back."""
        if self.status is Status.DELIVERED:
            self.status, self.substatus = Status.RETURNED, "to_sender"
        elif self.status in (Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY):
            self.status, self.substatus = Status.RETURNING, "in_transit"
        self.back = True

    def _may_become(self, status: Status, substatus: str) -> bool:
        now = self.status
        if now is None or now in _FOUND_AFTER_ALL:
            return True
        if now is Status.DELIVERED:
            return status in _AFTER_DELIVERY or (status is Status.EXCEPTION and substatus in _CLAIMS)
        if now in (Status.RETURNED, Status.REFUNDED):
            return RANK[status] >= RANK[now]
        return RANK[status] > _ONLY_ON_PAPER or RANK[now] <= _ONLY_ON_PAPER


class _Line:
    """The shipment's one line: the least advanced of its pieces, noted at each change."""

    def __init__(self) -> None:
        self.status: Status | None = None
        self.substatus = "registered"
        self.event_id: str | None = None
        self.since: int | None = None
        self.last_at: int | None = None
        self.attempts = 0
        self.attempt_day: str | None = None
        self.runs: dict[Status, int] = {}
        self.changes: list[Change] = []
        self.milestones: dict[str, int] = {}

    def note(self, one: Step, pieces: list[_Piece]) -> None:
        """Count an event that moved a piece."""
        if one.status is Status.ATTEMPT_FAILED:
            if one.day != self.attempt_day or not one.day:
                self.attempts += 1
            self.attempt_day = one.day
        self.enter(one, pieces)

    def enter(self, one: Step, pieces: list[_Piece]) -> None:
        """Note what the pieces add up to after an event."""
        least = min(pieces, key=_progress)
        if least.status is None:
            return
        if least.status is self.status:
            if self.substatus != least.substatus:
                self.substatus, self.event_id = least.substatus, one.id
            return
        if self.status is Status.DELIVERED and one.moves == "corrects":
            self.milestones.pop("delivered_at", None)
        self.status, self.substatus = least.status, least.substatus
        self.event_id, self.since = one.id, one.at
        run = self.runs[least.status] = self.runs.get(least.status, 0) + 1
        self.changes.append(Change(least.status, least.substatus, run, one.id, one.at))
        milestone = _MILESTONES.get(least.status)
        if milestone is not None and one.at is not None:
            self.milestones.setdefault(milestone, one.at)

    def journey(self, pieces: dict[str, _Piece]) -> Journey:
        delivered = sum(piece.status is Status.DELIVERED for piece in pieces.values())
        seen = len(pieces) if "" not in pieces else 0
        if self.status is None:
            return Journey(last_at=self.last_at, pieces_seen=seen)
        return Journey(
            status=self.status,
            substatus=self.substatus,
            since=self.since,
            event_id=self.event_id,
            last_at=self.last_at,
            returning=any(piece.back for piece in pieces.values()),
            attempts=self.attempts,
            pieces_seen=seen,
            pieces_delivered=delivered,
            action=_action(self.status, self.substatus),
            milestones=self.milestones,
            changes=tuple(self.changes),
        )


def _progress(piece: _Piece) -> tuple[int, bool]:
    """How far a piece is; of two equally far the one in trouble speaks, for someone should look."""
    return (-1, True) if piece.status is None else (RANK[piece.status], piece.status is not Status.EXCEPTION)


def _action(status: Status, substatus: str) -> str | None:
    if status is Status.AVAILABLE_FOR_PICKUP:
        return "collect"
    return _ACTIONS.get((status, substatus))

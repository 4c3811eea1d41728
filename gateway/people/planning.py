"""Who is told what, and when: from messages and wishes to notices. Pure.

Of all that waits for one person by one channel about one shipment, the newest goes and the older are superseded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gateway.people import arrival
from gateway.people.subjects import ETA_MOVES_MINUTES, RATE, SUBJECTS, subjects_of, wanted
from normalizer.model import ENDS, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from gateway.people.quiet import Quiet
    from gateway.people.standing import WishState


@dataclass(frozen=True, kw_only=True)
class News:
    """A message, as far as people may hear of it. Instants in epoch milliseconds."""

    message_id: str
    sequence: int
    type: str
    version: int
    happened_at: int
    data: Mapping[str, Any]
    delay: int = 0
    """Milliseconds to wait before it is told."""
    also: frozenset[str] = frozenset()
    """Subjects the merchant has told to whoever did not say what to tell."""

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """What it may be told as."""
        return subjects_of(self.type, self.data)

    @property
    def holds(self) -> bool:
        """Whether it is still so: a late scan may tell of what the parcel has left behind."""
        status = self.data["shipment"]["status"]
        if self.type == "conversation.message":
            return True
        if self.type == RATE:
            return bool(status == Status.DELIVERED.value)
        if self.type.startswith("shipment.") and (said := self.type.removeprefix("shipment.")) in _STATUSES:
            return bool(status == said)
        return status not in ENDS

    @property
    def eta(self) -> Mapping[str, Any] | None:
        """The arrival it tells of."""
        told: Mapping[str, Any] | None = self.data["shipment"].get("eta")
        return told

    @property
    def eta_before(self) -> Mapping[str, Any] | None:
        """The arrival that it changes."""
        before: Mapping[str, Any] | None = (self.data.get("previous") or {}).get("eta")
        return before

    @property
    def order(self) -> tuple[int, int, int]:
        """Newer is larger. Of one change the status speaks before a new arrival, which it tells along."""
        return self.version, int(self.type != "shipment.eta_changed"), self.sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A wish, as far as planning needs it. `account_id` is who sends; empty where nobody can."""

    wish_id: str
    shipment_id: str
    channel: str
    address_hash: bytes
    zone: ZoneInfo
    quiet: Quiet
    state: WishState
    event_types: list[str] | None = None
    eta_told: Mapping[str, Any] | None = None
    """The arrival they know: the one they were told last, or the first that changed."""
    account_id: str = ""


@dataclass(slots=True, kw_only=True)
class Planned:
    """A notice to be written. Where it is not going, `state` says superseded or skipped, and `reason` why."""

    reader: Reader
    news: News
    subject: str
    state: str = "queued"
    reason: str = ""
    due_at: int | None = None
    expires_at: int = 0

    @property
    def group(self) -> str:
        """Of one group the newest alone goes: all that says where the parcel is, or one subject apart."""
        return self.subject if SUBJECTS[self.subject].apart else ""


@dataclass(slots=True)
class Plan:
    """What follows from a batch of messages for the people of one shipment."""

    notices: list[Planned] = field(default_factory=list)
    etas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Wish that was told of no arrival yet -> the one that a change is measured from."""


_STATUSES = frozenset(status.value for status in Status)
MOVED_ON = "the parcel has moved on"
NEWER = "newer news of this parcel took its place"
STOPPED = "the person said stop"
PENDING = "the person did not confirm yet"
_NO_ACCOUNT = "there is no account to send by this channel"


def plan(
    news: Sequence[News], readers: Iterable[Reader], now: int, *, eta_moves_ms: int = ETA_MOVES_MINUTES * 60_000
) -> Plan:
    """Plan the notices of messages of one shipment (or of one it continues) for its readers.

    An arrival is news where it moved by `eta_moves_ms` from the one a reader knows, in however many steps.
    """
    made = Plan()
    in_order = sorted(news, key=lambda one: one.order)
    people: set[tuple[str, str, bytes]] = set()
    first = next((eta for one in in_order if (eta := one.eta_before) is not None), None)
    for reader in readers:
        known = reader.eta_told or first
        if reader.eta_told is None and first is not None:
            made.etas[reader.wish_id] = first
        fresh = [
            (one, subject)
            for one in in_order
            if (subject := wanted(one.subjects, reader.event_types, one.also)) is not None
            and (subject != "eta_changed" or arrival.moved(known, one.eta, reader.zone, eta_moves_ms))
        ]
        fresh = [pair for pair in fresh if (pair[0].message_id, reader.channel, reader.address_hash) not in people]
        people.update((one.message_id, reader.channel, reader.address_hash) for one, _ in fresh)
        theirs = [_planned(one, subject, reader, now) for one, subject in fresh]
        last: dict[str, Planned] = {}
        for one in theirs:
            if one.state != "queued":
                continue
            if (older := last.get(one.group)) is not None:
                older.state, older.reason, older.due_at = "superseded", NEWER, None
            last[one.group] = one
        made.notices += theirs
    return made


def _planned(news: News, subject: str, reader: Reader, now: int) -> Planned:
    about = SUBJECTS[subject]
    made = Planned(reader=reader, news=news, subject=subject, expires_at=news.happened_at + about.lives)
    if not news.holds:
        made.state, made.reason = "superseded", MOVED_ON
        return made
    due = reader.quiet.due(now + news.delay, reader.zone, urgent=about.urgent)
    reason = ""
    if reader.state != "active":
        reason = PENDING if reader.state == "pending" else STOPPED
    elif made.expires_at <= due:
        reason = too_old(due=due, now=now)
    elif not reader.account_id:
        reason = _NO_ACCOUNT
    if reason:
        made.state, made.reason = "skipped", reason
    else:
        made.due_at = due
    return made


def too_old(*, due: int, now: int) -> str:
    """Return why what has expired is not told."""
    return "it would be old news" if due <= now else "it would be old news after the quiet hours"

"""What people hear of: one table of kinds of notices and their sensible defaults. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

ETA_MOVES_MINUTES, ETA_MOVES_LEAST, ETA_MOVES_MOST = 60, 5, 24 * 60
"""An arrival that moves less than this since it was last told is no news: what is usual, what a merchant may wish."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One kind of notice: which message it comes from, and how it is told."""

    told_by: str
    """The message's type."""
    on: bool = True
    """Told to whoever did not say what to tell."""
    urgent: bool = False
    """Goes in quiet hours as well."""
    lives: int
    """Milliseconds after the happening from which on nobody is told any more."""
    apart: bool = False
    """Says nothing of where the parcel is: neither takes the place of other news, nor gives way to them."""


SUBJECTS: dict[str, Subject] = {
    "picked_up": Subject(told_by="shipment.in_transit", on=False, lives=2 * _DAY),
    "in_transit": Subject(told_by="shipment.in_transit", on=False, lives=2 * _DAY),
    "out_for_delivery": Subject(told_by="shipment.out_for_delivery", urgent=True, lives=12 * _HOUR),
    "courier.arriving": Subject(told_by="courier.arriving", urgent=True, lives=45 * _MINUTE),
    "eta_changed": Subject(told_by="shipment.eta_changed", lives=12 * _HOUR),
    "attempt_failed": Subject(told_by="shipment.attempt_failed", lives=2 * _DAY),
    "available_for_pickup": Subject(told_by="shipment.available_for_pickup", lives=7 * _DAY),
    "action_required": Subject(told_by="shipment.exception", lives=5 * _DAY),
    "exception": Subject(told_by="shipment.exception", on=False, lives=2 * _DAY),
    "delivered": Subject(told_by="shipment.delivered", lives=3 * _DAY),
    "returning": Subject(told_by="shipment.returning", lives=5 * _DAY),
    "returned": Subject(told_by="shipment.returned", lives=7 * _DAY),
    "conversation": Subject(told_by="conversation.message", urgent=True, lives=2 * _HOUR, apart=True),
    "rate": Subject(told_by="shipment.delivered", on=False, lives=3 * _DAY, apart=True),
}
RATE = "rate"
"""Asked some hours after the message it follows from: as a message's type, it names that later question."""
READ_FIRST_MS = _MINUTE
"""Words for a recipient are told of after so long, if they did not read them by then."""
CONFIRM = "confirm"
"""The one notice of no message: whether somebody really wants to hear. It is worth nothing after two days."""
CONFIRM_LIVES = 2 * _DAY
MESSAGES = frozenset(subject.told_by for subject in SUBJECTS.values())
"""The types of messages people may hear of."""
_PICKED_UP = frozenset({"picked_up", "accepted"})


def subjects_of(message_type: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a message may be told as, the most exact first; a person hears the first of these they want."""
    if message_type == "shipment.exception":
        return ("action_required", "exception") if data["shipment"].get("action_required") else ("exception",)
    if message_type == "shipment.in_transit":
        substatus = (data.get("event") or data["shipment"]).get("substatus")
        return ("picked_up", "in_transit") if substatus in _PICKED_UP else ("in_transit",)
    if message_type == "conversation.message":
        said = data["conversation"]
        unread = said["audience"] in ("recipient", "everybody") and said["author"] != "recipient"
        return ("conversation",) if unread and not said["page_open"] else ()
    if message_type == RATE:
        return (RATE,)
    return tuple(name for name, subject in SUBJECTS.items() if subject.told_by == message_type and name != RATE)


def wanted(subjects: tuple[str, ...], event_types: list[str] | None, also: frozenset[str] = frozenset()) -> str | None:
    """Return the first subject that somebody wants: those they named, or those told by default. `*` names all.

    `also` are told by default as well, because the merchant wishes it.
    """
    for name in subjects:
        by_default = SUBJECTS[name].on or name in also
        if by_default if event_types is None else (name in event_types or "*" in event_types):
            return name
    return None

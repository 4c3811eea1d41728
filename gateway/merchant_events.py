"""A merchant's own event: by hand, or from a system of theirs. It goes the same way as a carrier's from here on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from normalizer.model import NOWHERE, SUBSTATUSES, Event, Place, Status
from normalizer.normalize import content_id

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_SAID = frozenset({Status.PENDING, Status.EXPIRED, Status.UNKNOWN})
"""Statuses that say something about our knowledge and not about the parcel: nobody tells them by hand."""

MOST_AHEAD = timedelta(hours=24)
"""An event further in the future than this is a wrong date; clocks and zones differ by less."""


class BadEvent(ValueError):  # noqa: N818 - it names what is bad
    """What was told makes no event: the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def merchant_event(
    *,
    carrier: str,
    tracking_number: str,
    status: Status,
    substatus: str | None,
    at: datetime,
    now: datetime,
    text: str = "",
    place: Mapping[str, str | float | None] | None = None,
) -> Event:
    """Return the event. `at` is aware; the same told twice is the same event. Raises `BadEvent`."""
    if status in NOT_SAID:
        raise BadEvent("status", f"{status.value} is not something that happens to a parcel")
    detail = substatus or "other"
    if detail not in SUBSTATUSES[status]:
        raise BadEvent("substatus", f"{status.value} has {', '.join(SUBSTATUSES[status])}")
    if at > now + MOST_AHEAD:
        raise BadEvent("at", "lies in the future")
    where = Place(**place) if place else NOWHERE  # type: ignore[arg-type]
    instant = at.astimezone(UTC)
    return Event(
        id=content_id(
            "evt",
            carrier,
            tracking_number,
            "",
            "merchant",
            instant.isoformat(timespec="seconds"),
            status.value,
            detail,
            (where.city or where.facility or "").casefold().strip(),
            text.casefold().strip(),
        ),
        carrier=carrier,
        tracking_number=tracking_number,
        piece=None,
        status=status,
        substatus=detail,
        code=None,
        codes=(),
        text=text,
        basis="given",
        moves="tells",
        returning=status in (Status.RETURNING, Status.RETURNED),
        at=instant,
        local_time=at.replace(tzinfo=None),
        utc_offset=_offset(at),
        time_basis="offset",
        order=0,
        place=where,
        place_basis="carrier",
        eta=None,
        signed_by=None,
        proofs=(),
        source="merchant",
        received_at=now,
        payload_id=None,
        extra={},
    )


def _offset(at: datetime) -> str:
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    sign = "-" if minutes < 0 else "+"
    return f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"

"""A scan dated after its receipt: nobody tells of what has not happened yet, so the carrier's clock is wrong. Pure.

As a history is walked by its times, such a scan would be the newest until its time comes: a `delivered` in the wrong
year would hide all that really happens (docs/decisions/0031).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from normalizer.clock import offset_of

if TYPE_CHECKING:
    from datetime import date

    from normalizer.model import Event

MOST_AHEAD = timedelta(hours=14)
"""How far a mistaken zone can set a true scan ahead of its receipt: the clock of Kiribati, read as UTC."""

_LAST_PLACE = 2**31 - 1


def believed(event: Event) -> Event:
    """Return the event; at its receipt where it is dated farther ahead of that than any zone explains."""
    return event if _told(event) - event.received_at <= MOST_AHEAD else placed(event, event.received_at)


def is_ahead(event: Event, receipt: datetime) -> bool:
    """Whether the time that was told lies farther ahead of a receipt than any zone explains."""
    return _told(event) - receipt > MOST_AHEAD


def placed(event: Event, receipt: datetime) -> Event:
    """Return the event as it stands at a receipt.

    `told_time` keeps what the carrier told: the instant, or its clock or day where that is all it gave. Among events of
    one receipt the times told decide. The clock on the wall keeps the offset that was told, else it is that of UTC.
    """
    told = _told(event)
    offset = event.utc_offset or "+00:00"
    return replace(
        event,
        at=receipt,
        local_time=receipt.astimezone(offset_of(offset)).replace(tzinfo=None),
        utc_offset=offset,
        time_basis="received",
        order=min(int((told - receipt).total_seconds()), _LAST_PLACE),
        told_time=event.told_time or event.at or event.local_time,
    )


def _told(event: Event) -> datetime:
    """Return the instant that was told; of a bare clock or day, as if its zone were UTC; without a time the receipt."""
    told: datetime | date | None = event.told_time or event.at or event.local_time
    if told is None:
        return event.received_at
    if not isinstance(told, datetime):
        return datetime.combine(told, time(0), tzinfo=UTC)
    return told if told.tzinfo is not None else told.replace(tzinfo=UTC)

"""Numbers a carrier uses again: what is told of an earlier parcel is not this parcel's life. Pure.

Carriers give a number to another parcel after some months, and their answers may still hold the old one's journey. A
journey that ended long before its number was registered with us is taken for such a one: its events are kept, and not
folded. A merchant who registers an old parcel on purpose says so by its `ship_date`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from normalizer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from normalizer.journey import Step

_DAY = 86_400_000

LONG_BEFORE = 60 * _DAY
"""A journey that ended so long before the registration is an earlier parcel's; carriers document no reuse as early."""

ENDED = frozenset({Status.DELIVERED, Status.RETURNED})


def boundary(created_at: int, ship_date: str | None) -> int:
    """Return the instant (epoch milliseconds) before which an ended journey cannot be this parcel's.

    With a ship date it is the day before that date, whatever the zone; else long before the registration.
    """
    if ship_date is None:
        return created_at - LONG_BEFORE
    return int(datetime.fromisoformat(ship_date).replace(tzinfo=UTC).timestamp() * 1000) - _DAY


def until(steps: Iterable[Step], before: int, known: int | None = None) -> int | None:
    """Return up to which instant events are an earlier parcel's, None where there is none.

    `before` is the `boundary`, `known` what was found so far: the latest end of a journey rules, so order and
    repetition of arrival change nothing.
    """
    ends = [one.sort_at for one in steps if one.status in ENDED and one.moves != "informs" and one.sort_at < before]
    return max([*ends, *([known] if known is not None else [])], default=None)


def current(steps: Iterable[Step], earlier_until: int | None) -> list[Step]:
    """Return the events that are this parcel's."""
    return [one for one in steps if earlier_until is None or one.sort_at > earlier_until]

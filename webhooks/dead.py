"""The dead: messages given up for an endpoint, listed by filter. A replay brings them back, and copies none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, func, select

from webhooks.log import Entry, read_columns, to_entry
from webhooks.matching import TYPES, read_wish
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_D, _M = Tables.dead.c, Tables.message.c
_WITH_MESSAGE = and_(_M.merchant_id == _D.merchant_id, _M.sequence == _D.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which of the dead. `since` and `until` bound when they were given up (epoch ms); None asks for nothing."""

    event_types: Sequence[str] | None = None
    shipment_id: str | None = None
    reason: str | None = None
    since: int | None = None
    until: int | None = None

    def pack(self) -> bytes:
        """Write it as a replay's row keeps it."""
        return orjson.dumps([self.event_types, self.shipment_id, self.reason, self.since, self.until])

    @classmethod
    def unpack(cls, packed: bytes | None) -> Which:
        """Read what `pack` wrote; None is all of them."""
        if packed is None:
            return cls()
        types, shipment_id, reason, since, until = orjson.loads(packed)
        return cls(event_types=types, shipment_id=shipment_id, reason=reason, since=since, until=until)

    def conditions(self) -> list[Any]:
        """Return the conditions on the tables of the dead and of messages. Raises `BadPattern` for a wrong type."""
        found: list[Any] = []
        if self.event_types is not None:
            wish = read_wish(self.event_types)
            found.append(_M.type.in_(sorted(one for one in TYPES if wish.wants_type(one))))
        if self.shipment_id is not None:
            found.append(_M.shipment_id == self.shipment_id)
        if self.reason is not None:
            found.append(_D.reason == self.reason)
        if self.since is not None:
            found.append(_D.at >= self.since)
        if self.until is not None:
            found.append(_D.at <= self.until)
        return found


@dataclass(frozen=True, slots=True)
class DeadFacts:
    """A message given up: `at` in epoch milliseconds, `reason` as the last try left it."""

    message_id: str
    sequence: int
    type: str
    shipment_id: str | None
    at: int
    reason: str


def page(
    conn: Connection, merchant_id: str, endpoint_id: str, which: Which, *, before: int | None = None, limit: int = 50
) -> list[DeadFacts]:
    """Return the dead of an endpoint, the newest message first, from below the sequence `before`."""
    statement = (
        select(_M.id, _D.sequence, _M.type, _M.shipment_id, _D.at, _D.reason)
        .join_from(Tables.dead, Tables.message, _WITH_MESSAGE)
        .where(_D.merchant_id == merchant_id, _D.endpoint_id == endpoint_id, *which.conditions())
        .order_by(_D.sequence.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(_D.sequence < before)
    return [DeadFacts(*row) for row in conn.execute(statement)]


def stretch(conn: Connection, merchant_id: str, endpoint_id: str, which: Which) -> tuple[int, int, int]:
    """Return how many there are, and the first and last sequence of them (0 and 0 where there is none)."""
    statement = (
        select(func.count(), func.min(_D.sequence), func.max(_D.sequence))
        .join_from(Tables.dead, Tables.message, _WITH_MESSAGE)
        .where(_D.merchant_id == merchant_id, _D.endpoint_id == endpoint_id, *which.conditions())
    )
    count, first, last = conn.execute(statement).one()
    return int(count), int(first or 0), int(last or 0)


def read(
    conn: Connection, key: tuple[str, str], which: Which, *, position: int, until: int, given_up_by: int, limit: int
) -> list[Entry]:
    """Read an endpoint's dead after `position`, up to `until`; what died after `given_up_by` (epoch ms) stays."""
    statement = (
        select(*read_columns())
        .join_from(Tables.dead, Tables.message, _WITH_MESSAGE)
        .where(
            _D.merchant_id == key[0],
            _D.endpoint_id == key[1],
            _D.sequence > position,
            _D.sequence <= until,
            _D.at <= given_up_by,
            *which.conditions(),
        )
        .order_by(_D.sequence)
        .limit(limit)
    )
    return [to_entry(row) for row in conn.execute(statement)]

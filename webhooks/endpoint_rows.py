"""An endpoint's rows: finding them, touching them so that its lane is loaded anew, and reading its wish."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, select, update

from webhooks.filters import Projection, read_fields
from webhooks.matching import Wish, read_wish
from webhooks.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

_E, _L = Tables.endpoint.c, Tables.lane.c


class BadEndpoint(ValueError):  # noqa: N818 - it names what is bad
    """A wish that cannot be granted; the text names the field and the reason."""


class NoEndpoint(LookupError):  # noqa: N818 - it names what is missing
    """The merchant has no such endpoint."""


def find_row(conn: Connection, merchant_id: str, endpoint_id: str) -> Row[Any]:
    """Return an endpoint that is not deleted. Raises `NoEndpoint`."""
    row = conn.execute(
        select(Tables.endpoint).where(_E.merchant_id == merchant_id, _E.id == endpoint_id, _E.state != "deleted")
    ).first()
    if row is None:
        raise NoEndpoint(endpoint_id)
    return row


def touch(conn: Connection, merchant_id: str, endpoint_id: str, now: int, **columns: Any) -> None:
    """Change an endpoint and its version, by which every dispatcher sees that it changed."""
    conn.execute(
        update(Tables.endpoint)
        .where(_E.merchant_id == merchant_id, _E.id == endpoint_id)
        .values(version=_E.version + 1, changed_at=now, **columns)
    )


def reset_lane(conn: Connection, merchant_id: str, endpoint_id: str, **columns: Any) -> None:
    """Give a lane a clean record; what its old course still writes of it is void."""
    conn.execute(
        update(Tables.lane)
        .where(of(Tables.lane, merchant_id, endpoint_id))
        .values(
            generation=_L.generation + 1,
            paused_until=0,
            breaker="closed",
            breaker_step=0,
            open_until=0,
            failing_since=0,
            failures=0,
            pace=None,
            **columns,
        )
    )


def of(table: Any, merchant_id: str, endpoint_id: str) -> Any:
    """Return the condition that a row of `table` is this endpoint's."""
    return and_(table.c.merchant_id == merchant_id, table.c.endpoint_id == endpoint_id)


def wish_of(row: Row[Any]) -> Wish:
    """Return what an endpoint's row wants. Endpoints with the same words share one wish."""
    return _wish(row.event_types, row.filter)


def projection_of(row: Row[Any]) -> Projection | None:
    """Return which fields of a message an endpoint's row wants sent. Endpoints with the same words share one."""
    return None if row.fields is None else _projection(row.fields)


@lru_cache(maxsize=1024)
def _projection(fields: bytes) -> Projection | None:
    return read_fields(orjson.loads(fields))


@lru_cache(maxsize=1024)
def _wish(event_types: bytes, filters: bytes | None) -> Wish:
    return read_wish(orjson.loads(event_types), orjson.loads(filters) if filters is not None else None)

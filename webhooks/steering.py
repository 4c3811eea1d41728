"""Steering a lane that runs: enable it again, send one message once more. Replays are in `replays`.

After a change is committed, call `Dispatcher.touch` so that the lane takes it up at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import and_, delete, select, update

from webhooks import endpoints, log, replays
from webhooks.endpoint_rows import BadEndpoint, find_row, of, reset_lane, touch, wish_of
from webhooks.store import insert
from webhooks.tables import Tables

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from webhooks.endpoints import EndpointFacts


Course = Literal["continue", "only_failed", "from_now"]
_E, _L = Tables.endpoint.c, Tables.lane.c


def enable(conn: Connection, merchant_id: str, endpoint_id: str, course: Course, now: int) -> EndpointFacts:
    """Enable an endpoint again.

    `continue` sends everything that waited; `only_failed` only what was tried in vain, the rest of the backlog is
    passed over; `from_now` passes over everything.
    """
    find_row(conn, merchant_id, endpoint_id)
    retries = of(Tables.retry, merchant_id, endpoint_id)
    moved: dict[str, Any] = {}
    if course != "continue":
        moved = {"cursor": log.head(conn, merchant_id)}
    if course == "from_now":
        conn.execute(delete(Tables.retry).where(retries))
        replays.cancel_all(conn, merchant_id, endpoint_id, now)
    else:
        conn.execute(update(Tables.retry).where(retries).values(attempts=0, run_at=now, parked=False))
    reset_lane(conn, merchant_id, endpoint_id, **moved)
    touch(conn, merchant_id, endpoint_id, now, state="enabled", state_at=now, state_reason="")
    return endpoints.get(conn, merchant_id, endpoint_id)


def resend(conn: Connection, merchant_id: str, message_id: str, now: int, endpoint_id: str | None = None) -> list[str]:
    """Send one message again, to one endpoint or to all that are called and want it; return their ids.

    Raises `LookupError` when the merchant has no such message, `NoEndpoint` for a wrong endpoint and `BadEndpoint` for
    one that is not called.
    """
    message = Tables.message.c
    found = conn.execute(
        select(*log.read_columns()).where(message.merchant_id == merchant_id, message.id == message_id)
    ).first()
    if found is None:
        raise LookupError(message_id)
    entry = log.to_entry(found)
    if endpoint_id is not None:
        rows = [_called(find_row(conn, merchant_id, endpoint_id))]
    else:
        called = (_E.merchant_id == merchant_id, _E.state == "enabled", _E.url != "")
        found_rows = conn.execute(select(Tables.endpoint).where(*called).order_by(_E.id)).all()
        rows = [row for row in found_rows if wish_of(row).wants(entry.type, entry.data)]
    for row in rows:
        place = and_(of(Tables.dead, merchant_id, row.id), Tables.dead.c.sequence == entry.sequence)
        conn.execute(delete(Tables.dead).where(place))
        statement = insert(conn, Tables.retry).values(
            merchant_id=merchant_id,
            endpoint_id=row.id,
            sequence=entry.sequence,
            shipment_id=entry.shipment_id,
            attempts=0,
            run_at=now,
            parked=False,
        )
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "endpoint_id", "sequence"], set_={"attempts": 0, "run_at": now}
            )
        )
        conn.execute(
            update(Tables.lane).where(of(Tables.lane, merchant_id, row.id)).values(generation=_L.generation + 1)
        )
        touch(conn, merchant_id, row.id, now)
    return [row.id for row in rows]


def _called(row: Row[Any]) -> Row[Any]:
    """Return the row of an endpoint that is called. Raises `BadEndpoint` for another."""
    if not row.url:
        raise BadEndpoint("endpoint: this one has no address and is read by polling, from any cursor")
    if row.state != "enabled":
        raise BadEndpoint("endpoint: this one is disabled; enable it first")
    return row

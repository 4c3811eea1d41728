"""Runs in the database: made, found, changed, ended. Functions take a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, tuple_, update

from gateway.ids import new_id
from gateway.listing import make_cursor, read_cursor
from gateway.runs import stops
from gateway.runs.tables import RunTables
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.runs.links import RunLinks
    from gateway.runs.stops import NewStop
    from gateway.vault import Vault

_R, _S = RunTables.run.c, RunTables.stop.c
_BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What a merchant says of a run. `expires_at` in epoch milliseconds."""

    courier: str
    vehicle: str
    day: str
    expires_at: int


def create(conn: Connection, links: RunLinks, merchant_id: str, new: NewRun, now: int) -> RowMapping:
    """Make a run without stops."""
    run_id = new_id("run", now)
    row = {
        "merchant_id": merchant_id,
        "id": run_id,
        "courier": new.courier,
        "vehicle": new.vehicle,
        "day": new.day,
        "serial": 0,
        "hash": links.hash_of(merchant_id, run_id, 0),
        "expires_at": new.expires_at,
        "revoked_at": None,
        "created_at": now,
        "changed_at": now,
    }
    return conn.execute(RunTables.run.insert().values(row).returning(RunTables.run)).mappings().one()


def get(conn: Connection, merchant_id: str, run_id: str) -> RowMapping | None:
    """Return a merchant's run, None where it has none of that id."""
    statement = select(RunTables.run).where(_R.merchant_id == merchant_id, _R.id == run_id)
    return conn.execute(statement).mappings().first()


def page(
    conn: Connection, merchant_id: str, *, day: str | None, after: str | None, limit: int
) -> tuple[list[RowMapping], str | None]:
    """Return one page of a merchant's runs, the newest first, and the next one's cursor. Raises `BadCursor`."""
    statement = select(RunTables.run).where(_R.merchant_id == merchant_id)
    if day is not None:
        statement = statement.where(_R.day == day)
    if after is not None:
        statement = statement.where(tuple_(_R.created_at, _R.id) < read_cursor(after))
    statement = statement.order_by(_R.created_at.desc(), _R.id.desc()).limit(limit + 1)
    rows = list(conn.execute(statement).mappings())
    if len(rows) <= limit:
        return rows, None
    rows.pop()
    return rows, make_cursor(rows[-1]["created_at"], rows[-1]["id"])


def change(conn: Connection, merchant_id: str, run_id: str, now: int, **values: Any) -> RowMapping | None:
    """Change columns of a run and return its row; None where there is none."""
    statement = (
        update(RunTables.run)
        .where(_R.merchant_id == merchant_id, _R.id == run_id)
        .values(changed_at=now, **values)
        .returning(RunTables.run)
    )
    return conn.execute(statement).mappings().first()


def renew(conn: Connection, links: RunLinks, run: Mapping[Any, Any], expires_at: int, now: int) -> RowMapping:
    """Give a run a new link; the old one ends at once."""
    serial = run["serial"] + 1
    code = links.hash_of(run["merchant_id"], run["id"], serial)
    values = {"serial": serial, "hash": code, "revoked_at": None, "expires_at": expires_at}
    row = change(conn, run["merchant_id"], run["id"], now, **values)
    assert row is not None  # noqa: S101 - the run was just read in this transaction
    return row


def set_stops(conn: Connection, vault: Vault, run: Mapping[Any, Any], wanted: Sequence[NewStop], now: int) -> None:
    """Make a run's stops these, in this order. What is left out is taken off; its past stays."""
    merchant_id, run_id = run["merchant_id"], run["id"]
    conn.execute(
        update(RunTables.stop)
        .where(_S.merchant_id == merchant_id, _S.run_id == run_id, _S.removed_at.is_(None))
        .values(removed_at=now)
    )
    rows = [stops.row_of(vault, run, one.id or new_id("stp", now), rank, one) for rank, one in enumerate(wanted)]
    if rows:
        statement = insert(conn, RunTables.stop)
        kept = ("rank", "shipment_id", "asks", "private", "removed_at")
        newer = {name: statement.excluded[name] for name in kept}
        statement = statement.on_conflict_do_update(index_elements=["merchant_id", "run_id", "id"], set_=newer)
        conn.execute(statement, [row | {"state": "open", "state_at": 0} for row in rows])


def drop(conn: Connection, merchant_id: str, run_id: str) -> bool:
    """Delete a run with its stops; tell whether there was one. What was done stays in its parcels' histories."""
    conn.execute(delete(RunTables.stop).where(_S.merchant_id == merchant_id, _S.run_id == run_id))
    return conn.execute(delete(RunTables.run).where(_R.merchant_id == merchant_id, _R.id == run_id)).rowcount == 1


def drop_before(conn: Connection, at: int) -> bool:
    """Delete runs that ended before an instant; tell whether more may wait."""
    old = conn.execute(select(_R.merchant_id, _R.id).where(_R.expires_at < at).limit(_BATCH)).all()
    for merchant_id, run_id in old:
        drop(conn, merchant_id, run_id)
    return len(old) == _BATCH

"""Stops: what handing a parcel over takes, and where each of a run's stops stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import orjson
from sqlalchemy import String, and_, bindparam, or_, select, update

from gateway.runs.tables import RunTables
from gateway.tables import Tables
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from gateway.vault import Vault

CARRIER = "courier"
"""The carrier of all parcels on runs."""
Need = Literal["photo", "signature", "name", "pin", "id_check"]
NEEDS: tuple[Need, ...] = get_args(Need)
State = Literal["open", "loaded", "on_the_way", "arrived", "delivered", "failed"]
STATES: tuple[State, ...] = get_args(State)
DONE = frozenset({"delivered", "failed"})
UNDER_WAY = frozenset({"on_the_way", "arrived"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """What a stop asks of the courier. `start` and `end` of its window are RFC 3339; `min_age` is for `id_check`."""

    needs: tuple[Need, ...] = ()
    min_age: int | None = None
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """What of a stop is nobody's business but the courier's."""

    note: str = ""
    pin: str = ""
    call: str = ""
    """A number that reaches the recipient and is not theirs."""

    def __repr__(self) -> str:
        """Never show it, wherever this is printed."""
        return "Private(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStop:
    """A stop to be made, or to be kept where `id` names one of the run."""

    id: str | None
    shipment_id: str
    asks: Asks
    private: Private


class Standing(NamedTuple):
    """How a run stands: its stops, and those that are over."""

    total: int
    done: int


def purpose(stop_id: str) -> str:
    """Return the purpose a stop's private part is sealed for."""
    return f"stop:{stop_id}"


def asks_of(row: Mapping[Any, Any]) -> Asks:
    """Return what a stop asks."""
    told = orjson.loads(row["asks"])
    return Asks(**told | {"needs": tuple(told["needs"])})


def private_of(vault: Vault, row: Mapping[Any, Any]) -> Private:
    """Return the private part of a stop."""
    if row["private"] is None:
        return Private()
    return Private(**orjson.loads(vault.open(row["merchant_id"], purpose(row["id"]), row["private"])))


def row_of(vault: Vault, run: Mapping[Any, Any], stop_id: str, rank: int, new: NewStop) -> dict[str, Any]:
    """Return the row of a stop as it is given."""
    merchant_id, private = run["merchant_id"], None
    if new.private != Private():
        private = vault.seal(merchant_id, purpose(stop_id), orjson.dumps(asdict(new.private)))
    return {
        "merchant_id": merchant_id,
        "run_id": run["id"],
        "id": stop_id,
        "rank": rank,
        "shipment_id": new.shipment_id,
        "asks": orjson.dumps(asdict(new.asks)),
        "private": private,
        "removed_at": None,
    }


def of_run(conn: Connection, run: Mapping[Any, Any], *, removed: bool = False) -> list[RowMapping]:
    """Return a run's stops with their parcels' numbers, in order; `removed` tells those taken off as well."""
    c, s = RunTables.stop.c, Tables.shipment
    statement = (
        select(RunTables.stop, s.c.tracking_number, s.c.carrier, s.c.recipient, s.c.destination)
        .join(s, (s.c.merchant_id == c.merchant_id) & (s.c.id == c.shipment_id))
        .where(c.merchant_id == run["merchant_id"], c.run_id == run["id"])
        .order_by(c.rank, c.id)
    )
    if not removed:
        statement = statement.where(c.removed_at.is_(None))
    return list(conn.execute(statement).mappings())


def standing(conn: Connection, merchant_id: str, run_ids: Sequence[str]) -> dict[str, Standing]:
    """Return how runs stand."""
    c = RunTables.stop.c
    counts = {run_id: [0, 0] for run_id in run_ids}
    statement = select(c.run_id, c.state).where(
        c.merchant_id == merchant_id, c.run_id.in_(run_ids), c.removed_at.is_(None)
    )
    for run_id, state in conn.execute(statement):
        counts[run_id][0] += 1
        counts[run_id][1] += state in DONE
    return {run_id: Standing(total, done) for run_id, (total, done) in counts.items()}


def ahead(rows: Iterable[Mapping[Any, Any]]) -> list[Mapping[Any, Any]]:
    """Return a run's open stops in the order of the visits: first where the courier goes, whatever was planned."""

    def turn(row: Mapping[Any, Any]) -> tuple[bool, int]:
        there = row["state"] in UNDER_WAY
        return not there, -row["state_at"] if there else row["rank"]

    return sorted((row for row in rows if row["state"] not in DONE), key=turn)


def before(conn: Connection, merchant_id: str, shipment_ids: Sequence[str], now: int) -> dict[str, int]:
    """Return how many stops come before each shipment's, of those on a run; of several runs the newest counts."""
    if not shipment_ids:
        return {}
    r, c = RunTables.run.c, RunTables.stop.c
    theirs = select(c.run_id).where(c.merchant_id == merchant_id, c.shipment_id.in_(shipment_ids))
    statement = (
        select(c.run_id, c.shipment_id, c.rank, c.state, c.state_at)
        .join(RunTables.run, (r.merchant_id == c.merchant_id) & (r.id == c.run_id))
        .where(c.merchant_id == merchant_id, c.run_id.in_(theirs), c.removed_at.is_(None), r.expires_at > now)
        .order_by(r.created_at, r.id)
    )
    found: dict[str, int] = {}
    for _, rows in groupby(conn.execute(statement).mappings(), key=lambda row: row["run_id"]):
        found |= {row["shipment_id"]: count for count, row in enumerate(ahead(rows))}
    return found


def after(state: str, deed: str) -> str:
    """Return where a stop stands after a deed: what was delivered stays so, what failed is not merely loaded again."""
    return state if state == "delivered" or (state == "failed" and deed == "loaded") else deed


def move(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note where stops stand. Rows: `key_merchant`, `key_run`, `key_id`, `state`, `state_at`.

    Older news move none, as `after` says; but that a parcel was handed over is never too late.
    """
    if rows:
        _MOVE(conn, rows)


_C = RunTables.stop.c
_STATE = bindparam("state", type_=String())
_MOVE = Many.running(
    update(RunTables.stop)
    .where(
        _C.merchant_id == bindparam("key_merchant"),
        _C.run_id == bindparam("key_run"),
        _C.id == bindparam("key_id"),
        or_(
            and_(_C.state != "delivered", _STATE == "delivered"),
            and_(
                _C.state_at <= bindparam("state_at"),
                or_(_C.state != "delivered", _STATE == "delivered"),
                or_(_C.state != "failed", _STATE != "loaded"),
            ),
        ),
    )
    .values(state=_STATE, state_at=bindparam("state_at")),
    (),
)

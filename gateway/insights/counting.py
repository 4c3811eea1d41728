"""Outcomes are counted: in batches, each shipment once, and what it says later by the difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import delete, select

from gateway import earlier
from gateway.clock import now_ms
from gateway.insights import norms
from gateway.insights.corridor import corridor_of
from gateway.insights.foretelling import Saying
from gateway.insights.outcome import MEASURES, Counted, Ended, outcome
from gateway.insights.tables import InsightTables
from gateway.pages.views import zone_of
from gateway.ratings.tables import RatingTables
from gateway.refold import journey_of
from gateway.steps import by_merchant, steps_of
from gateway.tables import Tables
from webhooks.store import Many, insert_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from normalizer.journey import Step
    from webhooks.store import Store

BATCH = 100
TAKE_EVERY = 2.0
"""Seconds between two looks for what is due."""
SETTLED_DAYS = 30
"""So long after an arrival what was counted of it stays counted: what it was judged by is dropped one day."""
SAID_DAYS = 150
"""How long it is kept what was said of an arrival."""
_DAY = 86_400_000

_DUE, _OUT, _TALLY, _SAID = (
    table.c for table in (InsightTables.due, InsightTables.outcome, InsightTables.tally, InsightTables.said)
)


def _adding(dialect: str) -> Any:
    statement = insert_for(dialect, InsightTables.tally)
    more = InsightTables.tally.c.count + statement.excluded.count
    return statement.on_conflict_do_update(
        index_elements=[column.name for column in InsightTables.tally.primary_key], set_={"count": more}
    )


_ADD = Many(_adding, [column.name for column in InsightTables.tally.columns])
_KEEP = Many.inserting(InsightTables.outcome, twice={"update": ("day", "counted")})


def take(conn: Connection, now: int, keep_days: int, most: int = BATCH) -> int:
    """Count a batch of what is due; return how many that were. Running twice counts nothing twice.

    What arrived longer ago than insights are kept is not counted, or no more.
    """
    found = conn.execute(select(_DUE.merchant_id, _DUE.shipment_id).limit(most)).all()
    taken = 0
    for merchant_id, ids in by_merchant((merchant_id, shipment_id) for merchant_id, shipment_id in found):
        # Norms are read and written back: of several processes one at a time works on a merchant's.
        mine = select(Tables.merchant.c.id).where(Tables.merchant.c.id == merchant_id)
        if conn.execute(mine.with_for_update(skip_locked=True)).first() is not None:
            _take(conn, merchant_id, ids, now, keep_days)
            taken += len(ids)
    return taken


def _take(conn: Connection, merchant_id: str, ids: Sequence[str], now: int, keep_days: int) -> None:
    before = {
        row.shipment_id: Counted.read(row.counted)
        for row in conn.execute(
            select(_OUT.shipment_id, _OUT.counted).where(_OUT.merchant_id == merchant_id, _OUT.shipment_id.in_(ids))
        )
    }
    today, month = now // _DAY, norms.month_at(now)
    open_ones = [id_ for id_ in ids if id_ not in before or before[id_].day > today - SETTLED_DAYS]
    found = _outcomes(conn, merchant_id, open_ones)
    after = {id_: one for id_, one in found.items() if one.day >= today - keep_days}
    tally: Counter[tuple[Any, ...]] = Counter()
    deltas: norms.Deltas = Counter()
    for id_ in open_ones:
        for counted, sign in ((after.get(id_), 1), (before.get(id_), -1)):
            if counted is not None:
                _add(counted, sign, month, tally, deltas)
    if more := [_tally_row(merchant_id, key, count) for key, count in sorted(tally.items()) if count]:
        _ADD(conn, more)
    norms.learn(conn, merchant_id, deltas, month)
    kept = [
        {"merchant_id": merchant_id, "shipment_id": id_, "day": one.day, "counted": one.kept()}
        for id_, one in after.items()
    ]
    if kept:
        _KEEP(conn, kept)
    gone = [id_ for id_ in open_ones if id_ in before and id_ not in after]
    for table, some in ((InsightTables.outcome, gone), (InsightTables.due, ids)):
        if some:
            conn.execute(delete(table).where(table.c.merchant_id == merchant_id, table.c.shipment_id.in_(some)))


def _add(counted: Counted, sign: int, month: int, tally: Counter[tuple[Any, ...]], deltas: norms.Deltas) -> None:
    corridor = counted.corridor
    for (measure, bin_), count in counted.tally.items():
        tally[measure, counted.day, *corridor[:4], bin_] += sign * count
    weight = norms.worth(norms.month_of(counted.day), month)
    for _, kind in corridor.kinds():
        for (measure, bin_), count in counted.norms.items():
            deltas[kind, measure, bin_] += sign * count * weight  # type: ignore[assignment]  # weights are no whole numbers


def _tally_row(merchant_id: str, key: tuple[Any, ...], count: int) -> dict[str, Any]:
    measure, day, carrier, service, origin, destination, bin_ = key
    return {
        "merchant_id": merchant_id,
        "measure": measure,
        "day": day,
        "carrier": carrier,
        "service": service,
        "origin": origin,
        "destination": destination,
        "bin": bin_,
        "count": count,
    }


def _outcomes(conn: Connection, merchant_id: str, ids: Sequence[str]) -> dict[str, Counted]:
    s, r = Tables.shipment.c, RatingTables.rating.c
    rows = conn.execute(select(Tables.shipment).where(s.merchant_id == merchant_id, s.id.in_(ids))).mappings().all()
    steps = steps_of(conn, ((merchant_id, id_) for id_ in ids))
    rated = {
        row.shipment_id: row
        for row in conn.execute(
            select(r.shipment_id, r.stars, r.reasons).where(r.merchant_id == merchant_id, r.shipment_id.in_(ids))
        )
    }
    said: dict[str, list[Saying]] = defaultdict(list)
    for id_, voice, at, arrival in conn.execute(
        select(_SAID.shipment_id, _SAID.voice, _SAID.at, _SAID.arrival).where(
            _SAID.merchant_id == merchant_id, _SAID.shipment_id.in_(ids)
        )
    ):
        said[id_].append(Saying(voice, at, orjson.loads(arrival)))
    found: dict[str, Counted] = {}
    for row in rows:
        id_ = row["id"]
        counted = _outcome(row, steps.get((merchant_id, id_), {}).values(), said[id_], rated.get(id_))
        if counted is not None:
            found[id_] = counted
    return found


def _outcome(row: RowMapping, known: Iterable[Step], said: Sequence[Saying], rating: Any) -> Counted | None:
    if row["direction"] == "return":
        return None
    told: Mapping[str, Any] = {name: value for name, (_, value) in orjson.loads(row["told"]).items()}
    own = None if row["destination"] is None else orjson.loads(row["destination"])
    goes = {"destination": own, "carrier_destination": told.get("destination"), "origin": told.get("origin")}
    return outcome(
        Ended(
            corridor=corridor_of(row, told),
            journey=journey_of(row, known),
            steps=earlier.current(known, row["earlier_until"]),
            zone=zone_of(goes, None),
            promised=None if row["promised"] is None else orjson.loads(row["promised"]),
            said=said,
            stars=None if rating is None else rating.stars,
            reasons=() if rating is None else orjson.loads(rating.reasons),
        )
    )


def drop_before(conn: Connection, *, merchant_id: str, now: int, keep_days: int) -> None:
    """Drop a merchant's insights older than they are kept."""
    oldest = now // _DAY - keep_days
    for measure in MEASURES:
        old = (_TALLY.merchant_id == merchant_id, _TALLY.measure == measure, _TALLY.day < oldest)
        conn.execute(delete(InsightTables.tally).where(*old))
    conn.execute(delete(InsightTables.outcome).where(_OUT.merchant_id == merchant_id, _OUT.day < oldest))
    said = delete(InsightTables.said).where(_SAID.merchant_id == merchant_id, _SAID.at < now - SAID_DAYS * _DAY)
    conn.execute(said)
    norms.forget(conn, merchant_id=merchant_id, month=norms.month_at(now))


class Counting:
    """Counts outcomes for one gateway."""

    def __init__(self, store: Store, keep_days: int) -> None:
        self._store = store
        self._keep_days = keep_days

    async def tick(self) -> None:
        """Count all that is due."""
        some = select(_DUE.merchant_id).limit(1)
        if await self._store.read(lambda conn: conn.execute(some).first()) is None:
            return
        while await self._store.write(lambda conn: take(conn, now_ms(), self._keep_days)) == BATCH:
            pass

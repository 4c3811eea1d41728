"""Couriers move: positions are kept, fences watched and what follows is told, in the transaction that brought the news.

Every statement serves a whole batch. Running it twice with the same news changes nothing the second time: an older fix
moves nothing, and a message's id is made of the shipment, its attempt and what is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import delete, select

from gateway import shipments
from gateway.lastmile import sight, whereabouts, wishes
from gateway.lastmile.tables import Tables
from gateway.runs import stops
from gateway.steps import Key, by_merchant
from gateway.tables import Tables as Core
from normalizer import fence, render, track
from normalizer.fence import Approach, Fence
from normalizer.model import Status
from normalizer.normalize import content_id
from webhooks.endpoint_rows import wish_of
from webhooks.log import Draft
from webhooks.store import Many, insert_for
from webhooks.tables import Tables as WebhookTables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from gateway.lastmile.sight import Stage
    from gateway.lastmile.whereabouts import Whereabouts
    from gateway.lastmile.wishes import Wishes
    from normalizer.model import Position

Row = Mapping[Any, Any]

OLDEST = 3_600_000
"""Milliseconds after which a position says nothing any more: a phone that comes out of a dead spot, or a replay."""
MOST_AHEAD = 120_000
"""Milliseconds a phone's clock may be ahead of ours before its positions would hide later ones."""
TELL_EVERY = 15_000
"""Milliseconds between two `courier.position` messages of one shipment."""

_OUT = Status.OUT_FOR_DELIVERY.value
_NEAR_BY_WORD = frozenset({"arriving", "arrived_at_door"})


class Seen(NamedTuple):
    """One shipment's courier after the news: what live streams show. None: there is no position (any more)."""

    merchant_id: str
    shipment_id: str
    stage: Stage
    where: Whereabouts | None


@dataclass(slots=True)
class Moves:
    """What came of a batch's positions."""

    drafts: dict[str, list[Draft]] = field(default_factory=lambda: defaultdict(list))
    seen: list[Seen] = field(default_factory=list)


def keep(
    conn: Connection,
    rows: Mapping[Key, Row],
    before: Mapping[Key, str],
    positions: Mapping[Key, Position],
    now: int,
) -> Moves:
    """Take a batch's news. `rows` are the shipments as they are now, `before` the status of those that changed."""
    moves = Moves()
    keys = [key for key, row in rows.items() if key in positions or (key in before and _concerns(row, before[key]))]
    if not keys:
        return moves
    known = _Known(conn, {key: rows[key] for key in keys}, now)
    changed: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    gone: list[Key] = []
    for key in keys:
        one = _One(rows[key], known, positions.get(key), now)
        if one.over:
            gone.append(key)
        if one.fresh is not None:
            kept.append({"merchant_id": key[0], "shipment_id": key[1], "at": one.fresh.at, "body": one.body})
        if one.approach != one.approach_before:
            changed.append(_approach_row(key, one.attempt, one.approach))
        moves.drafts[key[0]] += one.drafts()
        if one.over or one.moved or one.approach != one.approach_before:
            moves.seen.append(Seen(*key, one.stage, None if one.over else one.where))
    if kept:
        _KEEP(conn, kept)
    if changed:
        _APPROACH(conn, changed)
    forget(conn, gone)
    return moves


def forget(conn: Connection, keys: Iterable[Key]) -> None:
    """Delete the live positions of shipments."""
    c = Core.position.c
    for merchant_id, ids in by_merchant(keys):
        conn.execute(delete(Core.position).where(c.merchant_id == merchant_id, c.shipment_id.in_(ids)))


def look(conn: Connection, keys: Iterable[Key], now: int) -> dict[Key, tuple[Seen, Approach]]:
    """Return where shipments' couriers are as of now; who is no shipment is left out."""
    wanted = list(keys)
    rows: dict[Key, Row] = {}
    for merchant_id, ids in by_merchant(wanted):
        found = shipments.get_many(conn, merchant_id, ids)
        rows |= {(merchant_id, id_): row for id_, row in found.items()}
    known = _Known(conn, rows, now)
    looked = {}
    for key, row in rows.items():
        one = _One(row, known, None, now)
        looked[key] = Seen(*key, one.stage, None if one.over else one.where), one.approach
    return looked


def _concerns(row: Row, before: str) -> bool:
    """Tell whether a change of a shipment says something of its courier."""
    return before == _OUT or (row["status"] == _OUT and row["substatus"] in _NEAR_BY_WORD)


class _Known:
    """What the database knows beside the shipments: read for all of a batch at once."""

    def __init__(self, conn: Connection, rows: Mapping[Key, Row], now: int) -> None:
        keys = list(rows)
        merchants = {merchant_id for merchant_id, _ in keys}
        self.wishes = wishes.of(conn, merchants) if merchants else {}
        self.where: dict[Key, Whereabouts] = {}
        self.stops_before: dict[Key, int] = {}
        """Of those on a run: what the run says is newer than what came with a place."""
        self.drop_offs: dict[Key, Row] = {}
        self.approaches: dict[tuple[str, str, int], Approach] = {}
        self.told = {merchant_id for merchant_id in merchants if _asks_for_positions(conn, merchant_id)}
        position, drop_off, approach = Core.position.c, Tables.drop_off.c, Tables.approach.c
        for merchant_id, ids in by_merchant(keys):
            own = [id_ for id_ in ids if rows[merchant_id, id_]["carrier"] == stops.CARRIER]
            by_run = stops.before(conn, merchant_id, own, now)
            self.stops_before |= {(merchant_id, id_): by_run[id_] for id_ in own if id_ in by_run}
            where = (position.merchant_id == merchant_id, position.shipment_id.in_(ids))
            for row in conn.execute(select(position.shipment_id, position.body).where(*where)):
                if (read := whereabouts.loads(row.body)) is not None:
                    self.where[merchant_id, row.shipment_id] = read
            where = (drop_off.merchant_id == merchant_id, drop_off.shipment_id.in_(ids))
            for found in conn.execute(select(Tables.drop_off).where(*where)).mappings():
                self.drop_offs[merchant_id, found["shipment_id"]] = found
            where = (approach.merchant_id == merchant_id, approach.shipment_id.in_(ids))
            for found in conn.execute(select(Tables.approach).where(*where)).mappings():
                told = Approach(*(found[name] for name in _APPROACH_COLUMNS))
                self.approaches[merchant_id, found["shipment_id"], found["attempt"]] = told


class _One:
    """One shipment, its courier's position and what follows from it."""

    def __init__(self, row: Row, known: _Known, position: Position | None, now: int) -> None:
        self._row = row
        self._now = now
        key = (row["merchant_id"], row["id"])
        self._wishes = known.wishes.get(key[0], wishes.NONE)
        self._tells_positions = key[0] in known.told
        self._state: dict[str, Any] = orjson.loads(row["state"])
        self.attempt = int(orjson.loads(row["runs"]).get(_OUT, 0))
        self.approach_before = self.approach = known.approaches.get((*key, self.attempt), Approach())
        self.where = known.where.get(key)
        self._by_run = known.stops_before.get(key)
        if self.where is not None and self._by_run is not None:
            self.where = replace(self.where, stops_before=self._by_run)
        self.fresh: Whereabouts | None = None
        self._fence = fence_of(row, self._state, known.drop_offs.get(key), self._wishes)
        self.moved = False
        self.stage = self._stage()
        if position is not None and row["tracking"] and not self.over:
            self._take(position)
        self._hear()
        self.stage = self._stage()

    @property
    def over(self) -> bool:
        """Whether nobody may see this courier any more."""
        return self.stage == "over"

    @property
    def body(self) -> bytes:
        """What is kept of the whereabouts."""
        assert self.fresh is not None  # noqa: S101 - only asked for where there is something
        return whereabouts.dumps(self.fresh)

    def drafts(self) -> Iterable[Draft]:
        """Draft what is told: that the courier is arriving, once, and the position where somebody asked for such."""
        if self.approach.arriving_at is not None and self.approach_before.arriving_at is None and not self.over:
            told = {"attempt": self.attempt, "at": _instant(self.approach.arriving_at), "eta": self._eta}
            yield self._draft("courier.arriving", ("arriving", str(self.attempt)), {"arriving": told})
        if self.moved and self._tells_positions and self.fresh is not None:
            slot = str(self.fresh.at // TELL_EVERY)
            shown = whereabouts.document(self.fresh, sight.precision("merchant", self.stage))
            yield self._draft("courier.position", ("position", slot), {"position": shown})

    def _draft(self, kind: str, key: tuple[str, ...], more: dict[str, Any]) -> Draft:
        row = self._row
        document = shipments.document(row, self._state)
        return Draft(
            id=content_id("msg", row["id"], row["carrier"], *key),
            type=kind,
            shipment_id=row["id"],
            shipment_version=row["version"],
            created_at=self._now,
            data=orjson.dumps({"shipment": document, "event": None, "previous": {}, **more}),
        )

    @property
    def _eta(self) -> str | None:
        return None if self.where is None else _instant(self.where.eta)

    def _take(self, position: Position) -> None:
        fix = track.fix_of(position)
        if not self._now - OLDEST <= fix.at <= self._now + MOST_AHEAD:
            return
        old = None if self.where is None else self.where.track
        new = track.follow(old, fix)
        if new is None or new is old:
            return
        self.moved = track.moved(old, new)
        if self.moved:
            self.where = whereabouts.after(self.where, new, position)
        elif self.where is not None:
            self.where = whereabouts.doubting(self.where, new)
        self.fresh = self.where
        if self.moved and self._row["status"] == _OUT:
            eta = None if position.eta is None else int(position.eta.timestamp() * 1000)
            self.approach = fence.approach(self.approach, self._fence, fix, eta)

    def _hear(self) -> None:
        """Take over what the carrier says by itself: that the courier is near or at the door, or that it is over."""
        row = self._row
        at = row["last_event_at"] or self._now
        if row["status"] == _OUT and row["substatus"] in _NEAR_BY_WORD:
            self.approach = fence.said(self.approach, at, at_door=row["substatus"] == "arrived_at_door")
        elif self.over:
            self.approach = fence.close(self.approach, at)

    def _stage(self) -> Stage:
        row, where = self._row, self.where
        told = self._state.get("stops_before")
        first = where.stops_before if where is not None and where.stops_before is not None else told
        if self._by_run is not None:
            first = self._by_run
        turn = sight.Turn(
            status=row["status"],
            substatus=row["substatus"],
            stops_before=first,
            eta=None if where is None else where.eta,
            metres=None if where is None else self._fence.distance(where.track.last),
            arriving=self.approach.arriving_at is not None,
            arrived=self.approach.arrived_at is not None and self.approach.left_at is None,
        )
        return sight.stage(turn, self._wishes.near, self._now)


def fence_of(row: Row, state: Row, own: Row | None, merchant: Wishes) -> Fence:
    """Return the fence round a shipment's drop-off.

    The place is the one given for the shipment, else its destination's, else the one its carrier told: coordinates
    somebody stated. A city's from the gazetteer are about a kilometre off, so no door is guessed from them.
    """
    latitude, longitude = _point(own)
    if latitude is None and row["destination"] is not None:
        latitude, longitude = _point(orjson.loads(row["destination"]))
    if latitude is None:
        latitude, longitude = _point(state.get("carrier_destination"))
    metres, seconds = merchant.metres, merchant.seconds
    if own is not None and (own["metres"] is not None or own["seconds"] is not None):
        metres, seconds = own["metres"], own["seconds"]
    return Fence(latitude=latitude, longitude=longitude, metres=metres, seconds=seconds)


def _point(told: Row | None) -> tuple[float | None, float | None]:
    if told is None or told.get("latitude") is None or told.get("longitude") is None:
        return None, None
    return told["latitude"], told["longitude"]


def _asks_for_positions(conn: Connection, merchant_id: str) -> bool:
    """Tell whether one of a merchant's endpoints names `courier.position`: only then is it put into the log."""
    c = WebhookTables.endpoint.c
    statement = select(WebhookTables.endpoint).where(c.merchant_id == merchant_id, c.state == "enabled")
    return any(wish_of(row).wants_type("courier.position") for row in conn.execute(statement).all())


def _instant(millis: int | None) -> str | None:
    return render.millis_instant(millis)


_APPROACH_COLUMNS = tuple(Approach.__dataclass_fields__)


def _newer(dialect: str) -> Any:
    statement = insert_for(dialect, Core.position)
    return statement.on_conflict_do_update(
        index_elements=["merchant_id", "shipment_id"],
        set_={"at": statement.excluded.at, "body": statement.excluded.body},
        where=Core.position.c.at <= statement.excluded.at,
    )


_KEEP = Many(_newer, [column.name for column in Core.position.columns])
_APPROACH = Many.inserting(Tables.approach, twice={"update": _APPROACH_COLUMNS})


def _approach_row(key: Key, attempt: int, of: Approach) -> dict[str, Any]:
    columns = {name: getattr(of, name) for name in _APPROACH_COLUMNS}
    return {"merchant_id": key[0], "shipment_id": key[1], "attempt": attempt, **columns}

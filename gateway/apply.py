"""Store and fold: events into the database, shipments refolded, messages into the log, in the caller's transaction.

Every statement serves a whole batch. Running it twice with the same news changes nothing the second time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select, update

from gateway import handover, trouble
from gateway.insights import ended, foretelling, norms
from gateway.lastmile import moving
from gateway.orders import refolding
from gateway.people import notices
from gateway.proofs import store as proofs
from gateway.refold import Refolded
from gateway.steps import Key, by_merchant, steps_of
from gateway.tables import Tables
from normalizer.model import Event, Status
from webhooks import log
from webhooks.store import Many, insert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection, RowMapping

    from gateway.refold import News
    from normalizer.journey import Step
    from webhooks.log import Draft, Entry

Unlisted = dict[tuple[str, str, str], tuple[int, Event]]
"""(merchant, carrier, code) -> how often, and one event with it."""


@dataclass(slots=True)
class Applied:
    """What came of it: new log entries by merchant, and counts for the metrics."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    new_events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many by (carrier, status)."""
    ahead: Counter[str] = field(default_factory=Counter)
    """How many of them, by carrier, were dated too far after their receipt."""
    seen: list[moving.Seen] = field(default_factory=list)
    """Where couriers are now, for the live streams."""


def apply(
    conn: Connection, news: Mapping[Key, News], polls: Callable[[str], bool], now: int, *, revise: bool = False
) -> Applied:
    """Apply news of registered shipments. `polls(carrier)` tells whether it can be asked.

    A known event keeps its meaning, unless it was `unknown` and now has one; `revise` (a replay) gives every event
    the meaning that the code tables say today.
    """
    applied = Applied()
    rows = _shipments(conn, news)
    told = {key: row for key, row in rows.items() if news[key].says_something}
    known = steps_of(conn, told)
    drafts: dict[str, list[Draft]] = defaultdict(list)
    events: list[dict[str, Any]] = []
    updates: dict[Key, dict[str, Any]] = {}
    unlisted: Unlisted = {}
    refolded: dict[Key, Refolded] = {}
    month = norms.month_at(now)
    for key, row in told.items():
        if not row["tracking"]:
            continue
        one = Refolded(row, known.get(key, {}), news[key], now, polls=polls(row["carrier"]), revise=revise)
        if one.hands_over is not None:
            one.row = handover.link(conn, row, *one.hands_over, now)
        one.settle(norms.find(conn, key[0], one.corridor, month) if norms.has_any(conn, key[0]) else ())
        if one.update is None:
            continue
        refolded[key] = one
        updates[key] = one.update
        events += one.event_rows
        applied.new_events.update((event.carrier, event.status.value) for event in one.new.values())
        if one.teller is not None:
            bodies = one.bodies | _old_bodies(conn, key, one.missing_bodies())
            drafts[key[0]] += one.drafts(bodies)
        _note_unlisted(unlisted, key[0], one.new.values())
    if events:
        _KEEP_EVENTS(conn, events)
    if updates:
        _UPDATE(conn, updates.values())
    ended.note(conn, (key for key, one in refolded.items() if one.has_outcome))
    foretelling.keep(conn, ((key, said) for key, one in refolded.items() for said in one.sayings()))
    trouble.note(conn, (change for one in refolded.values() if (change := one.trouble_change) is not None))
    _count_unlisted(conn, unlisted, now)
    applied.ahead = _count_ahead(conn, refolded, known, now)
    _note_proofs(conn, told, news, now)
    moves = _move(conn, rows, updates, news, now)
    applied.seen = moves.seen
    numbers = {(key[0], number) for key in updates if (number := rows[key]["order_number"]) is not None}
    for further in (moves.drafts, refolding.refold(conn, numbers, now)):
        for merchant_id, more in further.items():
            drafts[merchant_id] += more
    applied.entries = log.append_many(conn, drafts)
    notices.follow(conn, applied.entries, now)
    return applied


def _note_proofs(conn: Connection, told: Mapping[Key, RowMapping], news: Mapping[Key, News], now: int) -> None:
    wanted = {key: news[key].proofs for key, row in told.items() if news[key].proofs and row["tracking"]}
    if wanted:
        proofs.note(conn, wanted, {key: told[key]["carrier"] for key in wanted}, now)


def _move(
    conn: Connection,
    rows: Mapping[Key, RowMapping],
    updates: Mapping[Key, dict[str, Any]],
    news: Mapping[Key, News],
    now: int,
) -> moving.Moves:
    """Take the news of the couriers: their positions, and that a shipment went out, arrived or is over."""
    return moving.keep(
        conn,
        {key: {**row, **updates[key]} if key in updates else row for key, row in rows.items()},
        {key: rows[key]["status"] for key in updates},
        {key: position for key in rows if (position := news[key].position) is not None},
        now,
    )


_REVISED = ("sort_at", "carrier_order", "status", "substatus", "moves", "going_back", "at", "day", "body")
_KEEP_EVENTS = Many.inserting(Tables.event, twice={"update": _REVISED})

_UPDATED = (
    "status",
    "substatus",
    "version",
    "state",
    "told",
    "runs",
    "last_event_at",
    "earlier_until",
    "not_found",
    "pushed_at",
    "next_poll_at",
    "subscribe_at",
    "trouble",
    "trouble_at",
    "predicted",
    "updated_at",
)
_UPDATE = Many.running(
    update(Tables.shipment)
    .where(Tables.shipment.c.merchant_id == bindparam("key_merchant"), Tables.shipment.c.id == bindparam("key_id"))
    .values({name: bindparam(name) for name in _UPDATED}),
    (),
)


def _shipments(conn: Connection, keys: Iterable[Key]) -> dict[Key, RowMapping]:
    table = Tables.shipment
    rows: dict[Key, RowMapping] = {}
    for merchant_id, ids in by_merchant(keys):
        statement = select(table).where(table.c.merchant_id == merchant_id, table.c.id.in_(ids))
        for row in conn.execute(statement).mappings().all():
            rows[merchant_id, row["id"]] = row
    return rows


def _old_bodies(conn: Connection, key: Key, ids: set[str]) -> dict[str, bytes]:
    if not ids:
        return {}
    c = Tables.event.c
    statement = select(c.id, c.body).where(c.merchant_id == key[0], c.shipment_id == key[1], c.id.in_(ids))
    return {row.id: row.body for row in conn.execute(statement)}


def _note_unlisted(unlisted: Unlisted, merchant_id: str, events: Iterable[Event]) -> None:
    for event in events:
        if event.status is Status.UNKNOWN and event.basis == "none" and event.codes:
            code = (merchant_id, event.carrier, event.codes[0])
            unlisted[code] = (unlisted.get(code, (0, event))[0] + 1, event)


def _count_unlisted(conn: Connection, unlisted: Unlisted, now: int) -> None:
    table = Tables.unlisted_code
    rows = [
        {
            "merchant_id": merchant_id,
            "carrier": carrier,
            "code": code,
            "count": count,
            "example": event.text,
            "payload_id": event.payload_id or "",
            "first_at": now,
            "last_at": now,
        }
        for (merchant_id, carrier, code), (count, event) in unlisted.items()
    ]
    if rows:
        statement = insert(conn, table)
        again = {"count": table.c.count + statement.excluded.count, "last_at": now}
        conn.execute(
            statement.on_conflict_do_update(index_elements=["merchant_id", "carrier", "code"], set_=again), rows
        )


def _count_ahead(
    conn: Connection, refolded: Mapping[Key, Refolded], known: Mapping[Key, Mapping[str, Step]], now: int
) -> Counter[str]:
    """Count events that were dated too far after their receipt, once each; return how many by carrier."""
    table = Tables.clock_ahead
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, one in refolded.items():
        for id_, event in one.new.items():
            if event.told_time is not None and id_ not in known.get(key, {}):
                found[key[0], event.carrier].append(event.payload_id or "")
    rows = [
        {
            "merchant_id": merchant_id,
            "carrier": carrier,
            "count": len(payloads),
            "payload_id": payloads[-1],
            "first_at": now,
            "last_at": now,
        }
        for (merchant_id, carrier), payloads in found.items()
    ]
    if rows:
        statement = insert(conn, table)
        latest = {"payload_id": statement.excluded.payload_id, "last_at": now}
        again = {"count": table.c.count + statement.excluded.count, **latest}
        conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id", "carrier"], set_=again), rows)
    return Counter(carrier for (_, carrier), payloads in found.items() for _ in payloads)

"""The trouble shipments are in: found at each refold and where time alone brings it, told by a look at what is due.

A shipment's row holds it (`trouble`, and `trouble_at`: when to look again), a table of its own finds it by kind. Each
is told once, and not again while it lasts.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import bindparam, delete, select, update

from connectors import UnknownCarrier, connector
from gateway.tables import Tables
from normalizer import eta
from normalizer import trouble as rules
from normalizer.journey import Journey
from normalizer.trouble import LIMITS, Facts, Limits, Trouble
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from normalizer.details import Told
    from normalizer.eta import Norm
    from normalizer.journey import Step

MOST_AT_ONCE = 50
"""Shipments looked at in a transaction: each may tell several messages, and everything else waits for it."""
LOOK_SECONDS = 15
"""How often what is due is looked at."""

SETTLE_MS = 60_000
"""Trouble is told only so long after the last news: a history comes in pieces, the oldest often first."""

WRITTEN = ("trouble", "trouble_at", "predicted", "version", "updated_at")
"""What a look may change of a shipment's row."""

Known = dict[str, tuple[int, bool]]
"""Kind of trouble -> since when (epoch milliseconds), and whether it was told."""


@cache
def limits_of(carrier: str) -> Limits:
    """Return how long is too long for a carrier."""
    try:
        kind = connector(carrier).facts.kind
    except UnknownCarrier:
        kind = "parcel"
    return LIMITS.get(kind, LIMITS["parcel"])


def look(
    row: RowMapping | Mapping[str, Any],
    journey: Journey,
    steps: Sequence[Step],
    told: Told,
    now: int,
    *,
    norms: Sequence[Norm] = (),
) -> tuple[dict[str, int], int | None]:
    """Return the trouble a shipment is in with its since-when, and when time alone next changes that.

    One that is not tracked or goes on as another carrier's has none: the next one speaks. `norms` are what is normal
    for such parcels, the finest first.
    """
    if not row["tracking"] or row["continues_id"] is not None:
        return {}, None
    arrives = told.get("eta")
    facts = Facts(
        journey=journey,
        steps=steps,
        created_at=row["created_at"],
        is_return=row["direction"] == "return",
        promised=None if row["promised"] is None else orjson.loads(row["promised"]),
        eta=None if arrives is None else arrives[1],
        eta_told_at=None if arrives is None else arrives[0],
    )
    beginning = rules.begins(facts, _learned(limits_of(row["carrier"]), norms))
    there = rules.active(beginning, now)
    return {kind.value: there[kind] for kind in Trouble if kind in there}, rules.next_look(beginning, now)


def _learned(limits: Limits, norms: Sequence[Norm]) -> Limits:
    """Return the limits with the silence that is unusual for such parcels, where enough of them are known."""
    silence = eta.silence(norms)
    return limits if silence is None else _with_silence(limits, silence)


@lru_cache(maxsize=1_024)
def _with_silence(limits: Limits, hours: float) -> Limits:
    return replace(limits, stalled=hours)


def after_news(before: Known, found: Mapping[str, int], look_at: int | None, now: int) -> tuple[Known, int | None]:
    """Return trouble after news and when to look again. `found` and `look_at` are what `look` said.

    What was told and lasts stays told; what is new waits until the news have settled.
    """
    after = {kind: (since, kind in before and before[kind][1]) for kind, since in found.items()}
    if all(told for _, told in after.values()):
        return after, look_at
    return after, now + SETTLE_MS if look_at is None else min(now + SETTLE_MS, look_at)


def first_look(row: Mapping[str, Any], now: int) -> int | None:
    """Return when to look first at a shipment of which nothing is known."""
    found, at = look({"tracking": True, "continues_id": None, **row}, Journey(), (), {}, now)
    return now if found else at


def known(row: RowMapping | Mapping[str, Any]) -> Known:
    """Return the trouble a shipment's row tells of."""
    if row["trouble"] is None:
        return {}
    return {kind: (since, told) for kind, (since, told) in orjson.loads(row["trouble"]).items()}


def kept(trouble: Known) -> bytes | None:
    """Return trouble as the row keeps it."""
    return orjson.dumps(trouble) if trouble else None


def note(conn: Connection, changes: Iterable[tuple[str, str, Known, Known]]) -> None:
    """Bring the table up to date. Each change is (merchant, shipment, trouble before, trouble now)."""
    ended: list[dict[str, Any]] = []
    there: list[dict[str, Any]] = []
    for merchant_id, shipment_id, before, after in changes:
        key = {"merchant_id": merchant_id, "shipment_id": shipment_id}
        ended += [{f"key_{name}": of for name, of in (key | {"kind": kind}).items()} for kind in before.keys() - after]
        there += [
            key | {"kind": kind, "since": since}
            for kind, (since, _) in after.items()
            if kind not in before or before[kind][0] != since
        ]
    if ended:
        _END(conn, ended)
    if there:
        _NOTE(conn, there)


def due(conn: Connection, now: int) -> list[RowMapping]:
    """Return shipments to look at again, the longest due first."""
    c = Tables.shipment.c
    statement = select(Tables.shipment).where(c.trouble_at <= now).order_by(c.trouble_at).limit(MOST_AT_ONCE)
    return list(conn.execute(statement).mappings())


def update_rows(conn: Connection, rows: Iterable[dict[str, Any]]) -> None:
    """Write what a look found: rows of `key_merchant`, `key_id`, and the names of `WRITTEN`."""
    _UPDATE(conn, rows)


_T, _S = Tables.trouble.c, Tables.shipment.c
_NOTE = Many.inserting(Tables.trouble, twice={"update": ("since",)})
_END = Many.running(
    delete(Tables.trouble).where(
        _T.merchant_id == bindparam("key_merchant_id"),
        _T.shipment_id == bindparam("key_shipment_id"),
        _T.kind == bindparam("key_kind"),
    ),
    (),
)
_UPDATE = Many.running(
    update(Tables.shipment)
    .where(_S.merchant_id == bindparam("key_merchant"), _S.id == bindparam("key_id"))
    .values({name: bindparam(name) for name in WRITTEN}),
    (),
)

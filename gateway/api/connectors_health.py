"""How the connectors fare: for operators those of all merchants, for merchants their own; nobody's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, true

from connectors import connectors
from connectors.samples import proof_level
from gateway.api import answers
from gateway.api.calls import PEOPLE, Ask, Calls, listing
from gateway.tables import Tables
from normalizer import render

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import ColumnElement, Connection, Table

CALLS = Calls("Carriers")
_DAY = 86_400_000


@CALLS.add(
    "GET",
    "/v1/health/connectors",
    "Each connector that is in use: accounts, last answers and pushes, failures, unreadable payloads, unlisted codes.",
    roles=PEOPLE,
    answers={200: answers.ConnectorsHealth},
)
async def health(ask: Ask) -> web.StreamResponse:
    """Show how the connectors fare."""
    whose = ask.merchant_id or None
    told = await ask.gateway.store.read(lambda conn: _health(conn, whose, ask.now))
    resting, used_up = ask.gateway.carriers.resting(whose), ask.gateway.carriers.used_up(whose)
    for one in told:
        one |= {"breakers_open": resting[one["carrier"]], "limit_used": used_up.get(one["carrier"])}
    return listing(told)


def _health(conn: Connection, merchant_id: str | None, now: int) -> list[dict[str, Any]]:
    def of(table: Table) -> ColumnElement[bool]:
        return true() if merchant_id is None else table.c.merchant_id == merchant_id

    a, s, p, u = Tables.account.c, Tables.shipment.c, Tables.payload.c, Tables.unlisted_code.c
    states = {
        (carrier, state): count
        for carrier, state, count in conn.execute(
            select(a.carrier, a.state, func.count())
            .where(of(Tables.account), a.state != "deleted")
            .group_by(a.carrier, a.state)
        )
    }
    tracked = {
        row.carrier: row
        for row in conn.execute(
            select(
                s.carrier,
                func.count().label("shipments"),
                func.max(s.polled_at).label("polled_at"),
                func.max(s.polled_at).filter(s.poll_failures == 0).label("answered_at"),
                func.max(s.pushed_at).label("pushed_at"),
                func.count().filter(s.poll_failures > 0).label("failing"),
            )
            .where(of(Tables.shipment), s.tracking.is_(True), s.next_poll_at.is_not(None) | s.pushed_at.is_not(None))
            .group_by(s.carrier)
        )
    }
    payloads = {
        (carrier, state): count
        for carrier, state, count in conn.execute(
            select(p.carrier, p.state, func.count())
            .where(of(Tables.payload), p.received_at > now - _DAY)
            .group_by(p.carrier, p.state)
        )
    }
    unlisted = dict(
        tuple(row)
        for row in conn.execute(
            select(u.carrier, func.count(func.distinct(u.code))).where(of(Tables.unlisted_code)).group_by(u.carrier)
        )
    )
    used = {carrier for carrier, _ in states} | set(tracked) | {carrier for carrier, _ in payloads}
    return [
        {
            "carrier": code,
            "name": one.facts.name,
            "proof_level": proof_level(code),
            "accounts_active": states.get((code, "active"), 0),
            "accounts_rejected": states.get((code, "rejected"), 0),
            "shipments": tracked[code].shipments if code in tracked else 0,
            "shipments_failing": int(tracked[code].failing or 0) if code in tracked else 0,
            "polled_at": render.millis_instant(tracked[code].polled_at) if code in tracked else None,
            "answered_at": render.millis_instant(tracked[code].answered_at) if code in tracked else None,
            "pushed_at": render.millis_instant(tracked[code].pushed_at) if code in tracked else None,
            "payloads_today": sum(count for (carrier, _), count in payloads.items() if carrier == code),
            "unreadable_today": payloads.get((code, "unreadable"), 0),
            "unlisted_codes": unlisted.get(code, 0),
        }
        for code, one in sorted(connectors().items())
        if code in used
    ]

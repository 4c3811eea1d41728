"""How the connectors fare, for operators: technical state of all merchants, and nobody's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from connectors import connectors
from connectors.samples import proof_level
from gateway.api import answers
from gateway.api.calls import Ask, Calls, listing
from gateway.tables import Tables
from normalizer import render

if TYPE_CHECKING:
    from aiohttp import web
    from sqlalchemy import Connection

CALLS = Calls("Carriers")
_DAY = 86_400_000


@CALLS.add(
    "GET",
    "/v1/health/connectors",
    "Each connector that is in use: accounts, last answers and pushes, failures, unreadable payloads, unlisted codes.",
    roles=("operator",),
    answers={200: answers.ConnectorsHealth},
)
async def health(ask: Ask) -> web.StreamResponse:
    """Show how the connectors fare."""
    return listing(await ask.gateway.store.read(lambda conn: _health(conn, ask.now)))


def _health(conn: Connection, now: int) -> list[dict[str, Any]]:
    a, s, p, u = Tables.account.c, Tables.shipment.c, Tables.payload.c, Tables.unlisted_code.c
    states = {
        (carrier, state): count
        for carrier, state, count in conn.execute(
            select(a.carrier, a.state, func.count()).where(a.state != "deleted").group_by(a.carrier, a.state)
        )
    }
    tracked = {
        row.carrier: row
        for row in conn.execute(
            select(
                s.carrier,
                func.count().label("shipments"),
                func.max(s.polled_at).label("polled_at"),
                func.max(s.pushed_at).label("pushed_at"),
                func.count().filter(s.poll_failures > 0).label("failing"),
            )
            .where(s.tracking.is_(True), s.next_poll_at.is_not(None) | s.pushed_at.is_not(None))
            .group_by(s.carrier)
        )
    }
    payloads = {
        (carrier, state): count
        for carrier, state, count in conn.execute(
            select(p.carrier, p.state, func.count()).where(p.received_at > now - _DAY).group_by(p.carrier, p.state)
        )
    }
    unlisted = dict(
        tuple(row) for row in conn.execute(select(u.carrier, func.count(func.distinct(u.code))).group_by(u.carrier))
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
            "pushed_at": render.millis_instant(tracked[code].pushed_at) if code in tracked else None,
            "payloads_today": sum(count for (carrier, _), count in payloads.items() if carrier == code),
            "unreadable_today": payloads.get((code, "unreadable"), 0),
            "unlisted_codes": unlisted.get(code, 0),
        }
        for code, one in sorted(connectors().items())
        if code in used
    ]

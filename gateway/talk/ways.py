"""The way something said takes: to the recipient by the page, to the courier by what there is, else to the desk.

To a courier the carrier's platform comes first, then an SMS from the shop's own number, then the courier's page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from connectors import carrier_codes, connector
from connectors.base import Contacts
from gateway.people import notices
from gateway.people.tables import People
from gateway.runs.tables import RunTables
from gateway.tables import Tables
from gateway.talk.tables import TalkTables
from normalizer.model import Status

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

OUT = Status.OUT_FOR_DELIVERY.value
LOOK_AGAIN = 3_600_000
"""Milliseconds after which instructions that wait for the departure are looked at again: a hint may be lost."""
NO_WAY = "there is no way to the courier"
_C, _A, _P = TalkTables.conversation.c, Tables.account.c, People.account.c
_RUN, _STOP = RunTables.run.c, RunTables.stop.c


def first(conn: Connection, shipment: RowMapping, *, author: str, audience: str, kind: str, now: int) -> dict[str, Any]:
    """Return the columns `through`, `state` and `due_at` of something just said."""
    if author == "courier" or audience not in ("courier", "everybody"):
        return {"through": "desk" if audience == "support" else "page", "state": "sent", "due_at": None}
    if kind == "instruction" and shipment["status"] != OUT:
        return {"through": "", "state": "waiting", "due_at": now + LOOK_AGAIN}
    ways = to_courier(conn, shipment, now)
    if ways:
        return taking(ways[0], now)
    if author == "support" and audience == "courier":
        return {"through": "desk", "state": "failed", "due_at": None, "reason": NO_WAY}
    return {"through": "page" if author == "support" else "desk", "state": "sent", "due_at": None}


def taking(way: str, now: int) -> dict[str, Any]:
    """Return the columns of something that takes a way to the courier from now on."""
    if way == "courier_page":
        return {"through": way, "state": "sent", "due_at": None}
    return {"through": way, "state": "waiting", "due_at": now}


def to_courier(conn: Connection, shipment: RowMapping, now: int) -> list[str]:
    """Return the ways to a shipment's courier, the best first; none while it is not out for delivery."""
    if shipment["status"] != OUT:
        return []
    found = []
    if _has_platform(conn, shipment):
        found.append("platform")
    if _has_number(conn, shipment):
        found.append("sms")
    if _is_on_a_run(conn, shipment, now):
        found.append("courier_page")
    return found


def _has_platform(conn: Connection, shipment: RowMapping) -> bool:
    carrier, account_id = shipment["carrier"], shipment["account_id"]
    if account_id is None or carrier not in carrier_codes() or not isinstance(connector(carrier), Contacts):
        return False
    mine = (_A.merchant_id == shipment["merchant_id"], _A.id == account_id, _A.state == "active")
    return conn.execute(select(_A.id).where(*mine)).first() is not None


def _has_number(conn: Connection, shipment: RowMapping) -> bool:
    merchant_id = shipment["merchant_id"]
    statement = select(_C.courier_hash).where(_C.merchant_id == merchant_id, _C.shipment_id == shipment["id"])
    found = conn.execute(statement).scalar()
    if found is None:
        return False
    sending = select(_P.id).where(_P.merchant_id == merchant_id, _P.channel == "sms", _P.state == "active").limit(1)
    if conn.execute(sending).first() is None:
        return False
    return "" not in notices.stopped(conn, merchant_id, {("sms", found)}).get(("sms", found), frozenset())


def _is_on_a_run(conn: Connection, shipment: RowMapping, now: int) -> bool:
    statement = (
        select(_STOP.id)
        .join(RunTables.run, (_RUN.merchant_id == _STOP.merchant_id) & (_RUN.id == _STOP.run_id))
        .where(
            _STOP.merchant_id == shipment["merchant_id"],
            _STOP.shipment_id == shipment["id"],
            _STOP.removed_at.is_(None),
            _RUN.revoked_at.is_(None),
            _RUN.expires_at > now,
        )
        .limit(1)
    )
    return conn.execute(statement).first() is not None

"""What a person knows of the arrival, and how far it must have moved to be told anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import update

from gateway import shipments
from gateway.lastmile import wishes
from gateway.people import arrival
from gateway.people.subjects import CONFIRM, SUBJECTS
from gateway.people.tables import People

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_W = People.wish.c
_MINUTE = 60_000


def moves_ms(conn: Connection, merchant_id: str) -> int:
    """Return by how many milliseconds an arrival must move to be told anew, as its merchant wishes."""
    return wishes.get(conn, merchant_id).eta_minutes * _MINUTE


def is_known(conn: Connection, merchant_id: str, shipment_id: str, *, told: bytes | None, zone: str) -> bool:
    """Tell whether the arrival, as it stands now, is (nearly) the one a person was told last."""
    row = shipments.get(conn, merchant_id, shipment_id)
    if told is None or row is None:
        return False
    now = orjson.loads(row["state"]).get("eta")
    return not arrival.moved(orjson.loads(told), now, ZoneInfo(zone), moves_ms(conn, merchant_id))


def told(conn: Connection, merchant_id: str, subject: str, wish: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Note that a notice went: whoever got it knows the arrival that it told of."""
    eta = (data.get("shipment") or {}).get("eta")
    if subject == CONFIRM or SUBJECTS[subject].apart or eta is None:
        return
    known = orjson.dumps(eta)
    if known != wish["eta_told"]:
        mine = (_W.merchant_id == merchant_id, _W.id == wish["id"])
        conn.execute(update(People.wish).where(*mine).values(eta_told=known))

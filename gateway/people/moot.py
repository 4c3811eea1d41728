"""What need not be told any more by the time it is due: words that were read, a delivery that was rated.

Or an arrival that moved and moved back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.people import arriving
from gateway.people.subjects import RATE
from gateway.ratings import ratings
from gateway.talk import conversation

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping


def why(conn: Connection, row: RowMapping) -> str:
    """Return why a notice need not go any more, nothing where it must. `row` has message's body and wish beside it."""
    if row["subject"] not in (RATE, "conversation", "eta_changed") or row["body"] is None or row["w_id"] is None:
        return ""
    shipment = orjson.loads(row["body"])["data"]["shipment"]
    merchant_id, shipment_id = row["merchant_id"], shipment["id"]
    if row["subject"] == RATE:
        return "the delivery was rated already" if ratings.of(conn, merchant_id, shipment_id) is not None else ""
    if row["subject"] == "eta_changed":
        known = arriving.is_known(conn, merchant_id, shipment_id, told=row["w_eta_told"], zone=row["w_zone"])
        return "the arrival is where the person knows it to be" if known else ""
    return "" if conversation.has_unseen(conn, merchant_id, shipment_id) else "the person read it already"

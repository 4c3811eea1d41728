"""Notices in the database as they are read again: those of a message, and those about a shipment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from gateway.people.subjects import CONFIRM, RATE
from gateway.people.tables import People
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping

_W, _N, _M = People.wish.c, People.notice.c, Tables.message.c
_CHUNK = 400
_LATER = f"{RATE}:"
_HIGHEST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """A notice as it is shown. `address` is sealed; None where its wish is no longer kept."""

    row: RowMapping
    address: bytes | None
    language: str | None

    @property
    def message_id(self) -> str | None:
        """The message it follows from, as `rate` does some hours later; None where a person was asked to confirm."""
        return None if self.row["subject"] == CONFIRM else str(self.row["message_id"]).removeprefix(_LATER)


def of_message(conn: Connection, merchant_id: str, message_id: str) -> list[NoticeFacts]:
    """Return a message's notices, oldest first; what is asked later of a message is its own as well."""
    return _found(conn, merchant_id, [_N.message_id.in_([message_id, _LATER + message_id])])


def of_shipment(conn: Connection, merchant_id: str, shipment_id: str) -> list[NoticeFacts]:
    """Return the notices about a shipment, oldest first.

    Those of its messages, also to people who asked at the parcel it continues, and the questions whether people who
    asked at this one really want to hear.
    """
    messages = select(_M.id).where(_M.merchant_id == merchant_id, _M.shipment_id == shipment_id)
    wishes = select(_W.id).where(
        _W.merchant_id == merchant_id, _W.shipment_id == shipment_id, _W.double_opt_in.is_(True)
    )
    ids = [one for id_ in conn.execute(messages).scalars() for one in (id_, _LATER + id_)]
    conditions: list[ColumnElement[bool]] = [
        _N.message_id.in_(ids[begin : begin + _CHUNK]) for begin in range(0, len(ids), _CHUNK)
    ]
    asked = (f"{CONFIRM}:{id_}:" for id_ in conn.execute(wishes).scalars())
    conditions += [and_(_N.message_id >= one, _N.message_id < one + _HIGHEST) for one in asked]
    return _found(conn, merchant_id, conditions)


def _found(conn: Connection, merchant_id: str, conditions: Sequence[ColumnElement[bool]]) -> list[NoticeFacts]:
    rows: list[RowMapping] = []
    for condition in conditions:
        statement = (
            select(People.notice, _W.address.label("sealed"), _W.language.label("spoken"))
            .outerjoin(People.wish, (_W.merchant_id == _N.merchant_id) & (_W.id == _N.wish_id))
            .where(_N.merchant_id == merchant_id, condition)
        )
        rows += conn.execute(statement).mappings()
    rows.sort(key=lambda row: (row["created_at"], row["id"]))
    return [NoticeFacts(row, row["sealed"], row["spoken"]) for row in rows]

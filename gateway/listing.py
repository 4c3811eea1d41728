"""Lists of shipments: filters, the latest changed first, page by page along the key and never by counting off."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, tuple_

from gateway.tables import Tables
from normalizer.numbers import normal_number
from normalizer.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

_SILENT = (Trouble.STALLED, Trouble.NOT_HANDED_OVER)

_HIGHEST = "\U0010ffff"


class BadCursor(ValueError):  # noqa: N818 - it names what is bad
    """A cursor that no list of ours gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What shipments to list. `updated_since` in epoch milliseconds; `statuses` empty means all."""

    tracking_number: str | None = None
    order_number: str | None = None
    statuses: Sequence[str] = ()
    carrier: str | None = None
    beginning: str | None = None
    troubles: Sequence[str] = ()
    """Kinds of trouble, one of which it is in; `any` for all."""
    stalled: bool | None = None
    updated_since: int | None = None


def page(
    conn: Connection, merchant_id: str, wanted: Filter, *, after: str | None, limit: int
) -> tuple[list[RowMapping], str | None]:
    """Return one page of a merchant's shipments and the cursor of the next. Raises `BadCursor`."""
    c = Tables.shipment.c
    statement = select(Tables.shipment).where(c.merchant_id == merchant_id, *_conditions(merchant_id, wanted))
    if after is not None:
        statement = statement.where(tuple_(c.updated_at, c.id) < read_cursor(after))
    statement = statement.order_by(c.updated_at.desc(), c.id.desc()).limit(limit + 1)
    rows = list(conn.execute(statement).mappings())
    if len(rows) <= limit:
        return rows, None
    rows.pop()
    return rows, make_cursor(rows[-1]["updated_at"], rows[-1]["id"])


def _conditions(merchant_id: str, wanted: Filter) -> list[ColumnElement[bool]]:
    c = Tables.shipment.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.tracking_number is not None:
        conditions.append(c.number_key == normal_number(wanted.tracking_number))
    if wanted.order_number is not None:
        conditions.append(c.order_number == wanted.order_number)
    if wanted.statuses:
        conditions.append(c.status.in_(wanted.statuses))
    if wanted.carrier is not None:
        conditions.append(c.carrier == wanted.carrier)
    if wanted.beginning is not None:
        number, order = normal_number(wanted.beginning), wanted.beginning.strip()
        # Ranges and not LIKE: they walk the index, and need no escaping.
        conditions.append(
            or_(
                and_(c.number_key >= number, c.number_key < number + _HIGHEST) if number else False,
                and_(c.order_number >= order, c.order_number < order + _HIGHEST),
            )
        )
    if wanted.updated_since is not None:
        conditions.append(c.updated_at >= wanted.updated_since)
    if wanted.stalled is not None:
        stalled = c.id.in_(_in_trouble(merchant_id, _SILENT))
        conditions.append(stalled if wanted.stalled else ~stalled)
    if wanted.troubles:
        conditions.append(c.id.in_(_in_trouble(merchant_id, wanted.troubles)))
    return conditions


def _in_trouble(merchant_id: str, kinds: Sequence[str]) -> Select[tuple[str]]:
    c = Tables.trouble.c
    statement = select(c.shipment_id).where(c.merchant_id == merchant_id)
    return statement if "any" in kinds else statement.where(c.kind.in_(kinds))


def make_cursor(at: int, last_id: str) -> str:
    """Return the opaque text that stands for a place in a list."""
    return base64.urlsafe_b64encode(f"{at}:{last_id}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, str]:
    """Return what `make_cursor` was given. Raises `BadCursor`."""
    try:
        plain = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)).decode("ascii")
        at, separator, last_id = plain.partition(":")
        if not separator or not at.isdecimal() or not last_id or len(at) > _DIGITS:
            raise BadCursor("it is no cursor of this list")
        return int(at), last_id
    except (binascii.Error, ValueError):
        raise BadCursor("it is no cursor of this list") from None


_DIGITS = 15

"""The work list: shipments somebody should look at, by kind of trouble or by who takes care of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select, tuple_

from gateway.desk.tables import DeskTables
from gateway.listing import make_cursor, read_cursor
from gateway.tables import Tables
from normalizer import render
from normalizer.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Vault

_H, _T, _N = DeskTables.handling.c, Tables.trouble.c, DeskTables.note.c
MINE, SNOOZED = "mine", "snoozed"
QUEUES: tuple[str, ...] = (*(kind.value for kind in Trouble), MINE, SNOOZED)
_NOBODY: dict[str, Any] = {
    "assignee": None,
    "snoozed_until": None,
    "version": 0,
    "changed_by": None,
    "changed_at": None,
}


class Changed(Exception):  # noqa: N818 - it names what happened
    """Somebody else changed it meanwhile; `now` is how it stands."""

    def __init__(self, now: dict[str, Any]) -> None:
        super().__init__("somebody else changed it meanwhile")
        self.now = now


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Which part of the work list: `queue` is one of `QUEUES`, `assignee` a person's id or `none`."""

    queue: str
    person_id: str
    carrier: str | None = None
    assignee: str | None = None


def counts(conn: Connection, merchant_id: str, person_id: str, now: int) -> dict[str, int]:
    """Return how much there is in each queue; what sleeps is counted in `snoozed` alone."""
    awake = select(_H.shipment_id).where(_H.merchant_id == merchant_id, _H.snoozed_until > now)
    statement = (
        select(_T.kind, func.count().label("waiting"))
        .where(_T.merchant_id == merchant_id, _T.shipment_id.not_in(awake))
        .group_by(_T.kind)
    )
    found: dict[str, int] = dict.fromkeys(QUEUES, 0) | {row.kind: row.waiting for row in conn.execute(statement)}
    for queue, condition in (
        (MINE, and_(_H.assignee == person_id, _H.snoozed_until <= now)),
        (SNOOZED, _H.snoozed_until > now),
    ):
        counted = select(func.count()).where(_H.merchant_id == merchant_id, condition)
        found[queue] = conn.execute(counted).scalar_one() if queue != MINE or person_id else 0
    return found


def page(
    conn: Connection, merchant_id: str, of: Work, *, after: str | None, limit: int, now: int
) -> tuple[list[tuple[RowMapping, dict[str, Any]]], str | None]:
    """Return one page of a queue, what waits longest first, each with who takes care. Raises `BadCursor`."""
    s = Tables.shipment
    by_kind = of.queue not in (MINE, SNOOZED)
    since = _T.since if by_kind else _H.changed_at
    statement = select(s, since.label("since"), *(column.label(f"h_{column.name}") for column in _H))
    if by_kind:
        statement = statement.join(
            Tables.trouble,
            and_(_T.merchant_id == s.c.merchant_id, _T.shipment_id == s.c.id, _T.kind == of.queue),
        )
    statement = statement.join(
        DeskTables.handling,
        and_(_H.merchant_id == s.c.merchant_id, _H.shipment_id == s.c.id),
        isouter=by_kind,
    ).where(s.c.merchant_id == merchant_id)
    if of.queue == SNOOZED:
        statement = statement.where(_H.snoozed_until > now)
    else:
        statement = statement.where(or_(_H.snoozed_until.is_(None), _H.snoozed_until <= now))
    if of.queue == MINE:
        statement = statement.where(_H.assignee == of.person_id)
    if of.carrier is not None:
        statement = statement.where(s.c.carrier == of.carrier)
    if of.assignee == "none":
        statement = statement.where(func.coalesce(_H.assignee, "") == "")
    elif of.assignee is not None:
        statement = statement.where(_H.assignee == of.assignee)
    if after is not None:
        statement = statement.where(tuple_(since, s.c.id) > read_cursor(after))
    rows = list(conn.execute(statement.order_by(since, s.c.id).limit(limit + 1)).mappings())
    cursor = make_cursor(rows[limit - 1]["since"], rows[limit - 1]["id"]) if len(rows) > limit else None
    return [(row, _shown({name: row[f"h_{name}"] for name in _H.keys()})) for row in rows[:limit]], cursor  # noqa: SIM118 - columns, not a dictionary


def handling(conn: Connection, merchant_id: str, shipment_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return who takes care of shipments; of those nobody touched too."""
    ids = list(shipment_ids)
    rows = conn.execute(
        select(DeskTables.handling).where(_H.merchant_id == merchant_id, _H.shipment_id.in_(ids))
    ).mappings()
    known = {row["shipment_id"]: _shown(row) for row in rows}
    return {id_: known.get(id_, dict(_NOBODY)) for id_ in ids}


def handle(
    conn: Connection, merchant_id: str, shipment_id: str, *, by: str, now: int, expected: int | None, **values: Any
) -> dict[str, Any]:
    """Change who takes care of a shipment. Raises `Changed` where it is not at the version somebody saw."""
    before = handling(conn, merchant_id, [shipment_id])[shipment_id]
    if expected is not None and before["version"] != expected:
        raise Changed(before)
    row = {"assignee": "", "snoozed_until": 0}
    if before["version"]:
        kept = conn.execute(
            select(_H.assignee, _H.snoozed_until).where(_H.merchant_id == merchant_id, _H.shipment_id == shipment_id)
        ).one()
        row = {"assignee": kept.assignee, "snoozed_until": kept.snoozed_until}
    row |= values | {
        "merchant_id": merchant_id,
        "shipment_id": shipment_id,
        "version": before["version"] + 1,
        "changed_by": by,
        "changed_at": now,
    }
    if before["version"]:
        conn.execute(
            DeskTables.handling.update()
            .where(_H.merchant_id == merchant_id, _H.shipment_id == shipment_id)
            .values(**row)
        )
    else:
        conn.execute(DeskTables.handling.insert().values(**row))
    return handling(conn, merchant_id, [shipment_id])[shipment_id]


def _shown(row: RowMapping | dict[str, Any]) -> dict[str, Any]:
    if row["version"] is None:
        return dict(_NOBODY)
    return {
        "assignee": row["assignee"] or None,
        "snoozed_until": render.millis_instant(row["snoozed_until"] or None),
        "version": row["version"],
        "changed_by": row["changed_by"] or None,
        "changed_at": render.millis_instant(row["changed_at"]),
    }


def note_purpose(note_id: str) -> str:
    """Return the purpose a note is sealed for."""
    return f"note:{note_id}"


def notes(conn: Connection, vault: Vault, merchant_id: str, shipment_id: str) -> list[dict[str, Any]]:
    """Return the desk's notes about a shipment, oldest first."""
    statement = (
        select(DeskTables.note)
        .where(_N.merchant_id == merchant_id, _N.shipment_id == shipment_id)
        .order_by(_N.at, _N.id)
    )
    return [
        {
            "id": row["id"],
            "at": render.millis_instant(row["at"]),
            "person_id": row["person_id"],
            "text": vault.open(merchant_id, note_purpose(row["id"]), row["text"]).decode(),
        }
        for row in conn.execute(statement).mappings()
    ]

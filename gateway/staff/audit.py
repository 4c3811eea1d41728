"""The audit log: every act of a person, and every look of theirs at personal data. It is only added to."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from gateway.ids import new_id
from gateway.staff import abouts
from gateway.staff.tables import StaffTables
from normalizer import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

_A = StaffTables.audit.c
_ONE_LOOK_SECONDS = 60
_MOST_LOOKS = 10_000


class Looks:
    """Looks of late: a page that stays open asks anew with all news, and is one look a minute."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], float] = {}

    def is_new(self, look: tuple[str, str, str]) -> bool:
        """Tell whether a look (person, act, subject) is to be noted."""
        now = time.monotonic()
        if now - self._seen.get(look, -_ONE_LOOK_SECONDS) < _ONE_LOOK_SECONDS:
            return False
        if len(self._seen) >= _MOST_LOOKS:
            self._seen.clear()
        self._seen[look] = now
        return True


def note(conn: Connection, merchant_id: str, person_id: str, act: str, *, subject: str, now: int) -> None:
    """Note an act."""
    conn.execute(
        StaffTables.audit.insert().values(
            merchant_id=merchant_id, id=new_id("aud", now), at=now, person_id=person_id, act=act, subject=subject
        )
    )


def listed(
    conn: Connection,
    merchant_id: str,
    *,
    subject: str | None,
    person_id: str | None,
    before: str | None,
    limit: int,
    names: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return what was done, the latest first."""
    statement = select(StaffTables.audit).where(_A.merchant_id == merchant_id)
    if subject is not None:
        statement = statement.where(_A.subject == subject)
    if person_id is not None:
        statement = statement.where(_A.person_id == person_id)
    if before is not None:
        statement = statement.where(_A.id < before)
    rows = conn.execute(statement.order_by(_A.id.desc()).limit(limit)).mappings().all()
    about = abouts.names(conn, merchant_id, (row["subject"] for row in rows))
    return [
        {
            "id": row["id"],
            "at": render.millis_instant(row["at"]),
            "person_id": row["person_id"],
            "person": names.get(row["person_id"], ""),
            "act": row["act"],
            "subject": row["subject"],
            "about": about.get(row["subject"]),
        }
        for row in rows
    ]

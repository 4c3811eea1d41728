"""A merchant's wishes for its last mile: how near is near, for the fence and for the recipient's eyes."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import select

from gateway.lastmile.sight import Near
from gateway.lastmile.tables import Tables
from gateway.people.subjects import ETA_MOVES_MINUTES
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

USUAL_METRES = 500
"""The fence of merchants that say nothing."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a merchant wishes; the fence is in metres or in seconds, never both."""

    metres: int | None = USUAL_METRES
    seconds: int | None = None
    near: Near = field(default_factory=Near)
    talk_hours: int = 24
    """Hours after the delivery in which recipient, courier and support may still write to each other."""
    talk_words: bool = False
    """Whether the message that somebody wrote says what."""
    rating_asks: bool = False
    """Whether people who did not ask for it are asked how the delivery was."""
    rating_hours: int = 3
    """Hours after the delivery before anybody is asked."""
    eta_minutes: int = ETA_MOVES_MINUTES
    """By how much an arrival must move from the one a person knows before they are told again."""


NONE = Wishes()


def of(conn: Connection, merchants: Iterable[str]) -> dict[str, Wishes]:
    """Return merchants' wishes; who has none is left out."""
    c = Tables.last_mile.c
    statement = select(c.merchant_id, c.wishes).where(c.merchant_id.in_(list(merchants)))
    return {row.merchant_id: _read(orjson.loads(row.wishes)) for row in conn.execute(statement)}


def get(conn: Connection, merchant_id: str) -> Wishes:
    """Return one merchant's wishes."""
    return of(conn, [merchant_id]).get(merchant_id, NONE)


def put(conn: Connection, merchant_id: str, wishes: Wishes, now: int) -> None:
    """Keep a merchant's wishes."""
    row = {"merchant_id": merchant_id, "wishes": orjson.dumps(asdict(wishes)), "changed_at": now}
    statement = insert(conn, Tables.last_mile).values(row)
    newer = {"wishes": statement.excluded.wishes, "changed_at": statement.excluded.changed_at}
    conn.execute(statement.on_conflict_do_update(index_elements=["merchant_id"], set_=newer))


def _read(kept: Mapping[str, Any]) -> Wishes:
    """Read kept wishes; what an older version did not know has its usual value."""
    known = {name: value for name, value in kept.items() if name in Wishes.__dataclass_fields__ and name != "near"}
    return replace(NONE, near=Near(**kept.get("near", {})), **known)

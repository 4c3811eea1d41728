"""Time brings trouble by itself: shipments whose look is due are looked at, and what is new is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway import earlier, shipments, trouble
from gateway.refold import journey_of
from gateway.steps import steps_of
from gateway.telling import Teller
from webhooks import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webhooks.log import Draft, Entry


def look(conn: Connection, now: int) -> tuple[int, dict[str, list[Entry]]]:
    """Look at what is due; return how many shipments that were, and the messages. Twice tells nothing twice."""
    rows = trouble.due(conn, now)
    steps = steps_of(conn, ((row["merchant_id"], row["id"]) for row in rows))
    drafts: dict[str, list[Draft]] = {}
    updates: list[dict[str, Any]] = []
    changes: list[tuple[str, str, trouble.Known, trouble.Known]] = []
    for row in rows:
        known = steps.get((row["merchant_id"], row["id"]), {}).values()
        details = {name: (at, value) for name, (at, value) in orjson.loads(row["told"]).items()}
        own = earlier.current(known, row["earlier_until"])
        before = trouble.known(row)
        found, again = trouble.look(row, journey_of(row, known), own, details, now)
        after: trouble.Known = {kind: (since, True) for kind, since in found.items()}
        written = {
            "key_merchant": row["merchant_id"],
            "key_id": row["id"],
            "trouble": trouble.kept(after),
            "trouble_at": again,
            "version": row["version"],
            "updated_at": row["updated_at"],
        }
        if after != before:
            written |= {"version": row["version"] + 1, "updated_at": now}
            changes.append((row["merchant_id"], row["id"], before, after))
            document = shipments.document({**row, **written})
            teller = Teller(row["id"], row["version"] + 1, document, now)
            drafts.setdefault(row["merchant_id"], []).extend(
                teller.troubles({kind: since for kind, since in found.items() if not before.get(kind, (0, False))[1]})
            )
        updates.append(written)
    if updates:
        trouble.update_rows(conn, updates)
    trouble.note(conn, changes)
    return len(rows), log.append_many(conn, drafts)

"""Time brings trouble by itself, and overtakes predictions: what is due is looked at, and what is new is told once."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson

from gateway import earlier, shipments, trouble
from gateway.insights import foretelling, norms
from gateway.insights.corridor import corridor_of
from gateway.insights.foretelling import foretell
from gateway.refold import earliest, journey_of
from gateway.steps import steps_of
from gateway.telling import Teller
from webhooks import log

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.insights.foretelling import Saying
    from gateway.steps import Key
    from webhooks.log import Draft, Entry


def look(conn: Connection, now: int) -> tuple[int, dict[str, list[Entry]]]:
    """Look at what is due; return how many shipments that were, and the messages. Twice tells nothing twice."""
    rows = trouble.due(conn, now)
    steps = steps_of(conn, ((row["merchant_id"], row["id"]) for row in rows))
    drafts: dict[str, list[Draft]] = defaultdict(list)
    sayings: list[tuple[Key, Saying]] = []
    updates: list[dict[str, Any]] = []
    changes: list[tuple[str, str, trouble.Known, trouble.Known]] = []
    for row in rows:
        known = steps.get((row["merchant_id"], row["id"]), {}).values()
        details = {name: (at, value) for name, (at, value) in orjson.loads(row["told"]).items()}
        own = earlier.current(known, row["earlier_until"])
        before = trouble.known(row)
        journey = journey_of(row, known)
        corridor = corridor_of(row, {name: value for name, (_, value) in details.items()})
        normal = norms.find(conn, row["merchant_id"], corridor, norms.month_at(now))
        found, again = trouble.look(row, journey, own, details, now, norms=normal)
        foretold = foretell(row, journey, own, normal, now)
        if foretold.saying is not None:
            sayings.append(((row["merchant_id"], row["id"]), foretold.saying))
        after: trouble.Known = {kind: (since, True) for kind, since in found.items()}
        written = {
            "key_merchant": row["merchant_id"],
            "key_id": row["id"],
            "trouble": trouble.kept(after),
            "trouble_at": earliest(again, foretold.look_at),
            "predicted": foretold.kept,
            "version": row["version"],
            "updated_at": row["updated_at"],
        }
        if after != before or foretold.moved_from is not None:
            written |= {"version": row["version"] + 1, "updated_at": now}
            changes.append((row["merchant_id"], row["id"], before, after))
            document = shipments.document({**row, **written})
            teller = Teller(row["id"], row["version"] + 1, document, now)
            drafts[row["merchant_id"]].extend(
                teller.troubles({kind: since for kind, since in found.items() if not before.get(kind, (0, False))[1]})
            )
            if foretold.moved_from is not None:
                previous = {"predicted": foretold.moved_from}
                drafts[row["merchant_id"]].extend(teller.arrival(previous, document, now))
        updates.append(written)
    if updates:
        trouble.update_rows(conn, updates)
    trouble.note(conn, changes)
    foretelling.keep(conn, sayings)
    return len(rows), log.append_many(conn, drafts)

"""`Idempotency-Key`: the same request again gets the same answer again, for a day, and is not done twice.

An answer is kept sealed: it may hold a secret that is shown only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, select, update

from gateway.tables import Tables
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import Connection

LIVES_MS = 24 * 3_600_000
ABANDONED_MS = 60_000
"""A request that has had no answer for so long died with its process; its key may be used again."""

LONGEST_KEY = 255
_UNDER_WAY = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a key: `fresh` (do the work), `under_way`, `other` (used for another request), `answered`."""

    kind: Literal["fresh", "under_way", "other", "answered"]
    status: int = 0
    sealed: bytes = b""


def request_digest(method: str, path: str, query: str, body: bytes) -> bytes:
    """Return what tells a repeat from a reuse of the key."""
    made = sha256(f"{method}\n{path}\n{query}\n".encode())
    made.update(body)
    return made.digest()


def begin(conn: Connection, merchant_id: str, key: str, digest: bytes, now: int) -> Found:
    """Claim a key for a request, or say what became of it before."""
    table = Tables.idempotency
    mine = (table.c.merchant_id == merchant_id) & (table.c.key == key)
    claim = (
        insert(conn, table)
        .values(merchant_id=merchant_id, key=key, digest=digest, status=_UNDER_WAY, body=b"", at=now)
        .on_conflict_do_nothing(index_elements=["merchant_id", "key"])
    )
    if conn.execute(claim).rowcount == 1:
        return Found("fresh")
    row = conn.execute(select(table).where(mine)).mappings().one()
    over = now - row["at"] >= (ABANDONED_MS if row["status"] == _UNDER_WAY else LIVES_MS)
    if over:
        conn.execute(update(table).where(mine).values(digest=digest, status=_UNDER_WAY, body=b"", at=now))
        return Found("fresh")
    if row["digest"] != digest:
        return Found("other")
    if row["status"] == _UNDER_WAY:
        return Found("under_way")
    return Found("answered", row["status"], row["body"])


def finish(conn: Connection, merchant_id: str, key: str, digest: bytes, *, status: int, sealed: bytes) -> None:
    """Keep the answer of a claimed key."""
    table = Tables.idempotency
    conn.execute(
        update(table)
        .where(table.c.merchant_id == merchant_id, table.c.key == key, table.c.digest == digest)
        .values(status=status, body=sealed)
    )


def give_up(conn: Connection, merchant_id: str, key: str, digest: bytes) -> None:
    """Free a claimed key: the request failed on our side, so a repeat shall do the work."""
    table = Tables.idempotency
    conn.execute(
        delete(table).where(
            table.c.merchant_id == merchant_id,
            table.c.key == key,
            table.c.digest == digest,
            table.c.status == _UNDER_WAY,
        )
    )

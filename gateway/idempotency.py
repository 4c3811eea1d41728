"""`Idempotency-Key`: the same request again gets the same answer again, for a day, and is not done twice.

A key is claimed before the work, marked in the work's own commit, and answered after it. Who dies between commit and
answer leaves the mark: a repeat is told that the answer is lost, and the work stays done once. An answer is kept
sealed: it may hold a secret that is shown only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, select, update

from gateway.tables import Tables
from webhooks.store import insert

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

LIVES_MS = 24 * 3_600_000
ABANDONED_MS = 60_000
"""A request that has had no answer for so long died with its process."""

LONGEST_KEY = 255
_UNDER_WAY = 0
_DONE = 1
"""Its work is committed, its answer is still to be kept."""
_LOST = 2
"""Its work is committed, and there will be no answer."""


class Overtaken(RuntimeError):  # noqa: N818 - it names what happened
    """The claim was taken over by a repeat, so the work of the first must not be committed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request's hold on its key since `at`."""

    merchant_id: str
    key: str
    digest: bytes
    at: int

    @property
    def row(self) -> ColumnElement[bool]:
        """Where the key is kept, whoever holds it."""
        return (Tables.idempotency.c.merchant_id == self.merchant_id) & (Tables.idempotency.c.key == self.key)

    @property
    def held(self) -> ColumnElement[bool]:
        """Where the key is kept while this claim holds it."""
        table = Tables.idempotency.c
        return self.row & (table.digest == self.digest) & (table.at == self.at) & table.status.in_((_UNDER_WAY, _DONE))


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a key: `fresh` (do the work), `under_way`, `other` (another request's), `answered`, `lost`."""

    kind: Literal["fresh", "under_way", "other", "answered", "lost"]
    status: int = 0
    sealed: bytes = b""


def request_digest(method: str, path: str, query: str, body: bytes) -> bytes:
    """Return what tells a repeat from a reuse of the key."""
    made = sha256(f"{method}\n{path}\n{query}\n".encode())
    made.update(body)
    return made.digest()


def begin(conn: Connection, claim: Claim) -> Found:
    """Claim a key for a request, or say what became of it before."""
    table = Tables.idempotency
    values = {"digest": claim.digest, "status": _UNDER_WAY, "body": b"", "at": claim.at}
    fresh = (
        insert(conn, table)
        .values(merchant_id=claim.merchant_id, key=claim.key, **values)
        .on_conflict_do_nothing(index_elements=["merchant_id", "key"])
    )
    if conn.execute(fresh).rowcount == 1:
        return Found("fresh")
    row = conn.execute(select(table).where(claim.row)).mappings().one()
    age, status = claim.at - row["at"], row["status"]
    if age >= (ABANDONED_MS if status == _UNDER_WAY else LIVES_MS):
        conn.execute(update(table).where(claim.row).values(**values))
        return Found("fresh")
    if row["digest"] != claim.digest:
        return Found("other")
    if status == _LOST or (status == _DONE and age >= ABANDONED_MS):
        return Found("lost")
    if status in (_UNDER_WAY, _DONE):
        return Found("under_way")
    return Found("answered", status, row["body"])


def mark_done(conn: Connection, claim: Claim) -> None:
    """Note in the work's own transaction that it is done. Raises `Overtaken` where it is another's to do by now."""
    if conn.execute(update(Tables.idempotency).where(claim.held).values(status=_DONE)).rowcount != 1:
        raise Overtaken


def finish(conn: Connection, claim: Claim, *, status: int, sealed: bytes) -> None:
    """Keep the answer of a claimed key."""
    conn.execute(update(Tables.idempotency).where(claim.held).values(status=status, body=sealed))


def refuse(conn: Connection, claim: Claim) -> None:
    """Free a claimed key: the request was refused, so a better one may use it."""
    conn.execute(delete(Tables.idempotency).where(claim.held))


def give_up(conn: Connection, claim: Claim) -> None:
    """Free a claimed key whose request failed on our side; where its work is done nevertheless, keep that."""
    table = Tables.idempotency
    conn.execute(delete(table).where(claim.held, table.c.status == _UNDER_WAY))
    conn.execute(update(table).where(claim.held).values(status=_LOST))

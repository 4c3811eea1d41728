"""Who may write to a PostgreSQL database: one gateway owns it, commands write beside it as guests.

The owner holds a session's advisory lock on the very connection it writes with: who lost that connection lost the
right to write, and asks for it again. A row says how often the database changed hands (`epoch`), so that a process
that was away while another had it knows that what it remembers is out of date; and how often the owner committed, so
that it knows of a commit whose answer never came whether it stands. Owner and guests lock that row in each
transaction: one writes after the other, as on SQLite.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from typing import TYPE_CHECKING

from sqlalchemy import select, text, update

from gateway.clock import now_ms
from gateway.db.store import NotNow
from gateway.db.tables import OwnerTables
from webhooks.schedule import rfc3339

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = {"kind": 0x63677779, "one": 1}
_ASKING = 5.0
"""Seconds in which a session of ours that was cut off has to end."""
_LOOK_AGAIN = 0.1
_C = OwnerTables.owner.c
NAME = "gateway"
_MINE = update(OwnerTables.owner).where(_C.name == NAME)


class Taken(NotNow):
    """Another gateway owns this database."""


_HOLDER = text(
    "select held.pid, coalesce(who.application_name, '') as application_name from pg_locks held "
    "left join pg_stat_activity who on who.pid = held.pid where held.locktype = 'advisory' and held.granted "
    "and held.database = (select oid from pg_database where datname = current_database()) "
    "and cast(held.classid as bigint) = :kind and cast(held.objid as bigint) = :one and held.objsubid = 2"
)


class Owner:
    """The right of one process to write to a database."""

    def __init__(self) -> None:
        self.token = f"owner {secrets.token_hex(6)}"
        self.epoch = 0
        self.taken = ""
        """Why this process never owns the database again, empty while it may."""

    def acquire(self, conn: Connection) -> None:
        """Take the right with a fresh connection, or take it again. Raises `Taken`."""
        until = time.monotonic() + _ASKING
        while not conn.execute(text("select pg_try_advisory_lock(:kind, :one)"), _LOCK).scalar_one():
            who = conn.execute(_HOLDER, _LOCK).first()
            ours = who is not None and who.application_name == f"carrier-gateway {self.token}"
            if who is not None and ours:  # cut off, and the server has not noticed yet
                conn.execute(text("select pg_terminate_backend(:pid)"), {"pid": who.pid})
            elif self.epoch or time.monotonic() > until:  # one that was just killed gets the time to end
                raise self._refuse(conn)
            conn.rollback()
            time.sleep(_LOOK_AGAIN)
        if self.epoch == 0:
            here = {"epoch": _C.epoch + 1, "holder": _here(), "since": now_ms()}
            self.epoch = conn.execute(_MINE.values(here).returning(_C.epoch)).scalar_one()
        elif conn.execute(select(_C.epoch).where(_C.name == NAME)).scalar_one() != self.epoch:
            raise self._refuse(conn)
        conn.commit()

    def enter(self, conn: Connection) -> int:
        """Begin a transaction of the owner's; return its number, which stands in the row if it was committed."""
        number = conn.execute(_MINE.where(_C.epoch == self.epoch).values(commits=_C.commits + 1).returning(_C.commits))
        found = number.scalar()
        if found is None:
            raise self._refuse(conn)
        return int(found)

    def has_committed(self, conn: Connection, number: int) -> bool:
        """Tell whether a transaction whose commit got no answer stands. The session that sent it has ended."""
        found = conn.execute(select(_C.commits).where(_C.name == NAME, _C.epoch == self.epoch)).scalar()
        conn.rollback()
        return found == number

    def _refuse(self, conn: Connection) -> Taken:
        holder, since = conn.execute(select(_C.holder, _C.since).where(_C.name == NAME)).one()
        conn.rollback()
        refused = Taken(f"another gateway owns this database: {holder}, since {rfc3339(since)}")
        if self.epoch:
            self.taken = str(refused)
        return refused


def as_guest(conn: Connection) -> int:
    """Begin a transaction beside the owner's: wait for the one under way, and let the next one wait."""
    conn.execute(select(_C.name).where(_C.name == NAME).with_for_update())
    return 0


def _here() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"

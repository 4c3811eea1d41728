"""The inbox: what carriers sent, kept untouched. A carrier hears "accepted" only after its bytes are on disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import orjson
from sqlalchemy import func, select

from gateway.db import LogFull
from gateway.ids import new_id
from gateway.tables import Tables
from webhooks.store import Many

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Store

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayload:
    """Bytes from a carrier on their way to the disk. `received_at` in epoch milliseconds; headers hold no secrets."""

    merchant_id: str
    carrier: str
    account_id: str | None
    source: Literal["poll", "push"]
    received_at: int
    body: bytes
    numbers: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """A payload that is on disk, and its id."""

    id: str
    payload: NewPayload


def digest_of(body: bytes) -> bytes:
    """Return what tells equal answers from different ones."""
    return blake2b(body, digest_size=16).digest()


class Inbox:
    """Keeps payloads. Those that arrive while a commit is under way share the next one."""

    def __init__(self, store: Store, hand_over: Callable[[list[Kept]], None], most_waiting: int) -> None:
        self._store = store
        self._hand_over = hand_over
        self._most_waiting = most_waiting
        self._pending: list[tuple[Kept, asyncio.Future[str]]] = []
        self._flushing: asyncio.Task[None] | None = None
        self.waiting = 0
        """Kept payloads nobody has read yet."""

    async def open(self) -> None:
        """Learn how many payloads wait from before."""
        self.waiting = await self._store.read(count_waiting)

    def check_room(self) -> None:
        """Return if there is room for more. Raises `LogFull` where too many wait to be read."""
        if self.waiting >= self._most_waiting:
            raise LogFull("too many payloads wait to be read")

    async def keep(self, payload: NewPayload) -> str:
        """Keep a payload; return its id once it is on disk. Raises `LogFull` where too many wait to be read."""
        self.check_room()
        kept = Kept(new_id("pay", payload.received_at), payload)
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._pending.append((kept, done))
        self.waiting += 1
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        return await done

    async def keep_with(self, payload: NewPayload | None, also: Callable[[Connection], T]) -> T:
        """Keep a payload (or none) and do more in the same transaction: what a poll has to note. Returns its result."""
        kept = None if payload is None else Kept(new_id("pay", payload.received_at), payload)

        def work(conn: Connection) -> T:
            if kept is not None:
                _INSERT(conn, [_row(kept)])
            return also(conn)

        result = await self._store.write(work)
        if kept is not None:
            self.waiting += 1
            self._hand_over([kept])
        return result

    async def _flush(self) -> None:
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                rows = [_row(kept) for kept, _ in batch]
                try:
                    await self._store.write(partial(_INSERT, rows=rows))
                except Exception as trouble:  # noqa: BLE001 - told to each carrier that waits for its answer
                    self.waiting -= len(batch)
                    for _, done in batch:
                        if not done.done():
                            done.set_exception(trouble)
                    continue
                self._hand_over([kept for kept, _ in batch])
                for kept, done in batch:
                    if not done.done():
                        done.set_result(kept.id)
        finally:
            self._flushing = None


_INSERT = Many.inserting(Tables.payload)


def _row(kept: Kept) -> dict[str, Any]:
    payload = kept.payload
    return {
        "merchant_id": payload.merchant_id,
        "id": kept.id,
        "carrier": payload.carrier,
        "account_id": payload.account_id,
        "source": payload.source,
        "numbers": orjson.dumps(payload.numbers),
        "headers": orjson.dumps(dict(payload.headers)),
        "received_at": payload.received_at,
        "digest": digest_of(payload.body),
        "body": payload.body,
        "state": "kept",
        "reason": "",
    }


def count_waiting(conn: Connection) -> int:
    """Return how many kept payloads nobody has read yet."""
    return conn.execute(select(func.count()).where(Tables.payload.c.state == "kept")).scalar_one()


def waiting_after(conn: Connection, after: str, limit: int) -> list[Kept]:
    """Return payloads nobody has read yet, oldest first: what a stop or a crash left behind."""
    table = Tables.payload
    statement = select(table).where(table.c.state == "kept", table.c.id > after).order_by(table.c.id).limit(limit)
    return [kept_of(row) for row in conn.execute(statement).mappings()]


def kept_of(row: RowMapping) -> Kept:
    """Return a kept payload from its row."""
    return Kept(
        row["id"],
        NewPayload(
            merchant_id=row["merchant_id"],
            carrier=row["carrier"],
            account_id=row["account_id"],
            source=row["source"],
            received_at=row["received_at"],
            body=row["body"],
            numbers=tuple(orjson.loads(row["numbers"])),
            headers=orjson.loads(row["headers"]),
        ),
    )

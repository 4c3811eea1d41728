"""The delivery engine with a real database file and real sockets, in the test's own process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import orjson
from sqlmodel import SQLModel

from gateway.clock import now_ms
from gateway.db import SqliteStore, sqlite_engine
from gateway.vault import Vault
from webhooks import endpoints, log
from webhooks.dispatcher import Dispatcher
from webhooks.endpoints import Wishes
from webhooks.guard import Guard, read_ranges
from webhooks.log import Draft
from webhooks.sender import Sender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

M = "mer_1"


class Engine:
    """Store, sender and dispatcher."""

    def __init__(self, path: Path) -> None:
        self.vault = Vault("a key for tests only")
        self.store = SqliteStore(f"sqlite:///{path}")
        self.store.start()
        self.sender = Sender(Guard(read_ranges(["127.0.0.0/8"])))
        self.dispatcher = Dispatcher(self.store, self.vault, self.sender)
        self.told = 0

    async def endpoint(self, url: str, **wishes: Any) -> tuple[str, str]:
        """Make an endpoint; return its id and secret."""
        options = Wishes(url=url, **wishes)
        facts, secret = await self.store.write(lambda c: endpoints.create(c, self.vault, M, options, now_ms()))
        self.dispatcher.touch(M, facts.id)
        return facts.id, secret

    async def tell(self, count: int, shipments: int) -> None:
        """Append so many messages, of one shipment after the other."""
        drafts = [_draft(self.told + n, shipments) for n in range(1, count + 1)]
        self.told += count
        entries = await self.store.write(lambda c: log.append(c, M, drafts))
        self.dispatcher.hint(M, entries)


def _draft(number: int, shipments: int) -> Draft:
    shipment = f"shp_{number % shipments}"
    return Draft(
        id=f"msg_{number}",
        type="shipment.in_transit",
        shipment_id=shipment,
        shipment_version=number,
        created_at=now_ms(),
        data=orjson.dumps({"shipment": {"id": shipment}, "event": None, "previous": None}),
    )


@asynccontextmanager
async def engine(path: Path) -> AsyncIterator[Engine]:
    """Run one until the block ends."""
    made = sqlite_engine(f"sqlite:///{path}")
    SQLModel.metadata.create_all(made)
    made.dispose()
    it = Engine(path)
    await it.dispatcher.start()
    try:
        yield it
    finally:
        await it.dispatcher.stop(grace=0.2)
        await it.sender.close()
        await it.store.close()

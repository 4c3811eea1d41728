"""The delivery engine alone in a process of its own, steered by lines of JSON over a socket.

`endpoint` makes one, `remove` ends it, `tell` appends messages, each stamped with the clock when it was given to the
database.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import orjson
import uvloop
from sqlalchemy import select, update
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
from webhooks.tables import Tables

if TYPE_CHECKING:
    from pathlib import Path

MERCHANT = "mer_bench"
_L, _S, _E = Tables.lane.c, Tables.stream.c, Tables.endpoint.c
SEEDED_AT_ONCE = 5_000
ABOUT = {"tracking_number": "DEMO000000001", "carrier": "demo", "text": "Sorted at the depot", "city": "Porto"}


def draft(number: int) -> Draft:
    """Return a message of a usual size that tells when it was made."""
    shipment = f"shp_{number:012}"
    data = {"sent": time.monotonic_ns(), "shipment": {"id": shipment, "status": "in_transit"}, "event": ABOUT}
    return Draft(
        id=f"msg_{number:032}",
        type="shipment.in_transit",
        shipment_id=shipment,
        shipment_version=1,
        created_at=now_ms(),
        data=orjson.dumps(data | {"previous": None}),
    )


def create(path: Path) -> None:
    """Make a database with the engine's tables."""
    engine = sqlite_engine(f"sqlite:///{path}")
    SQLModel.metadata.create_all(engine)
    engine.dispose()


def seed(path: Path, count: int) -> None:
    """Append so many messages that nobody sends yet."""
    engine = sqlite_engine(f"sqlite:///{path}")
    for begin in range(0, count, SEEDED_AT_ONCE):
        with engine.begin() as conn:
            log.append(conn, MERCHANT, [draft(begin + n) for n in range(min(SEEDED_AT_ONCE, count - begin))])
    engine.dispose()


def pass_over(path: Path, endpoint_id: str) -> None:
    """Let an endpoint begin behind everything there is."""
    _run(
        path, update(Tables.lane).where(_L.endpoint_id == endpoint_id).values(cursor=select(_S.head).scalar_subquery())
    )


def change(path: Path, endpoint_id: str, **columns: Any) -> None:
    """Change an endpoint while nothing runs."""
    _run(path, update(Tables.endpoint).where(_E.id == endpoint_id).values(columns))


def probe_now(path: Path, endpoint_id: str) -> None:
    """Let an open lane try its endpoint at once, while nothing runs."""
    _run(path, update(Tables.lane).where(_L.endpoint_id == endpoint_id).values(open_until=0))


def _run(path: Path, statement: Any) -> None:
    engine = sqlite_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        conn.execute(statement)
    engine.dispose()


class Bench:
    """The engine and what it is told to do."""

    def __init__(self, path: str) -> None:
        self.vault = Vault("a key for benchmarks and nothing else")
        self.store = SqliteStore(f"sqlite:///{path}")
        self.sender = Sender(Guard(read_ranges(["127.0.0.0/8"])))
        self.dispatcher = Dispatcher(self.store, self.vault, self.sender)
        self.next = 0

    async def start(self) -> None:
        """Start, and go on after the newest message."""
        self.store.start()
        self.next = await self.store.read(lambda conn: log.head(conn, MERCHANT))
        await self.dispatcher.start()

    async def endpoint(self, url: str, **wishes: Any) -> str:
        """Make an endpoint that gets what comes from now on."""
        made, _ = await self.store.write(
            lambda conn: endpoints.create(conn, self.vault, MERCHANT, Wishes(url=url, **wishes), now_ms())
        )
        self.dispatcher.touch(MERCHANT, made.id)
        return made.id

    async def remove(self, endpoint_id: str) -> None:
        """Delete an endpoint."""
        now = now_ms()
        await self.store.write(lambda conn: endpoints.remove(conn, MERCHANT, endpoint_id, now))
        self.dispatcher.touch(MERCHANT, endpoint_id)

    async def tell(self, count: int, per_second: float | None = None) -> None:
        """Append messages: all in one commit, or one by one at a steady rate."""
        if per_second is None:
            await self._append(count)
            return
        begin = time.monotonic()
        tasks = []
        for number in range(count):
            await asyncio.sleep(max(0.0, begin + number / per_second - time.monotonic()))
            tasks.append(asyncio.create_task(self._append(1)))
        await asyncio.gather(*tasks)

    async def _append(self, count: int) -> None:
        drafts = [draft(self.next + n) for n in range(count)]
        self.next += count
        entries = await self.store.write(lambda conn: log.append(conn, MERCHANT, drafts))
        self.dispatcher.hint(MERCHANT, entries)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what each line says and answer with a line."""
        while line := await reader.readline():
            name, wishes = json.loads(line)
            answer = await getattr(self, name)(**wishes)
            writer.write(json.dumps(answer).encode() + b"\n")
        writer.close()


async def main(path: str) -> None:
    """Serve until the process is ended."""
    bench = Bench(path)
    await bench.start()
    server = await asyncio.start_server(bench.talk, "127.0.0.1", 0)
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))

"""A position comes in and 2,000 open tracking pages hear of it: how late, how many a second, against a bare fan-out."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from house import House, house, listening
from load import cpu_seconds, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BARE = str(Path(__file__).with_name("bare.py"))
PAGES = 2_000
_AT_A_TIME = 50
_FILES = 3 * PAGES
_NUMBER = "DEMO100200302"
_DOOR = (41.1496, -8.6110)
_PAUSE = 0.25
"""Seconds between two positions where lateness is measured, so that nothing waits for what came before."""
_NEWS = b"event: courier"


@dataclass(slots=True)
class Pages:
    """Open pages: each notes when its news came."""

    heard: list[float] = field(default_factory=list)
    wanted: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def expect(self, count: int) -> None:
        """Begin to wait for so many pieces of news."""
        self.heard, self.wanted = [], count
        self.enough.clear()

    def note(self, count: int) -> None:
        """Take news in."""
        self.heard += [time.perf_counter()] * count
        if len(self.heard) >= self.wanted:
            self.enough.set()


class _Page(asyncio.Protocol):
    """One open page: as cheap as can be, since all of them run in one process beside the one that is measured."""

    def __init__(self, pages: Pages, ask: bytes, opened: asyncio.Future[None]) -> None:
        self._pages, self._ask, self._opened = pages, ask, opened

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.write(self._ask)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        if news := data.count(_NEWS):
            self._pages.note(news)
        if not self._opened.done():
            self._opened.set_result(None)


class Line:
    """One kept connection that posts."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def post(self, data: bytes) -> None:
        """Send a request's bytes and wait for its answer."""
        self._writer.write(data)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        if head[9:10] != b"2":
            raise RuntimeError(head.decode())
        length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
        if length:
            await self._reader.readexactly(int(length))


@asynccontextmanager
async def opened(port: int, path: str) -> AsyncIterator[tuple[Pages, Line]]:
    """Open all pages and a line to post on."""
    loop, pages, transports = asyncio.get_running_loop(), Pages(), []
    ask = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    for _ in range(PAGES // _AT_A_TIME):
        some = [loop.create_future() for _ in range(_AT_A_TIME)]
        for one in some:
            transport, _ = await loop.create_connection(lambda one=one: _Page(pages, ask, one), "127.0.0.1", port)
            transports.append(transport)
        await asyncio.wait_for(asyncio.gather(*some), 30)
    await asyncio.sleep(1)  # what is told at the opening is no news
    line = Line(*await asyncio.open_connection("127.0.0.1", port))
    yield pages, line
    for transport in transports:
        transport.abort()


@dataclass(frozen=True, slots=True)
class Measured:
    """What came of it: lateness in milliseconds, positions a second, microseconds of CPU a page and position."""

    median: float
    p99: float
    per_second: float
    cpu: float


async def measure(pages: Pages, line: Line, pid: int, count: int, position: Callable[[int], bytes]) -> Measured:
    """Send positions one by one with pauses, then each as soon as the last was heard of by all."""
    late: list[float] = []
    for index in range(count):
        await asyncio.sleep(_PAUSE)
        began = await _one(pages, line, position(index))
        late += [(at - began) * 1000 for at in pages.heard]
    late.sort()
    before, began = cpu_seconds(pid), time.perf_counter()
    for index in range(count, 3 * count):
        await _one(pages, line, position(index))
    seconds = time.perf_counter() - began
    cpu = (cpu_seconds(pid) - before) / (2 * count * PAGES) * 1e6
    return Measured(late[len(late) // 2], late[int(len(late) * 0.99)], 2 * count / seconds, cpu)


async def _one(pages: Pages, line: Line, data: bytes) -> float:
    pages.expect(PAGES)
    began = time.perf_counter()
    await line.post(data)
    await asyncio.wait_for(pages.enough.wait(), 20)
    return began


def _told(index: int) -> dict[str, Any]:
    """Return what the carrier tells of a place three metres on: news, and no jump."""
    latitude = _DOOR[0] + 0.04 - index * 3 / 111_195
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    where = {"at": at, "latitude": latitude, "longitude": _DOOR[1], "stops_before": 1}
    return {"number": _NUMBER, "position": where}


async def _watched(ours: House) -> str:
    """Put a parcel on the road; return the path of its open page's stream."""
    door = {"city": "Porto", "country": "PT", "latitude": _DOOR[0], "longitude": _DOOR[1]}
    wish = {"tracking_number": _NUMBER, "carrier": "demo", "ship_date": "2026-02-28", "destination": door}
    made = await ours.call("POST", "/v1/shipments", wish)
    scan = {"id": "s1", "at": datetime.now(UTC).isoformat(), "code": "OUT", "text": "With the courier"}
    line = Line(*await asyncio.open_connection("127.0.0.1", ours.process.port))
    await line.post(ours.signed({"parcels": [{"number": _NUMBER, "scans": [scan]}]}))
    for _ in range(200):
        if (await ours.call("GET", f"/v1/shipments/{made['id']}"))["status"] == "out_for_delivery":
            break
        await asyncio.sleep(0.05)
    return f"/t/{made['tracking_url'].rpartition('/')[2]}/live"


async def notified(count: int, figure: Any) -> list[dict[str, Any]]:
    """Return the rows of the table."""
    ours, bare = await fan_out(count)
    share = ours.per_second / bare.per_second
    told = f"to {PAGES:,} open pages"
    return [
        figure(f"position {told}, p50", ours.median, bare.median, "ms", ours.median / bare.median, "watched"),
        figure(f"position {told}, p99", ours.p99, bare.p99, "ms", ours.p99 / bare.p99, "watched"),
        figure(f"positions {told}", ours.per_second, bare.per_second, "/s", share, ">= 0.3"),
        figure("CPU per page and position", ours.cpu, bare.cpu, "us", ours.cpu / bare.cpu, "watched"),
    ]


async def fan_out(count: int) -> tuple[Measured, Measured]:
    """Measure ours and the bare one in one run."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, _FILES), hard))
    async with house(GATEWAY_ROLES="api,ingest") as ours:
        path = await _watched(ours)
        async with opened(ours.process.port, path) as (pages, line):
            mine = await measure(pages, line, ours.process.pid, count, lambda at: ours.signed(_told(at)))
    async with listening(BARE, "fan-out", "0") as bare, opened(bare.port, "/live") as (pages, line):
        body = json.dumps(_told(0)).encode()
        plain = await measure(pages, line, bare.pid, count, lambda _at: request(bare.port, "/position", body))
    return mine, plain

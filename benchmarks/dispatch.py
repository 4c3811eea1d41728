"""What delivery costs, and what lanes do to each other: fan-out, a neighbour that hangs, a million that wait."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import tempfile
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from house import Process, listening
from load import cpu_seconds, memory_mb

from webhooks.endpoints import CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    Figure = Callable[..., dict[str, Any]]

ENGINE = str(Path(__file__).with_name("engine.py"))
AHEAD, AT_ONCE = 300, 50
"""Messages told before the receiver has them, at most, and in one commit."""
RATE, SECONDS = 100.0, 15
WAITING = 1_000_000
THINKS = 0.02
_SENT = re.compile(rb'"sent":(\d+)')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_FAILED = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"


class Ear(asyncio.Protocol):
    """One connection of the receiver."""

    def __init__(self, ears: Ears) -> None:
        self._ears = ears
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        """Keep the way back."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take requests, one after the other."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._data) < whole:
                return
            body, self._data = self._data[end + 4 : whole], self._data[whole:]
            path = head.split(b" ", 2)[1].decode()
            answer = self._ears.hear(path, body)
            if path in self._ears.slow:
                self._ears.flying += 1
                self._ears.most = max(self._ears.most, self._ears.flying)
                asyncio.get_running_loop().call_later(THINKS, self._answer, answer)
            elif answer:
                self._transport.write(answer)

    def _answer(self, answer: bytes) -> None:
        self._ears.flying -= 1
        self._transport.write(answer)


class Ears:
    """A receiver that costs little: what came on each path and when; a path may hang or fail."""

    def __init__(self) -> None:
        self.waits: dict[str, list[float]] = defaultdict(list)
        """Milliseconds from giving a message to the database to its receipt."""
        self.times: dict[str, list[float]] = defaultdict(list)
        self.moods: dict[str, bytes] = {}
        """What a path answers; nothing at all where it hangs."""
        self.slow: set[str] = set()
        """Paths that answer after `THINKS` seconds, as a receiver that does something with what it gets."""
        self.flying = self.most = 0
        """Requests on slow paths that wait for their answer, now and at most."""
        self.size = 0
        self.port = 0

    def hear(self, path: str, body: bytes) -> bytes:
        """Note a request and return the answer."""
        stamp = _SENT.search(body)
        assert stamp is not None
        self.waits[path].append((time.monotonic_ns() - int(stamp[1])) / 1e6)
        self.times[path].append(time.monotonic())
        self.size = len(body)
        return self.moods.get(path, _FINE)

    async def until(self, path: str, count: int, seconds: float = 120) -> None:
        """Wait until so many requests came."""
        async with asyncio.timeout(seconds):
            while len(self.waits[path]) < count:  # noqa: ASYNC110 - each request waking somebody would cost
                await asyncio.sleep(0.005)

    def url(self, path: str) -> str:
        """Return an endpoint's address."""
        return f"http://127.0.0.1:{self.port}{path}"


class Hand:
    """Steers an engine."""

    def __init__(self, process: Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.process = process
        self._reader, self._writer = reader, writer

    async def do(self, what: str, **wishes: Any) -> Any:
        """Have the engine do something."""
        self._writer.write(json.dumps([what, wishes]).encode() + b"\n")
        return json.loads(await self._reader.readline())


@asynccontextmanager
async def _ears(port: int = 0) -> AsyncIterator[Ears]:
    ears = Ears()
    server = await asyncio.get_running_loop().create_server(lambda: Ear(ears), "127.0.0.1", port)
    ears.port = server.sockets[0].getsockname()[1]
    try:
        yield ears
    finally:
        server.close()


@asynccontextmanager
async def _running(path: Path) -> AsyncIterator[Hand]:
    async with listening(ENGINE, str(path)) as process:
        reader, writer = await asyncio.open_connection("127.0.0.1", process.port)
        yield Hand(process, reader, writer)
        writer.close()


def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="gateway-bench-")


async def fan_out(count: int, figure: Figure, bare: Callable[[int, int], Any]) -> list[dict[str, Any]]:
    """CPU of one delivery, from the log's commit to the recorded answer, with one endpoint and with three."""
    costs: dict[int, float] = {}
    speed: dict[int, float] = {}
    size = 0
    for fans in (1, 3):
        with _folder() as folder:
            path = Path(folder) / "engine.db"
            engine.create(path)
            async with _ears() as ears, _running(path) as hand:
                for fan in range(fans):
                    await hand.do("endpoint", url=ears.url(f"/{fan}"), ordering="none")
                await _tell(hand, ears, 500, 0)
                before, began = cpu_seconds(hand.process.pid), time.perf_counter()
                await _tell(hand, ears, count, 500)
                for fan in range(fans):
                    await ears.until(f"/{fan}", 500 + count)
                speed[fans] = count * fans / (time.perf_counter() - began)
                await asyncio.sleep(1)
                costs[fans] = (cpu_seconds(hand.process.pid) - before) / (count * fans) * 1e6
                size = ears.size
    base = await bare(size, count)
    rows = []
    for fans in (1, 3):
        name = f"dispatch, fan-out {fans}"
        rows += [
            figure(f"{name}, CPU per delivery", costs[fans], base, "us", costs[fans] / base, "<= 2.0"),
            figure(f"{name}, throughput", speed[fans], 0, "/s", 0, "watched"),
        ]
    return rows


async def _tell(hand: Hand, ears: Ears, count: int, before: int) -> None:
    """Tell as fast as the slowest endpoint takes it."""
    for begin in range(0, count, AT_ONCE):
        await ears.until("/0", before + begin - AHEAD)
        await hand.do("tell", count=min(AT_ONCE, count - begin))
    await ears.until("/0", before + count)


def _p(waits: list[float], part: float) -> float:
    ordered = sorted(waits)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


async def _steady(hand: Hand, ears: Ears, path: str, seconds: float = SECONDS) -> list[float]:
    """Tell at a steady rate for some seconds; return how long each message took to an endpoint."""
    before = len(ears.waits[path])
    count = int(RATE * seconds)
    await hand.do("tell", count=count, per_second=RATE)
    await ears.until(path, before + count)
    return ears.waits[path][before:]


async def hanging(figure: Figure) -> list[dict[str, Any]]:
    """How long a message takes beside an endpoint that never answers, against without it, both at the same time."""
    with _folder() as folder:
        alone, beside = Path(folder) / "alone.db", Path(folder) / "beside.db"
        engine.create(alone)
        engine.create(beside)
        async with _ears() as ears, _running(alone) as one, _running(beside) as other:
            ears.moods["/hangs"] = b""
            await one.do("endpoint", url=ears.url("/alone"), ordering="none")
            await other.do("endpoint", url=ears.url("/beside"), ordering="none")
            await other.do("endpoint", url=ears.url("/hangs"), ordering="none")
            waits = await _both(one, other, ears)
    return _beside("a neighbour hangs", *waits, figure)


async def _both(one: Hand, other: Hand, ears: Ears) -> tuple[list[float], list[float]]:
    """Have two engines tell at the same time, so that whatever else the machine does is the same to both."""
    await asyncio.gather(_steady(one, ears, "/alone", 1), _steady(other, ears, "/beside", 1))
    return await asyncio.gather(_steady(one, ears, "/alone"), _steady(other, ears, "/beside"))


def _beside(name: str, alone: list[float], beside: list[float], figure: Figure) -> list[dict[str, Any]]:
    return [
        figure(f"{name}: p50", _p(beside, 0.5), _p(alone, 0.5), "ms", _p(beside, 0.5) / _p(alone, 0.5), "watched"),
        figure(f"{name}: p99", _p(beside, 0.99), _p(alone, 0.99), "ms", _p(beside, 0.99) / _p(alone, 0.99), "<= 1.2"),
    ]


async def backlog(waiting: int, figure: Figure) -> list[dict[str, Any]]:
    """A lane with a million messages before a dead endpoint: what it does to the others, and how it begins again."""
    with _folder() as folder:
        alone, beside = Path(folder) / "alone.db", Path(folder) / "beside.db"
        engine.create(beside)
        async with _ears() as ears:
            async with _running(beside) as hand:
                dead = await hand.do("endpoint", url=ears.url("/dead"), ordering="none")
                fine = await hand.do("endpoint", url=ears.url("/beside"), ordering="none")
            print(f"  writing {waiting:,} messages ...", flush=True)
            await asyncio.to_thread(engine.seed, beside, waiting)
            engine.pass_over(beside, fine)
            shutil.copy(beside, alone)
            engine.change(alone, dead, state="disabled")
            engine.change(alone, fine, url=ears.url("/alone"))
            ears.moods["/dead"] = _FAILED
            async with _running(alone) as one, _running(beside) as other:
                waits = await _both(one, other, ears)
                ready = other.process.ready_after, one.process.ready_after
                memory = memory_mb(other.process.pid), memory_mb(one.process.pid)
                del ears.moods["/dead"]
                ears.slow = {"/dead"}
                failed = len(ears.waits["/dead"])
                await ears.until("/dead", failed + CONCURRENCY, 90)
                begun = len(ears.waits["/dead"])
                usual, again = await _both(one, other, ears)
                drained = (len(ears.waits["/dead"]) - begun) / (SECONDS + 1)
    return [
        *_beside(f"{waiting:,} wait", *waits, figure),
        figure(f"{waiting:,} wait: start of the engine", *ready, "s", ready[0] / ready[1], "<= 1.2"),
        figure(f"{waiting:,} wait: memory", *memory, "MB", memory[0] / memory[1], "<= 1.2"),
        figure(f"{waiting:,} wait: requests to the dead one", failed, 0, "", 0, "watched"),
        figure("it begins again: requests at once, at most", ears.most, 0, "", 0, f"<= {CONCURRENCY}"),
        figure("it begins again: p99 of the others", _p(again, 0.99), _p(usual, 0.99), "ms",
               _p(again, 0.99) / _p(usual, 0.99), "watched"),
        figure("it begins again: drained", drained, 0, "/s", 0, "watched"),
    ]  # fmt: skip

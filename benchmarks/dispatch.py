"""What delivery costs, and what lanes do to each other: fan-out, a neighbour that hangs, a million that wait."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import engine
from house import Process, listening
from load import cpu_seconds, memory_mb
from rounds import Rounds, Waits

from webhooks.endpoints import CONCURRENCY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rounds import Figure

ENGINE = str(Path(__file__).with_name("engine.py"))
AHEAD, AT_ONCE = 300, 50
"""Messages told before the receiver has them, at most, and in one commit."""
FANS = 1, 3
COST_ROUNDS = 4
RATE, SECONDS = 100.0, 10.0
"""Messages a second, and the seconds of a round."""
DEADLINE = 3_000
"""Milliseconds that the neighbour which hangs is given, so that a round sees its deadlines pass."""
STARTS = 5
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
        if not self._transport.is_closing():
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


Way = tuple[Hand, str]
"""An engine, and the path of its healthy endpoint."""


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
    costs = {fans: Rounds() for fans in FANS}
    speed: dict[int, list[float]] = {fans: [] for fans in FANS}
    each = count // COST_ROUNDS
    async with _ears() as ears, AsyncExitStack() as stack:
        hands: dict[int, Hand] = {}
        for fans in FANS:
            path = Path(stack.enter_context(_folder())) / "engine.db"
            engine.create(path)
            hands[fans] = await stack.enter_async_context(_running(path))
            for fan in range(fans):
                await hands[fans].do("endpoint", url=ears.url(f"/{fans}/{fan}"), ordering="none")
            await _told(hands[fans], ears, fans, 500)
        for _ in range(COST_ROUNDS):
            spent = {fans: await _cost(hands[fans], ears, fans, each, speed[fans]) for fans in FANS}
            base = await bare(ears.size, each)
            for fans in FANS:
                costs[fans].add(spent[fans], base)
    rows = []
    for fans in FANS:
        name = f"dispatch, fan-out {fans}"
        rows += [
            costs[fans].row(f"{name}, CPU per delivery", "us", "<= 2.0", figure),
            figure(f"{name}, throughput", statistics.median(speed[fans]), 0, "/s", 0, "watched"),
        ]
    return rows


async def _cost(hand: Hand, ears: Ears, fans: int, count: int, speed: list[float]) -> float:
    """Return the microseconds of CPU of one delivery; note how many a second there were."""
    before, began = cpu_seconds(hand.process.pid), time.perf_counter()
    await _told(hand, ears, fans, count)
    speed.append(count * fans / (time.perf_counter() - began))
    await asyncio.sleep(1)  # for what is written a little later
    return (cpu_seconds(hand.process.pid) - before) / (count * fans) * 1e6


async def _told(hand: Hand, ears: Ears, fans: int, count: int) -> None:
    """Tell as fast as the first endpoint takes it, and wait for all."""
    first = f"/{fans}/0"
    before = len(ears.waits[first])
    for begin in range(0, count, AT_ONCE):
        await ears.until(first, before + begin - AHEAD)
        await hand.do("tell", count=min(AT_ONCE, count - begin))
    for fan in range(fans):
        await ears.until(f"/{fans}/{fan}", before + count)


async def _steady(hand: Hand, ears: Ears, path: str, seconds: float) -> list[float]:
    """Tell at a steady rate for some seconds; return how long each message took to an endpoint."""
    before = len(ears.waits[path])
    count = int(RATE * seconds)
    await hand.do("tell", count=count, per_second=RATE)
    await ears.until(path, before + count)
    return ears.waits[path][before:]


async def _both(ears: Ears, alone: Way, beside: Way, seconds: float = SECONDS) -> tuple[list[float], list[float]]:
    """Have two engines tell at the same time, so that whatever else the machine does is the same to both."""
    return await asyncio.gather(
        _steady(alone[0], ears, alone[1], seconds), _steady(beside[0], ears, beside[1], seconds)
    )


async def hanging(rounds: int, figure: Figure) -> list[dict[str, Any]]:
    """How long a message takes beside an endpoint that never answers, against without it, both at the same time.

    In each round that endpoint is new, so that requests hang, run into their deadline all at once, and are tried again;
    it stands beside one engine's lane in one round and beside the other's in the next.
    """
    waits = Waits()
    with _folder() as folder:
        paths = [Path(folder) / name for name in ("one.db", "other.db")]
        for path in paths:
            engine.create(path)
        async with _ears() as ears, _running(paths[0]) as one, _running(paths[1]) as other:
            ears.moods["/hangs"] = b""
            ways = [(one, "/one"), (other, "/other")]
            for hand, path in ways:
                await hand.do("endpoint", url=ears.url(path), ordering="none")
            await _both(ears, *ways, 1)
            for _ in range(rounds):
                alone, beside = ways
                hung = len(ears.waits["/hangs"])
                made = await beside[0].do("endpoint", url=ears.url("/hangs"), ordering="none", timeout_ms=DEADLINE)
                waits.add(*await _both(ears, alone, beside))
                await beside[0].do("remove", endpoint_id=made)
                if len(ears.waits["/hangs"]) - hung <= CONCURRENCY:
                    raise RuntimeError("the neighbour did not hang as it should")
                await asyncio.sleep(1)
                ways.reverse()
    return waits.rows("a neighbour hangs", "<= 1.2", figure)


async def backlog(waiting: int, rounds: int, figure: Figure) -> list[dict[str, Any]]:
    """A lane with a million messages before a dead endpoint: what it does to the others, and how it begins again."""
    waits, again, starts = Waits(), Waits(), Rounds()
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
            for _ in range(STARTS):
                async with _running(alone) as one:
                    usual = one.process.ready_after
                async with _running(beside) as other:
                    starts.add(other.process.ready_after, usual)
            async with _running(alone) as one, _running(beside) as other:
                ways = (one, "/alone"), (other, "/beside")
                await _both(ears, *ways, 1)
                for _ in range(rounds):
                    waits.add(*await _both(ears, *ways))
                memory = memory_mb(other.process.pid), memory_mb(one.process.pid)
            failed = len(ears.waits["/dead"])
            engine.probe_now(beside, dead)  # its next probe may be minutes off
            del ears.moods["/dead"]
            ears.slow = {"/dead"}
            async with _running(alone) as one, _running(beside) as other:
                ways = (one, "/alone"), (other, "/beside")
                await ears.until("/dead", failed + CONCURRENCY)
                begun, began = len(ears.waits["/dead"]), time.perf_counter()
                for _ in range(max(1, rounds // 4)):
                    again.add(*await _both(ears, *ways))
                drained = (len(ears.waits["/dead"]) - begun) / (time.perf_counter() - began)
    return [
        *waits.rows(f"{waiting:,} wait", "<= 1.2", figure),
        starts.row(f"{waiting:,} wait: start of the engine", "s", "<= 1.2", figure),
        figure(f"{waiting:,} wait: memory", *memory, "MB", memory[0] / memory[1], "<= 1.2"),
        figure(f"{waiting:,} wait: requests to the dead one", failed, 0, "", 0, "watched"),
        figure("it begins again: requests at once, at most", ears.most, 0, "", 0, f"<= {CONCURRENCY}"),
        again.p99.row("it begins again: p99 of the others", "ms", "watched", figure),
        figure("it begins again: drained", drained, 0, "/s", 0, "watched"),
    ]

"""A load generator that costs little itself: ready request bytes over raw connections, and processes' CPU."""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WHOLE_PROCESS = 2
"""What `clock_getcpuclockid` adds to a process's number for the clock of all its threads."""
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


@dataclass(slots=True)
class Result:
    """What came of a load: requests answered 2xx, others, seconds, and each latency in seconds."""

    good: int
    bad: int
    seconds: float
    latencies: list[float]

    @property
    def per_second(self) -> float:
        """Good answers a second."""
        return self.good / self.seconds

    def percentile(self, part: float) -> float:
        """A latency percentile in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


def request(port: int, path: str, body: bytes, headers: dict[str, str] | None = None) -> bytes:
    """Return the bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in ({"Content-Type": "application/json"} | (headers or {})).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def fire(port: int, requests: Iterable[bytes], at_once: int) -> Result:
    """Send all requests, `at_once` in flight, each connection one after the other."""
    left: Iterator[bytes] = iter(requests)
    result = Result(0, 0, 0.0, [])

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for one in left:
            began = time.perf_counter()
            writer.write(one)
            head = await reader.readuntil(b"\r\n\r\n")
            length = _LENGTH.search(head)
            if length and int(length[1]):
                await reader.readexactly(int(length[1]))
            result.latencies.append(time.perf_counter() - began)
            if head[9:10] == b"2":
                result.good += 1
            else:
                result.bad += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(at_once)))
    result.seconds = time.perf_counter() - began
    return result


def cpu_seconds(pid: int) -> float:
    """Return the CPU time a process has used, user and system, to the nanosecond: `/proc` counts in hundredths."""
    return time.clock_gettime((~pid << 3) | _WHOLE_PROCESS)


def memory_mb(pid: int) -> float:
    """Return a process's resident memory in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000

"""`make bench`: each figure beside its bare baseline of the same run, as a table and as JSON. Read the ratios."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dispatch
import finding
import orjson
import uvloop
import watching
from house import House, house, listening, repository
from load import cpu_seconds, fire, memory_mb, request
from lxml import etree

from connectors import HERE, carrier_codes, connector
from connectors.samples import samples
from gateway.reading import read

BARE = str(Path(__file__).with_name("bare.py"))
AT_ONCE = 64


def figure(  # noqa: PLR0917 - a row of a table
    name: str, ours: float, bare: float, unit: str, ratio: float, reach: str
) -> dict[str, Any]:
    """One row of the table."""
    row = {"name": name, "ours": round(ours, 2), "bare": round(bare, 2), "unit": unit}
    return row | {"ratio": round(ratio, 3), "reach": reach}


async def push_accepted(count: int) -> list[dict[str, Any]]:
    """Requests a second on the durable push path, against a handler that only answers."""
    async with house(GATEWAY_ROLES="api") as ours:
        requests = [ours.push(number % 500, number // 500) for number in range(count)]
        await fire(ours.process.port, requests[:200], AT_ONCE)
        taken = await fire(ours.process.port, requests[200:], AT_ONCE)
        start, idle = ours.process.ready_after, memory_mb(ours.process.pid)
    if taken.bad:
        raise RuntimeError(f"{taken.bad} pushes were refused")
    async with listening(BARE, "serve", "0") as bare:
        body = requests[0].partition(b"\r\n\r\n")[2]
        plain = [request(bare.port, "/push", body)] * count
        await fire(bare.port, plain[:200], AT_ONCE)
        base = await fire(bare.port, plain[200:], AT_ONCE)
    return [
        figure("push accepted, durable", taken.per_second, base.per_second, "req/s",
               taken.per_second / base.per_second, ">= 0.5"),
        figure("push accepted, p99", taken.percentile(0.99), base.percentile(0.99), "ms",
               taken.percentile(0.99) / base.percentile(0.99), "watched"),
        figure("serve: start", start, 0, "s", 0, "< 2 s"),
        figure("serve: memory after the pushes", idle, 0, "MB", 0, "watched"),
    ]  # fmt: skip


class Receiver:
    """A merchant's receiver that costs as little as can be: counts requests and notes when each came."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}
        self.sizes: list[int] = []
        self.port = 0

    async def start(self) -> asyncio.Server:
        """Listen on a free port."""
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = await reader.readexactly(length)
            self.sizes.append(length)
            event = orjson.loads(body)["data"]["event"]
            self.arrived[f"{event['tracking_number']}/{event['at']}"] = time.perf_counter()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()


async def whole_way(count: int) -> list[dict[str, Any]]:
    """CPU from a push to the signed webhook, recorded, against a bare POST and its receipt."""
    receiver = Receiver()
    server = await receiver.start()
    async with house(GATEWAY_ROLES="api,ingest,dispatch") as ours:
        await _endpoint(ours, receiver)
        warm = [ours.push(900_000 + number, 0) for number in range(300)]
        await fire(ours.process.port, warm, AT_ONCE)
        await _until(receiver, 300)
        requests = [ours.push(number % 500, number // 500) for number in range(count)]
        before = cpu_seconds(ours.process.pid)
        began = time.perf_counter()
        taken = await fire(ours.process.port, requests, AT_ONCE)
        await _until(receiver, 300 + count)
        seconds = time.perf_counter() - began
        await asyncio.sleep(1)
        ours_us = (cpu_seconds(ours.process.pid) - before) / count * 1e6
        latency = await _half_load(ours, receiver, count / seconds / 2)
    server.close()
    if taken.bad:
        raise RuntimeError(f"{taken.bad} pushes were refused")
    size = int(statistics.mean(receiver.sizes))
    bare_us = await _bare_exchange(size, count)
    return [
        figure("whole way, CPU per event", ours_us, bare_us, "us", ours_us / bare_us, "<= 2.0"),
        figure("whole way, throughput", count / seconds, 0, "events/s", 0, "watched"),
        figure("push to receipt at half load, p50", latency[0], 0, "ms", 0, "watched"),
        figure("push to receipt at half load, p99", latency[1], 0, "ms", 0, "watched"),
    ]


async def _endpoint(ours: House, receiver: Receiver) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hook"
    await ours.call("POST", "/v1/endpoints", {"url": url, "event_types": ["shipment.event"], "ordering": "none"})


async def _until(receiver: Receiver, count: int) -> None:
    for _ in range(6000):
        if len(receiver.arrived) >= count:
            return
        await asyncio.sleep(0.01)
    raise RuntimeError(f"{len(receiver.arrived)} of {count} webhooks came")


async def _half_load(ours: House, receiver: Receiver, per_second: float) -> tuple[float, float]:
    """Push at a steady rate; return the median and p99 from push to receipt in milliseconds."""
    sent: dict[str, float] = {}
    pushes = []
    for number in range(int(min(per_second * 4, 4000))):
        one = ours.push(700_000 + number, 3)
        said = orjson.loads(one.partition(b"\r\n\r\n")[2])["parcels"][0]
        sent[f"{said['number']}/2026-03-01T{2 - 0:02}:03:00Z"] = 0.0
        pushes.append((said["number"], one))
    times: dict[str, float] = {}
    begin = time.perf_counter()
    known = set(receiver.arrived)

    async def one_push(at: float, number: str, data: bytes) -> None:
        await asyncio.sleep(max(0.0, begin + at - time.perf_counter()))
        times[number] = time.perf_counter()
        await fire(ours.process.port, [data], 1)

    await asyncio.gather(*(one_push(index / per_second, number, data) for index, (number, data) in enumerate(pushes)))
    await _until(receiver, len(known) + len(pushes))
    waits = sorted(
        (at - times[key.partition("/")[0]]) * 1000 for key, at in receiver.arrived.items() if key not in known
    )
    return waits[len(waits) // 2], waits[int(len(waits) * 0.99)]


async def _bare_exchange(size: int, count: int) -> float:
    """Microseconds of CPU, client and server together, of one bare POST of so many bytes."""
    async with listening(BARE, "serve", "0") as bare:
        url = f"http://127.0.0.1:{bare.port}/hook"
        await _post(url, size, 300)
        before = cpu_seconds(bare.pid)
        client = await _post(url, size, count)
        server = cpu_seconds(bare.pid) - before
    return (client + server) / count * 1e6


async def _post(url: str, size: int, count: int) -> float:
    """Run the bare client; return the seconds of CPU its posts took."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, BARE, "post", url, str(size), str(count), str(AT_ONCE), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return float(said)


def parse_and_normalize(seconds: float) -> list[dict[str, Any]]:
    """Microseconds per event of reading and normalising each carrier's samples, against `orjson.loads` of the body."""
    rows = []
    for code in carrier_codes():
        by = connector(code)
        payloads = [one.payload(code) for one in samples(HERE / code.replace("-", "_") / "samples")]
        readable = [one for one in payloads if (found := read(by, one)).events and found.trouble is None]
        if not readable:
            continue
        events = sum(len(read(by, one).events) for one in readable)
        ours = _fastest(lambda readable=readable, by=by: [read(by, one) for one in readable], seconds)
        bodies = [one.body for one in readable]
        bare = _fastest(lambda bodies=bodies: [_load(one) for one in bodies], seconds / 4)
        reach = "<= 60 us" if by.facts.api.format == "json" else "<= 120 us"
        rows.append(
            figure(
                f"parse + normalize, {code}", ours / events * 1e6, bare / events * 1e6, "us/event", ours / bare, reach
            )
        )
    return rows


def _load(body: bytes) -> Any:
    """Read a body as bare as its kind allows: JSON by orjson, XML by lxml, anything else as text."""
    start = body.lstrip()[:1]
    if start in (b"{", b"["):
        return orjson.loads(body)
    return etree.fromstring(body) if start == b"<" else body.decode()


def simulated_day(shipments: int) -> list[dict[str, Any]]:
    """A day of asking 45 simulated carriers; not part of "everything", because it takes minutes."""
    import day  # noqa: PLC0415 - it needs time-machine, which only developers have

    lived = day.quietly(shipments)
    day.show(lived)
    late = lived["late_seconds"]
    return [
        figure("a day: promises broken", sum(lived["broken"].values()), 0, "", 0, "0"),
        figure("a day: asked after due, p50", late["p50"], 0, "s", 0, "<= 2 s"),
        figure("a day: asked after due, p99", late["p99"], 0, "s", 0, "watched"),
        figure("a day: carriers' answers", lived["calls"] / lived["real_seconds"], 0, "calls/s", 0, "watched"),
    ]


def _fastest(work: Any, seconds: float) -> float:
    """Return the best of many runs: what the machine can do when nobody else is at it."""
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table. The spread is of the rounds' ratios: a half of them lies within."""
    print(f"\n{'figure':<46} {'ours':>10} {'bare':>10} {'unit':<9} {'ratio':>7} {'spread':>11}  reach")
    for row in rows:
        bare = f"{row['bare']:>10,.2f}" if row["bare"] else " " * 10
        ratio = f"{row['ratio']:>7.2f}" if row["ratio"] else " " * 7
        spread = "{:.2f}-{:.2f}".format(*row["spread"]) if "spread" in row else ""
        print(f"{row['name']:<46} {row['ours']:>10,.2f} {bare} {row['unit']:<9} {ratio} {spread:>11}  {row['reach']}")


def main() -> None:
    """Run what is asked for, everything by default."""
    parts: dict[str, Any] = {
        "push": push_accepted,
        "way": whole_way,
        "dispatch": lambda count: dispatch.fan_out(count, figure, _bare_exchange),
        "neighbour": lambda _count: dispatch.hanging(arguments.rounds, figure),
        "backlog": lambda _count: dispatch.backlog(dispatch.WAITING, arguments.rounds, figure),
        "pages": lambda count: watching.notified(max(20, count // 100), figure),
        "find": lambda _count: finding.growth(finding.MILLION, figure),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=[*parts, "parse", "day", []], help="default: all but day")
    parser.add_argument("--count", type=int, default=6000, help="requests or events for each measure")
    parser.add_argument("--rounds", type=int, default=12, help="rounds of what lanes do to each other, 10 s each")
    arguments = parser.parse_args()
    wanted = arguments.part or [*parts, "parse"]
    rows: list[dict[str, Any]] = []
    for name in wanted:
        print(f"measuring: {name} ...", flush=True)
        if name == "parse":
            rows += parse_and_normalize(0.4)
        elif name == "day":
            rows += simulated_day(arguments.count)
        else:
            rows += uvloop.run(parts[name](arguments.count))
    show(rows)
    file = repository() / "benchmarks" / "results.json"
    file.write_text(json.dumps({"at": datetime.now(UTC).isoformat(), "figures": rows}, indent=1) + "\n")
    print(f"\nThe same as JSON: {file.relative_to(repository())}")


if __name__ == "__main__":
    main()

"""A simulated day: many shipments over many simulated carriers with real ones' limits, and faults.

`python benchmarks/day.py [--shipments 50000] [--carriers 45]`. Poller, clients, limiters, breakers, inbox, ingest and
database are the program's own; simulated are the network beyond the transport and the time (`day_clock`): what the
machine needs for its own work takes no simulated time, and is shown as real seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from day_checks import WATCH, examine
from day_clock import Clock, StandingStore, simulated
from day_world import HOUR, KEY, Carrier, Parcel, World, carriers_like_real_ones, populate, registered

from gateway import schema, shipments
from gateway.carriers import CarrierAccess, secrets_purpose
from gateway.due import CLAIM_MS
from gateway.inbox import Inbox
from gateway.ingest import Ingest
from gateway.polling import Poller
from gateway.settings import Settings
from gateway.tables import Tables
from gateway.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

START = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
MERCHANT = "mer_day"
_AT_ONCE = 300
_REGISTER_EVERY = 60.0


class Day:
    """The asking side of a gateway, put together as `gateway.app` does, in a simulated world."""

    def __init__(self, url: str, carriers: Sequence[Carrier], clock: Clock, settings: Settings, seed: int) -> None:
        self._carriers = carriers
        self._clock = clock
        self._every = settings.poll_every_seconds
        self._store = StandingStore(url, clock)
        self._vault = Vault("k" * 40)
        self._all_read = asyncio.Event()
        self.world = World(carriers, clock, seed)

        def tell(_entries: object) -> None:
            """No endpoint listens: the log is what is examined."""

        self._ingest = Ingest(self._store, tell)
        self._inbox = Inbox(self._store, self._ingest.take, settings.inbox_most_waiting)
        self._ingest.on_read = self._read
        self._access = CarrierAccess(self._store, self._vault, {}, tell, transport=self.world, clock=clock.steady)
        self._poller = Poller(self._store, self._inbox, self._access, tell, settings.poll_concurrency)

    def _read(self, payloads: int) -> None:
        self._inbox.waiting -= payloads
        if not self._inbox.waiting:
            self._all_read.set()

    async def live(self) -> None:
        """Live through the day."""
        self._store.start()
        await self._store.write(self._furnish)
        parcels = sorted(
            ((one.registered, by.code, one) for by in self._carriers for one in by.parcels.values()),
            key=lambda one: one[0],
        )
        stock = [one for one in parcels if one[0] < 0]
        for at in range(0, len(stock), _AT_ONCE):
            await self._register(stock[at : at + _AT_ONCE])
        self._ingest.start()
        jobs = [asyncio.create_task(one) for one in (self._tick(), self._usage(), self._come(parcels[len(stock) :]))]
        await asyncio.sleep(24 * HOUR - self._clock.now)
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await self._poller.stop()
        if self._inbox.waiting:
            self._all_read.clear()
            await self._all_read.wait()
        await self._ingest.stop()
        await self._access.close()
        await self._store.close()

    async def _tick(self) -> None:
        while True:
            await self._poller.tick()
            await asyncio.sleep(self._every)

    async def _usage(self) -> None:
        while True:
            await asyncio.sleep(60)
            await self._access.note_usage()

    async def _come(self, parcels: Sequence[tuple[float, str, Parcel]]) -> None:
        """Register the day's new parcels as they come."""
        done = 0
        while done < len(parcels):
            await asyncio.sleep(_REGISTER_EVERY)
            until = done
            while until < len(parcels) and parcels[until][0] <= self._clock.now:
                until += 1
            for _, _, one in parcels[done:until]:
                one.due = self._clock.now
            await self._register(parcels[done:until])
            if until > done:
                self._poller.wake()
            done = until

    async def _register(self, parcels: Sequence[tuple[float, str, Parcel]]) -> None:
        new = [
            (one.registered, shipments.NewShipment(
                carrier=code,
                tracking_number=one.number,
                account_id=_account(code),
                next_poll_at=int((START + one.due) * 1000),
            ))
            for _, code, one in parcels
        ]  # fmt: skip

        def work(conn: Connection) -> None:
            for at, one in new:
                shipments.create(conn, MERCHANT, [one], int((START + at) * 1000))

        await self._store.write(work)

    def _furnish(self, conn: Connection) -> None:
        for statement in WATCH:
            conn.exec_driver_sql(statement)
        at = int(START * 1000)
        conn.execute(Tables.merchant.insert(), [{"id": MERCHANT, "name": "Day", "created_at": at}])
        rows = []
        for one in self._carriers:
            secrets = orjson.dumps({"api_key": KEY})
            account = _account(one.code)
            row = {"merchant_id": MERCHANT, "id": account, "carrier": one.code, "state_at": at, "created_at": at}
            row |= {"secrets": self._vault.seal(MERCHANT, secrets_purpose(account), secrets), "changed_at": at}
            rows.append(row | {"label": "", "mode": "production", "state": "active", "state_reason": ""})
        conn.execute(Tables.account.insert(), rows)


def _account(code: str) -> str:
    return f"acc_{code}"


def quietly(count: int, carriers: int = 45, every: float = 1.0, seed: int = 1) -> dict[str, Any]:
    """Live a day without a word of the program's own log."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    return simulate(count, carriers, every, seed)


def simulate(count: int, carriers: int, every: float, seed: int) -> dict[str, Any]:
    """Live a day and examine it."""
    began, cpu = time.perf_counter(), _cpu()
    chosen = carriers_like_real_ones(carriers)
    populate(chosen, count, START, seed)
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "carriers").mkdir()
        database = base / "day.db"
        settings = Settings(database=f"sqlite:///{database}", poll_every_seconds=every)
        schema.migrate(settings.database)
        with registered(chosen, base / "carriers"), simulated(START) as (clock, runner):
            day = Day(settings.database, chosen, clock, settings, seed)
            runner.run(day.live())
        lived = time.perf_counter() - began
        figures = examine(database, chosen, START, CLAIM_MS)
        figures["broken"]["numbers asked twice at once"] = day.world.asked_twice_at_once
        size = database.stat().st_size
    figures |= {"shipments": count, "poll_every_seconds": every, "seed": seed, "database_mb": round(size / 1e6, 1)}
    figures |= {"real_seconds": round(lived, 1), "cpu_seconds": round(_cpu() - cpu, 1)}
    return {"at": datetime.now(UTC).isoformat(timespec="seconds")} | figures


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def show(day: dict[str, Any]) -> None:
    """Print the figures."""
    print(f"{'carrier':<24} {'parcels':>7} {'calls':>7} {'nrs/call':>8} {'batch':>9} {'/s':>6} {'/day':>5} "
          f"{'closest s':>9} {'events':>7} {'scripted':>8} {'p99 s':>7} {'max s':>8}  ")  # fmt: skip
    for one in day["carriers"]:
        words = " ".join(word for word in (one["trouble"], "" if one["suffices"] else "allowance too small") if word)
        batch = f"{one['largest_batch']}/{one['batch']}"
        print(
            f"{one['carrier']:<24} {one['parcels']:>7} {one['calls']:>7} {one['numbers_a_call']:>8} {batch:>9} "
            f"{one['per_second'] or '-':>6} {one['per_day'] or '-':>5} {one['closest_calls']:>9} {one['events']:>7} "
            f"{one['scripted']:>8} {one['late_p99']:>7} {one['late_max']:>8}  {words}"
        )
    print(f"\n{day['shipments']} shipments, {len(day['carriers'])} carriers: {day['calls']} calls about "
          f"{day['numbers_asked']} numbers, {day['events']} events, {day['payloads']} answers kept, "
          f"{day['database_mb']} MB")  # fmt: skip
    print(f"answers: {', '.join(f'{name} {count}' for name, count in sorted(day['faults'].items()))}")
    for name, title in (
        ("late_seconds", "healthy carriers whose limits suffice"),
        ("late_seconds_all_that_suffice", "the same with the outages"),
    ):
        late = day[name]
        print(f"asked after due, {title}: p50 {late['p50']} s, p99 {late['p99']} s, max {late['max']} s "
              f"({late['count']} times)")  # fmt: skip
    for code, seconds in day["caught_up_seconds"].items():
        print(f"{code}: the last that fell due in its outage was asked {seconds} s after it")
    print(f"the day took {day['real_seconds']} s and {day['cpu_seconds']} s of CPU")
    for name, count in day["broken"].items():
        print(f"{'ok    ' if not count else 'BROKEN'} {name}: {count}")


def main() -> int:
    """Simulate, print, and add the figures to `day.json`."""
    parser = argparse.ArgumentParser(description="A simulated day of asking carriers.")
    parser.add_argument("--shipments", type=int, default=50_000)
    parser.add_argument("--carriers", type=int, default=45)
    parser.add_argument("--every", type=float, default=1.0, help="seconds between looks for due shipments")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print JSON and keep nothing")
    arguments = parser.parse_args()
    day = quietly(arguments.shipments, arguments.carriers, arguments.every, arguments.seed)
    if arguments.json:
        print(json.dumps(day))
    else:
        show(day)
        file = Path(__file__).with_name("day.json")
        earlier = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps([*earlier, day], indent=1) + "\n")
    return int(any(day["broken"].values()))


if __name__ == "__main__":
    sys.exit(main())

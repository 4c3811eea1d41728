"""Seventy endpoints, nearly all of them hostile, on one log: the engine's promises hold over the whole history."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from faults.engine import Engine, engine
from faults.hostile import FOR_EVER, RUDE, TRICKS, Hostile, Seen, hostile
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.clock import now_ms
from webhooks.breaker import FAILURES, FIRST_PAUSE
from webhooks.schedule import DAY

if TYPE_CHECKING:
    from pathlib import Path

SCHEDULE = (0, 0.3, 0.6, 0.9)
SHIPMENTS = 12
RATE = 40.0
TIMEOUT = 1_000
CONCURRENCY = 8
CLOCKS_APART = 3
"""Milliseconds that the clock of attempts and the engine's own may differ by rounding."""
UNREACHABLE = {"not-tls": "tls", "self-signed": "tls", "expired": "tls", "mute-tls": "timeout", "nobody": "connect"}
FOREVER_BUSY = {name for name in FOR_EVER if name.startswith("busy")}
SELDOM, OFTEN = 45, 9
"""A trick is done to every so-many-th message: seldom where it costs time."""
RECOVERY = 18.5
"""Seconds in which a lane gets `SELDOM` messages delivered when one of them is too much for its endpoint.

A refusal takes its rate from p to p/2, and p/20 a second bring it back in 10 s; at 3p/4 these are 45 messages at p = 6.
The pause or two and the slow start make it 12 s at most (`tests/unit/webhooks/test_pace.py`). Where a deadline passes
there is no pause, others go well meanwhile, and the second deadline of the same message halves again: from p/4 it takes
twice as long, and 90 messages make 37 s.
"""
HEALTHY = ("/fine", "/strict/fine", "/rate/fine")
ORDERED = {"/strict/status-500": "strict", "/strict/resets": "strict", "/latest/status-500": "latest"}


@dataclass
class Run:
    """What was found while and after the engine ran."""

    receiver: Hostile
    engine: Engine
    ids: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    attempts: dict[str, dict[int, list[Any]]] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    final: dict[str, dict[str, set[int]]] = field(default_factory=dict)
    opened: set[str] = field(default_factory=set)
    told_at: dict[int, float] = field(default_factory=dict)
    alone: list[float] = field(default_factory=list)
    last: str = ""
    """The lane that had something left longest, and for how many seconds after the last message was told."""
    cursor_looks: int = 0
    violations: list[Any] = field(default_factory=list)
    verified: int = 0
    """So many of the receiver's requests hold by the standard's own library, looked at while they were fresh."""
    unverified: list[Any] = field(default_factory=list)

    def seen(self, path: str) -> list[Seen]:
        return [one for one in self.receiver.history if one.path == path]

    def verify(self) -> None:
        """Verify what has come since the last time: a signature is good for minutes only."""
        fresh = self.receiver.history[self.verified :]
        self.verified += len(fresh)
        for one in fresh:
            try:
                Webhook(self.secrets[one.path]).verify(one.body, one.headers)
            except WebhookVerificationError as trouble:
                self.unverified.append((one, trouble))

    @property
    def tricky(self) -> list[str]:
        return [path for path in self.ids if path.rpartition("/")[2] in TRICKS]


def bad(path: str, number: int, before: int) -> bool:
    """A trick is done once to a message, twice to every second of these."""
    every = SELDOM if any(word in path for word in ("busy", "hangs", "drips")) else OFTEN
    return number % every == every - 5 and before < 1 + (number // every) % 2


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Run:
    """Everything happens once; the tests below read what came of it."""
    folder = tmp_path_factory.mktemp("hostile")
    messages = 900 if request.config.getoption("--long") else 60
    with structlog.testing.capture_logs() as logs:
        found = asyncio.run(_run(folder, messages))
    ids = {endpoint: path for path, endpoint in found.ids.items()}
    opened = [one for one in logs if one["event"] == "lane_breaker" and one["state"] == "open"]
    found.opened = {ids[one["endpoint"]] for one in opened}
    return found


async def _run(folder: Path, messages: int) -> Run:
    async with hostile(folder, bad) as receiver:
        async with engine(folder / "alone.db") as quiet:
            alone = Run(receiver, quiet)
            await _endpoints(alone, ["/fine"])
            await _tell(alone, messages)
            await _settled(alone, 30)
        before = len(receiver.history)
        latencies = _latencies(alone)
        async with engine(folder / "gateway.db") as it:
            found = Run(receiver, it, alone=latencies)
            del receiver.history[:before]
            await _endpoints(found, [*HEALTHY, *ORDERED, *(f"/{name}" for name in (*TRICKS, *FOR_EVER))])
            for name, port in receiver.tls_ports.items():
                await _endpoint(found, f"/{name}", f"https://localhost:{port}/{name}", schedule=(0, 0.3))
            await _endpoint(found, "/nobody", "http://127.0.0.1:1/nobody", schedule=(0, 0.3))
            await _tell(found, messages)
            await _settled(found, 60 + messages / SELDOM * RECOVERY)
            await asyncio.sleep(0.3)
            found.verify()
            await _read(found)
        return found


async def _endpoints(run: Run, paths: list[str]) -> None:
    for path in paths:
        wishes: dict[str, Any] = {"ordering": ORDERED.get(path, "none"), "concurrency": CONCURRENCY}
        if path.startswith("/strict"):
            wishes["ordering"] = "strict"
        if path.startswith("/rate"):
            wishes["rate_per_second"] = RATE
        await _endpoint(run, path, run.receiver.url(path), **wishes)


async def _endpoint(run: Run, path: str, url: str, **wishes: Any) -> None:
    wishes = {"schedule": SCHEDULE, "timeout_ms": TIMEOUT, "event_types": ["shipment.in_transit"]} | wishes
    run.ids[path], run.secrets[path] = await run.engine.endpoint(url, **wishes)


async def _tell(run: Run, messages: int) -> None:
    """Let the log grow steadily, and in one jump at the end."""
    steady = messages * 2 // 3
    for number in range(1, steady + 1):
        run.told_at[number] = time.monotonic()
        await run.engine.tell(1, SHIPMENTS)
        await asyncio.sleep(0.04)
    await run.engine.tell(messages - steady, SHIPMENTS)


UNHANDLED = text("""
    select l.endpoint_id, m.sequence from lane l
    join message m on m.merchant_id = l.merchant_id and m.sequence > l.start and m.sequence <= l.cursor
    where m.type != 'endpoint.paused'
    and not exists (select 1 from attempt a where a.merchant_id = l.merchant_id and a.endpoint_id = l.endpoint_id
                    and a.sequence = m.sequence and a.outcome in ('delivered', 'superseded'))
    and not exists (select 1 from dead d where d.merchant_id = l.merchant_id and d.endpoint_id = l.endpoint_id
                    and d.sequence = m.sequence)
    and not exists (select 1 from retry r where r.merchant_id = l.merchant_id and r.endpoint_id = l.endpoint_id
                    and r.sequence = m.sequence)
""")
OPEN = text("""
    select e.id, (select count(*) from message m where m.sequence > l.cursor and m.type != 'endpoint.paused')
                 + (select count(*) from retry r where r.endpoint_id = e.id)
    from endpoint e join lane l on l.endpoint_id = e.id where e.state = 'enabled'
""")


async def _settled(run: Run, seconds: float) -> None:
    """Wait until every lane that can get well has nothing left, and look at the cursors all the while."""
    excused = {run.ids[f"/{name}"] for name in (*FOR_EVER, *UNREACHABLE) if f"/{name}" in run.ids}
    paths = {endpoint: path for path, endpoint in run.ids.items()}
    begin = time.monotonic()
    while True:
        unhandled, waiting = await run.engine.store.read(
            lambda conn: (conn.execute(UNHANDLED).all(), dict(conn.execute(OPEN).all()))
        )
        run.cursor_looks += 1
        run.verify()
        run.violations += unhandled
        left = {endpoint: count for endpoint, count in waiting.items() if count and endpoint not in excused}
        if not left:
            return
        took = time.monotonic() - begin
        run.last = f"{paths[min(left)]} after {took:.1f} s"
        assert took < seconds, {paths[endpoint]: count for endpoint, count in left.items()}
        await asyncio.sleep(0.1)


async def _read(run: Run) -> None:
    def read(conn: Any) -> None:
        for path, endpoint in run.ids.items():
            where = {"e": endpoint}
            mine: dict[int, list[Any]] = defaultdict(list)
            for row in conn.execute(
                text("select * from attempt where endpoint_id = :e order by at, number"),
                where,
            ):
                mine[row.sequence].append(row)
            run.attempts[path] = mine
            run.states[path] = conn.execute(
                text(
                    "select e.state, e.state_reason, l.cursor, l.paused_until, l.breaker from endpoint e "
                    "join lane l on l.endpoint_id = e.id where e.id = :e"
                ),
                where,
            ).one()
            run.final[path] = {
                name: set(conn.execute(text(f"select sequence from {name} where endpoint_id = :e"), where).scalars())
                for name in ("dead", "retry")
            }

    await run.engine.store.read(read)


def _latencies(run: Run) -> list[float]:
    arrived: dict[int, float] = {}
    for one in run.seen("/fine"):
        arrived.setdefault(one.number, one.at)
    return sorted(arrived[number] - at for number, at in run.told_at.items())


def _percentile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000


def test_every_message_has_a_success_or_a_final_state(run: Run) -> None:
    for path in [*HEALTHY, *run.tricky]:
        outcomes = {sequence: {row.outcome for row in rows} for sequence, rows in run.attempts[path].items()}
        assert len(outcomes) == run.engine.told, path
        lost = [one for one, kinds in outcomes.items() if not kinds & {"delivered", "superseded"}]
        assert set(lost) <= run.final[path]["dead"], path
        assert lost == [], path  # no trick is done as often as the schedule tries


def test_every_trick_has_the_outcome_that_is_right_for_it_and_a_good_answer_is_never_taken_for_a_bad_one(
    run: Run,
) -> None:
    wrong: list[Any] = []
    for path in set(run.tricky) - {f"/{RUDE}"}:
        name = path.rpartition("/")[2]
        seen: dict[int, list[Seen]] = defaultdict(list)
        for one in run.seen(path):
            seen[one.sequence].append(one)
        for sequence, rows in run.attempts[path].items():
            requests = seen[sequence]
            reached = [row for row in rows if row.ip is not None and row.outcome != "superseded"]
            # a connection that broke while idle had not always brought the request over
            unclear = [row for row in reached if row.response == "reused connection"]
            while unclear and len(reached) > len(requests):
                reached.remove(unclear.pop())
            pairs = list(zip(requests, reached, strict=False))
            good = all((row.outcome, row.status) in right(name, request.answer, row) for request, row in pairs)
            if len(requests) != len(reached) or not good:
                told = [(row.number, row.outcome, row.status, row.ms) for row in rows]
                wrong.append((path, sequence, [one.answer for one in requests], told))
    assert wrong == [], "\n".join(map(str, wrong))


def right(name: str, answer: str, row: Any) -> set[tuple[str, int | None]]:
    if row.response == "reused connection":
        return {("reset", None)}
    late: set[tuple[str, int | None]] = {("timeout", None)} if row.ms >= TIMEOUT else set()  # we share the process
    return late | ({("delivered", 200)} if answer == "fine" else TRICKS[name].right)


def test_nothing_is_sent_again_after_its_success(run: Run) -> None:
    for path in run.ids:
        for sequence, rows in run.attempts[path].items():
            kinds = [row.outcome for row in rows]
            assert kinds.count("delivered") <= 1, (path, sequence)
            assert "delivered" not in kinds[:-1], (path, sequence, kinds)


def test_attempts_follow_the_schedule(run: Run) -> None:
    looked_at = 0
    lanes = sorted({*HEALTHY, *run.tricky} - run.opened)
    for path in lanes:
        for sequence, rows in run.attempts[path].items():
            tries = [row for row in rows if row.response != "reused connection" and row.outcome != "superseded"]
            for number, (before, after) in enumerate(pairwise(tries), 1):
                pause = after.at - (before.at + before.ms)
                assert pause >= SCHEDULE[number] * 1000 - CLOCKS_APART, (path, sequence, pause)
                looked_at += 1
    assert looked_at >= len(lanes)  # a machine that stalls opens breakers, and leaves few lanes to look at


def test_strict_order_holds_per_shipment_and_latest_never_goes_back(run: Run) -> None:
    for path, ordering in ORDERED.items():
        succeeded = {shipment: shipment - SHIPMENTS for shipment in range(1, SHIPMENTS + 1)}
        last = {one.sequence: one for one in run.seen(path)}
        for one in run.seen(path):
            shipment = (one.number - 1) % SHIPMENTS + 1
            if ordering == "strict":
                assert one.number == succeeded[shipment] + SHIPMENTS, path
            # of what came again the answer had been too late, so that it was no success to the one who asked
            if one.answer == "fine" and one is last[one.sequence]:
                assert one.number > succeeded[shipment], path
                succeeded[shipment] = one.number


def test_a_rate_is_never_exceeded_by_more_than_a_twentieth(run: Run) -> None:
    left = sorted(row.at for rows in run.attempts["/rate/fine"].values() for row in rows)
    most = max(sum(begin <= at < begin + 1000 for at in left) for begin in left)
    assert most <= RATE * 1.05 + 1  # the clock is read when a request leaves, a moment after it was let go


def test_every_request_verifies_with_the_standards_own_library(run: Run) -> None:
    assert run.unverified == []
    assert run.verified >= len(run.tricky) * run.engine.told
    bodies: dict[int, bytes] = {}
    for one in run.receiver.history[: run.verified]:
        assert bodies.setdefault(one.sequence, one.body) == one.body
    ids = {(one.sequence, one.headers["webhook-id"]) for one in run.receiver.history}
    assert len(ids) == len(bodies)


def test_no_cursor_ever_passed_an_unhandled_message(run: Run) -> None:
    assert run.violations == []
    assert run.cursor_looks >= 5


def test_endpoints_that_never_get_well_are_left_alone(run: Run) -> None:
    assert run.states["/always-gone"][:2] == ("disabled", "gone")
    assert len(run.seen("/always-gone")) <= CONCURRENCY
    for name in ("always-500", "always-hangs"):
        times = [one.at for one in run.seen(f"/{name}")]
        in_a_row = CONCURRENCY + FAILURES
        assert len(times) <= in_a_row + (times[-1] - times[0]) * 1000 / FIRST_PAUSE + 1, name
        assert run.states[f"/{name}"].breaker == "open", name
    for name in FOREVER_BUSY:
        assert len(run.seen(f"/{name}")) <= CONCURRENCY, name
        rest = run.states[f"/{name}"].paused_until - now_ms()
        assert DAY - 600_000 < rest <= DAY, name


def test_tls_that_cannot_be_trusted_gets_no_message(run: Run) -> None:
    for name, kind in UNREACHABLE.items():
        assert run.seen(f"/{name}") == [], name
        kinds = {row.outcome for rows in run.attempts[f"/{name}"].values() for row in rows}
        assert kinds == {kind}, name


def test_a_healthy_lane_goes_its_way_beside_all_that(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    beside = _latencies(run)
    assert {one.number for one in run.seen("/fine")} == set(range(1, run.engine.told + 1))
    last = max(one.at for one in run.seen("/fine"))
    hung = {one.number for one in run.seen("/always-hangs") if one.at < last}
    assert len(hung) < run.engine.told / 2  # whoever waited for a neighbour's answers would have waited for these
    outcomes = Counter(row.outcome for mine in run.attempts.values() for rows in mine.values() for row in rows)
    with capsys.disabled():
        print(
            f"\n{len(run.ids)} endpoints, {run.engine.told} messages, {run.verified} requests received "
            f"and verified, {run.receiver.tls_dials} handshakes spoiled; outcomes: {dict(outcomes.most_common())}; "
            f"breakers opened: {len(run.opened)}; cursors looked at {run.cursor_looks} times; "
            f"last with something left: {run.last}\n"
            f"a healthy lane alone: p50 {_percentile(run.alone, 0.5):.1f} ms, p99 {_percentile(run.alone, 0.99):.1f} "
            f"ms; beside all that: p50 {_percentile(beside, 0.5):.1f} ms, p99 {_percentile(beside, 0.99):.1f} ms"
        )

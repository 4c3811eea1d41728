"""What a simulated day must have kept, found by comparing the carriers' own records with the database."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections import Counter, defaultdict
from contextlib import closing
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from day_world import STATUS, Carrier, Parcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

WATCH = (
    "create table day_claim (shipment_id text, due integer, until integer)",
    # A claim moves only `next_poll_at`: what came of asking also notes `polled_at`, news also raise `version`.
    """create trigger day_claimed after update of next_poll_at on shipment
       when new.next_poll_at is not null and new.polled_at is old.polled_at and new.version = old.version
       begin insert into day_claim values (new.id, old.next_poll_at, new.next_poll_at); end""",
)
"""Writes down when each claimed shipment had been due, which the claim itself forgets."""

CAUGHT_UP = 3600 + 600 + 60
"""Seconds after an outage until the last one it kept waiting is asked: the longest backoff of a shipment, the longest
rest of a breaker, and a minute for what else goes wrong."""

_LAST = 22 * 3600
"""Seconds: who was due before is asked by the day's end."""

_MIDNIGHT = 24 * 3600

_GAP_TOLERANCE = 0.001
"""Seconds two turns may stand closer than the limit's spacing: the wall clock's rounding."""


def examine(database: Path, carriers: Sequence[Carrier], start: float, claim_ms: int) -> dict[str, Any]:
    """Return the figures of the day. Every count under `broken` must be 0."""
    with closing(sqlite3.connect(database)) as conn:
        numbers = dict(conn.execute("select id, tracking_number from shipment"))
        stored = Counter((numbers[one], at) for one, at in conn.execute("select shipment_id, at from event"))
        messages = Counter(
            (numbers[one], kind)
            for one, kind in conn.execute("select shipment_id, type from message where shipment_id is not null")
        )
        odd = conn.execute("select count(*) from message where shipment_id is null").fetchone()[0]
        unread = conn.execute("select count(*) from payload where state = 'kept'").fetchone()[0]
        enough = {by.code for by in carriers if by.suffices}
        last = int((start + _LAST) * 1000)
        overdue = [
            code
            for (code,) in conn.execute("select carrier from shipment where next_poll_at < ?", (last,))
            if code in enough
        ]
        payloads = conn.execute("select count(*) from payload").fetchone()[0]
        claims: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for one, due, until in conn.execute("select shipment_id, due, until from day_claim order by rowid"):
            claims[numbers[one]].append((due, until - claim_ms))
    lates = _Lates(claims, start)
    broken: Counter[str] = Counter()
    rows = []
    for by in carriers:
        row = _carrier(by, lates)
        rows.append(row)
        broken["windows of a second beyond a limit"] += row.pop("fast")
        broken["days beyond a limit"] += bool(
            by.api.per_day and sum(at < _MIDNIGHT for at in by.calls) > by.api.per_day
        )
        broken["batches larger than allowed"] += by.largest > by.api.batch
        for parcel in by.parcels.values():
            _compare(parcel, by, stored, messages, broken)
    broken["due and never asked"] += lates.never + len(overdue)
    broken["outages caught up too late"] += sum(one > CAUGHT_UP for one in lates.caught_up.values())
    broken["events nobody scripted"] += sum(stored.values())
    broken["messages nobody expected"] += sum(messages.values()) + odd
    broken["payloads left unread"] += unread
    return {
        "broken": dict(broken),
        "late_seconds": percentiles(lates.healthy),
        "late_seconds_all_that_suffice": percentiles(lates.sufficient),
        "caught_up_seconds": {code: round(one, 1) for code, one in lates.caught_up.items()},
        "calls": sum(len(one.calls) for one in carriers),
        "numbers_asked": sum(one.numbers for one in carriers),
        "payloads": payloads,
        "events": sum(row["events"] for row in rows),
        "faults": dict(sum((one.outcomes for one in carriers), Counter())),
        "carriers": rows,
    }


def _compare(
    parcel: Parcel,
    by: Carrier,
    stored: Counter[tuple[str, int]],
    messages: Counter[tuple[str, str]],
    broken: Counter[str],
) -> None:
    """Take what a parcel's shown scans explain out of the stored; whatever is left over nobody scripted."""
    shown = parcel.scans[: parcel.shown]
    for at, _, _ in shown:
        count = stored.pop((parcel.number, at), 0)
        broken["shown events not stored"] += count == 0
        broken["events stored twice"] += count > 1
    if by.suffices and not parcel.poisoned:
        broken["events never asked for in time"] += len(parcel.scans) - len(shown)
    expected = Counter({f"shipment.{STATUS[code]}": 1 for _, code, _ in shown})
    if shown:
        expected["shipment.event"] = len(shown)
    for kind, wanted in expected.items():
        told = messages.pop((parcel.number, kind), 0)
        broken["messages missing"] += told < wanted
        broken["messages told twice"] += told > wanted


def _carrier(by: Carrier, lates: _Lates) -> dict[str, Any]:
    calls = sorted(by.calls)
    gap = 1 / by.api.per_second if by.api.per_second else 0.0
    late = lates.of(by)
    return {
        "carrier": by.code,
        "trouble": by.trouble,
        "suffices": by.suffices,
        "batch": by.api.batch,
        "per_second": by.api.per_second,
        "per_day": by.api.per_day,
        "parcels": len(by.parcels),
        "calls": len(calls),
        "numbers_a_call": round(by.numbers / max(len(calls), 1), 2),
        "largest_batch": by.largest,
        "closest_calls": round(min((b - a for a, b in pairwise(calls)), default=0.0), 3),
        "fast": sum(b - a < gap - _GAP_TOLERANCE for a, b in pairwise(calls)),
        "events": sum(one.shown for one in by.parcels.values()),
        "scripted": sum(len(one.scans) for one in by.parcels.values()),
        "late_p99": percentiles(late)["p99"],
        "late_max": percentiles(late)["max"],
    }


class _Lates:
    """How long after each due time the carrier was really asked, in simulated seconds."""

    def __init__(self, claims: dict[str, list[tuple[int, int]]], start: float) -> None:
        self._claims = claims
        self._start = start
        self.healthy: list[float] = []
        """Of carriers whose limits suffice, in their senses."""
        self.sufficient: list[float] = []
        """Of carriers whose limits suffice, their outages and what followed included."""
        self.caught_up: dict[str, float] = {}
        """Carrier -> seconds after its outage until the last that had fallen due in it was asked."""
        self.never = 0
        """Due, of a carrier whose limits suffice, and not asked by the day's end."""

    def of(self, by: Carrier) -> list[float]:
        """Return those of one carrier."""
        late = []
        start, end = by.outage
        for parcel in by.parcels.values():
            for due, asked in self._waits(parcel):
                if asked is None:
                    self.never += by.suffices and due < _LAST
                    continue
                late.append(asked - due)
                if by.suffices:
                    self.sufficient.append(asked - due)
                    if not start <= due < end + CAUGHT_UP:
                        self.healthy.append(asked - due)
                if start <= due < end:
                    self.caught_up[by.code] = max(asked - end, self.caught_up.get(by.code, 0.0))
        return late

    def _waits(self, parcel: Parcel) -> Iterable[tuple[float, float | None]]:
        """Yield (due, asked). Who was claimed and not let through waits from its first due time on."""
        claims = self._claims[parcel.number]
        first: float | None = None
        for index, (due_ms, claimed_ms) in enumerate(claims):
            due, claimed = due_ms / 1000 - self._start, claimed_ms / 1000 - self._start
            first = due if first is None else first
            until = claims[index + 1][1] / 1000 - self._start if index + 1 < len(claims) else float("inf")
            at = bisect_left(parcel.asked, claimed - 0.001)
            if at < len(parcel.asked) and parcel.asked[at] < until - 0.001:
                yield first, max(parcel.asked[at], first)
                first = None
        if first is not None:
            yield first, None


def percentiles(values: Iterable[float]) -> dict[str, float]:
    """Return p50, p99, the largest and the count."""
    ordered = sorted(values)
    if not ordered:
        return {"p50": 0.0, "p99": 0.0, "max": 0.0, "count": 0}
    pick = {"p50": ordered[len(ordered) // 2], "p99": ordered[int(len(ordered) * 0.99)], "max": ordered[-1]}
    return {name: round(value, 2) for name, value in pick.items()} | {"count": len(ordered)}

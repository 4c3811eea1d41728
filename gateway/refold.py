"""One shipment before and after its news: what it becomes, what is written, and what is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from gateway import cadence, earlier, shipments, trouble
from gateway.insights.corridor import corridor_of
from gateway.insights.ended import ARRIVED
from gateway.insights.foretelling import Saying, foretell
from gateway.telling import Teller, told_runs, untold
from normalizer import details, render
from normalizer.ahead import is_ahead, placed
from normalizer.journey import Step, fold, step
from normalizer.model import ENDS, Event, Position, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import RowMapping

    from gateway.insights.corridor import Corridor
    from gateway.proofs.store import Named
    from normalizer.eta import Norm
    from normalizer.journey import Journey
    from webhooks.log import Draft


@dataclass(slots=True)
class News:
    """What one batch says of one shipment. `said` is (epoch milliseconds of the saying, detail fields)."""

    events: dict[str, Event] = field(default_factory=dict)
    said: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    position: Position | None = None
    missing: bool = False
    pushed_at: int | None = None
    proofs: list[Named] = field(default_factory=list)
    """Proofs that are bytes to be had."""

    @property
    def says_something(self) -> bool:
        """Whether there is more than a position: something to fold."""
        return bool(self.events or self.said or self.missing)


class Refolded:
    """One shipment before and after its news."""

    def __init__(
        self,
        row: RowMapping,
        known: Mapping[str, Step],
        news: News,
        now: int,
        *,
        polls: bool,
        revise: bool,
    ) -> None:
        self.row = row
        self._now = now
        self._news = news
        self._known = known
        self._polls = polls
        self.new = {
            id_: _where_it_stood(event, known.get(id_))
            for id_, event in news.events.items()
            if _is_news(event, known.get(id_), revise=revise)
        }
        self.bodies: dict[str, bytes] = {}
        self.event_rows: list[dict[str, Any]] = []
        self.update: dict[str, Any] | None = None
        self.teller: Teller | None = None
        self._fresh = {id_: step(event) for id_, event in self.new.items()}
        self._earlier = self._earlier_until()
        self._before: details.Told = {name: (at, value) for name, (at, value) in orjson.loads(row["told"]).items()}
        self._after = self._merged()
        missing = news.missing and not known and not self._fresh
        self._not_found = row["not_found"] + 1 if missing else 0

    @property
    def hands_over(self) -> tuple[str | None, str] | None:
        """The next carrier and its number, where a carrier told them and they are not linked yet."""
        told = self._after.get("continues_as")
        if told is None or (self.row["continues_id"] is not None and told == self._before.get("continues_as")):
            return None
        return told[1][0], told[1][1]

    @property
    def corridor(self) -> Corridor:
        """From where to where it goes, as far as told."""
        return corridor_of(self.row, details.values(self._after))

    def settle(self, norms: Sequence[Norm] = ()) -> None:
        """Fold, and work out what is written and told; nothing where nothing is new. `row` may gain a link before.

        `norms` are what is normal for such parcels, the finest first.
        """
        row, now, fresh = self.row, self._now, self._fresh
        if not fresh and self._after == self._before and self._not_found == row["not_found"]:
            return
        steps = earlier.current({**self._known, **fresh}.values(), self._earlier)
        told = details.values(self._after)
        self._journey = _fold(row, steps, told)
        state = render.journey(self._journey, told)
        if self._not_found and self._journey.event_id is None:
            state["substatus"] = "not_found"
        version = row["version"] + 1
        runs: dict[str, int] = orjson.loads(row["runs"])
        self._runs = runs
        self._before_trouble = trouble.known(row)
        found = trouble.look(row, self._journey, steps, self._after, now, norms=norms)
        self._after_trouble, look_at = trouble.after_news(self._before_trouble, *found, now)
        self._foretold = foretell(row, self._journey, steps, norms, now)
        kept = trouble.kept(self._after_trouble)
        changed = {"version": version, "updated_at": now, "trouble": kept, "predicted": self._foretold.kept}
        document = shipments.document({**row, **changed}, state)
        self.teller = Teller(row["id"], version, document, now)
        for id_, event in self.new.items():
            body = orjson.dumps({"shipment_id": row["id"], **render.event(event)})
            self.bodies[id_] = body
            self.event_rows.append(_event_row(row, fresh[id_], body))
        last = max((one for one in (self._journey.last_at, row["last_event_at"]) if one is not None), default=None)
        pushed_at = self._news.pushed_at or row["pushed_at"]
        self.update = {
            "key_merchant": row["merchant_id"],
            "key_id": row["id"],
            "status": state["status"],
            "substatus": state["substatus"],
            "version": version,
            "state": orjson.dumps(state),
            "told": orjson.dumps(self._after),
            "runs": orjson.dumps(told_runs(self._journey, runs)),
            "last_event_at": last,
            "earlier_until": self._earlier,
            "not_found": self._not_found,
            "pushed_at": pushed_at,
            "next_poll_at": self._next_poll(state, last, pushed_at) if self._polls else row["next_poll_at"],
            "subscribe_at": self._subscribe_at(state["status"]),
            "trouble": kept,
            "trouble_at": earliest(look_at, self._foretold.look_at),
            "predicted": self._foretold.kept,
            "updated_at": now,
        }

    @property
    def trouble_change(self) -> tuple[str, str, trouble.Known, trouble.Known] | None:
        """The trouble before and after, where it changed."""
        if self.update is None or self._after_trouble == self._before_trouble:
            return None
        return self.row["merchant_id"], self.row["id"], self._before_trouble, self._after_trouble

    @property
    def has_outcome(self) -> bool:
        """Whether it arrived, or was held to have, so that its outcome is another one now."""
        return self.update is not None and not ARRIVED.isdisjoint((self.row["status"], self.update["status"]))

    def sayings(self) -> Iterable[Saying]:
        """Return what is said of its arrival from now on, and was not before."""
        before, after = self._before.get("eta"), self._after.get("eta")
        if after is not None and (before is None or after[1] != before[1]):
            yield Saying("carrier", self._now, after[1])
        if self._foretold.saying is not None:
            yield self._foretold.saying

    def missing_bodies(self) -> set[str]:
        """Return the ids of old events whose entry into a status is told only now."""
        return untold(self._journey, self._runs) - self.bodies.keys()

    def drafts(self, bodies: Mapping[str, bytes]) -> Iterable[Draft]:
        """Draft all messages of this change, in the order they are told; an earlier parcel's events are not told."""
        assert self.teller is not None  # noqa: S101 - only called where there is something to tell
        own = {one.id: one.sort_at for one in earlier.current(self._fresh.values(), self._earlier)}
        in_time = sorted(own, key=lambda id_: own[id_])
        yield from self.teller.events((self.new[id_], self.bodies[id_]) for id_ in in_time)
        yield from self.teller.statuses(self._journey, self._runs, bodies)
        before, after = details.values(self._before), details.values(self._after)
        yield from self.teller.details(before, after, self._now, self._foretold.moved_from)

    def _earlier_until(self) -> int | None:
        """Return up to when events are an earlier parcel's: only carriers mix parcels up.

        A push that made the number known tells of the account's own parcel, however old.
        """
        row = self.row
        known: int | None = row["earlier_until"]
        if row["carrier_set_by"] == "push":
            return known
        told = (self._fresh[id_] for id_, event in self.new.items() if event.source in ("poll", "push"))
        return earlier.until(told, earlier.boundary(row["created_at"], row["ship_date"]), known)

    def _merged(self) -> details.Told:
        """Return the details with what the news say; what stands beside nothing but an old journey is not said."""
        after = self._before
        own = {one.id: one for one in earlier.current(self._fresh.values(), self._earlier)}
        alien = self._earlier is not None and not own and not earlier.current(self._known.values(), self._earlier)
        for at, fields in () if alien else self._news.said:
            after = details.merge(after, fields, at)
        for id_, one in own.items():
            told = details.said_at_scan(self._news.events[id_])
            if told:
                after = details.merge(after, told, one.sort_at)
        return after

    def _subscribe_at(self, status: str) -> int | None:
        """Return when to ask for pushes: again at once where a parcel that was over wakes without a subscription."""
        row = self.row
        at: int | None = row["subscribe_at"]
        woken = row["status"] in ENDS and status not in ENDS
        if at is not None or not woken or (row["subscribed_until"] or 0) > self._now:
            return at
        return shipments.subscribe_from(row["carrier"], row["account_id"], self._now)

    def _next_poll(self, state: Mapping[str, Any], last: int | None, pushed_at: int | None) -> int | None:
        row = self.row
        promised = None if row["promised"] is None else orjson.loads(row["promised"])
        return cadence.next_poll(
            cadence.Asked(
                status=Status(state["status"]),
                created_at=row["created_at"],
                last_news_at=min(last, self._now) if last is not None else row["created_at"],
                not_found=self._not_found,
                pushed_at=pushed_at,
                due_today=cadence.is_near((state["eta"], promised), self._now),
            ),
            self._now,
        )


def earliest(*instants: int | None) -> int | None:
    """Return the first of some instants, None where there is none."""
    return min((at for at in instants if at is not None), default=None)


def journey_of(row: RowMapping, known: Iterable[Step]) -> Journey:
    """Fold a shipment as it stands in the database."""
    told = {name: (at, value) for name, (at, value) in orjson.loads(row["told"]).items()}
    return _fold(row, earlier.current(known, row["earlier_until"]), details.values(told))


def _fold(row: RowMapping, steps: Iterable[Step], told: Mapping[str, Any]) -> Journey:
    return fold(steps, is_return=row["direction"] == "return", told_back=told.get("returning") is True)


def _is_news(event: Event, known: Step | None, *, revise: bool) -> bool:
    if known is None or (event.told_time is not None and step(event).sort_at < known.sort_at):
        return True
    if (event.status, event.substatus, event.moves) == (known.status, known.substatus, known.moves):
        return False
    return revise or (known.status is Status.UNKNOWN and event.status is not Status.UNKNOWN)


def _where_it_stood(event: Event, known: Step | None) -> Event:
    """Return an event with a new meaning at its first receipt, where it was dated too far ahead of that."""
    if known is None or known.sort_at >= step(event).sort_at:
        return event
    first = datetime.fromtimestamp(known.sort_at / 1000, UTC)
    return placed(event, first) if is_ahead(event, first) else event


def _event_row(row: RowMapping, one: Step, body: bytes) -> dict[str, Any]:
    return {
        "merchant_id": row["merchant_id"],
        "shipment_id": row["id"],
        "id": one.id,
        "sort_at": one.sort_at,
        "carrier_order": one.order,
        "status": one.status.value,
        "substatus": one.substatus,
        "moves": one.moves,
        "going_back": one.returning,
        "at": one.at,
        "day": one.day,
        "piece": one.piece,
        "body": body,
    }

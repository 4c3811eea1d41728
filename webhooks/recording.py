"""Writes what came of sending, grouped: attempts, retries, the dead, cursors, and news for the merchant."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from sqlalchemy import bindparam, delete, select, tuple_, update

from webhooks import log
from webhooks.loading import MOST_KEYS
from webhooks.patience import DISABLE_AFTER, DISABLE_TRIES
from webhooks.schedule import DAY, rfc3339
from webhooks.store import Many, insert
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from webhooks.item import Change
    from webhooks.loading import Key
    from webhooks.outcome import Outcome

    Beside = Callable[[Connection, dict[str, list[log.Entry]]], None]

_L, _E, _R, _D, _P = Tables.lane.c, Tables.endpoint.c, Tables.retry.c, Tables.dead.c, Tables.replay.c


_KEEP_EXCHANGES = Many.inserting(Tables.exchange, twice={})
_KEEP_ATTEMPTS = Many.inserting(Tables.attempt, twice={})


class AttemptRow(NamedTuple):
    """A row of the attempt table, in the order of its columns."""

    merchant_id: str
    endpoint_id: str
    sequence: int
    at: int
    number: int
    status: int | None
    outcome: str
    ms: int
    ip: str | None
    response: str
    message_id: str | None = None


def attempt_of(key: Key, sequence: int, at: int, number: int, outcome: Outcome) -> AttemptRow:
    """Return the row of a request and its outcome."""
    return AttemptRow(
        *key, sequence, at, number, outcome.status, outcome.kind, outcome.ms, outcome.ip, outcome.response
    )


class ExchangeRow(NamedTuple):
    """A row of the exchange table, in the order of its columns."""

    merchant_id: str
    day: int
    endpoint_id: str
    at: int
    sequence: int
    number: int
    body: bytes


def exchange_of(key: Key, sequence: int, at: int, number: int, outcome: Outcome) -> ExchangeRow | None:
    """Return the row of what a request looked like; None where there was none."""
    if outcome.exchange is None:
        return None
    return ExchangeRow(key[0], at // DAY, key[1], at, sequence, number, outcome.exchange.pack())


def unsent(key: Key, sequence: int, at: int, number: int, *, outcome: str, why: str) -> AttemptRow:
    """Return the row of what had no answer of its own."""
    return AttemptRow(*key, sequence, at, number, None, outcome, 0, None, why)


@dataclass(slots=True)
class Noted:
    """A change of one lane, with the generation of the lane it comes from."""

    key: Key
    generation: int
    change: Change


@dataclass(slots=True)
class Batch:
    """Everything to be written in one transaction. `lanes` and `replays` are rows of bound values."""

    at: int
    attempts: list[AttemptRow] = field(default_factory=list)
    exchanges: list[ExchangeRow] = field(default_factory=list)
    noted: list[Noted] = field(default_factory=list)
    lanes: list[dict[str, Any]] = field(default_factory=list)
    replays: list[dict[str, Any]] = field(default_factory=list)


def nothing(_conn: Connection, _appended: dict[str, list[log.Entry]]) -> None:
    """Do nothing beside appending."""


def record(conn: Connection, batch: Batch, beside: Beside = nothing) -> dict[str, list[log.Entry]]:
    """Write a batch; return the entries appended to merchants' logs (news about their endpoints)."""
    appended: dict[str, list[log.Entry]] = {}
    attempts = batch.attempts
    if batch.noted:
        attempts = [*attempts, *_superseded(batch)]
    if attempts:
        _KEEP_ATTEMPTS.run_tuples(conn, attempts)
    if batch.exchanges:
        _KEEP_EXCHANGES.run_tuples(conn, batch.exchanges)
    if batch.noted:
        _write_exceptions(conn, batch)
        appended = _tell(conn, batch)
        if appended:
            beside(conn, appended)
    if batch.lanes:
        conn.execute(_SAVE_LANE, batch.lanes)
    if batch.replays:
        conn.execute(_SAVE_REPLAY, [row | {"t": batch.at if row["s"] == "done" else None} for row in batch.replays])
    return appended


def _superseded(batch: Batch) -> list[AttemptRow]:
    return [
        unsent(
            noted.key,
            noted.change.sequence,
            batch.at,
            noted.change.tries + 1,
            outcome="superseded",
            why=f"overtaken by message {noted.change.reason}",
        )
        for noted in batch.noted
        if noted.change.kind == "superseded"
    ]


def _write_exceptions(conn: Connection, batch: Batch) -> None:
    """Fold the changes of each message to its last, then write the retry and dead tables."""
    retries: dict[tuple[Key, int], Noted] = {}
    gone: dict[tuple[Key, int], Noted] = {}
    for noted in batch.noted:
        place = (noted.key, noted.change.sequence)
        if noted.change.kind == "retry":
            retries[place] = noted
        elif noted.change.kind in {"settled", "superseded", "dead"}:
            retries.pop(place, None)
            gone[place] = noted
    if gone:
        rows = [{"m": key[0], "e": key[1], "s": sequence} for key, sequence in gone]
        conn.execute(_FORGET_RETRY, rows)
        conn.execute(_FORGET_DEAD, rows)
        dead = [
            {
                "merchant_id": key[0],
                "endpoint_id": key[1],
                "sequence": sequence,
                "at": batch.at,
                "reason": noted.change.reason,
            }
            for (key, sequence), noted in gone.items()
            if noted.change.kind == "dead"
        ]
        if dead:
            conn.execute(Tables.dead.insert(), dead)
    if retries:
        current = _generations(conn, {key for key, _ in retries})
        rows = [
            {
                "merchant_id": key[0],
                "endpoint_id": key[1],
                "sequence": sequence,
                "shipment_id": noted.change.key,
                "attempts": noted.change.attempts,
                "run_at": noted.change.run_at,
                "parked": noted.change.parked,
            }
            for (key, sequence), noted in retries.items()
            if current.get(key) == noted.generation  # somebody moved the cursor by hand: the old course is over
        ]
        if rows:
            again = [
                {"m": key[0], "e": key[1], "s": sequence}
                for (key, sequence), noted in retries.items()
                if noted.change.replayed and current.get(key) == noted.generation
            ]
            if again:  # what was dead and is tried again is dead no more
                conn.execute(_FORGET_DEAD, again)
            statement = insert(conn, Tables.retry)
            changed = {name: statement.excluded[name] for name in ("attempts", "run_at", "parked")}
            conn.execute(
                statement.on_conflict_do_update(
                    index_elements=["merchant_id", "endpoint_id", "sequence"], set_=changed
                ),
                rows,
            )


def _generations(conn: Connection, keys: Collection[Key]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    wanted = sorted(keys)
    for begin in range(0, len(wanted), MOST_KEYS):
        chunk = wanted[begin : begin + MOST_KEYS]
        for row in conn.execute(
            select(_L.merchant_id, _L.endpoint_id, _L.generation).where(
                tuple_(_L.merchant_id, _L.endpoint_id).in_(chunk)
            )
        ):
            found[row[0], row[1]] = row[2]
    return found


def _tell(conn: Connection, batch: Batch) -> dict[str, list[log.Entry]]:
    """Disable what is to be disabled, and append `endpoint.paused` to the merchant's log."""
    drafts: dict[str, list[log.Draft]] = {}
    for noted in batch.noted:
        merchant, endpoint = noted.key
        change = noted.change
        if change.kind == "disabled":
            disabled = conn.execute(
                update(Tables.endpoint)
                .where(_E.merchant_id == merchant, _E.id == endpoint, _E.state == "enabled")
                .values(
                    state="disabled",
                    state_reason=change.reason,
                    state_at=batch.at,
                    changed_at=batch.at,
                    version=_E.version + 1,
                )
            )
            if disabled.rowcount != 1:
                continue
            drafts.setdefault(merchant, []).append(_paused(conn, noted, batch.at, str(batch.at)))
        elif change.kind in {"failing", "blocked"}:
            occasion = f"{change.run_at}\x1f{change.tries}"
            drafts.setdefault(merchant, []).append(_paused(conn, noted, batch.at, occasion))
    return log.append_many(conn, drafts) if drafts else {}


def _paused(conn: Connection, noted: Noted, at: int, occasion: str) -> log.Draft:
    """Draft the news; the id is made from endpoint and occasion, so that a restart does not warn twice."""
    merchant, endpoint_id = noted.key
    state, since = noted.change.kind, noted.change.run_at
    may_disable = state == "failing" and noted.change.attempts >= DISABLE_TRIES
    told = f"{endpoint_id}\x1f{state}\x1f{occasion}"
    url, description = conn.execute(
        select(_E.url, _E.description).where(_E.merchant_id == merchant, _E.id == endpoint_id)
    ).one()
    endpoint = {
        "id": endpoint_id,
        "url": url,
        "description": description,
        "state": state,
        "reason": noted.change.reason or state,
        "failing_since": rfc3339(since) if since else None,
        "disables_at": rfc3339(max(since + DISABLE_AFTER, at)) if may_disable else None,
    }
    return log.Draft(
        id="msg_" + sha256(told.encode()).hexdigest()[:32],
        type="endpoint.paused",
        shipment_id=None,
        shipment_version=0,
        created_at=at,
        data=orjson.dumps({"endpoint": endpoint, "shipment": None, "event": None, "previous": None}),
    )


_FORGET_RETRY = delete(Tables.retry).where(
    _R.merchant_id == bindparam("m"), _R.endpoint_id == bindparam("e"), _R.sequence == bindparam("s")
)
_FORGET_DEAD = delete(Tables.dead).where(
    _D.merchant_id == bindparam("m"), _D.endpoint_id == bindparam("e"), _D.sequence == bindparam("s")
)
_SAVE_LANE = (
    update(Tables.lane)
    .where(_L.merchant_id == bindparam("m"), _L.endpoint_id == bindparam("e"), _L.generation == bindparam("g"))
    .values(
        cursor=bindparam("c"),
        paused_until=bindparam("p"),
        breaker=bindparam("b"),
        breaker_step=bindparam("step"),
        open_until=bindparam("o"),
        failing_since=bindparam("f"),
        failures=bindparam("n"),
        pace=bindparam("r"),
    )
)
_SAVE_REPLAY = (
    update(Tables.replay)
    .where(
        _P.merchant_id == bindparam("m"),
        _P.endpoint_id == bindparam("e"),
        _P.id == bindparam("i"),
        _P.state == "running",
    )
    .values(cursor=bindparam("c"), state=bindparam("s"), ended_at=bindparam("t"))
)

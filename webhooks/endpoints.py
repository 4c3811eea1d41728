"""What an API does with endpoints: functions on a connection, plain facts in and out.

After a change is committed, call `Dispatcher.touch` so that the lane takes it up at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson
from sqlalchemy import and_, delete, func, or_, select, update

from webhooks import log
from webhooks.course import SECRETS
from webhooks.matching import read_wish
from webhooks.schedule import DAY, HOUR
from webhooks.signing import Key, decode_secret, new_private_key, new_secret, pack, public_key, rotate, unpack
from webhooks.store import insert
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from webhooks.lane import Ordering
    from webhooks.log import Entry
    from webhooks.store import Vault

MAX_ENDPOINTS = 100
"""Endpoints of one merchant."""
OVERLAP, LONGEST_OVERLAP = 24 * HOUR, 7 * DAY
ORDERINGS: tuple[Ordering, ...] = ("latest", "strict", "none")
CONCURRENCY, MAX_CONCURRENCY = 16, 100
MAX_RATE = 10_000.0
TIMEOUT_MS, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 15_000, 1_000, 30_000
MAX_TRIES, MAX_DELAY_SECONDS = 20, 86_400
_SCAN = 1_000
"""Entries of the log one poll looks through at most."""

Course = Literal["continue", "only_failed", "from_now"]


class BadEndpoint(ValueError):  # noqa: N818 - it names what is bad
    """A wish that cannot be granted; the text names the field and the reason."""


class NoEndpoint(LookupError):  # noqa: N818 - it names what is missing
    """The merchant has no such endpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a merchant says of an endpoint. The url was checked by `Guard.check_url`. Schedule in seconds."""

    url: str
    event_types: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    description: str = ""
    ordering: Ordering = "latest"
    rate_per_second: float | None = None
    concurrency: int = CONCURRENCY
    timeout_ms: int = TIMEOUT_MS
    schedule: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFacts:
    """An endpoint as its merchant may see it, without secrets. Times in epoch milliseconds."""

    id: str
    wishes: Wishes
    state: str
    state_reason: str
    state_at: int
    version: int
    created_at: int
    cursor: int
    behind: int
    """Messages of the log the lane has not passed yet."""
    breaker: str
    paused_until: int
    failing_since: int
    retrying: int
    dead: int


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """One attempt. `message_id` is None when the message is no longer kept."""

    message_id: str | None
    sequence: int
    at: int
    number: int
    status: int | None
    outcome: str
    ms: int
    ip: str | None
    response: str


_E, _L, _A = Tables.endpoint.c, Tables.lane.c, Tables.attempt.c


def check(wishes: Wishes) -> None:
    """Check everything but the url. Raises `BadEndpoint` or `BadPattern`, naming the field."""
    read_wish(wishes.event_types, wishes.filter)
    if wishes.ordering not in ORDERINGS:
        raise BadEndpoint(f"ordering: {wishes.ordering!r} is none of {', '.join(ORDERINGS)}")
    rate = wishes.rate_per_second
    if rate is not None and not 0.01 <= rate <= MAX_RATE:  # noqa: PLR2004 - one request in 100 s
        raise BadEndpoint(f"rate_per_second: expected 0.01 to {MAX_RATE:.0f}")
    if not 1 <= wishes.concurrency <= MAX_CONCURRENCY:
        raise BadEndpoint(f"concurrency: expected 1 to {MAX_CONCURRENCY}")
    if not MIN_TIMEOUT_MS <= wishes.timeout_ms <= MAX_TIMEOUT_MS:
        raise BadEndpoint(f"timeout_ms: expected {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS}")
    schedule = wishes.schedule
    if schedule is not None and not (
        1 <= len(schedule) <= MAX_TRIES and all(0 <= seconds <= MAX_DELAY_SECONDS for seconds in schedule)
    ):
        raise BadEndpoint(f"schedule: expected 1 to {MAX_TRIES} delays of 0 to {MAX_DELAY_SECONDS} seconds")


def create(
    conn: Connection, vault: Vault, merchant_id: str, wishes: Wishes, now: int, *, secret: str | None = None
) -> tuple[EndpointFacts, str]:
    """Make an endpoint that gets everything from now on; return it with its secret."""
    check(wishes)
    mine = select(func.count()).where(_E.merchant_id == merchant_id, _E.state != "deleted")
    if (conn.execute(mine).scalar() or 0) >= MAX_ENDPOINTS:
        raise BadEndpoint(f"url: a merchant has at most {MAX_ENDPOINTS} endpoints")
    secret = secret or new_secret()
    decode_secret(secret)
    endpoint_id = f"ep_{secrets.token_hex(12)}"
    conn.execute(
        Tables.endpoint.insert().values(
            merchant_id=merchant_id,
            id=endpoint_id,
            **_columns(wishes),
            secrets=vault.seal(merchant_id, SECRETS, pack([Key("hmac", secret)])),
            state="enabled",
            state_reason="",
            state_at=now,
            version=1,
            created_at=now,
            changed_at=now,
        )
    )
    head = log.head(conn, merchant_id)
    conn.execute(
        Tables.lane.insert().values(
            merchant_id=merchant_id,
            endpoint_id=endpoint_id,
            cursor=head,
            start=head,
            generation=1,
            paused_until=0,
            breaker="closed",
            breaker_step=0,
            open_until=0,
            failing_since=0,
        )
    )
    return get(conn, merchant_id, endpoint_id), secret


def change(conn: Connection, merchant_id: str, endpoint_id: str, wishes: Wishes, now: int) -> EndpointFacts:
    """Replace what is wished of an endpoint. A lane that failed at another address starts with a clean record."""
    check(wishes)
    row = _row(conn, merchant_id, endpoint_id)
    _touch(conn, merchant_id, endpoint_id, now, **_columns(wishes))
    if row.url != wishes.url:
        _reset_lane(conn, merchant_id, endpoint_id)
    return get(conn, merchant_id, endpoint_id)


def remove(conn: Connection, merchant_id: str, endpoint_id: str, now: int) -> None:
    """Delete an endpoint: nothing more is sent, its secrets are gone, its attempts stay readable."""
    _row(conn, merchant_id, endpoint_id)
    _touch(conn, merchant_id, endpoint_id, now, state="deleted", state_at=now, state_reason="", secrets=b"")
    for table in (Tables.lane, Tables.retry, Tables.dead, Tables.replay):
        conn.execute(delete(table).where(_of(table, merchant_id, endpoint_id)))


def enable(conn: Connection, merchant_id: str, endpoint_id: str, course: Course, now: int) -> EndpointFacts:
    """Enable an endpoint again.

    `continue` sends everything that waited; `only_failed` only what was tried in vain, the rest of the backlog is
    passed over; `from_now` passes over everything.
    """
    _row(conn, merchant_id, endpoint_id)
    retries = _of(Tables.retry, merchant_id, endpoint_id)
    moved: dict[str, Any] = {}
    if course != "continue":
        moved = {"cursor": log.head(conn, merchant_id)}
    if course == "from_now":
        conn.execute(delete(Tables.retry).where(retries))
        conn.execute(delete(Tables.replay).where(_of(Tables.replay, merchant_id, endpoint_id)))
    else:
        conn.execute(update(Tables.retry).where(retries).values(attempts=0, run_at=now, parked=False))
    _reset_lane(conn, merchant_id, endpoint_id, **moved)
    _touch(conn, merchant_id, endpoint_id, now, state="enabled", state_at=now, state_reason="")
    return get(conn, merchant_id, endpoint_id)


def rotate_secret(
    conn: Connection,
    vault: Vault,
    merchant_id: str,
    endpoint_id: str,
    now: int,
    *,
    secret: str | None = None,
    overlap_ms: int = OVERLAP,
) -> str:
    """Give an endpoint a new secret and return it; the old one signs along for the overlap (0-7 days)."""
    if not 0 <= overlap_ms <= LONGEST_OVERLAP:
        raise BadEndpoint("overlap: expected 0 to 7 days")
    secret = secret or new_secret()
    decode_secret(secret)
    keys = rotate(_keys(conn, vault, merchant_id, endpoint_id), Key("hmac", secret), until=now + overlap_ms, now=now)
    _touch(conn, merchant_id, endpoint_id, now, secrets=vault.seal(merchant_id, SECRETS, pack(keys)))
    return secret


def switch_ed25519(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str, now: int, *, on: bool) -> str:
    """Switch the second, public-key signature on (a fresh key) or off; return the public key or an empty text."""
    keys = [key for key in _keys(conn, vault, merchant_id, endpoint_id) if key.kind != "ed25519"]
    private = new_private_key() if on else ""
    if on:
        keys.append(Key("ed25519", private))
    _touch(conn, merchant_id, endpoint_id, now, secrets=vault.seal(merchant_id, SECRETS, pack(keys)))
    return public_key(private) if on else ""


def current_secret(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> str:
    """Return the newest secret, for showing it to its merchant."""
    return next(key.secret for key in _keys(conn, vault, merchant_id, endpoint_id) if key.kind == "hmac")


def replay(
    conn: Connection,
    merchant_id: str,
    endpoint_id: str,
    now: int,
    *,
    since: int,
    until: int | None = None,
    event_types: Sequence[str] | None = None,
    only_failed: bool = False,
) -> str:
    """Send a stretch of the log once more and return the replay's id; times in epoch milliseconds.

    It reaches at most to the lane's cursor: what stands above is on its way anyway.
    """
    if event_types is not None:
        read_wish(event_types)
    if until is not None and until < since:
        raise BadEndpoint("until: it lies before since")
    _row(conn, merchant_id, endpoint_id)
    cursor = conn.execute(select(_L.cursor).where(_of(Tables.lane, merchant_id, endpoint_id))).scalar() or 0
    begin = log.sequence_at(conn, merchant_id, since)
    end = cursor if until is None else min(cursor, log.sequence_at(conn, merchant_id, until + 1))
    replay_id = f"rp_{secrets.token_hex(12)}"
    conn.execute(
        Tables.replay.insert().values(
            merchant_id=merchant_id,
            endpoint_id=endpoint_id,
            id=replay_id,
            cursor=begin,
            until=max(begin, end),
            event_types=orjson.dumps(list(event_types)) if event_types is not None else None,
            only_failed=only_failed,
            state="running" if end > begin else "done",
            created_at=now,
        )
    )
    _touch(conn, merchant_id, endpoint_id, now)
    return replay_id


def resend(conn: Connection, merchant_id: str, message_id: str, now: int, endpoint_id: str | None = None) -> list[str]:
    """Send one message again, to one endpoint or to all enabled ones that want it; return their ids.

    Raises `LookupError` when the merchant has no such message, `NoEndpoint` for a wrong endpoint.
    """
    message = Tables.message.c
    found = conn.execute(
        select(*log.read_columns()).where(message.merchant_id == merchant_id, message.id == message_id)
    ).first()
    if found is None:
        raise LookupError(message_id)
    entry = log.to_entry(found)
    rows = conn.execute(
        select(Tables.endpoint).where(_E.merchant_id == merchant_id, _E.state == "enabled").order_by(_E.id)
    ).all()
    if endpoint_id is not None:
        _row(conn, merchant_id, endpoint_id)
        rows = [row for row in rows if row.id == endpoint_id]
    else:
        rows = [row for row in rows if wish_of(row).wants(entry.type, entry.data)]
    for row in rows:
        place = and_(_of(Tables.dead, merchant_id, row.id), Tables.dead.c.sequence == entry.sequence)
        conn.execute(delete(Tables.dead).where(place))
        statement = insert(conn, Tables.retry).values(
            merchant_id=merchant_id,
            endpoint_id=row.id,
            sequence=entry.sequence,
            shipment_id=entry.shipment_id,
            attempts=0,
            run_at=now,
            parked=False,
        )
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=["merchant_id", "endpoint_id", "sequence"], set_={"attempts": 0, "run_at": now}
            )
        )
        conn.execute(
            update(Tables.lane).where(_of(Tables.lane, merchant_id, row.id)).values(generation=_L.generation + 1)
        )
        _touch(conn, merchant_id, row.id, now)
    return [row.id for row in rows]


def get(conn: Connection, merchant_id: str, endpoint_id: str) -> EndpointFacts:
    """Return one endpoint. Raises `NoEndpoint`."""
    found = endpoints(conn, merchant_id, endpoint_id)
    if not found:
        raise NoEndpoint(endpoint_id)
    return found[0]


def endpoints(conn: Connection, merchant_id: str, endpoint_id: str | None = None) -> list[EndpointFacts]:
    """Return a merchant's endpoints, oldest first."""
    statement = (
        select(*_E, *(column for column in _L if column.name not in {"merchant_id", "endpoint_id"}))
        .where(_E.merchant_id == merchant_id, _E.state != "deleted")
        .join_from(Tables.endpoint, Tables.lane, and_(_L.merchant_id == _E.merchant_id, _L.endpoint_id == _E.id))
        .order_by(_E.created_at, _E.id)
    )
    if endpoint_id is not None:
        statement = statement.where(_E.id == endpoint_id)
    head = log.head(conn, merchant_id)
    return [
        EndpointFacts(
            id=row.id,
            wishes=wishes_of(row),
            state=row.state,
            state_reason=row.state_reason,
            state_at=row.state_at,
            version=row.version,
            created_at=row.created_at,
            cursor=row.cursor,
            behind=max(0, head - row.cursor),
            breaker=row.breaker,
            paused_until=row.paused_until,
            failing_since=row.failing_since,
            retrying=_count(conn, Tables.retry, merchant_id, row.id),
            dead=_count(conn, Tables.dead, merchant_id, row.id),
        )
        for row in conn.execute(statement).all()
    ]


def attempts(
    conn: Connection, merchant_id: str, endpoint_id: str, *, before: tuple[int, int] | None = None, limit: int = 50
) -> list[AttemptFacts]:
    """Return an endpoint's attempts, newest first; `before` is (at, sequence) of the last one seen."""
    message = Tables.message.c
    statement = (
        select(*_A, message.id)
        .join_from(
            Tables.attempt,
            Tables.message,
            and_(message.merchant_id == _A.merchant_id, message.sequence == _A.sequence),
            isouter=True,
        )
        .where(_A.merchant_id == merchant_id, _A.endpoint_id == endpoint_id)
        .order_by(_A.at.desc(), _A.sequence.desc(), _A.number.desc())
        .limit(limit)
    )
    if before is not None:
        at, sequence = before
        statement = statement.where(or_(_A.at < at, and_(_A.at == at, _A.sequence < sequence)))
    return [
        AttemptFacts(
            row.id or row.message_id,
            row.sequence,
            row.at,
            row.number,
            row.status,
            row.outcome,
            row.ms,
            row.ip,
            row.response,
        )
        for row in conn.execute(statement)
    ]


def poll(
    conn: Connection, merchant_id: str, endpoint_id: str, *, cursor: int | None = None, limit: int = 100
) -> tuple[list[Entry], int]:
    """Read what an endpoint wants after a cursor, for those who rather ask; return entries and the next cursor.

    Without a cursor it begins where the endpoint began. The next cursor moves on even when nothing was wanted.
    """
    row = _row(conn, merchant_id, endpoint_id)
    if cursor is None:
        cursor = conn.execute(select(_L.start).where(_of(Tables.lane, merchant_id, endpoint_id))).scalar() or 0
    head = log.head(conn, merchant_id)
    want = log.Want(merchant_id, cursor, head, _SCAN)
    wish = wish_of(row)
    taken: list[Entry] = []
    for entry in log.read_many(conn, [want])[want]:
        if wish.wants(entry.type, entry.data):
            taken.append(entry)
        cursor = entry.sequence
        if len(taken) == limit:
            break
    return taken, cursor


def wish_of(row: Row[Any]) -> Any:
    """Return what an endpoint's row wants (`matching.Wish`)."""
    return read_wish(orjson.loads(row.event_types), orjson.loads(row.filter) if row.filter is not None else None)


def wishes_of(row: Row[Any]) -> Wishes:
    """Return an endpoint's row as its merchant's wishes."""
    return Wishes(
        url=row.url,
        event_types=orjson.loads(row.event_types),
        filter=orjson.loads(row.filter) if row.filter is not None else None,
        description=row.description,
        ordering=row.ordering,
        rate_per_second=row.rate_per_second,
        concurrency=row.concurrency,
        timeout_ms=row.timeout_ms,
        schedule=orjson.loads(row.schedule) if row.schedule is not None else None,
    )


def _columns(wishes: Wishes) -> dict[str, Any]:
    types = list(wishes.event_types) if wishes.event_types is not None else None
    return {
        "url": wishes.url,
        "description": wishes.description,
        "event_types": orjson.dumps(types),
        "filter": orjson.dumps(dict(wishes.filter)) if wishes.filter else None,
        "ordering": wishes.ordering,
        "rate_per_second": wishes.rate_per_second,
        "concurrency": wishes.concurrency,
        "timeout_ms": wishes.timeout_ms,
        "schedule": orjson.dumps(list(wishes.schedule)) if wishes.schedule is not None else None,
    }


def _row(conn: Connection, merchant_id: str, endpoint_id: str) -> Row[Any]:
    row = conn.execute(
        select(Tables.endpoint).where(_E.merchant_id == merchant_id, _E.id == endpoint_id, _E.state != "deleted")
    ).first()
    if row is None:
        raise NoEndpoint(endpoint_id)
    return row


def _keys(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> list[Key]:
    return unpack(vault.open(merchant_id, SECRETS, _row(conn, merchant_id, endpoint_id).secrets))


def _touch(conn: Connection, merchant_id: str, endpoint_id: str, now: int, **columns: Any) -> None:
    conn.execute(
        update(Tables.endpoint)
        .where(_E.merchant_id == merchant_id, _E.id == endpoint_id)
        .values(version=_E.version + 1, changed_at=now, **columns)
    )


def _reset_lane(conn: Connection, merchant_id: str, endpoint_id: str, **columns: Any) -> None:
    conn.execute(
        update(Tables.lane)
        .where(_of(Tables.lane, merchant_id, endpoint_id))
        .values(
            generation=_L.generation + 1,
            paused_until=0,
            breaker="closed",
            breaker_step=0,
            open_until=0,
            failing_since=0,
            **columns,
        )
    )


def _of(table: Any, merchant_id: str, endpoint_id: str) -> Any:
    return and_(table.c.merchant_id == merchant_id, table.c.endpoint_id == endpoint_id)


def _count(conn: Connection, table: Any, merchant_id: str, endpoint_id: str) -> int:
    return (
        conn.execute(select(func.count()).select_from(table).where(_of(table, merchant_id, endpoint_id))).scalar() or 0
    )

"""The record of endpoints: made, changed, removed, read. Functions on a connection, plain facts in and out.

After a change is committed, call `Dispatcher.touch` so that the lane takes it up at once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import and_, delete, func, select, update

from webhooks import access, keyring, log
from webhooks.endpoint_rows import BadEndpoint, NoEndpoint, find_row, of, reset_lane, touch
from webhooks.filters import read_fields
from webhooks.matching import read_wish
from webhooks.signing import Key, decode_secret, new_secret
from webhooks.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Row

    from webhooks.access import Access
    from webhooks.store import Vault
    from webhooks.unsettled import Ordering

MAX_ENDPOINTS = 100
"""Endpoints of one merchant."""
ORDERINGS: tuple[Ordering, ...] = ("latest", "strict", "none")
CONCURRENCY, MAX_CONCURRENCY = 16, 100
MAX_RATE = 10_000.0
TIMEOUT_MS, MIN_TIMEOUT_MS, MAX_TIMEOUT_MS = 15_000, 1_000, 30_000
MAX_TRIES, MAX_DELAY_SECONDS = 20, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a merchant says of an endpoint. The url was checked by `Guard.check_url`. Schedule in seconds."""

    url: str = ""
    """Empty for one that is only read by polling."""
    event_types: Sequence[str] | None = None
    filter: Mapping[str, Any] | None = None
    fields: Sequence[str] | None = None
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
    access: Mapping[str, Any]
    """What else lets us in, as it may be shown."""
    state: str
    state_reason: str
    state_at: int
    version: int
    created_at: int
    cursor: int
    behind: int
    """Messages of the log the lane has not passed yet."""
    breaker: str
    pace: float | None
    """Requests a second it was taken down to by refusals, None where it was not."""
    paused_until: int
    failing_since: int
    retrying: int
    dead: int


_E, _L = Tables.endpoint.c, Tables.lane.c


def check(wishes: Wishes) -> None:
    """Check everything but the url. Raises `BadEndpoint` or `BadPattern`, naming the field."""
    read_wish(wishes.event_types, wishes.filter)
    read_fields(wishes.fields)
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
    conn: Connection,
    vault: Vault,
    merchant_id: str,
    wishes: Wishes,
    now: int,
    *,
    secret: str | None = None,
    entrance: Access = access.NONE,
) -> tuple[EndpointFacts, str]:
    """Make an endpoint that gets everything from now on; return it with its secret."""
    check(wishes)
    mine = select(func.count()).where(_E.merchant_id == merchant_id, _E.state != "deleted")
    if (conn.execute(mine).scalar() or 0) >= MAX_ENDPOINTS:
        raise BadEndpoint(f"url: a merchant has at most {MAX_ENDPOINTS} endpoints")
    secret = new_secret() if secret is None else secret
    decode_secret(secret)
    endpoint_id = f"ep_{secrets.token_hex(12)}"
    conn.execute(
        Tables.endpoint.insert().values(
            merchant_id=merchant_id,
            id=endpoint_id,
            **_columns(wishes),
            secrets=keyring.seal(vault, merchant_id, [Key("hmac", secret)]),
            **access.columns(vault, merchant_id, entrance),
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
            failures=0,
        )
    )
    return get(conn, merchant_id, endpoint_id), secret


def change(
    conn: Connection, merchant_id: str, endpoint_id: str, wishes: Wishes, now: int, **columns: Any
) -> EndpointFacts:
    """Replace what is wished of an endpoint. A lane that failed at another address starts with a clean record.

    `columns` are more to be changed with it, as `access.columns` returns them.
    """
    check(wishes)
    row = find_row(conn, merchant_id, endpoint_id)
    touch(conn, merchant_id, endpoint_id, now, **_columns(wishes), **columns)
    if row.url and not wishes.url:
        _leave_to_polling(conn, merchant_id, endpoint_id)
    elif row.url != wishes.url:
        reset_lane(conn, merchant_id, endpoint_id)
    return get(conn, merchant_id, endpoint_id)


def _leave_to_polling(conn: Connection, merchant_id: str, endpoint_id: str) -> None:
    """Let polling begin at the oldest message that was still to be tried again, so that none is lost on the change."""
    waiting = select(func.min(Tables.retry.c.sequence)).where(of(Tables.retry, merchant_id, endpoint_id))
    first = conn.execute(waiting).scalar()
    reset_lane(conn, merchant_id, endpoint_id)
    if first is not None:
        conn.execute(
            update(Tables.lane)
            .where(of(Tables.lane, merchant_id, endpoint_id), _L.cursor >= first)
            .values(cursor=first - 1)
        )
        conn.execute(delete(Tables.retry).where(of(Tables.retry, merchant_id, endpoint_id)))


def remove(conn: Connection, merchant_id: str, endpoint_id: str, now: int) -> None:
    """Delete an endpoint: nothing more is sent, its secrets are gone, its attempts stay readable."""
    find_row(conn, merchant_id, endpoint_id)
    emptied = {"secrets": b"", "access": None, "access_sealed": None}
    touch(conn, merchant_id, endpoint_id, now, state="deleted", state_at=now, state_reason="", **emptied)
    for table in (Tables.lane, Tables.retry, Tables.dead, Tables.replay):
        conn.execute(delete(table).where(of(table, merchant_id, endpoint_id)))


def get(conn: Connection, merchant_id: str, endpoint_id: str) -> EndpointFacts:
    """Return one endpoint. Raises `NoEndpoint`."""
    found = find(conn, merchant_id, endpoint_id)
    if not found:
        raise NoEndpoint(endpoint_id)
    return found[0]


def find(conn: Connection, merchant_id: str, endpoint_id: str | None = None) -> list[EndpointFacts]:
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
            access=access.shown(row.access),
            state=row.state,
            state_reason=row.state_reason,
            state_at=row.state_at,
            version=row.version,
            created_at=row.created_at,
            cursor=row.cursor,
            behind=max(0, head - row.cursor),
            breaker=row.breaker,
            pace=row.pace,
            paused_until=row.paused_until,
            failing_since=row.failing_since,
            retrying=_count(conn, Tables.retry, merchant_id, row.id),
            dead=_count(conn, Tables.dead, merchant_id, row.id),
        )
        for row in conn.execute(statement).all()
    ]


def wishes_of(row: Row[Any]) -> Wishes:
    """Return an endpoint's row as its merchant's wishes."""
    return Wishes(
        url=row.url,
        event_types=orjson.loads(row.event_types),
        filter=orjson.loads(row.filter) if row.filter is not None else None,
        fields=orjson.loads(row.fields) if row.fields is not None else None,
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
        "fields": orjson.dumps(list(wishes.fields)) if wishes.fields is not None else None,
        "ordering": wishes.ordering,
        "rate_per_second": wishes.rate_per_second,
        "concurrency": wishes.concurrency,
        "timeout_ms": wishes.timeout_ms,
        "schedule": orjson.dumps(list(wishes.schedule)) if wishes.schedule is not None else None,
    }


def _count(conn: Connection, table: Any, merchant_id: str, endpoint_id: str) -> int:
    return (
        conn.execute(select(func.count()).select_from(table).where(of(table, merchant_id, endpoint_id))).scalar() or 0
    )

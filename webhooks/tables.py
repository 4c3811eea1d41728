"""The tables of the delivery engine. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote.

Every key starts with `merchant_id`, so the tables can be spread over shards by merchant.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class Stream(SQLModel, table=True):
    """The head of a merchant's log. Its row is locked while messages are appended, so sequence is commit order."""

    __tablename__ = "stream"
    __table_args__ = (Index("stream_moved", "moved_at"),)

    merchant_id: str = Field(primary_key=True)
    head: int = Field(sa_type=BigInteger)
    moved_at: int = Field(sa_type=BigInteger)


class Message(SQLModel, table=True):
    """One entry of the log, and the outbox in one: insert-only, `body` is the exact bytes signed and sent."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("merchant_id", "id", name="message_id"),
        Index("message_shipment", "merchant_id", "shipment_id", "sequence"),
    )

    merchant_id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    id: str
    shipment_id: str | None = None
    shipment_version: int = 0
    type: str
    at: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class Endpoint(SQLModel, table=True):
    """A merchant's address for webhooks. `secrets` is sealed by the vault; `version` rises with each change."""

    __tablename__ = "endpoint"
    __table_args__ = (Index("endpoint_changed", "changed_at"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    url: str
    """Empty for one that is only read by polling: no lane runs for it, its cursor moves as it asks."""
    description: str = ""
    event_types: bytes = Field(sa_type=LargeBinary)
    filter: bytes | None = Field(default=None, sa_type=LargeBinary)
    fields: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Paths of `data` that are sent, as JSON; empty for everything."""
    ordering: str
    rate_per_second: float | None = None
    concurrency: int
    timeout_ms: int
    schedule: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Seconds before each try as JSON; empty means the usual schedule."""
    secrets: bytes = Field(sa_type=LargeBinary)
    access: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What else lets us in, as it may be shown (`access.shown`), and below the whole of it, sealed."""
    access_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str
    """enabled, disabled or deleted."""
    state_reason: str = ""
    state_at: int = Field(sa_type=BigInteger)
    version: int
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class Lane(SQLModel, table=True):
    """How far an endpoint has got. Everything up to `cursor` is finished or stands in `retry`.

    `generation` rises whenever somebody moves the cursor by hand, so a late result of the old course is not written.
    """

    __tablename__ = "lane"

    merchant_id: str = Field(primary_key=True)
    endpoint_id: str = Field(primary_key=True)
    cursor: int = Field(sa_type=BigInteger)
    start: int = Field(sa_type=BigInteger)
    """The head of the log when the endpoint was made: what stands before was never meant for it."""
    generation: int = 1
    paused_until: int = Field(default=0, sa_type=BigInteger)
    breaker: str = "closed"
    breaker_step: int = 0
    open_until: int = Field(default=0, sa_type=BigInteger)
    failing_since: int = Field(default=0, sa_type=BigInteger)
    failures: int = 0
    """Tries that failed since then, counted as far as they decide anything (`patience.DISABLE_TRIES`)."""
    pace: float | None = None
    """Requests a second it was taken down to by refusals; empty while nothing holds it but the endpoint's own wish."""


class Retry(SQLModel, table=True):
    """An exception: a message that failed and will be tried again, or waits behind one that failed (`parked`)."""

    __tablename__ = "retry"

    merchant_id: str = Field(primary_key=True)
    endpoint_id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    shipment_id: str | None = None
    attempts: int
    run_at: int = Field(sa_type=BigInteger)
    parked: bool = False


class Attempt(SQLModel, table=True):
    """One HTTP request of a message to an endpoint; append-only, and the redo log above the cursor.

    A row with outcome `superseded` closes a message without a request. Test messages stand outside of the log: they
    have sequence 0 and carry their own `message_id`.
    """

    __tablename__ = "attempt"
    __table_args__ = (Index("attempt_at", "merchant_id", "endpoint_id", "at"),)

    merchant_id: str = Field(primary_key=True)
    endpoint_id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    at: int = Field(sa_type=BigInteger, primary_key=True)
    number: int = Field(primary_key=True)
    status: int | None = None
    outcome: str
    ms: int
    ip: str | None = None
    response: str = ""
    message_id: str | None = None


class Exchange(SQLModel, table=True):
    """What an attempt looked like on the wire (`outcome.Exchange.pack`), kept shorter than the attempt itself."""

    __tablename__ = "exchange"

    merchant_id: str = Field(primary_key=True)
    day: int = Field(primary_key=True)
    """Days since 1970: whole days go at once."""
    endpoint_id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger, primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    number: int = Field(primary_key=True)
    body: bytes = Field(sa_type=LargeBinary)


class Dead(SQLModel, table=True):
    """A message given up for an endpoint after the last try of its schedule; it waits for a replay or a resend."""

    __tablename__ = "dead"

    merchant_id: str = Field(primary_key=True)
    endpoint_id: str = Field(primary_key=True)
    sequence: int = Field(sa_type=BigInteger, primary_key=True)
    at: int = Field(sa_type=BigInteger)
    reason: str


class Replay(SQLModel, table=True):
    """A second cursor over a stretch of the log that an endpoint gets once more. It copies nothing."""

    __tablename__ = "replay"

    merchant_id: str = Field(primary_key=True)
    endpoint_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    begin: int = Field(sa_type=BigInteger)
    cursor: int = Field(sa_type=BigInteger)
    until: int = Field(sa_type=BigInteger)
    event_types: bytes | None = Field(default=None, sa_type=LargeBinary)
    only_failed: bool = False
    which: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Which of the dead it brings back (`dead.Which`), where it was started so."""
    state: str = "running"
    """running, done or cancelled."""
    created_at: int = Field(sa_type=BigInteger)
    ended_at: int | None = Field(default=None, sa_type=BigInteger)


class Tables:
    """The Core tables behind the models, for statements on the hot path."""

    stream: ClassVar[Table] = core_table(Stream)
    message: ClassVar[Table] = core_table(Message)
    endpoint: ClassVar[Table] = core_table(Endpoint)
    lane: ClassVar[Table] = core_table(Lane)
    retry: ClassVar[Table] = core_table(Retry)
    attempt: ClassVar[Table] = core_table(Attempt)
    exchange: ClassVar[Table] = core_table(Exchange)
    dead: ClassVar[Table] = core_table(Dead)
    replay: ClassVar[Table] = core_table(Replay)

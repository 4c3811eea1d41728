"""The gateway's own tables. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote.

Every table of merchant data starts its keys with `merchant_id`, so it can be spread over shards by merchant. What has
no merchant (merchants themselves, keys) is a small reference table.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class Merchant(SQLModel, table=True):
    """Who ships and receives our webhooks."""

    __tablename__ = "merchant"

    id: str = Field(primary_key=True)
    name: str
    contact_email: str | None = None
    """Where it is written to when something needs its hand."""
    created_at: int = Field(sa_type=BigInteger)


class ApiKey(SQLModel, table=True):
    """A key to the API: only its SHA-256 is kept. `origins` is JSON, for storefront keys."""

    __tablename__ = "api_key"
    __table_args__ = (Index("api_key_merchant", "merchant_id"),)

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    id: str
    merchant_id: str | None = None
    """None for an operator, who belongs to no merchant."""
    role: str
    name: str = ""
    origins: bytes = Field(default=b"[]", sa_type=LargeBinary)
    created_at: int = Field(sa_type=BigInteger)
    revoked_at: int | None = Field(default=None, sa_type=BigInteger)


class Account(SQLModel, table=True):
    """Credentials of a merchant at a carrier. `secrets` is sealed; `state` is active, rejected or deleted."""

    __tablename__ = "account"
    __table_args__ = (UniqueConstraint("id", name="account_id"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    carrier: str
    label: str = ""
    mode: str = "production"
    secrets: bytes = Field(sa_type=LargeBinary)
    state: str = "active"
    state_reason: str = ""
    state_at: int = Field(sa_type=BigInteger)
    per_second: float | None = None
    """The contract's own limits; None leaves the carrier's documented ones in force."""
    per_day: int | None = None
    used_today: int | None = None
    """Calls made on the UTC day `used_on` (days since 1970), noted now and then: a restart goes on from here."""
    used_on: int | None = None
    refused_at: int | None = Field(default=None, sa_type=BigInteger)
    refusal: str = Field(default="", sa_column_kwargs={"server_default": ""})
    """Why a push was last refused, with these secrets."""
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class Shipment(SQLModel, table=True):
    """One tracking number at one carrier in one direction, with the state its events add up to.

    `told` is the merged details, `runs` the messages already told (status -> run), both JSON. `recipient` is sealed.
    """

    __tablename__ = "shipment"
    __table_args__ = (
        UniqueConstraint("merchant_id", "carrier", "number_key", name="shipment_number"),
        partial_index("shipment_due", "next_poll_at", where="next_poll_at is not null"),
        partial_index("shipment_look", "trouble_at", where="trouble_at is not null"),
        partial_index("shipment_subscribe", "subscribe_at", where="subscribe_at is not null"),
        partial_index(
            "shipment_account_due", "merchant_id", "account_id", "next_poll_at", where="next_poll_at is not null"
        ),
        Index("shipment_updated", "merchant_id", "updated_at", "id"),
        Index("shipment_status", "merchant_id", "status", "updated_at"),
        Index("shipment_order", "merchant_id", "order_number"),
        Index("shipment_any_carrier", "merchant_id", "number_key"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    carrier: str
    tracking_number: str
    """As the carrier spells it, and as it is asked for."""
    number_key: str
    """Its normal spelling (`normalizer.numbers.normal_number`), by which it is found."""
    account_id: str | None = None
    order_number: str | None = None
    direction: str = "outbound"
    destination: bytes | None = Field(default=None, sa_type=LargeBinary)
    recipient: bytes | None = Field(default=None, sa_type=LargeBinary)
    promised: bytes | None = Field(default=None, sa_type=LargeBinary)
    attributes: bytes = Field(default=b"{}", sa_type=LargeBinary)
    """The merchant's own metadata."""
    status: str = "pending"
    substatus: str = "registered"
    version: int = 0
    state: bytes = Field(default=b"{}", sa_type=LargeBinary)
    """The rendered journey, as JSON."""
    told: bytes = Field(default=b"{}", sa_type=LargeBinary)
    runs: bytes = Field(default=b"{}", sa_type=LargeBinary)
    last_event_at: int | None = Field(default=None, sa_type=BigInteger)
    carrier_set_by: str = "merchant"
    """merchant, detected, push or handover: a detected carrier may still be changed by us."""
    second_guess_at: int | None = Field(default=None, sa_type=BigInteger)
    """When other carriers were asked whether the number is theirs: once."""
    ship_date: str | None = None
    """The day the merchant says it was shipped: nothing from before is this parcel's."""
    earlier_until: int | None = Field(default=None, sa_type=BigInteger)
    """Events up to this instant are an earlier parcel's of the same number: kept, and not folded."""
    continues_id: str | None = None
    """The next carrier's shipment, and below the one before."""
    continued_from_id: str | None = None
    tracking: bool = True
    """False once the merchant stopped it: no polling, no messages."""
    next_poll_at: int | None = Field(default=None, sa_type=BigInteger)
    polled_at: int | None = Field(default=None, sa_type=BigInteger)
    poll_failures: int = 0
    not_found: int = 0
    """How often in a row the carrier did not know the number."""
    poll_digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    pushed_at: int | None = Field(default=None, sa_type=BigInteger)
    subscribe_at: int | None = Field(default=None, sa_type=BigInteger)
    """When to ask the carrier for pushes of this number, again or for the first time; None: not at all."""
    subscribed_until: int | None = Field(default=None, sa_type=BigInteger)
    subscribe_failures: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    subscription_refused: str | None = None
    """Why the carrier does not push this number, in its own words."""
    trouble: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The trouble it is in, as JSON: kind -> since when; NULL for none."""
    trouble_at: int | None = Field(default=None, sa_type=BigInteger)
    """When time alone may bring more of it, or overtakes what is predicted."""
    predicted: bytes | None = Field(default=None, sa_type=LargeBinary)
    """When we think it will arrive, as JSON: see `gateway.insights.foretelling`."""
    created_at: int = Field(sa_type=BigInteger)
    updated_at: int = Field(sa_type=BigInteger)


class Event(SQLModel, table=True):
    """A normalised fact. The columns are what the fold needs; `body` is the whole event as JSON. Insert-only."""

    __tablename__ = "event"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    sort_at: int = Field(sa_type=BigInteger)
    carrier_order: int
    status: str
    substatus: str
    moves: str
    going_back: bool
    at: int | None = Field(default=None, sa_type=BigInteger)
    day: str
    piece: str
    body: bytes = Field(sa_type=LargeBinary)


class Payload(SQLModel, table=True):
    """The inbox: bytes from a carrier as received. `state` is kept, read or unreadable; ids rise with time."""

    __tablename__ = "payload"
    __table_args__ = (
        partial_index("payload_waiting", "id", where="state = 'kept'"),
        Index("payload_time", "id"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    carrier: str
    account_id: str | None = None
    source: str
    numbers: bytes = Field(default=b"[]", sa_type=LargeBinary)
    headers: bytes = Field(default=b"{}", sa_type=LargeBinary)
    received_at: int = Field(sa_type=BigInteger)
    digest: bytes = Field(sa_type=LargeBinary)
    body: bytes = Field(sa_type=LargeBinary)
    state: str = "kept"
    reason: str = ""


class ShipmentTrouble(SQLModel, table=True):
    """The trouble shipments are in now, to be found by kind: what `Shipment.trouble` says, once more."""

    __tablename__ = "shipment_trouble"
    __table_args__ = (Index("shipment_trouble_kind", "merchant_id", "kind", "since"),)

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    since: int = Field(sa_type=BigInteger)


class UnlistedCode(SQLModel, table=True):
    """A code a carrier sent that has no row in its table: how often, since when, with the carrier's words."""

    __tablename__ = "unlisted_code"

    merchant_id: str = Field(primary_key=True)
    carrier: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    count: int
    example: str
    payload_id: str
    first_at: int = Field(sa_type=BigInteger)
    last_at: int = Field(sa_type=BigInteger)


class ClockAhead(SQLModel, table=True):
    """How many events of a carrier were dated too far after their receipt, since when, and the last one's payload."""

    __tablename__ = "clock_ahead"

    merchant_id: str = Field(primary_key=True)
    carrier: str = Field(primary_key=True)
    count: int
    payload_id: str
    first_at: int = Field(sa_type=BigInteger)
    last_at: int = Field(sa_type=BigInteger)


class AccountCode(SQLModel, table=True):
    """What a merchant says a code means where it comes by one of its accounts: before the carrier's own table."""

    __tablename__ = "account_code"

    merchant_id: str = Field(primary_key=True)
    account_id: str = Field(primary_key=True)
    code: str = Field(primary_key=True)
    status: str
    substatus: str
    moves: str
    note: str
    changed_at: int = Field(sa_type=BigInteger)
    """The same in all rows of an account: they are replaced together."""


class LivePosition(SQLModel, table=True):
    """The latest place of the courier of one shipment: short-lived, deleted soon after delivery."""

    __tablename__ = "position"

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    body: bytes = Field(sa_type=LargeBinary)


class Idempotency(SQLModel, table=True):
    """An answer kept for a repeat of the same request. `digest` tells a repeat from a reuse of the key."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("idempotency_age", "at"),)

    merchant_id: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    status: int
    body: bytes = Field(sa_type=LargeBinary)
    at: int = Field(sa_type=BigInteger)


class Alert(SQLModel, table=True):
    """A message its merchant is to be written to about, until the mail server took the letter."""

    __tablename__ = "alert"
    __table_args__ = (Index("alert_due", "due_at"),)

    merchant_id: str = Field(primary_key=True)
    message_id: str = Field(primary_key=True)
    due_at: int = Field(sa_type=BigInteger)
    tries: int


class Tables:
    """The Core tables behind the models: every statement of the gateway is written on them."""

    merchant: ClassVar[Table] = core_table(Merchant)
    api_key: ClassVar[Table] = core_table(ApiKey)
    account: ClassVar[Table] = core_table(Account)
    shipment: ClassVar[Table] = core_table(Shipment)
    event: ClassVar[Table] = core_table(Event)
    payload: ClassVar[Table] = core_table(Payload)
    trouble: ClassVar[Table] = core_table(ShipmentTrouble)
    unlisted_code: ClassVar[Table] = core_table(UnlistedCode)
    clock_ahead: ClassVar[Table] = core_table(ClockAhead)
    account_code: ClassVar[Table] = core_table(AccountCode)
    position: ClassVar[Table] = core_table(LivePosition)
    idempotency: ClassVar[Table] = core_table(Idempotency)
    alert: ClassVar[Table] = core_table(Alert)

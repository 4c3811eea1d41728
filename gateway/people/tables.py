"""The tables of people's notices. Times are epoch milliseconds; JSON is kept as the bytes orjson wrote.

An address stands in one place, `wish.address`, sealed; everywhere else it is a keyed hash that tells nobody anything.
"""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class Wish(SQLModel, table=True):
    """What one person wants to hear of one shipment by one channel. Its state follows from the columns and `stop`."""

    __tablename__ = "wish"
    __table_args__ = (
        UniqueConstraint("merchant_id", "shipment_id", "channel", "address_hash", name="wish_person"),
        Index("wish_address", "merchant_id", "channel", "address_hash"),
        Index("wish_ticket", "ticket_hash", unique=True),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    shipment_id: str
    channel: str
    address: bytes = Field(sa_type=LargeBinary)
    address_hash: bytes = Field(sa_type=LargeBinary)
    language: str
    zone: str
    quiet_from: int
    """Minutes since midnight in `zone`, as `quiet_to`; equal ones mean no quiet hours."""
    quiet_to: int
    event_types: bytes | None = Field(default=None, sa_type=LargeBinary)
    """JSON; None takes what is told by default."""
    consent: bytes = Field(sa_type=LargeBinary)
    """JSON: when, how, and by which wording consent was given."""
    double_opt_in: bool = False
    confirmed_at: int | None = Field(default=None, sa_type=BigInteger)
    removed_at: int | None = Field(default=None, sa_type=BigInteger)
    eta_told: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The arrival last told, or the first that changed, as JSON: what a change is measured from."""
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)
    ticket_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    """What is kept of the ticket in the links sent for it."""


class Stop(SQLModel, table=True):
    """Nothing goes to this address by this channel any more, until the person says otherwise.

    `account_id` is empty where a person said it, to the merchant; a provider's refusal holds for one sending account.
    """

    __tablename__ = "stop"

    merchant_id: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    address_hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    account_id: str = Field(primary_key=True)
    how: str
    """sms, unsubscribe, page, blocked or gone."""
    at: int = Field(sa_type=BigInteger)


class Notice(SQLModel, table=True):
    """One message for one person by one channel: what became of it.

    `state` is queued, sending, sent, undelivered, delivered, read, superseded or skipped. `due_at` is set only while
    there is something to do. `unclear` counts sends of which no result was kept, because the process ended.
    """

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("merchant_id", "message_id", "channel", "address_hash", name="notice_once"),
        partial_index("notice_due", "merchant_id", "account_id", "due_at", where="due_at is not null"),
        partial_index("notice_waiting", "merchant_id", "shipment_id", where="due_at is not null"),
        partial_index("notice_provider", "merchant_id", "account_id", "provider_id", where="provider_id != ''"),
        Index("notice_age", "merchant_id", "created_at"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    message_id: str
    sequence: int = Field(sa_type=BigInteger)
    shipment_id: str
    """The wish's; the message may be of a parcel that continues it."""
    shipment_version: int
    wish_id: str
    account_id: str
    channel: str
    address_hash: bytes = Field(sa_type=LargeBinary)
    subject: str
    state: str
    reason: str = ""
    code: str = ""
    due_at: int | None = Field(default=None, sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    attempts: int = 0
    unclear: int = 0
    provider_id: str = ""
    segments: int | None = None
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class ChannelAccount(SQLModel, table=True):
    """A merchant's way to send by one channel. `secrets` is sealed; `state` is active, rejected or deleted."""

    __tablename__ = "channel_account"
    __table_args__ = (
        UniqueConstraint("id", name="channel_account_id"),
        Index("channel_account_changed", "changed_at"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    channel: str
    label: str = ""
    settings: bytes = Field(sa_type=LargeBinary)
    secrets: bytes = Field(sa_type=LargeBinary)
    state: str = "active"
    state_reason: str = ""
    state_at: int = Field(sa_type=BigInteger)
    paused_until: int = Field(default=0, sa_type=BigInteger)
    """The provider asked for a rest until then."""
    created_at: int = Field(sa_type=BigInteger)
    changed_at: int = Field(sa_type=BigInteger)


class Wording(SQLModel, table=True):
    """A merchant's own words for one kind of notice in one language, as JSON; what it lacks is the house's."""

    __tablename__ = "wording"

    merchant_id: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    language: str = Field(primary_key=True)
    texts: bytes = Field(sa_type=LargeBinary)
    changed_at: int = Field(sa_type=BigInteger)


class People:
    """The Core tables behind the models."""

    wish: ClassVar[Table] = core_table(Wish)
    stop: ClassVar[Table] = core_table(Stop)
    notice: ClassVar[Table] = core_table(Notice)
    account: ClassVar[Table] = core_table(ChannelAccount)
    wording: ClassVar[Table] = core_table(Wording)

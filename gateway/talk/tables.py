"""The tables of conversations. Times are epoch milliseconds. What is said is sealed, and so is every number."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel

from webhooks.store import core_table, partial_index


class Utterance(SQLModel, table=True):
    """One thing said. `words` is sealed; `quick` names a ready sentence, which each reader gets in their language.

    `through` is the way it takes to whom it is meant for; `state` is waiting, sent, read, failed or replaced. `due_at`
    is set only while there is something to do.
    """

    __tablename__ = "utterance"
    __table_args__ = (
        Index("utterance_shipment", "merchant_id", "shipment_id", "at"),
        partial_index("utterance_due", "due_at", where="due_at is not null"),
    )

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    shipment_id: str
    author: str
    """recipient, courier or support."""
    audience: str
    """Who reads it beside support: support (nobody else), recipient, courier or everybody."""
    kind: str
    """words, or instruction: what the courier shall know before leaving; the newest one counts."""
    quick: str
    words: bytes = Field(sa_type=LargeBinary)
    at: int = Field(sa_type=BigInteger)
    came_by: str
    """page, api, sms or courier_page."""
    browser: str = ""
    """In which browser the recipient wrote it on the page, as its cookie says; empty for what came otherwise."""
    through: str
    """page, platform, sms, courier_page or desk; empty while the courier is not on the way."""
    state: str
    reason: str = ""
    due_at: int | None = Field(default=None, sa_type=BigInteger)
    attempts: int = 0
    provider_id: str = ""


class Conversation(SQLModel, table=True):
    """A shipment's conversation as a whole: whether the desk is waited for, and how its courier is reached by SMS."""

    __tablename__ = "conversation"
    __table_args__ = (
        Index("conversation_last", "merchant_id", "last_at"),
        Index("conversation_courier", "merchant_id", "courier_hash"),
    )

    merchant_id: str = Field(primary_key=True)
    shipment_id: str = Field(primary_key=True)
    last_at: int = Field(default=0, sa_type=BigInteger)
    """When something was said last; 0 while nothing was."""
    waits_since: int | None = Field(default=None, sa_type=BigInteger)
    """Since when the recipient waits for the desk."""
    courier_phone: bytes | None = Field(default=None, sa_type=LargeBinary)
    courier_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    courier_language: str = ""
    account_id: str = ""
    """The sending account whose number stands between the courier and the recipient."""
    tag: int = 0
    """Tells this conversation from the courier's others on the same number."""


class TalkTables:
    """The Core tables behind the models."""

    utterance: ClassVar[Table] = core_table(Utterance)
    conversation: ClassVar[Table] = core_table(Conversation)

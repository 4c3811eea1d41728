"""People's notices: wishes, accounts that send, texts, and what became of each notice."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class QuietHours(BaseModel, extra="forbid"):
    """Hours in which only urgent notices go."""

    start: str = Field(alias="from")
    end: str = Field(alias="to")


class Consent(BaseModel, extra="forbid"):
    """By whose word a person is written to."""

    how: str
    at: datetime
    wording: str


class Subscription(BaseModel, extra="forbid"):
    """What somebody wants to hear of a shipment."""

    id: str
    shipment_id: str
    channel: str
    address: str = Field(description="Masked: enough to be recognised by who knows it.")
    language: str
    zone: str
    event_types: list[str] | None
    quiet_hours: QuietHours | None
    consent: Consent
    double_opt_in: bool
    confirmed_at: datetime | None
    state: Literal["pending", "active", "stopped"] = Field(
        description="pending: the person did not confirm yet; stopped: the person said stop, and nothing goes."
    )
    created_at: datetime
    updated_at: datetime


class Subscriptions(BaseModel, extra="forbid"):
    """The wishes of a shipment, oldest first."""

    data: list[Subscription]
    next_cursor: str | None


class Channel(BaseModel, extra="forbid"):
    """An account that sends. Its secrets are never shown."""

    id: str
    channel: str
    label: str
    settings: dict[str, str]
    state: Literal["active", "rejected"]
    state_reason: str
    state_since: datetime
    paused_until: datetime | None = Field(description="The provider asked for a rest until then.")
    callback_url: str | None = Field(description="Give this address to a provider that reports and passes on answers.")
    public_key: str | None = Field(description="Push: the `applicationServerKey` browsers subscribe with.")
    created_at: datetime
    updated_at: datetime


class Channels(BaseModel, extra="forbid"):
    """A merchant's accounts that send, oldest first."""

    data: list[Channel]
    next_cursor: str | None


class ChannelTest(BaseModel, extra="forbid"):
    """What the provider said to a test."""

    outcome: Literal["accepted", "later", "refused", "blocked", "gone", "rejected", "ours"]
    code: str
    reason: str
    provider_id: str | None
    segments: int | None


class Notice(BaseModel, extra="forbid"):
    """One message for one person by one channel, and what became of it."""

    id: str
    channel: str
    channel_id: str | None
    subscription_id: str
    message_id: str | None = Field(description="Null where it asks whether somebody really wants to hear.")
    address: str | None = Field(description="Masked; null where the wish is no longer kept.")
    language: str | None
    subject: str
    state: Literal["queued", "sending", "sent", "undelivered", "delivered", "read", "superseded", "skipped"]
    reason: str
    code: str = Field(description="The provider's own.")
    attempts: int
    segments: int | None
    provider_id: str | None
    created_at: datetime
    updated_at: datetime
    next_at: datetime | None


class Notices(BaseModel, extra="forbid"):
    """The notices about a shipment, oldest first."""

    data: list[Notice]
    next_cursor: str | None


class Template(BaseModel, extra="forbid"):
    """The words of one kind of notice in one language."""

    subject: str
    language: str
    own: dict[str, str] = Field(description="The merchant's, by part.")
    house: dict[str, str] = Field(description="What is said where the merchant says nothing.")
    placeholders: dict[str, str] = Field(description="What may stand in braces, and what it is filled with.")
    updated_at: datetime | None


class Templates(BaseModel, extra="forbid"):
    """All own words of a merchant."""

    data: list[Template]
    next_cursor: str | None


class Sms(BaseModel, extra="forbid"):
    """An SMS and what it costs."""

    text: str
    encoding: Literal["GSM-7", "UCS-2"]
    segments: int
    units: int
    left: int = Field(description="Units free in the last part.")
    outside: list[str] = Field(description="Characters outside GSM-7, which make every part shorter.")


class WhatsAppTemplate(BaseModel, extra="forbid"):
    """What WhatsApp's template is called and filled with, in order."""

    template: str
    values: list[str]


class Preview(BaseModel, extra="forbid"):
    """A notice as it would be sent."""

    subject: str
    text: str = Field(description="As a browser shows it.")
    letter: str = Field(description="An e-mail's text.")
    html: str = Field(description="An e-mail's HTML.")
    sms: Sms
    whatsapp: WhatsAppTemplate

"""People at the console, their sessions, and what they did."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class Person(BaseModel, extra="forbid"):
    """Somebody who signs in to the console."""

    id: str
    email: str
    name: str
    role: str
    language: str
    second_factor: bool
    created_at: datetime | None
    disabled_at: datetime | None


class Me(BaseModel, extra="forbid"):
    """Who is asking."""

    person: Person | None = Field(description="Null for a key.")
    role: str
    merchant_id: str
    merchant: str


class People(BaseModel, extra="forbid"):
    """A merchant's people."""

    data: list[Person]
    next_cursor: str | None


class Invitation(BaseModel, extra="forbid"):
    """An invitation nobody accepted yet; `url` is shown only where it is made."""

    id: str
    email: str
    role: str
    expires_at: datetime
    url: str | None = None


class Invitations(BaseModel, extra="forbid"):
    """Invitations nobody accepted yet."""

    data: list[Invitation]
    next_cursor: str | None


class Session(BaseModel, extra="forbid"):
    """A browser one is signed in with."""

    id: str
    agent: str
    created_at: datetime
    seen_at: datetime
    this: bool


class Sessions(BaseModel, extra="forbid"):
    """One's own sessions."""

    data: list[Session]
    next_cursor: str | None


class TotpStart(BaseModel, extra="forbid"):
    """A second factor to be set up: it holds once a code of it was told."""

    secret: str
    address: str = Field(description="What an authenticator reads.")


class Act(BaseModel, extra="forbid"):
    """One act, or one look at personal data."""

    id: str
    at: datetime
    person_id: str
    person: str
    act: str = Field(description="The call: method and route, without what was in it; or `sign in`, `sign out`.")
    subject: str = Field(description="The id of what it was about, empty for a list.")
    about: str | None = Field(
        description="What that is called: a tracking or order number, an endpoint's address, a run's courier, an "
        "account's carrier, a shop's kind, a person. Null once it is gone, and for anything else."
    )


class Acts(BaseModel, extra="forbid"):
    """A page of the audit log, the latest first."""

    data: list[Act]
    next_cursor: str | None

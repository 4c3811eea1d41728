"""What the console sends about its people."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from gateway.api.fields import Cursor, Limit, Line, Query, Short, Strict

Email = Annotated[Line, Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=254)]
StaffRole = Literal["merchant", "support"]
Password = Annotated[str, StringConstraints(max_length=1_000)]


class InvitationIn(Strict):
    """Whom to invite; who is one of the merchant's people already gets a link for a new password."""

    email: Email
    role: StaffRole = "support"


class PersonChange(Strict):
    """What to change of a colleague."""

    role: StaffRole | None = None
    disabled: bool | None = Field(default=None, description="True: they may not sign in any more.")


class MeChange(Strict):
    """What to change of oneself."""

    name: Short | None = None


class PasswordIn(Strict):
    """A new password, with the old one."""

    old: Password
    new: Password


class AuthenticatorCode(Strict):
    """A code of an authenticator."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]


class AuditQuery(Query):
    """Which acts to list."""

    subject: Short | None = None
    person_id: Short | None = None
    cursor: Cursor | None = None
    limit: Limit = 50

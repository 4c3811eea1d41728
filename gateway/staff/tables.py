"""Tables of the people who sign in to the console. Times are epoch milliseconds."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import BigInteger, Index, LargeBinary, Table, UniqueConstraint
from sqlmodel import Field, SQLModel

from webhooks.store import core_table


class Person(SQLModel, table=True):
    """Somebody who signs in: of one merchant, or an operator, whose `merchant_id` is empty.

    `password` is argon2's own text, empty until an invitation is accepted; `totp` the sealed secret of their second
    factor, `totp_used` the last time step a code was taken for, so that none is taken twice.
    """

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("email", name="person_email"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    email: str
    name: str
    role: str
    password: str
    totp: bytes | None = Field(default=None, sa_type=LargeBinary)
    totp_used: int = Field(default=0, sa_type=BigInteger)
    language: str = "en"
    created_at: int = Field(sa_type=BigInteger)
    disabled_at: int | None = Field(default=None, sa_type=BigInteger)


class Session(SQLModel, table=True):
    """One browser somebody signed in with. Of its secret only the SHA-256 is kept."""

    __tablename__ = "session"
    __table_args__ = (Index("session_person", "merchant_id", "person_id"),)

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    id: str
    merchant_id: str
    person_id: str
    agent: str
    """Which browser, as it calls itself, shortened."""
    created_at: int = Field(sa_type=BigInteger)
    seen_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)


class Invitation(SQLModel, table=True):
    """A link with which somebody sets a password, once. Also for a forgotten one."""

    __tablename__ = "invitation"
    __table_args__ = (Index("invitation_merchant", "merchant_id", "created_at"),)

    hash: bytes = Field(primary_key=True, sa_type=LargeBinary)
    id: str
    merchant_id: str
    email: str
    role: str
    invited_by: str
    created_at: int = Field(sa_type=BigInteger)
    expires_at: int = Field(sa_type=BigInteger)
    used_at: int | None = Field(default=None, sa_type=BigInteger)


class Audit(SQLModel, table=True):
    """One act of a person, or one look at personal data. It is only ever added to."""

    __tablename__ = "audit"
    __table_args__ = (Index("audit_subject", "merchant_id", "subject"),)

    merchant_id: str = Field(primary_key=True)
    id: str = Field(primary_key=True)
    at: int = Field(sa_type=BigInteger)
    person_id: str
    act: str
    """The call: method and route, without what was in it."""
    subject: str
    """The id of what it was about, empty for a list."""


class StaffTables:
    """The Core tables behind the models."""

    person: ClassVar[Table] = core_table(Person)
    session: ClassVar[Table] = core_table(Session)
    invitation: ClassVar[Table] = core_table(Invitation)
    audit: ClassVar[Table] = core_table(Audit)

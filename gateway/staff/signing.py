"""Signing in: a password, a time code where somebody has set one up, and tries that are counted."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.clock import now_ms
from gateway.pages.tries import Tries
from gateway.staff import audit, passwords, people, sessions
from gateway.staff.passwords import Passwords

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Store, Vault

_TRIES, _TRIES_OF_ADDRESS, _SECONDS = 10, 60, 900
_CODE_SECONDS = 300
_MOST_BEGUN = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try: `in` with the session's secret, `code` with a ticket for the second step, or why not."""

    kind: Literal["in", "code", "wrong", "too_often", "over"]
    secret: str = ""
    merchant_id: str = ""


class Staff:
    """What signing in shares in this process."""

    def __init__(self, store: Store, vault: Vault, secret_key: str) -> None:
        self.passwords = Passwords()
        self.tries = Tries(_TRIES, _SECONDS)
        self.begun: dict[str, str] = {}
        """Person -> the secret of a second factor that is not confirmed yet."""
        self._addresses = Tries(_TRIES_OF_ADDRESS, _SECONDS)
        self._store = store
        self._vault = vault
        self._key = HKDF(SHA256(), 32, salt=None, info=b"carrier-gateway sign-in").derive(secret_key.encode())

    def begin(self, person_id: str) -> str:
        """Begin to set up somebody's second factor."""
        if len(self.begun) >= _MOST_BEGUN:
            self.begun.clear()
        secret = self.begun[person_id] = passwords.new_totp()
        return secret

    async def sign_in(self, email: str, password: str, *, agent: str, address: str) -> Outcome:
        """Try an e-mail and a password. Unknown people and wrong passwords look the same and take as long."""
        email = people.plain_email(email)
        if not self._addresses.allow(address) or not self.tries.allow(email):
            return Outcome("too_often")
        person = await self._store.read(lambda conn: people.by_email(conn, email))
        good = await self.passwords.good("" if person is None else person["password"], password)
        if person is None or not good:
            return Outcome("wrong")
        if person["totp"] is not None:
            return Outcome("code", self._ticket(person["email"], int(time.time()) + _CODE_SECONDS))
        return await self._let_in(person, agent)

    async def second_step(self, ticket: str, code: str, *, agent: str, address: str) -> Outcome:
        """Take the time code of somebody whose password was right a moment ago."""
        email = self._email_of(ticket)
        if email is None:
            return Outcome("over")
        if not self._addresses.allow(address) or not self.tries.allow(email):
            return Outcome("too_often")
        person = await self._store.read(lambda conn: people.by_email(conn, email))
        if person is None or person["totp"] is None:
            return Outcome("over")
        secret = self._vault.open(person["merchant_id"], people.totp_purpose(person["id"]), person["totp"]).decode()
        step = passwords.totp_step(secret, code.strip().replace(" ", ""), person["totp_used"])
        if step is None or not await self._store.write(
            lambda conn: people.take_code(conn, person["merchant_id"], person["id"], step)
        ):
            return Outcome("wrong")
        return await self._let_in(person, agent)

    async def _let_in(self, person: RowMapping, agent: str) -> Outcome:
        now = now_ms()

        def work(conn: Connection) -> str:
            sessions.drop_old(conn, now)
            audit.note(conn, person["merchant_id"], person["id"], "sign in", subject=person["id"], now=now)
            return sessions.make(conn, person, agent, now)

        secret = await self._store.write(work)
        self.tries.forgive(person["email"])
        return Outcome("in", secret, person["merchant_id"])

    def _ticket(self, email: str, until: int) -> str:
        return f"{until}.{self._code(email, until)}.{email}"

    def _email_of(self, ticket: str) -> str | None:
        until, _, rest = ticket.partition(".")
        code, _, email = rest.partition(".")
        if not until.isascii() or not until.isdecimal() or len(until) > len("9999999999"):
            return None
        good = hmac.compare_digest(self._code(email, int(until)).encode(), code.encode("utf-8", "replace"))
        return email if good and time.time() < int(until) else None

    def _code(self, email: str, until: int) -> str:
        return hmac.digest(self._key, f"{email}\x1f{until}".encode("utf-8", "replace"), "sha256").hex()

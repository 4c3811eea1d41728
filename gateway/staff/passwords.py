"""Passwords and second factors: argon2 in a thread, and time codes each of which is taken once."""

from __future__ import annotations

import asyncio
import time

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
_AT_ONCE = 2
"""Hashes under way at once: each takes a core and much memory for a tenth of a second."""
_STEP = 30
_ISSUER = "Carrier gateway"


class Passwords:
    """Hashes and checks passwords. Used from the event loop only."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._nobodys = ""

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def good(self, kept: str, password: str) -> bool:
        """Tell whether a password is the one kept. It takes as long where nothing is kept."""
        if len(password) > LONGEST:
            return False
        if not kept and not self._nobodys:
            self._nobodys = await self.hash("nobody's at all")
        async with self._turns:
            matches = await asyncio.to_thread(self._matches, kept or self._nobodys, password)
        return matches and bool(kept)

    def _matches(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False


def weakness(password: str, email: str) -> str | None:
    """Return what is wrong with a new password, None where nothing is."""
    if len(password) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if len(set(password)) <= SHORTEST // 3 or email.partition("@")[0].lower() in password.lower():
        return "is too easy to guess"
    return None


def new_totp() -> str:
    """Return a fresh secret for time codes."""
    return pyotp.random_base32()


def totp_address(secret: str, email: str) -> str:
    """Return the address an authenticator reads, as a link or a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)


def totp_step(secret: str, code: str, used: int, now: float | None = None) -> int | None:
    """Return the time step a code is of, the neighbours' among them; None where it is wrong or was taken already."""
    if len(code) > len("123456") or not code.isascii() or not code.isdecimal():
        return None
    at = time.time() if now is None else now
    for step in (int(at) // _STEP + by for by in (0, -1, 1)):
        if step > used and pyotp.TOTP(secret).verify(code, for_time=step * _STEP):
            return step
    return None

"""Tickets: what the links in notices carry, so that who holds one may confirm and stop what it was sent for.

A ticket is a keyed code of its wish and kept only as a keyed hash: a copy of the database confirms and stops nothing.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select

from gateway.people.tables import People

if TYPE_CHECKING:
    from sqlalchemy import Connection, RowMapping

_BYTES = 18
TICKET = re.compile(r"[A-Za-z0-9_-]{24}")
PATH = "/n/{ticket:[A-Za-z0-9_-]{24}}"


class Tickets:
    """Makes tickets and finds what they are for."""

    def __init__(self, secret_key: str, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        whole = HKDF(SHA256(), 64, salt=None, info=b"carrier-gateway tickets").derive(secret_key.encode())
        self._for_tickets, self._for_hashes = whole[:32], whole[32:]

    def of(self, merchant_id: str, wish_id: str) -> str:
        """Return a wish's ticket."""
        code = hmac.digest(self._for_tickets, f"{merchant_id}\x1f{wish_id}".encode(), "sha256")
        return urlsafe_b64encode(code[:_BYTES]).decode()

    def hash(self, ticket: str) -> bytes:
        """Return what is kept of a ticket."""
        return hmac.digest(self._for_hashes, ticket.encode(), "sha256")

    def url(self, merchant_id: str, wish_id: str) -> str:
        """Return the address of a wish's page; empty where nobody said at what address we are reached."""
        return f"{self._public_url}/n/{self.of(merchant_id, wish_id)}" if self._public_url else ""

    def find(self, conn: Connection, ticket: str) -> RowMapping | None:
        """Return the wish a ticket is for, None where there is none (any more)."""
        if not TICKET.fullmatch(ticket):
            return None
        statement = select(People.wish).where(People.wish.c.ticket_hash == self.hash(ticket))
        return conn.execute(statement).mappings().first()

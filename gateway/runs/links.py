"""Links to couriers' pages: made as those to tracking pages are, of a run and its link's serial."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select

from gateway.pages.links import TOKEN
from gateway.runs.tables import RunTables

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy import Connection, RowMapping

_TOKEN_BYTES = 18
LATE_MS = 2 * 86_400_000
"""How long after its end a run's link still takes what a phone did before it and could not send."""


class RunLinks:
    """Makes links to couriers' pages and opens them."""

    def __init__(self, secret_key: str, public_url: str) -> None:
        self._public_url = public_url.rstrip("/")
        whole = HKDF(SHA256(), 64, salt=None, info=b"carrier-gateway courier links").derive(secret_key.encode())
        self._for_tokens, self._for_hashes = whole[:32], whole[32:]

    def token(self, merchant_id: str, run_id: str, serial: int) -> str:
        """Return the token of a run's link."""
        code = hmac.digest(self._for_tokens, f"{merchant_id}\x1f{run_id}\x1f{serial}".encode(), "sha256")
        return urlsafe_b64encode(code[:_TOKEN_BYTES]).decode()

    def hash_of(self, merchant_id: str, run_id: str, serial: int) -> bytes:
        """Return what is kept of a run's link."""
        return self._hash(self.token(merchant_id, run_id, serial))

    def url(self, row: Mapping[Any, Any]) -> str | None:
        """Return the address of a run's page; None where it was ended, or nobody said at what address we are."""
        if row["revoked_at"] is not None or not self._public_url:
            return None
        return f"{self._public_url}/c/{self.token(row['merchant_id'], row['id'], row['serial'])}"

    def open(self, conn: Connection, token: str, now: int, *, late: bool = False) -> RowMapping | None:
        """Return the run a token opens; None where it is unknown, ended or expired: no caller learns which.

        `late` is for what a phone brings along from before the end.
        """
        if not TOKEN.fullmatch(token):
            return None
        c = RunTables.run.c
        row = conn.execute(select(RunTables.run).where(c.hash == self._hash(token))).mappings().first()
        if row is None or row["revoked_at"] is not None or now >= row["expires_at"] + (LATE_MS if late else 0):
            return None
        return row

    def _hash(self, token: str) -> bytes:
        return hmac.digest(self._for_hashes, token.encode(), "sha256")

"""Links to tracking pages: tokens nobody can guess, kept only as keyed hashes, revocable and expiring.

A token is a keyed code of the shipment and the link's serial, so it can be told again as long as the secret key
stands, and a copy of the database opens no page.
"""

from __future__ import annotations

import hmac
import re
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import select, update

from gateway.clock import now_ms
from gateway.pages.tables import PageTables
from gateway.tables import Tables
from normalizer.model import ENDS
from webhooks.store import insert

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, RowMapping

    from webhooks.store import Store

_TOKEN_BYTES = 18
"""144 bits: 24 characters in an address."""
TOKEN = re.compile(r"[A-Za-z0-9_-]{24}")
PATTERN = "{token:[A-Za-z0-9_-]{24}}"
"""A token in a route."""
_IDS_A_STATEMENT = 400
_DAY = 86_400_000
PROOF_SECONDS = 3_600
"""How long a page remembers that the postcode was told."""
POSTCODE = "postcode"
_ENDS = frozenset(status.value for status in ENDS)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token opened: the shipment's row as it stands."""

    merchant_id: str
    shipment_id: str
    row: RowMapping


class Links:
    """Makes links and opens them. `days` is how long one lives on after its shipment came to its end."""

    def __init__(self, secret_key: str, public_url: str, days: int, store: Store) -> None:
        self._public_url = public_url.rstrip("/")
        self._days = days
        self._store = store
        whole = HKDF(SHA256(), 96, salt=None, info=b"carrier-gateway tracking links").derive(secret_key.encode())
        self._for_tokens, self._for_hashes, self._for_proofs = whole[:32], whole[32:64], whole[64:]

    def url(self, token: str) -> str | None:
        """Return the address of a page; None where nobody said at what address we are reached."""
        return f"{self._public_url}/t/{token}" if self._public_url else None

    def token(self, merchant_id: str, shipment_id: str, serial: int) -> str:
        """Return the token of a link."""
        code = hmac.digest(self._for_tokens, f"{merchant_id}\x1f{shipment_id}\x1f{serial}".encode(), "sha256")
        return urlsafe_b64encode(code[:_TOKEN_BYTES]).decode()

    def hash(self, token: str) -> bytes:
        """Return what is kept of a token."""
        return hmac.digest(self._for_hashes, token.encode(), "sha256")

    def ensure(
        self, conn: Connection, merchant_id: str, shipment_ids: Iterable[str], now: int
    ) -> dict[str, str | None]:
        """Return the addresses of shipments' pages, and make the links that are not there yet; None where revoked."""
        ids = list(dict.fromkeys(shipment_ids))
        known = _latest(conn, merchant_id, ids)
        made = [self._row(merchant_id, id_, 0, now) for id_ in ids if id_ not in known]
        if made:
            statement = insert(conn, PageTables.link).on_conflict_do_nothing(
                index_elements=["merchant_id", "shipment_id", "serial"]
            )
            conn.execute(statement, made)
        return self._urls(merchant_id, {**known, **{row["shipment_id"]: (0, False) for row in made}})

    async def urls(self, merchant_id: str, shipment_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the addresses of shipments' pages; the database is written to only where a link is missing."""
        known = await self._store.read(lambda conn: _latest(conn, merchant_id, shipment_ids))
        missing = [id_ for id_ in shipment_ids if id_ not in known]
        told = self._urls(merchant_id, known)
        if missing:
            now = now_ms()
            told |= await self._store.write(lambda conn: self.ensure(conn, merchant_id, missing, now))
        return told

    def renew(self, conn: Connection, merchant_id: str, shipment_id: str, expires_at: int | None, now: int) -> str:
        """End a shipment's links and make a new one; return its token."""
        known = _latest(conn, merchant_id, [shipment_id])
        serial = known[shipment_id][0] + 1 if shipment_id in known else 0
        revoke(conn, merchant_id, shipment_id, now)
        made = self._row(merchant_id, shipment_id, serial, now, expires_at=expires_at)
        conn.execute(PageTables.link.insert().values(made))
        return self.token(merchant_id, shipment_id, serial)

    def open(self, conn: Connection, token: str, now: int) -> Opened | None:
        """Return what a token opens; None where it is unknown, revoked or expired: no caller learns which."""
        link, shipment = PageTables.link.c, Tables.shipment
        statement = (
            select(shipment, link.expires_at.label("link_expires_at"), link.revoked_at.label("link_revoked_at"))
            .select_from(PageTables.link)
            .join(
                shipment,
                (shipment.c.merchant_id == link.merchant_id) & (shipment.c.id == link.shipment_id),
            )
            .where(link.hash == self.hash(token))
        )
        row = conn.execute(statement).mappings().first()
        if row is None or row["link_revoked_at"] is not None or now >= self._end(row):
            return None
        return Opened(row["merchant_id"], row["id"], row)

    def find(self, conn: Connection, merchant_id: str, token: str) -> str | None:
        """Return which of a merchant's shipments a token was made for, whether it still opens its page or not."""
        c = PageTables.link.c
        found = conn.execute(select(c.merchant_id, c.shipment_id).where(c.hash == self.hash(token))).first()
        return found.shipment_id if found is not None and found.merchant_id == merchant_id else None

    async def opened(self, token: str) -> Opened | None:
        """Return what a token opens, as `open` does."""
        if not TOKEN.fullmatch(token):
            return None
        now = now_ms()
        return await self._store.read(lambda conn: self.open(conn, token, now))

    async def shipment_of(self, token: str) -> tuple[str, str] | None:
        """Return the merchant and the shipment a token opens."""
        opened = await self.opened(token)
        return None if opened is None else (opened.merchant_id, opened.shipment_id)

    def prove(self, token: str, of: str = POSTCODE, seconds: int = PROOF_SECONDS) -> str:
        """Return the proof, for a page's cookie, that the postcode was told, or that something else was done there."""
        until = int(time.time()) + seconds
        return f"{until}.{self._proof(token, of, until)}"

    def proved(self, token: str, proof: str, of: str = POSTCODE) -> bool:
        """Tell whether a proof is one of ours, for this token and this deed, and still good."""
        until, _, code = proof.partition(".")
        if not until.isascii() or not until.isdecimal() or len(until) > len("9999999999"):
            return False
        good = hmac.compare_digest(self._proof(token, of, int(until)).encode(), code.encode("utf-8", "replace"))
        return good and time.time() < int(until)

    def _row(
        self, merchant_id: str, shipment_id: str, serial: int, now: int, *, expires_at: int | None = None
    ) -> dict[str, Any]:
        return {
            "merchant_id": merchant_id,
            "shipment_id": shipment_id,
            "serial": serial,
            "hash": self.hash(self.token(merchant_id, shipment_id, serial)),
            "expires_at": expires_at,
            "revoked_at": None,
            "created_at": now,
        }

    def _proof(self, token: str, of: str, until: int) -> str:
        code = hmac.digest(self._for_proofs, f"{token}\x1f{of}\x1f{until}".encode(), "sha256")
        return urlsafe_b64encode(code[:_TOKEN_BYTES]).decode()

    def _end(self, row: RowMapping) -> float:
        """Return when a link ends: where its merchant said so, else some time after its shipment's last change."""
        if row["link_expires_at"] is not None:
            return int(row["link_expires_at"])
        return row["updated_at"] + self._days * _DAY if row["status"] in _ENDS else float("inf")

    def _urls(self, merchant_id: str, known: dict[str, tuple[int, bool]]) -> dict[str, str | None]:
        return {
            id_: None if revoked else self.url(self.token(merchant_id, id_, serial))
            for id_, (serial, revoked) in known.items()
        }


def revoke(conn: Connection, merchant_id: str, shipment_id: str, now: int) -> None:
    """End all links of a shipment."""
    c = PageTables.link.c
    conn.execute(
        update(PageTables.link)
        .where(c.merchant_id == merchant_id, c.shipment_id == shipment_id, c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def _latest(conn: Connection, merchant_id: str, ids: Sequence[str]) -> dict[str, tuple[int, bool]]:
    """Return the serial of each shipment's latest link and whether it is revoked."""
    c = PageTables.link.c
    found: dict[str, tuple[int, bool]] = {}
    for start in range(0, len(ids), _IDS_A_STATEMENT):
        statement = (
            select(c.shipment_id, c.serial, c.revoked_at)
            .where(c.merchant_id == merchant_id, c.shipment_id.in_(ids[start : start + _IDS_A_STATEMENT]))
            .order_by(c.serial)
        )
        found |= {id_: (serial, revoked_at is not None) for id_, serial, revoked_at in conn.execute(statement)}
    return found

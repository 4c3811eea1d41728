"""The keys an endpoint signs with: sealed at rest, rotated with an overlap, shown to their merchant alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.endpoint_rows import BadEndpoint, find_row, touch
from webhooks.schedule import DAY, HOUR
from webhooks.signing import Key, decode_secret, new_private_key, new_secret, pack, public_key, rotate, unpack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from webhooks.store import Vault

SECRETS = "endpoint-secrets"
"""The purpose under which endpoints' secrets are sealed."""
OVERLAP, LONGEST_OVERLAP = 24 * HOUR, 7 * DAY


def seal(vault: Vault, merchant_id: str, keys: Sequence[Key]) -> bytes:
    """Return keys as an endpoint's row keeps them."""
    return vault.seal(merchant_id, SECRETS, pack(keys))


def unseal(vault: Vault, merchant_id: str, sealed: bytes) -> list[Key]:
    """Return the keys of an endpoint's row."""
    return unpack(vault.open(merchant_id, SECRETS, sealed))


def rotate_secret(
    conn: Connection,
    vault: Vault,
    merchant_id: str,
    endpoint_id: str,
    now: int,
    *,
    secret: str | None = None,
    overlap_ms: int = OVERLAP,
) -> str:
    """Give an endpoint a new secret and return it; the old one signs along for the overlap (0-7 days)."""
    if not 0 <= overlap_ms <= LONGEST_OVERLAP:
        raise BadEndpoint("overlap: expected 0 to 7 days")
    secret = new_secret() if secret is None else secret
    decode_secret(secret)
    keys = rotate(_keys(conn, vault, merchant_id, endpoint_id), Key("hmac", secret), until=now + overlap_ms, now=now)
    touch(conn, merchant_id, endpoint_id, now, secrets=seal(vault, merchant_id, keys))
    return secret


def switch_ed25519(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str, now: int, *, on: bool) -> str:
    """Switch the second, public-key signature on (a fresh key) or off; return the public key or an empty text."""
    keys = [key for key in _keys(conn, vault, merchant_id, endpoint_id) if key.kind != "ed25519"]
    private = new_private_key() if on else ""
    if on:
        keys.append(Key("ed25519", private))
    touch(conn, merchant_id, endpoint_id, now, secrets=seal(vault, merchant_id, keys))
    return public_key(private) if on else ""


def current_secret(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> str:
    """Return the newest secret, for showing it to its merchant."""
    return next(key.secret for key in _keys(conn, vault, merchant_id, endpoint_id) if key.kind == "hmac")


def _keys(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> list[Key]:
    return unseal(vault, merchant_id, find_row(conn, merchant_id, endpoint_id).secrets)

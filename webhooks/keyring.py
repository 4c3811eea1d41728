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
MOST_KEYS = 10
"""Keys of one kind that sign at a time: all their signatures go in one header."""


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
    secret = new_secret() if secret is None else secret
    decode_secret(secret)
    keys = _rotated(_keys(conn, vault, merchant_id, endpoint_id), Key("hmac", secret), overlap_ms, now)
    touch(conn, merchant_id, endpoint_id, now, secrets=seal(vault, merchant_id, keys))
    return secret


def switch_ed25519(
    conn: Connection,
    vault: Vault,
    merchant_id: str,
    endpoint_id: str,
    now: int,
    *,
    on: bool,
    overlap_ms: int = OVERLAP,
) -> str:
    """Switch the second, public-key signature on or off; return the public key, an empty text where it is off.

    On again is a fresh key, and the old one signs along for the overlap (0-7 days).
    """
    keys = _keys(conn, vault, merchant_id, endpoint_id)
    private = new_private_key() if on else ""
    if on:
        keys = _rotated(keys, Key("ed25519", private), overlap_ms, now)
    else:
        keys = [key for key in keys if key.kind != "ed25519"]
    touch(conn, merchant_id, endpoint_id, now, secrets=seal(vault, merchant_id, keys))
    return public_key(private) if on else ""


def _rotated(keys: Sequence[Key], fresh: Key, overlap_ms: int, now: int) -> list[Key]:
    if not 0 <= overlap_ms <= LONGEST_OVERLAP:
        raise BadEndpoint("overlap_hours: expected 0 to 7 days")
    rotated = rotate(keys, fresh, until=now + overlap_ms, now=now)
    if sum(key.kind == fresh.kind for key in rotated) > MOST_KEYS:
        raise BadEndpoint(f"overlap_hours: {MOST_KEYS} keys sign already; wait until some end, or end them all with 0")
    return rotated


def current_public_key(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> str:
    """Return the newest public key; an empty text where the public-key signature is off."""
    keys = _keys(conn, vault, merchant_id, endpoint_id)
    return next((public_key(key.secret) for key in keys if key.kind == "ed25519"), "")


def current_secret(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> str:
    """Return the newest secret, for showing it to its merchant."""
    return next(key.secret for key in _keys(conn, vault, merchant_id, endpoint_id) if key.kind == "hmac")


def _keys(conn: Connection, vault: Vault, merchant_id: str, endpoint_id: str) -> list[Key]:
    return unseal(vault, merchant_id, find_row(conn, merchant_id, endpoint_id).secrets)

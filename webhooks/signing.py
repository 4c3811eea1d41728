"""Standard Webhooks 1.0 signatures: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`), with overlap while a key is replaced."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

if TYPE_CHECKING:
    from collections.abc import Sequence

SECRET_PREFIX = "whsec_"  # noqa: S105 - the standard's prefix, not a secret
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
MIN_SECRET, MAX_SECRET = 24, 64
_ED25519_BYTES = 32


class BadSecret(ValueError):  # noqa: N818 - it names what is bad
    """A secret that does not follow the standard. The text never repeats the secret."""


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key as kept (sealed). `until` is when it ends, in epoch milliseconds; None for the current one."""

    kind: Literal["hmac", "ed25519"]
    secret: str
    until: int | None = None


def new_secret() -> str:
    """Make a secret of 32 random bytes."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def new_private_key() -> str:
    """Make an Ed25519 private key in the standard's spelling."""
    return PRIVATE_PREFIX + base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def public_key(private: str) -> str:
    """Return the `whpk_` key a merchant verifies with."""
    return PUBLIC_PREFIX + base64.b64encode(_private(private).public_key().public_bytes_raw()).decode()


def decode_secret(secret: str) -> bytes:
    """Return the bytes of a `whsec_` secret. Raises `BadSecret`."""
    raw = _decode(secret, SECRET_PREFIX)
    if not MIN_SECRET <= len(raw) <= MAX_SECRET:
        raise BadSecret(f"secret: it holds {len(raw)} bytes, the standard asks for {MIN_SECRET} to {MAX_SECRET}")
    return raw


def _private(private: str) -> Ed25519PrivateKey:
    raw = _decode(private, PRIVATE_PREFIX)
    # Some libraries keep the public half behind the private one (64 bytes).
    if len(raw) not in (_ED25519_BYTES, 2 * _ED25519_BYTES):
        raise BadSecret("secret: an Ed25519 key holds 32 bytes")
    return Ed25519PrivateKey.from_private_bytes(raw[:_ED25519_BYTES])


def _decode(text: str, prefix: str) -> bytes:
    if not text.startswith(prefix):
        raise BadSecret(f"secret: it must start with {prefix}")
    try:
        return base64.b64decode(text[len(prefix) :], validate=True)
    except (binascii.Error, ValueError):
        raise BadSecret(f"secret: what follows {prefix} is not padded base64") from None


def pack(keys: Sequence[Key]) -> bytes:
    """Write keys as the bytes to be sealed."""
    return orjson.dumps([[key.kind, key.secret, key.until] for key in keys])


def unpack(plain: bytes) -> list[Key]:
    """Read what `pack` wrote."""
    return [Key(kind, secret, until) for kind, secret, until in orjson.loads(plain)]


def rotate(keys: Sequence[Key], fresh: Key, *, until: int, now: int) -> list[Key]:
    """Return the keys with a fresh one first; those of its kind live on until the end of the overlap."""
    kept: list[Key] = []
    for key in keys:
        if key.kind == fresh.kind:
            end = until if key.until is None else min(key.until, until)
            if end > now:
                kept.append(Key(key.kind, key.secret, end))
        elif key.until is None or key.until > now:
            kept.append(key)
    return [fresh, *kept]


class Signer:
    """Signs with an endpoint's keys, decoded once. Newest first, HMAC before Ed25519."""

    __slots__ = ("_ed25519", "_hmac")

    def __init__(self, keys: Sequence[Key]) -> None:
        # copying a keyed HMAC spares deriving its pads for every message
        self._hmac: list[tuple[Any, int | None]] = [
            (hmac.new(decode_secret(key.secret), digestmod=sha256), key.until) for key in keys if key.kind == "hmac"
        ]
        self._ed25519 = [(_private(key.secret), key.until) for key in keys if key.kind == "ed25519"]

    def signature(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return the `webhook-signature` value; `timestamp` in epoch seconds."""
        content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
        now = timestamp * 1000
        parts = []
        for keyed, until in self._hmac:
            if until is None or until > now:
                mac = keyed.copy()
                mac.update(content)
                parts.append("v1," + binascii.b2a_base64(mac.digest(), newline=False).decode())
        for private, until in self._ed25519:
            if until is None or until > now:
                parts.append("v1a," + base64.b64encode(private.sign(content)).decode())
        return " ".join(parts)

    def headers(self, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
        """Return the three headers of the standard for one attempt."""
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": self.signature(message_id, timestamp, body),
        }

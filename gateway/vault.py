"""Seals secrets: AES-256-GCM with the merchant and the purpose as associated data, and a key id for rotation."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.engine import make_url

from gateway.db import is_postgres
from gateway.settings import SHORTEST_KEY

if TYPE_CHECKING:
    from gateway.settings import Settings

_VERSION = b"\x01"
_KEY_ID = 4
_NONCE = 12


class Sealed(ValueError):  # noqa: N818 - it names what stays sealed
    """The bytes were sealed with another key, for another merchant or purpose, or are damaged."""


class Vault:
    """Seals and opens with one key. What is sealed: version, key id, nonce, ciphertext and tag."""

    def __init__(self, secret_key: str) -> None:
        key = HKDF(SHA256(), 32, salt=None, info=b"carrier-gateway vault").derive(secret_key.encode())
        self._key_id = sha256(key).digest()[:_KEY_ID]
        self._cipher = AESGCM(key)
        self._marking = HKDF(SHA256(), 32, salt=None, info=b"carrier-gateway fingerprint").derive(secret_key.encode())

    def seal(self, merchant_id: str, purpose: str, plain: bytes) -> bytes:
        """Encrypt for one merchant and purpose."""
        nonce = os.urandom(_NONCE)
        sealed = self._cipher.encrypt(nonce, plain, _bound(merchant_id, purpose))
        return _VERSION + self._key_id + nonce + sealed

    def open(self, merchant_id: str, purpose: str, sealed: bytes) -> bytes:
        """Decrypt what was sealed for the same merchant and purpose. Raises `Sealed`."""
        head = 1 + _KEY_ID
        if sealed[:1] != _VERSION or sealed[1:head] != self._key_id:
            raise Sealed("sealed with another secret key: is GATEWAY_SECRET_KEY the one this database was made with?")
        try:
            nonce, rest = sealed[head : head + _NONCE], sealed[head + _NONCE :]
            return self._cipher.decrypt(nonce, rest, _bound(merchant_id, purpose))
        except InvalidTag:
            raise Sealed("the sealed bytes are damaged or belong to another merchant or purpose") from None

    def fingerprint(self, merchant_id: str, purpose: str, plain: bytes) -> bytes:
        """Return a keyed hash, by which something is found again that nobody may read in the database."""
        return hmac.digest(self._marking, _bound(merchant_id, purpose) + b"\x1f" + plain, "sha256")


def _bound(merchant_id: str, purpose: str) -> bytes:
    return f"{merchant_id}\x1f{purpose}".encode()


def secret_key(settings: Settings) -> str:
    """Return the set key, or the one kept in a file beside the SQLite database, made on first use (mode 0600).

    Raises `ValueError` where there is no such place, or where the file holds no key.
    """
    if settings.secret_key:
        return settings.secret_key
    database = "" if is_postgres(settings.database) else make_url(settings.database).database
    if not database:
        raise ValueError("set GATEWAY_SECRET_KEY: only a SQLite database has a place beside it to keep one")
    path = Path(database + ".key")
    if not path.exists():
        _make_key(path)
    key = path.read_text(encoding="ascii", errors="replace").strip()
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"{path} holds no key: bring it back, or delete it where nothing was sealed with it yet")
    return key


def _make_key(path: Path) -> None:
    """Write a key that is there whole or not at all, whenever this process ends and whoever else makes one."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)

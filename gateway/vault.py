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
from sqlalchemy import inspect, select
from sqlalchemy.engine import make_url

from gateway.db import is_postgres, run_once
from gateway.orders.tables import Orders
from gateway.people.tables import People
from gateway.settings import SHORTEST_KEY
from gateway.shops.tables import Shops
from gateway.tables import Tables
from webhooks.tables import Tables as Endpoints

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gateway.settings import Settings

_WITH_SECRETS = (
    Tables.account, Endpoints.endpoint, People.account, Shops.account, Tables.shipment, Orders.order
)  # fmt: skip
_VERSION = b"\x01"
_KEY_ID = 4
_NONCE = 12


class Sealed(ValueError):  # noqa: N818 - it names what stays sealed
    """The bytes were sealed with another key, for another merchant or purpose, or are damaged."""


class KeyTrouble(ValueError):  # noqa: N818 - it names what there is
    """There is no secret key to work with; the text says what to do."""


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

    Raises `KeyTrouble` where there is no such place, where the file cannot be read or holds no key, and where it is
    gone although the database holds what was sealed with it: a fresh key would open none of that.
    """
    if settings.secret_key:
        return settings.secret_key
    database = "" if is_postgres(settings.database) else make_url(settings.database).database
    if not database:
        raise KeyTrouble("set GATEWAY_SECRET_KEY: only a SQLite database has a place beside it to keep one")
    path = Path(database + ".key")
    if not path.exists():
        if Path(database).exists() and run_once(settings.database, anything_sealed, read_only=True):
            raise KeyTrouble(
                f"{path} is gone, and {Path(database)} holds secrets that were sealed with it: bring the file back, or "
                "set GATEWAY_SECRET_KEY to what it held"
            )
        _make_key(path)
    try:
        key = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as trouble:
        raise KeyTrouble(f"{path} cannot be read: {trouble.strerror}; the key must be a file of ours to read") from None
    if len(key) < SHORTEST_KEY:
        raise KeyTrouble(f"{path} holds no key: bring it back, or delete it where nothing was sealed with it yet")
    return key


def anything_sealed(conn: Connection) -> bool:
    """Tell whether a database, of whatever version, holds what needs its key: credentials, recipients, links."""
    there = set(inspect(conn).get_table_names())
    return any(
        conn.execute(select(one.c.id).limit(1)).first() is not None for one in _WITH_SECRETS if one.name in there
    )


def _make_key(path: Path) -> None:
    """Write a key that is there whole or not at all, whenever this process ends and whoever else makes one."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(file.name, path)

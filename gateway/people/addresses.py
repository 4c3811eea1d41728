"""Addresses of people: read as they are written, kept sealed, found by a keyed hash, shown masked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from yarl import URL

from webhooks.channels.letter import BadAddress as BadMail
from webhooks.channels.letter import read_address
from webhooks.channels.phones import Impossible, to_e164
from webhooks.channels.push import BadSubscription, read_subscription

if TYPE_CHECKING:
    from gateway.vault import Vault

LONGEST = 4_000
_SHOWN_DIGITS = 2
_CALLING_CODE = 3
_DOT = "\N{BULLET}"


class BadAddress(ValueError):  # noqa: N818 - it names what is bad
    """Nobody can be reached there. The text is the reason and does not repeat the address."""


def read(channel: str, written: str, country: str = "") -> str:
    """Return an address as its channel takes it. `country` is where a number without a calling code is meant.

    Raises `BadAddress`.
    """
    if not written.strip() or len(written) > LONGEST:
        raise BadAddress("missing" if not written.strip() else f"longer than {LONGEST} characters")
    try:
        if channel in ("sms", "whatsapp"):
            return to_e164(written, country)
        if channel == "email":
            return read_address(written)
        if channel == "push":
            found = read_subscription(written)
            keys = {"auth": found.keys.auth, "p256dh": found.keys.p256dh}
            return orjson.dumps({"endpoint": str(found.endpoint), "keys": keys}).decode()
    except (Impossible, BadMail, BadSubscription) as bad:
        raise BadAddress(str(bad)) from None
    return written.strip()


def hashed(vault: Vault, merchant_id: str, channel: str, address: str) -> bytes:
    """Return what an address is found by. Upper and lower case are one mailbox; a browser is its endpoint."""
    if channel == "push":
        address = str(orjson.loads(address)["endpoint"])
    return vault.fingerprint(merchant_id, f"person:{channel}", address.casefold().encode())


def seal(vault: Vault, merchant_id: str, wish_id: str, address: str) -> bytes:
    """Seal an address for its wish."""
    return vault.seal(merchant_id, f"wish:{wish_id}", address.encode())


def opened(vault: Vault, merchant_id: str, wish_id: str, sealed: bytes) -> str:
    """Open a wish's address. Raises `gateway.vault.Sealed` where the key is another."""
    return vault.open(merchant_id, f"wish:{wish_id}", sealed).decode()


def masked(channel: str, address: str) -> str:
    """Return an address as it may be shown: enough to be recognised by who knows it, and by nobody else."""
    if channel in ("sms", "whatsapp"):
        hidden = max(0, len(address) - _CALLING_CODE - _SHOWN_DIGITS)
        return address[:_CALLING_CODE] + _DOT * hidden + address[-_SHOWN_DIGITS:]
    if channel == "email":
        local, _, domain = address.rpartition("@")
        return f"{local[:1]}{_DOT * 3}@{domain}"
    if channel == "push":
        return f"{URL(str(orjson.loads(address)['endpoint'])).host}/{_DOT * 3}"
    return f"{address[:1]}{_DOT * 3}"

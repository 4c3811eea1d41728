"""Proof of a push's origin, in constant time: HMACs, shared words, fresh timestamps.

The `require_*` functions raise `Forged` themselves, so that a connector's `verify` is a line or two. No text of an
error holds a secret, a signature or a byte of a body.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from connectors.errors import Forged

if TYPE_CHECKING:
    from collections.abc import Mapping

Digest = Literal["sha1", "sha256", "sha384", "sha512"]
Encoding = Literal["hex", "base64"]

FIVE_MINUTES = timedelta(minutes=5)
"""How far a stamp may be from our clock where a scheme names no figure of its own."""


def hmac_ok(
    secret: bytes, message: bytes, given: str, *, digest: Digest = "sha256", encoding: Encoding = "hex"
) -> bool:
    """Say whether `given` is the HMAC of `message`, compared in constant time.

    A leading `sha256=` (or whichever digest) is passed over; hex may come in capitals, base64 with or without padding
    or in its URL-safe alphabet. An empty secret proves nothing and is never right.
    """
    if not secret:
        return False
    expected = hmac.digest(secret, message, digest)
    text = given.strip()
    if text.lower().startswith(f"{digest}="):
        text = text[len(digest) + 1 :]
    try:
        got = binascii.unhexlify(text) if encoding == "hex" else _unbase64(text)
    except ValueError:
        return False
    return hmac.compare_digest(expected, got)


def _unbase64(text: str) -> bytes:
    plain = text.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def hmac_hex(secret: bytes, message: bytes, *, digest: Digest = "sha256") -> str:
    """Return the HMAC of `message` as small hex digits, for a question of ours."""
    return hmac.digest(secret, message, digest).hex()


def same(one: str, other: str) -> bool:
    """Compare two texts in constant time; an empty text equals nothing, not even another empty one."""
    # Servers hand over header bytes that are no UTF-8 as lone surrogates.
    first, second = (text.encode("utf-8", "surrogatepass") for text in (one, other))
    return bool(first) and bool(second) and hmac.compare_digest(first, second)


def hex_key(secret: str) -> bytes:
    """Return the key that a carrier shows as hex digits (Onfleet). Raises `Forged` where they are none."""
    try:
        return binascii.unhexlify(secret.strip())
    except ValueError:
        raise Forged("the account's signing secret is not hex, as this carrier shows it", owners=True) from None


def base64_key(secret: str) -> bytes:
    """Return the key that a carrier shows in base64. Raises `Forged` where it is none."""
    try:
        return _unbase64(secret.strip())
    except ValueError:
        raise Forged("the account's signing secret is not base64, as this carrier shows it", owners=True) from None


def fresh(timestamp: float | datetime | str, now: datetime, tolerance: timedelta = FIVE_MINUTES) -> bool:
    """Say whether a stamp lies within `tolerance` of `now`, past or future.

    Takes a datetime, seconds or milliseconds since 1970 (told apart by size), or either of them or RFC 3339 as text.
    Nonsense is not fresh; neither is a time without a zone.
    """
    moment = _moment(timestamp)
    return moment is not None and abs(now - moment) <= tolerance


def _moment(stamp: float | datetime | str) -> datetime | None:
    if isinstance(stamp, datetime):
        return stamp if stamp.tzinfo else None
    try:
        seconds = float(stamp)
    except ValueError:
        return _rfc3339(str(stamp))
    if abs(seconds) >= 1e11:  # noqa: PLR2004 - in seconds that is the year 5138, in milliseconds 1973
        seconds /= 1000
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _rfc3339(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def emptied(body: bytes, *names: str) -> bytes:
    """Return a JSON body with the texts of these members emptied wherever they stand, and all else byte for byte."""
    members = "|".join(map(re.escape, names)).encode()
    return re.sub(rb'("(?:' + members + rb')"\s*:\s*)"(?:[^"\\]|\\.)*"', rb'\1""', body)


def require_header(headers: Mapping[str, str], name: str) -> str:
    """Return a header that the scheme rests on. Raises `Forged` where it is missing or empty."""
    value = headers.get(name.lower(), "")
    if not value:
        raise Forged(f"the header {name} is missing")
    return value


def require_query(query: Mapping[str, str], name: str) -> str:
    """Return a query parameter that the scheme rests on. Raises `Forged` where it is missing or empty."""
    value = query.get(name, "")
    if not value:
        raise Forged(f"the query parameter {name} is missing in the address")
    return value


def require_secret(secrets: Mapping[str, str], name: str) -> str:
    """Return a secret of the account. Raises `Forged`: without it nobody can prove anything."""
    value = secrets.get(name, "")
    if not value:
        raise Forged(f"the account has no {name}, so no push can be proved", owners=True)
    return value


def require_hmac(
    secret: bytes, message: bytes, given: str, *, digest: Digest = "sha256", encoding: Encoding = "hex"
) -> None:
    """Raise `Forged` unless `given` is the HMAC of `message` (see `hmac_ok`)."""
    if not hmac_ok(secret, message, given, digest=digest, encoding=encoding):
        raise Forged("the signature is not this body's")


def require_same(given: str, expected: str) -> None:
    """Raise `Forged` unless both texts are equal and not empty."""
    if not given:
        raise Forged("the shared secret is missing")
    if not same(given, expected):
        raise Forged("the shared secret is not the account's")


def require_fresh(timestamp: float | datetime | str, now: datetime, tolerance: timedelta = FIVE_MINUTES) -> None:
    """Raise `Forged` unless the stamp is fresh."""
    if fresh(timestamp, now, tolerance):
        return
    moment, minutes = _moment(timestamp), f"{tolerance / timedelta(minutes=1):g} minutes"
    if moment is None:
        raise Forged("the time stamp is no time")
    if moment < now:
        raise Forged(f"the time stamp is older than {minutes}")
    raise Forged(f"the time stamp lies more than {minutes} ahead of our clock")


def require_basic(headers: Mapping[str, str], username: str, password: str) -> None:
    """Raise `Forged` unless the push carries these HTTP Basic credentials."""
    kind, _, value = require_header(headers, "authorization").partition(" ")
    if kind.lower() != "basic":
        raise Forged("the push carries no Basic credentials")
    token = base64.b64encode(f"{username}:{password}".encode()).decode()
    if not username and not password:
        raise Forged("the account has no credentials for pushes", owners=True)
    require_same(value.strip(), token)

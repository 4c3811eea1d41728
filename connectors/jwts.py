"""JSON Web Tokens (RFC 7519) with a shared key: made anew for each question, and checked on a carrier's push."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import jwt

from connectors.auth import Proof
from connectors.errors import Forged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    import httpx
    from jwt.types import Options

ALGORITHM = "HS256"
LEEWAY = timedelta(minutes=1)
"""How far a carrier's clock may be from ours."""

_OURS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False, "verify_aud": False}
"""What the library would hold against its own clock; a push is held against the moment it came."""


class JwtAuth(Proof):
    """A token signed for each request, which lives a few minutes and is never kept.

    Args:
        key: the bytes of the shared key.
        claims: what the token says; `iat` and `exp` are added.
        headers: further fields of the token's header.
        life: seconds the token is good for.
        clock: for tests; seconds since 1970.
    """

    def __init__(
        self,
        key: bytes,
        claims: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        life: int = 300,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._key, self._claims, self._headers = key, dict(claims), dict(headers or {})
        self._life, self._clock = life, clock

    def apply(self, request: httpx.Request) -> httpx.Request:
        """Put a fresh token into `Authorization`."""
        now = int(self._clock())
        claims: dict[str, Any] = self._claims | {"iat": now, "exp": now + self._life}
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=self._headers)
        request.headers["Authorization"] = f"Bearer {token}"
        return request


def require_jwt(token: str, keys: Iterable[bytes], now: datetime, *, subject: str) -> None:
    """Raise `Forged` unless one of the keys signed the token, it is about `subject`, and its times hold at `now`."""
    for key in keys:
        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=_OURS)
        except (jwt.InvalidTokenError, ValueError):  # ValueError: bytes of a header that are no text
            continue
        if claims.get("sub") != subject:
            raise Forged("the token is about something else")
        if not _timely(claims, now):
            raise Forged("the token's time is over, or has not come")
        return
    raise Forged("the token is not signed with the account's key")


def _timely(claims: Mapping[str, Any], now: datetime) -> bool:
    """Say whether the token has begun and has not ended; a time it does not name does not bind it."""
    seconds, leeway = now.timestamp(), LEEWAY.total_seconds()
    ends, begins = claims.get("exp"), claims.get("nbf", claims.get("iat"))
    if any(isinstance(one, bool) or not isinstance(one, int | float | None) for one in (ends, begins)):
        return False
    return (ends is None or seconds <= ends + leeway) and (begins is None or begins - leeway <= seconds)

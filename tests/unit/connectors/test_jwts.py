"""JSON Web Tokens: what a fresh one says, and which one of a push is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from connectors.errors import Forged
from connectors.jwts import JwtAuth, require_jwt

KEY = b"unit-key-unit-key-unit-key-unit-key"
NOW = datetime(2026, 11, 3, 18, 0, tzinfo=UTC)
T = int(NOW.timestamp())


def token(claims: dict[str, Any], key: bytes = KEY, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_token_is_made_for_each_request_with_its_own_times() -> None:
    times = iter([1_700_000_000.9, 1_700_000_060.0])
    auth = JwtAuth(KEY, {"iss": "me"}, headers={"dd-ver": "1"}, life=300, clock=lambda: next(times))
    first, second = (auth.apply(httpx.Request("GET", "https://x.example")) for _ in range(2))
    claims = [
        jwt.decode(one.headers["authorization"].removeprefix("Bearer "), KEY, ["HS256"], options={"verify_exp": False})
        for one in (first, second)
    ]
    assert claims[0] == {"iss": "me", "iat": 1_700_000_000, "exp": 1_700_000_300}
    assert claims[1]["iat"] == 1_700_000_060


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "push"},
        {"sub": "push", "iat": T, "exp": T + 1},
        {"sub": "push", "exp": T - 59},
        {"sub": "push", "nbf": T + 59},
        {"sub": "push", "aud": "anybody"},
    ],
)
def test_a_token_of_the_account_in_its_time_is_believed(claims: dict[str, Any]) -> None:
    require_jwt(token(claims), [b"another-key-another-key-another-key", KEY], NOW, subject="push")


@pytest.mark.parametrize(
    "given",
    [
        "",
        "é",
        "\udce9.x.y",
        "a.b.c",
        token({"sub": "push"}, b"another-key-another-key-another-key"),
        token({"sub": "push"}, KEY * 2, "HS512"),
        token({"sub": "other"}),
        token({}),
        token({"sub": "push", "exp": T - 61}),
        token({"sub": "push", "iat": T + 61}),
        token({"sub": "push", "nbf": T + 61}),
        token({"sub": "push"})[:-2],
        jwt.encode({"sub": "push"}, None, algorithm="none"),
    ],
)
def test_any_other_token_is_forged(given: str) -> None:
    with pytest.raises(Forged):
        require_jwt(given, [KEY], NOW, subject="push")


@pytest.mark.parametrize("odd", ["soon", True, [T]])
def test_a_time_that_is_none_is_forged(odd: Any) -> None:
    with pytest.raises(Forged):
        require_jwt(token({"sub": "push", "exp": odd}), [KEY], NOW, subject="push")


def test_a_token_is_held_against_the_moment_the_push_came() -> None:
    given = token({"sub": "push", "iat": T, "exp": T + 60})
    require_jwt(given, [KEY], NOW + timedelta(minutes=1), subject="push")
    with pytest.raises(Forged):
        require_jwt(given, [KEY], NOW + timedelta(minutes=3), subject="push")

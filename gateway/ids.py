"""Ids: a prefix that says what it is, then 10 characters of time and 16 of chance, so that they rise with time."""

from __future__ import annotations

import os

from gateway.clock import now_ms

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_CHARACTERS = 10
_CHANCE_CHARACTERS = 16


def new_id(prefix: str, at_ms: int | None = None) -> str:
    """Return a fresh id such as `shp_01k9x2m4q7...`. `at_ms` is the epoch millisecond it shall sort by."""
    moment = now_ms() if at_ms is None else at_ms
    return f"{prefix}_{_base32(moment, _TIME_CHARACTERS)}{_base32(int.from_bytes(os.urandom(10)), _CHANCE_CHARACTERS)}"


def first_id(prefix: str, at_ms: int) -> str:
    """Return the smallest id of that millisecond: a bound for ranges by time."""
    return f"{prefix}_{_base32(at_ms, _TIME_CHARACTERS)}"


def _base32(value: int, length: int) -> str:
    characters = []
    for _ in range(length):
        value, index = divmod(value, 32)
        characters.append(_ALPHABET[index])
    return "".join(reversed(characters))

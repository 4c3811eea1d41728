"""How often somebody may guess: tries that found nothing are counted by address, by number and by key."""

from __future__ import annotations

from gateway.api.problems import Problem
from gateway.pages.tries import Tries

WAIT = 900
_ADDRESS, _NUMBER, _KEY, _TOKENS = 20, 5, 3_000, 60
"""Tries within `WAIT` seconds that found nothing: of one address, for one number, with one key; and of tokens."""


class Counts:
    """Counts of guesses. What found something was none."""

    def __init__(self) -> None:
        self._lookups = (Tries(_ADDRESS, WAIT), Tries(_NUMBER, WAIT), Tries(_KEY, WAIT))
        self._tokens = Tries(_TOKENS, WAIT)

    def lookup(self, keys: tuple[str, str, str]) -> None:
        """Count a lookup by its address, number and key. Raises the 429 problem whether or not the number exists."""
        allowed = [tries.allow(key) for tries, key in zip(self._lookups, keys, strict=True)]
        if not all(allowed):
            raise _too_often()

    def found(self, keys: tuple[str, str, str]) -> None:
        """Take a lookup back: it found something."""
        address, number, key = self._lookups
        address.give_back(keys[0])
        number.forgive(keys[1])
        key.give_back(keys[2])

    def token(self, address: str) -> None:
        """Count a token that opened nothing. Raises the 429 problem where an address tried too many."""
        if not self._tokens.allow(address):
            raise _too_often()


def _too_often() -> Problem:
    return Problem("rate-limited", "too many tries that found nothing", headers={"Retry-After": str(WAIT)})

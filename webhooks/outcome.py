"""One request and what came of it: where it goes, its plain outcome, and what it looked like on the wire."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from webhooks.schedule import rfc3339

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

    from yarl import URL

    from webhooks.tls import TlsFacts

MOST_HEADERS, MOST_HEADER_CHARACTERS = 100, 16_384
"""Headers of an answer that are kept, and their characters in all."""
MASK = "***"
_MASKED = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_SCHEMES = frozenset({"basic", "bearer"})
_SHORTEST_SECRET = 4
"""Shorter words stand everywhere and are looked for nowhere."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, prepared once. `tls` where they show a certificate of their own."""

    url: URL
    timeout: float = 15.0
    tls: ssl.SSLContext | None = None


class Phases(NamedTuple):
    """Milliseconds each phase took: None for one that was not gone through, as on a connection used before.

    dns: finding the address; connect: TCP, and the proxy's tunnel; tls: the handshake; first_byte: from there to the
    answer's headers; total: all, the answer's body included.
    """

    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    first_byte: float | None = None
    total: float = 0.0


@dataclass(slots=True)
class Exchange:
    """What one request looked like on the wire."""

    sent: dict[str, str]
    received: list[tuple[str, str]] = field(default_factory=list)
    answer: str = ""
    phases: Phases = field(default_factory=Phases)
    tls: TlsFacts | None = None
    cut: bool = False
    """The answer was longer than what was read of it."""

    def hide(self, names: Iterable[str], secrets: Iterable[str]) -> None:
        """Mask what we sent under these names, and these words wherever the answer says them back."""
        for name in names:
            if name in self.sent:
                self.sent[name] = MASK
        for secret in secrets:
            if len(secret) >= _SHORTEST_SECRET:
                self.answer = self.answer.replace(secret, MASK)
                self.received = [(name, value.replace(secret, MASK)) for name, value in self.received]

    def pack(self) -> bytes:
        """Return it as JSON, as it is kept and shown."""
        tls = self.tls
        facts: dict[str, Any] | None = None
        if tls is not None:
            ends_at = None if tls.until is None else rfc3339(tls.until)
            facts = {"version": tls.version, "cipher": tls.cipher, "certificate_ends_at": ends_at}
        return orjson.dumps(
            {
                "request_headers": {name: masked(name, value) for name, value in self.sent.items()},
                "response_headers": self.received,
                "response": self.answer,
                "response_cut": self.cut,
                "phases": self.phases._asdict(),
                "tls": facts,
            }
        )


class Outcome(NamedTuple):
    """What came of one request.

    `kind` is `delivered` or what went wrong: status, redirect, gone, timeout, connect, dns, tls, reset, protocol,
    forbidden, token (no token was to be had; not charged to the endpoint) or ours (our own fault, not charged either).
    `retry_after` in milliseconds. `before` is what came of the same request a moment earlier, where it was sent twice:
    a reused connection broke, or a token had run out.
    """

    kind: str
    status: int | None = None
    ms: int = 0
    ip: str | None = None
    response: str = ""
    retry_after: int | None = None
    before: Outcome | None = None
    exchange: Exchange | None = None


def masked(name: str, value: str) -> str:
    """Return a header's value as it may be shown: of logins and cookies only the kind."""
    if name.lower() not in _MASKED:
        return value
    scheme = value.partition(" ")[0]
    return f"{scheme} {MASK}" if scheme.lower() in _SCHEMES else MASK


def kept_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return an answer's headers as they are kept: so many, in printable characters, cookies without their values."""
    kept: list[tuple[str, str]] = []
    room = MOST_HEADER_CHARACTERS
    for name, value in pairs:
        room -= len(name) + len(value)
        if room < 0 or len(kept) == MOST_HEADERS:
            break
        kept.append((printable(name), printable(masked(name, value))))
    return kept


def printable(text: str) -> str:
    """Return a text that is safe to show and to store (PostgreSQL refuses NUL)."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def merged(*headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as one, names in small letters, the later ones winning."""
    return {name.lower(): value for one in headers for name, value in one.items()}

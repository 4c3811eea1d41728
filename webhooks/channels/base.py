"""What every channel is: something that takes an `Outgoing` and says what came of it, and may hear back later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Kind = Literal["sms", "email", "push", "whatsapp", "console"]
SaidKind = Literal["accepted", "later", "refused", "blocked", "gone", "rejected", "ours"]


class Forged(Exception):  # noqa: N818 - it names what happened
    """A provider's call does not carry its proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One notice, worded and addressed."""

    id: str
    """The notice's id: the same over every repeat, so a provider that can drops the second."""
    to: str
    """A phone number in E.164, an e-mail address, or a browser's push subscription as JSON."""
    text: str
    subject: str = ""
    html: str = ""
    language: str = "en"
    link: str = ""
    """Where a tap leads."""
    unsubscribe_url: str = ""
    urgent: bool = False
    template: str = ""
    """The provider's name of an approved template, where it sends nothing else (WhatsApp)."""
    template_values: tuple[str, ...] = ()
    callback_url: str = ""
    """Where the provider reports what became of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a provider answered.

    accepted: it is on its way. later: try again, not before `retry_after` seconds. refused: this notice never goes.
    blocked: this person said stop to the provider. gone: this address exists no more. rejected: our account is not
    accepted, nothing goes until its owner acts. ours: we could not get out; nobody is charged for it.
    """

    kind: SaidKind
    provider_id: str = ""
    code: str = ""
    reason: str = ""
    """Plain words without addresses or texts."""
    retry_after: float | None = None
    segments: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a notice, told later. States only rise: queued, sent, delivered, read; undelivered ends."""

    provider_id: str
    state: Literal["queued", "sent", "delivered", "read", "undelivered"]
    code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """What a person wrote to us. `word` is set where it is one of the words with a meaning, in any language we know."""

    provider_id: str
    sender: str
    to: str
    text: str
    word: Literal["stop", "start", "help"] | None = None
    handled: bool = False
    """The provider answered the person already."""


class Channel(Protocol):
    """Sends. Built by its kind's module from an account's settings and secrets."""

    kind: Kind

    async def send(self, notice: Outgoing) -> Said:
        """Send one notice; never raises for what a provider does."""
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


@runtime_checkable
class Hears(Protocol):
    """A channel whose provider calls back."""

    def verify(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raise `Forged` where a call to `url` (as the provider sees it) does not prove where it comes from."""
        ...

    def hear(self, headers: Mapping[str, str], body: bytes) -> Sequence[Report | Inbound]:
        """Read a verified call. What it does not know it leaves out."""
        ...

    def answer(self, text: str) -> tuple[bytes, str]:
        """Return the body and media type of the answer to a call; `text`, where there is one, goes to who wrote."""
        ...

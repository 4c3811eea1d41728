"""What can go wrong with a carrier, named by what happens next."""

from __future__ import annotations


class CarrierError(Exception):
    """The ground of all errors a connector or its client raises. Its text never holds a secret or a recipient."""


class Unavailable(CarrierError):  # noqa: N818 - named by what happens next, as all five are
    """Try later: timeout, 429, 5xx, or a body that says so. `retry_after` in seconds, if the carrier named one."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Rejected(CarrierError):  # noqa: N818
    """Stop this account and tell its owner: the carrier refuses its credentials or its right to this service."""


class NotFound(CarrierError):  # noqa: N818
    """The carrier does not know the number: normal for a young label, ask again slower."""


class Unreadable(CarrierError):  # noqa: N818
    """Keep the bytes and tell a developer: they are not what this carrier's documents promise."""


class Forged(CarrierError):  # noqa: N818
    """A push without the proof of origin that this carrier's scheme asks for: 401, counted, dropped.

    The sender is told the reason too, as everybody's webhooks do: a scheme is public, and a reason helps nobody to a
    signature. `owners` marks what is a matter of the account's own set-up, and told to its owner alone.
    """

    def __init__(self, reason: str, *, owners: bool = False) -> None:
        super().__init__(reason)
        self.told = "the account is not set up to prove pushes; its owner sees why" if owners else reason

"""What X12 and EDIFACT share: counts that must be right, and conditions whose breach makes bytes unreadable."""

from __future__ import annotations

from connectors.errors import Unreadable

_FIGURES = 9


def figure(text: str) -> int:
    """Return a count as a trailer gives it; -1, which no count is, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _FIGURES else -1


def need(holds: bool, trouble: str) -> None:  # noqa: FBT001 - a condition and its words
    """Raise `Unreadable` with these words unless the condition holds."""
    if not holds:
        raise Unreadable(trouble)

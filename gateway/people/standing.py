"""What holds: of a wish, and of a notice of which news arrive in any order. Pure."""

from __future__ import annotations

from typing import Literal

WishState = Literal["pending", "active", "stopped"]
NoticeState = Literal["queued", "sending", "sent", "undelivered", "delivered", "read", "superseded", "skipped"]

_RANK = {"queued": 0, "sending": 1, "sent": 2, "undelivered": 3, "delivered": 4, "read": 5}


def wish_state(*, stopped: bool, removed: bool, double_opt_in: bool, confirmed: bool) -> WishState:
    """Return a wish's state. A stop wins over everything, whatever came before or after it."""
    if stopped or removed:
        return "stopped"
    return "active" if confirmed or not double_opt_in else "pending"


def risen(now: str, said: str) -> str:
    """Return a notice's state after a report: the higher of both, so the order of reports does not matter.

    A proof that it arrived outweighs a report that it did not. What never went cannot rise.
    """
    if now not in _RANK or said not in _RANK:
        return now
    return said if _RANK[said] > _RANK[now] else now

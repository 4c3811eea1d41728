"""How long a lane leaves its endpoint alone, and how long it bears with nothing but failures. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhooks.item import Change
from webhooks.schedule import DAY, HOUR, SECOND

if TYPE_CHECKING:
    from webhooks.item import Result

SHORTEST_PAUSE = 1 * SECOND
LONGEST_BUSY_PAUSE = LONGEST_OUR_PAUSE = 60 * SECOND
DISABLE_AFTER = 5 * DAY
DISABLE_TRIES = 25
"""Tries that must have failed as well: two messages through the whole usual schedule are twenty, and prove little."""
WARN_AFTER = (1 * DAY, 3 * DAY, 4 * DAY)
WARN_BLOCKED_AFTER = (1 * HOUR, 1 * DAY, 3 * DAY)
"""Not being let through is nobody's failing that ends by itself, so it is told sooner, and disables nothing."""


class Pauses:
    """Until when the whole lane rests (epoch ms): because it was asked to, or because our own network fails."""

    __slots__ = ("_busy_step", "_our_step", "until")

    def __init__(self, until: int = 0) -> None:
        self.until = until
        self._busy_step = self._our_step = 0

    def asked(self, result: Result, now: int) -> bool:
        """Pause as an endpoint's refusal asks for; return whether it does.

        "Too much" without a time, or with one that is over, pauses for a second, and twice as long each time it is said
        again, up to a minute.
        """
        self._our_step = 0
        pause = result.retry_after
        if pause is None and not result.busy:
            return False
        if not pause:
            if now < self.until:  # of refusals that come together one counts
                return True
            pause = min(SHORTEST_PAUSE << min(self._busy_step, 20), LONGEST_BUSY_PAUSE)
            self._busy_step += 1
        self.until = max(self.until, now + max(pause, SHORTEST_PAUSE))
        return True

    def ours(self, now: int) -> None:
        """Pause because of a fault of our own: a second, and twice as long each time, up to a minute."""
        pause = min(SHORTEST_PAUSE << min(self._our_step, 20), LONGEST_OUR_PAUSE)
        self._our_step += 1
        self.until = max(self.until, now + pause)

    def over(self) -> None:
        """Note that a request came through."""
        self._busy_step = self._our_step = 0


class Patience:
    """Since when an endpoint does nothing but fail (epoch ms, 0 for not), how often, and what follows from that.

    `tries` are counted up to `DISABLE_TRIES`: how many more there were decides nothing.
    """

    __slots__ = ("_blocked", "_told", "_warned", "since", "tries")

    def __init__(self, since: int = 0, tries: int = 0) -> None:
        self.since = since
        self.tries = tries
        self._warned = self._blocked = self._told = 0

    def restored(self) -> None:
        """Note a success."""
        self.since = self.tries = self._warned = self._blocked = self._told = 0

    def failed(self, now: int) -> None:
        """Note a failure that counts against the endpoint."""
        self.since = self.since or now
        self.tries = min(self.tries + 1, DISABLE_TRIES)

    def warning(self, now: int) -> Change | None:
        """Note that we were not let through as far as the endpoint; return the warning that follows, if one does."""
        self._blocked = self._blocked or now
        due = sum(now - self._blocked >= after for after in WARN_BLOCKED_AFTER)
        if due <= self._told:
            return None
        self._told = due
        return Change("blocked", tries=due, run_at=self._blocked, reason="token")

    def verdict(self, result: Result, now: int) -> Change | None:
        """Return what a failure leads to: `disabled` when it is gone, or has failed for days and often enough.

        Before that come warnings, at least one of them also where it was silent until the days were over. A warning's
        `attempts` are the tries so far.
        """
        if result.gone:
            return Change("disabled", reason="gone")
        failing = now - self.since
        due = sum(failing >= after for after in WARN_AFTER)
        if due > self._warned:
            self._warned = due
            return Change("failing", tries=due, attempts=self.tries, run_at=self.since)
        if failing >= DISABLE_AFTER and self.tries >= DISABLE_TRIES:
            return Change("disabled", reason="failing", run_at=self.since)
        return None

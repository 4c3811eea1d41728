"""How fast an endpoint is asked: as it wishes at most, and half as fast whenever it says that this is too much. Pure.

The rate found so is lifted again bit by bit while requests go well: a sawtooth just under what the endpoint takes. The
first refusal halves how fast requests really left, not how fast they might have. Between two halvings something must
have gone well: a burst of refusals counts once, and being refused again after the pause asks for a longer pause, not
for a lower rate (so TCP halves once however often it repeats a segment, RFC 5681, 3.1). What left in a second that was
mostly pause says nothing of the rate.
"""

from __future__ import annotations

from webhooks.schedule import SECOND, Bucket

SLOWEST = 0.5
"""Requests a second below which no refusal takes an endpoint."""
_STEPS = 20
"""Seconds in which what was halved would grow by as much as it had been."""
_SMALLEST_STEP = 0.1
_ENDLESS = 1 << 30


class Pace:
    """The rate of one lane. `wish` is the endpoint's own limit, `rate` where it goes on from after a restart."""

    __slots__ = ("_before", "_bucket", "_count", "_cut_at", "_grown_at", "_peak", "_second", "_well", "_wish", "rate")

    def __init__(self, wish: float | None, rate: float | None = None) -> None:
        self._wish = wish
        self.rate = rate
        """What it has been taken down to; None while nothing holds it but the wish."""
        self._peak = 2 * rate if rate is not None else 0.0
        held = self.held
        self._bucket = Bucket(held) if held is not None else None
        self._cut_at = self._grown_at = 0
        self._well = True
        self._second = self._count = self._before = 0

    @property
    def held(self) -> float | None:
        """Requests a second that may leave now; None for any number."""
        if self.rate is None:
            return self._wish
        return self.rate if self._wish is None else min(self.rate, self._wish)

    def room(self, now: int) -> int:
        """Return how many requests may leave now."""
        return _ENDLESS if self._bucket is None else self._bucket.room(now)

    def take(self, count: int, now: int) -> None:
        """Note requests that leave."""
        self._turn(now)
        self._count += count
        if self._bucket is not None:
            self._bucket.take(count)

    def next_token(self, now: int) -> int:
        """Return when the next request may leave."""
        return now if self._bucket is None else self._bucket.next_token(now)

    def too_much(self, now: int) -> None:
        """Note that the endpoint asked for less, or did not keep up."""
        if not self._well:
            return
        self._turn(now)
        rate = self.rate or float(max(self._count, self._before, 1))
        self._peak = rate if self._wish is None else min(rate, self._wish)
        self._cut_at = self._grown_at = now
        self._well = False
        self._hold(max(SLOWEST, self._peak / 2))

    def went_well(self, now: int) -> None:
        """Note a success: what was taken away comes back little by little."""
        if self.rate is None:
            return
        if now - self._cut_at >= SECOND:  # sooner come answers to what had left before
            self._well = True
        passed, self._grown_at = min(now - self._grown_at, SECOND), max(now, self._grown_at)
        if passed > 0:
            rate = self.rate + max(_SMALLEST_STEP, self._peak / _STEPS) * passed / SECOND
            self._hold(None if rate >= (self._wish or max(2 * self._peak, 2 * SLOWEST)) else rate)

    def _hold(self, rate: float | None) -> None:
        self.rate = rate
        held = self.held
        if held is None:
            self._bucket = None
        elif self._bucket is None:
            self._bucket = Bucket(held)
        else:
            self._bucket.rate = held

    def _turn(self, now: int) -> None:
        """Begin a new second of counting where one is over."""
        second = now // SECOND
        if second != self._second:
            self._before = self._count if second == self._second + 1 else 0
            self._second, self._count = second, 0

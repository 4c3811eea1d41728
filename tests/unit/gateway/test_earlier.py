"""Which events are an earlier parcel's of the same number."""

from __future__ import annotations

import random

import pytest

from gateway.earlier import LONG_BEFORE, boundary, current, until
from normalizer.journey import Step
from normalizer.model import Moves, Status

DAY = 86_400_000
CREATED = 1_800_000_000_000
"""2027-01-15T08:00:00Z"""


def step(days: float, status: Status, moves: Moves = "tells") -> Step:
    at = CREATED + int(days * DAY)
    return Step(at, 0, f"e{at}", status, "other", moves, False, at, "2026-01-01", "")


def found(*steps: Step, before: int | None = None) -> list[float]:
    """Return the days, from the registration, of the events that are this parcel's."""
    end = until(steps, CREATED - LONG_BEFORE if before is None else before)
    return [(one.sort_at - CREATED) / DAY for one in current(steps, end)]


def test_without_a_ship_date_it_is_sixty_days_before_the_registration() -> None:
    assert boundary(CREATED, None) == CREATED - 60 * DAY
    assert boundary(CREATED, "2027-01-10") == 1_799_452_800_000  # 2027-01-09T00:00:00Z


@pytest.mark.parametrize("end", [Status.DELIVERED, Status.RETURNED])
def test_a_journey_that_ended_long_before_is_not_this_parcels(end: Status) -> None:
    assert found(step(-70, Status.IN_TRANSIT), step(-61, end), step(-1, Status.IN_TRANSIT)) == [-1]


def test_one_that_ended_within_sixty_days_or_never_ended_is_this_parcels() -> None:
    assert found(step(-70, Status.IN_TRANSIT), step(-60, Status.DELIVERED)) == [-70, -60]
    assert found(step(-300, Status.IN_TRANSIT), step(-200, Status.EXCEPTION)) == [-300, -200]
    assert found(step(-70, Status.DELIVERED, "informs")) == [-70]


def test_a_ship_date_moves_the_boundary_to_its_day() -> None:
    steps = step(-9, Status.DELIVERED), step(-3, Status.IN_TRANSIT)
    assert found(*steps) == [-9, -3]
    assert found(*steps, before=boundary(CREATED, "2027-01-10")) == [-3]
    assert found(step(-90, Status.DELIVERED), before=boundary(CREATED, "2026-10-01")) == [-90]


@pytest.mark.parametrize("seed", range(20))
def test_order_repetition_and_split_of_arrival_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    statuses = [Status.IN_TRANSIT, Status.DELIVERED, Status.RETURNED, Status.EXCEPTION]
    steps = [step(chance.uniform(-120, 0), chance.choice(statuses)) for _ in range(12)]
    whole = until(steps, CREATED - LONG_BEFORE)
    shuffled = steps + chance.sample(steps, 4)
    chance.shuffle(shuffled)
    known: int | None = None
    for one in shuffled:
        known = until([one], CREATED - LONG_BEFORE, known)
    assert known == whole

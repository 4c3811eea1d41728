"""A scan dated after its receipt: which are believed, and where the others stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from normalizer.ahead import MOST_AHEAD, believed, placed
from normalizer.codes import CodeTable, Meaning
from normalizer.journey import fold, step
from normalizer.model import Event, Place, Scan, Status
from normalizer.normalize import normalize

RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
CET = timezone(timedelta(hours=1))
TABLE = CodeTable(
    {
        "M": Meaning(Status.IN_TRANSIT, "other"),
        "O": Meaning(Status.OUT_FOR_DELIVERY, "loaded"),
        "F": Meaning(Status.ATTEMPT_FAILED, "other"),
        "D": Meaning(Status.DELIVERED, "other"),
        "R": Meaning(Status.RETURNING, "to_sender"),
    },
    {},
)


def event(at: datetime | date | None, code: str = "M", received: datetime = RECEIVED, order: int = 0) -> Event:
    scan = Scan(number="1Z7R4K900348500016", at=at, codes=(code,), place=Place(), order=order)
    return believed(
        normalize(
            scan,
            carrier="ups",
            codes=TABLE,
            clock_kind="offset",
            carrier_zone=None,
            source="poll",
            received_at=received,
        )
    )


@pytest.mark.parametrize(
    "at",
    [
        None,
        RECEIVED,
        RECEIVED + MOST_AHEAD,
        datetime(2026, 3, 2, 2),  # noqa: DTZ001 - a wall clock, true where the day begins first
        date(2026, 3, 2),
    ],
)
def test_what_may_be_a_mistaken_zone_is_believed(at: datetime | date | None) -> None:
    one = event(at)
    assert (one.told_time, one.time_basis == "received") == (None, False)


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (RECEIVED + MOST_AHEAD + timedelta(seconds=1), RECEIVED + MOST_AHEAD + timedelta(seconds=1)),
        (datetime(2026, 3, 2, 2, 1), datetime(2026, 3, 2, 2, 1)),  # noqa: DTZ001 - a wall clock
        (date(2026, 3, 3), date(2026, 3, 3)),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)),
    ],
)
def test_what_no_zone_explains_stands_at_its_receipt_and_keeps_the_time_as_told(at: datetime, told: datetime) -> None:
    one = event(at)
    assert (one.at, one.time_basis, one.told_time) == (RECEIVED, "received", told)
    assert step(one).at == step(one).sort_at == int(RECEIVED.timestamp() * 1000)


def test_the_clock_on_the_wall_is_the_receipts_at_the_offset_that_was_told() -> None:
    one = event(datetime(2027, 3, 1, 14, tzinfo=CET))
    assert (one.local_time, one.utc_offset) == (datetime(2026, 3, 1, 13), "+01:00")  # noqa: DTZ001 - a wall clock
    assert step(one).day == "2026-03-01"


def test_scans_of_one_receipt_stand_in_the_order_of_the_times_told() -> None:
    first, last = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 2, tzinfo=UTC)
    assert fold([step(event(last, "M")), step(event(first, "D"))]).status is Status.DELIVERED
    assert fold([step(event(last, "M")), step(event(first, "O"))]).status is Status.IN_TRANSIT
    assert step(event(datetime(9999, 12, 31, tzinfo=UTC))).order < 2**31


def test_what_was_placed_by_one_receipt_is_placed_by_another() -> None:
    told, earlier = datetime(2027, 3, 1, tzinfo=UTC), RECEIVED - timedelta(days=1)
    expected = replace(event(told, received=earlier), received_at=RECEIVED)
    assert placed(event(told), earlier) == expected
    come_true = event(told, received=told)
    assert come_true.time_basis == "offset"
    assert placed(come_true, earlier) == replace(expected, received_at=told)


HOURS = st.integers(-40, 40)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(HOURS, st.sampled_from("MOFR")), max_size=8),
    st.tuples(st.integers(15, 9_000), st.sampled_from("MOFR")),
    st.integers(0, 60),
    st.sampled_from("MOFD"),
)
def test_no_scan_dated_ahead_hides_a_true_one_that_comes_after_it(
    history: list[tuple[int, str]], odd: tuple[int, str], later: int, code: str
) -> None:
    """Whatever was told with however wrong a date: what happens after its receipt moves the shipment."""
    steps = [step(event(RECEIVED + timedelta(hours=min(hours, 0)), code)) for hours, code in history]
    steps.append(step(event(RECEIVED + timedelta(hours=odd[0]), odd[1])))
    at = RECEIVED + timedelta(hours=later, seconds=1)
    true = step(event(at, code, received=at))
    whole = fold([*steps, true])
    assert whole.last_at == true.at
    assert max(steps, key=lambda one: one.sort_at).sort_at <= int(RECEIVED.timestamp() * 1000)
    if code == "D":
        assert whole.status in (Status.DELIVERED, Status.RETURNED)


@settings(max_examples=300)
@given(st.lists(st.tuples(HOURS, st.sampled_from("MOFDR"), st.integers(0, 90)), max_size=10), st.randoms())
def test_the_first_receipt_of_each_scan_rules_in_any_order(told: list[tuple[int, str, int]], random: object) -> None:
    """A telling with a lower place replaces a higher one, as the store does it: the least of them is the first's."""

    def kept(tellings: list[tuple[int, str, int]]) -> dict[str, int]:
        places: dict[str, int] = {}
        for hours, code, receipt in tellings:
            one = step(
                event(RECEIVED + timedelta(hours=hours), code, received=RECEIVED + timedelta(hours=receipt - 45))
            )
            places[one.id] = min(one.sort_at, places.get(one.id, one.sort_at))
        return places

    shuffled = [*told, *told[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert kept(shuffled) == kept(sorted(told, key=lambda one: one[2]))

"""What one ended shipment says, in counts."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random  # noqa: TC003 - hypothesis reads the annotations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.insights.corridor import Corridor
from gateway.insights.foretelling import Saying
from gateway.insights.outcome import DELIVERED, RETURNED, WAITING, Counted, Ended, outcome
from normalizer.journey import Step, fold
from normalizer.model import Status
from normalizer.sketch import bin_of

HOUR = 3_600_000
START = int(datetime(2026, 11, 2, 9, tzinfo=UTC).timestamp() * 1000)  # a Monday
CORRIDOR = Corridor("demo", "Express", "DE", "PT", "40")


def at(hours: float) -> int:
    return START + int(hours * HOUR)


def step(hours: float | None, status: Status, substatus: str = "other", **more) -> Step:
    day = "" if hours is None else datetime.fromtimestamp(at(hours) / 1000, UTC).date().isoformat()
    told = {
        "sort_at": at(hours or 0),
        "moves": "tells",
        "returning": False,
        "piece": "",
        "day": day,
        "at": None if hours is None else at(hours),
    } | more
    return Step(order=0, id=f"evt_{hours}_{status}_{more}", status=status, substatus=substatus, **told)


HANDED_IN, OUT, THERE = step(0, Status.IN_TRANSIT), step(30, Status.OUT_FOR_DELIVERY), step(34, Status.DELIVERED)


def of(*steps: Step, **more) -> Counted | None:
    return outcome(Ended(corridor=CORRIDOR, journey=fold(steps), steps=steps, zone=ZoneInfo("Europe/Lisbon"), **more))


def found(*steps: Step, **more) -> Counted:
    counted = of(*steps, **more)
    assert counted is not None
    return counted


def test_a_delivery_says_how_long_it_took_and_what_was_usual_on_the_way() -> None:
    counted = found(HANDED_IN, step(20, Status.IN_TRANSIT, "arrived"), OUT, THERE)
    assert counted.day == (datetime(2026, 11, 3, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert dict(counted.tally) == {("end", DELIVERED): 1, ("transit", bin_of(34)): 1}
    assert dict(counted.norms) == {
        ("transit.0", bin_of(34)): 1,
        ("out", bin_of(4)): 1,
        ("silence", bin_of(20)): 1,
    }


def test_what_has_not_arrived_says_nothing() -> None:
    assert of() is None
    assert of(HANDED_IN, OUT) is None
    assert of(HANDED_IN, step(9, Status.CANCELLED)) is None


def test_it_arrived_when_it_could_be_collected_and_it_is_known_what_still_waits() -> None:
    waits = step(20, Status.AVAILABLE_FOR_PICKUP)
    assert found(HANDED_IN, waits).tally == {("end", WAITING): 1, ("transit", bin_of(20)): 1}
    assert found(HANDED_IN, waits, THERE).tally == {("end", DELIVERED): 1, ("transit", bin_of(20)): 1}


def test_what_came_back_is_no_arrival_unless_it_had_arrived() -> None:
    back = (step(40, Status.RETURNING), step(90, Status.RETURNED))
    assert found(HANDED_IN, *back).tally == {("end", RETURNED): 1}
    assert found(HANDED_IN, THERE, *back).tally == {("end", RETURNED): 1, ("transit", bin_of(34)): 1}


def test_a_delivery_that_is_called_off_is_none_and_the_next_one_is() -> None:
    called_off = step(36, Status.IN_TRANSIT, moves="corrects")
    assert of(HANDED_IN, THERE, called_off) is None
    assert found(HANDED_IN, THERE, called_off, step(60, Status.DELIVERED)).tally["transit", bin_of(60)] == 1


def test_a_delivery_of_unknown_hour_counts_by_its_day_and_tells_no_time() -> None:
    counted = found(HANDED_IN, step(None, Status.DELIVERED, sort_at=at(34), day="2026-11-05"))
    assert counted.day == (datetime(2026, 11, 5, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
    assert (dict(counted.tally), dict(counted.norms)) == ({("end", DELIVERED): 1}, {})


def test_each_departure_and_each_failed_attempt_teach_what_follows() -> None:
    failed = step(34, Status.ATTEMPT_FAILED, "recipient_absent")
    counted = found(HANDED_IN, OUT, failed, step(50, Status.OUT_FOR_DELIVERY), step(54, Status.DELIVERED))
    assert {key: count for key, count in counted.norms.items() if key[0] in ("out", "retry")} == {
        ("out", bin_of(24)): 1,
        ("out", bin_of(4)): 1,
        ("retry", bin_of(20)): 1,
    }


def test_the_longest_silence_is_that_of_the_way_not_of_the_vehicle_or_the_shelf() -> None:
    counted = found(
        HANDED_IN,
        step(10, Status.IN_TRANSIT, moves="informs"),
        step(12, Status.OUT_FOR_DELIVERY),
        step(90, Status.DELIVERED),
    )
    assert counted.norms["silence", bin_of(10)] == 1


@pytest.mark.parametrize(
    ("promised", "off"),
    [
        (("2026-11-03T18:00:00Z", "2026-11-03T20:00:00Z"), 0),
        (("2026-11-03T20:00:00Z", "2026-11-03T21:00:00Z"), -1),
        ((None, "2026-11-03T09:00:00Z"), 10),
        (("2026-11-03", "2026-11-03"), 0),
        (("2026-11-02", "2026-11-02"), 19),
    ],
)
def test_a_promise_is_kept_within_its_window_and_a_day_is_meant_whole(promised, off) -> None:
    counted = found(HANDED_IN, THERE, promised=dict(zip(("from", "to"), promised, strict=True)))
    assert counted.tally["late.merchant", bin_of(off)] == 1


def said(hours: float, start: float, end: float) -> Saying:
    told = [datetime.fromtimestamp(at(one) / 1000, UTC).isoformat() for one in (start, end)]
    return Saying("carrier", at(hours), {"from": told[0], "to": told[1]})


def foretold(hours: float, p50: float, p90: float) -> Saying:
    return Saying("ours", at(hours), {"p50": at(p50), "p90": at(p90)})


def test_voices_are_judged_by_what_they_had_said_by_then() -> None:
    slow = step(100, Status.DELIVERED)
    sayings = [said(80, 90, 95), said(1, 48, 50), foretold(2, 60, 70), foretold(77, 98, 102), said(101, 99, 101)]
    tally = found(HANDED_IN, slow, said=sayings).tally
    assert tally["late.carrier", bin_of(50)] == 1
    assert [tally[f"off.carrier.{lead}", bin_of(off)] for lead, off in ((72, 50), (24, 50), (4, 5))] == [1, 1, 1]
    assert [tally[f"off.ours.{lead}", bin_of(off)] for lead, off in ((72, 40), (24, 40), (4, 2))] == [1, 1, 1]
    assert [tally[f"within.{lead}", there] for lead, there in ((72, 0), (24, 0), (4, 1))] == [1, 1, 1]


def test_a_prediction_that_was_taken_back_had_said_nothing() -> None:
    tally = found(HANDED_IN, step(100, Status.DELIVERED), said=[foretold(2, 60, 70), Saying("ours", at(50), {})]).tally
    assert [name for name, _ in tally if name.startswith("off.ours")] == ["off.ours.72"]


def test_stars_count_with_their_reasons_and_unknown_ones_do_not() -> None:
    tally = found(HANDED_IN, THERE, stars=2, reasons=("late", "did_not_ring", "rude")).tally
    assert {key: count for key, count in tally.items() if key[0] in ("stars", "reason")} == {
        ("stars", 2): 1,
        ("reason", 4): 1,
        ("reason", 8): 1,
    }


statuses = st.sampled_from([one for one in Status if one not in (Status.UNKNOWN, Status.PENDING)])


@given(st.lists(st.tuples(st.integers(0, 400), statuses), max_size=10), st.randoms(use_true_random=False))
def test_order_and_repetition_of_events_change_nothing_and_what_is_kept_is_read_as_it_was(
    drawn, chance: Random
) -> None:
    steps = [step(hours, status) for hours, status in drawn]
    counted = of(*steps, promised={"from": None, "to": "2026-11-05T10:00:00Z"}, stars=4, reasons=("careful",))
    again = [*steps, *steps]
    chance.shuffle(again)
    assert of(*again, promised={"from": None, "to": "2026-11-05T10:00:00Z"}, stars=4, reasons=("careful",)) == counted
    if counted is not None:
        assert Counted.read(counted.kept()) == counted
        assert sum(count for (measure, _), count in counted.tally.items() if measure == "end") == 1

"""What is wrong with a shipment, since when, and when to look again."""

from __future__ import annotations

from random import Random  # noqa: TC003 - hypothesis reads the annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.journey import Step, fold
from normalizer.model import ENDS, SUBSTATUSES, Status
from normalizer.trouble import LIMITS, Facts, Limits, Trouble, active, begins, next_look

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_780_000_000_000  # 2026-05-28T20:26:40Z
PARCEL = LIMITS["parcel"]


def step(hours: float, status: Status, substatus: str = "other", **more) -> Step:
    at = START + int(hours * HOUR)
    told = {"moves": "tells", "returning": False, "piece": "", "day": f"day {int(hours // 24)}"} | more
    # An event's id is made of its content: what differs has another.
    id_ = f"evt_{hours}_{status}_{substatus}_{told['moves']}"
    return Step(sort_at=at, order=0, id=id_, status=status, substatus=substatus, at=at, **told)


def facts(*steps: Step, **more) -> Facts:
    is_return = more.get("is_return", False)
    return Facts(journey=fold(steps, is_return=is_return), steps=steps, created_at=START, **more)


def found(*steps: Step, limits: Limits = PARCEL, **more) -> dict[str, float]:
    """Return when each trouble begins, in hours."""
    return {trouble.value: (at - START) / HOUR for trouble, at in begins(facts(*steps, **more), limits).items()}


def test_a_parcel_under_way_without_a_scan_is_stalled_after_its_carrier_s_limit() -> None:
    assert found(step(5, Status.IN_TRANSIT)) == {"stalled": 77}
    assert found(step(5, Status.IN_TRANSIT), limits=LIMITS["last_mile"]) == {"stalled": 11}
    assert found(step(5, Status.IN_TRANSIT), step(9, Status.IN_TRANSIT, moves="informs")) == {"stalled": 81}


def test_on_the_vehicle_it_is_stalled_sooner() -> None:
    assert found(step(5, Status.OUT_FOR_DELIVERY)) == {"stalled": 29}


def test_a_label_alone_is_not_handed_over_and_a_customer_s_return_may_take_its_time() -> None:
    assert found() == {"not_handed_over": 72}
    assert found(step(5, Status.INFO_RECEIVED), step(30, Status.INFO_RECEIVED, "pickup_failed")) == {
        "not_handed_over": 77
    }
    assert found(step(5, Status.INFO_RECEIVED), is_return=True) == {}
    assert found(step(5, Status.RETURNING, "label_created")) == {}
    assert found(step(5, Status.RETURNING, "to_sender")) == {"stalled": 77}


def test_customs_count_from_their_first_scan_until_they_let_it_go() -> None:
    held = [step(5, Status.IN_TRANSIT, "customs_started"), step(50, Status.EXCEPTION, "duties_unpaid")]
    assert found(*held) == {"stalled": 122, "customs_stuck": 101}
    assert "customs_stuck" not in found(*held, step(60, Status.IN_TRANSIT, "customs_cleared"))
    assert found(*held, step(60, Status.UNKNOWN, "unlisted_code"))["customs_stuck"] == 101


def test_the_second_failed_attempt_of_another_day_is_trouble() -> None:
    first, again = step(5, Status.ATTEMPT_FAILED), step(6, Status.ATTEMPT_FAILED, "no_access")
    assert "attempts_failed" not in found(first, again)
    assert found(first, again, step(30, Status.ATTEMPT_FAILED))["attempts_failed"] == 30
    second = (first, step(30, Status.ATTEMPT_FAILED))
    assert found(*second, step(31, Status.IN_TRANSIT))["attempts_failed"] == 30
    assert found(*second, step(31, Status.AVAILABLE_FOR_PICKUP)) == {}
    assert "attempts_failed" not in found(*second, step(31, Status.RETURNING, "to_sender"))


def test_a_parcel_its_carrier_lost_or_disposed_of_is_lost_from_that_word_on_and_not_stalled_too() -> None:
    late, lost = step(5, Status.EXCEPTION, "delayed"), step(30, Status.EXCEPTION, "lost")
    assert found(late, lost) == found(late, lost, step(40, Status.EXCEPTION, "lost")) == {"lost": 30}
    assert found(step(5, Status.EXCEPTION, "disposed")) == {"lost": 5}
    assert "lost" not in found(lost, step(60, Status.IN_TRANSIT, "arrived"))
    delivered = step(5, Status.DELIVERED)
    assert found(delivered, lost) == {"lost": 30}  # a claim after the delivery
    pieces = step(5, Status.DELIVERED, piece="1"), step(6, Status.EXCEPTION, "lost", piece="2")
    assert found(*pieces) == {"lost": 6}


def test_a_damaged_parcel_stays_so_until_its_way_ends() -> None:
    hit = step(5, Status.EXCEPTION, "damaged")
    assert found(hit)["damaged"] == found(hit, step(20, Status.EXCEPTION, "damaged"))["damaged"] == 5
    assert found(hit, step(9, Status.IN_TRANSIT)) == {"damaged": 5, "stalled": 81}
    assert "damaged" in found(hit, step(9, Status.RETURNING, "to_sender"))
    there = step(9, Status.DELIVERED)
    assert found(hit, there) == {}
    assert "damaged" not in found(hit, there, step(30, Status.RETURNING, "requested"))
    assert found(step(5, Status.EXCEPTION, "damaged", moves="informs")) == {"not_handed_over": 72}


def test_any_other_exception_is_trouble_while_it_lasts_a_delay_only_after_a_while() -> None:
    for what in ("other", "refused", "unclaimed", "wrong_address", "held", "security", "undeliverable"):
        assert found(step(5, Status.EXCEPTION, what))["carrier_exception"] == 5
    assert found(step(5, Status.EXCEPTION, "refused"), step(6, Status.IN_TRANSIT)) == {"stalled": 78}
    late = step(5, Status.EXCEPTION, "delayed")
    assert found(late, step(20, Status.EXCEPTION, "weather"))["carrier_exception"] == 29
    assert found(late, limits=LIMITS["last_mile"])["carrier_exception"] == 7
    assert found(late, step(20, Status.EXCEPTION, "refused"))["carrier_exception"] == 20
    for what in ("customs_held", "documents_missing", "duties_unpaid", "lost", "damaged"):  # in queues of their own
        assert "carrier_exception" not in found(step(5, Status.EXCEPTION, what))


def test_what_its_carrier_says_without_a_clock_is_trouble_all_the_same() -> None:
    day = step(5, Status.EXCEPTION, "lost")._replace(at=None)
    assert found(day) == {"lost": 5}
    never = day._replace(sort_at=-(2**60), day="")
    assert found(never) == {"lost": 0}
    assert found(never._replace(substatus="delayed"))["carrier_exception"] == 24


def test_a_promise_is_missed_when_it_passes_and_at_risk_when_the_carrier_says_later() -> None:
    promised = {"from": None, "to": "2026-05-30T18:00:00+02:00"}
    later = {"from": "2026-05-30T17:00:00Z", "to": None}
    told = START + 7 * HOUR
    missed = (1_780_156_800_000 - START) / HOUR
    scan = step(5, Status.IN_TRANSIT)
    assert found(scan, promised=promised) == {"stalled": 77, "promise_missed": missed}
    assert found(scan, promised=promised, eta=later, eta_told_at=told) == {
        "stalled": 77,
        "promise_missed": missed,
        "promise_at_risk": 7,
    }
    both = begins(facts(scan, promised=promised, eta=later, eta_told_at=told), PARCEL)
    assert set(active(both, told)) == {Trouble.PROMISE_AT_RISK}
    assert set(active(both, START + int(missed * HOUR))) == {Trouble.PROMISE_MISSED}
    assert found(scan, promised={"from": promised["to"], "to": None}) == {"stalled": 77}


@pytest.mark.parametrize(
    ("eta", "at_risk"),
    [
        ({"from": "2026-05-30T15:59:00Z", "to": "2026-05-30T20:00:00Z"}, False),  # it may still come in time
        ({"from": "2026-05-30", "to": None}, False),
        ({"from": "2026-05-31", "to": "2026-06-01"}, True),
        ({"from": "2026-05-30T17:59:00", "to": None}, False),
        ({"from": "2026-05-30T18:01:00", "to": None}, True),
        ({"from": None, "to": "2026-06-02"}, True),
    ],
)
def test_an_arrival_without_a_zone_is_held_against_the_promise_s_own_clock(eta, at_risk) -> None:
    promised = {"from": None, "to": "2026-05-30T18:00:00+02:00"}
    hours = found(step(5, Status.IN_TRANSIT), promised=promised, eta=eta, eta_told_at=START)
    assert ("promise_at_risk" in hours) is at_risk


def test_a_parcel_that_waits_for_its_recipient_or_goes_back_misses_no_promise() -> None:
    promised = {"from": None, "to": "2026-05-30T18:00:00+02:00"}
    assert found(step(5, Status.AVAILABLE_FOR_PICKUP), promised=promised) == {}
    assert "promise_missed" not in found(step(5, Status.RETURNING, "to_sender"), promised=promised)


def test_unknown_as_the_last_word_is_trouble_at_once() -> None:
    strange = step(9, Status.UNKNOWN, "unlisted_code")
    assert found(step(5, Status.IN_TRANSIT), strange) == {"stalled": 81, "not_understood": 9}
    assert "not_understood" not in found(strange, step(10, Status.IN_TRANSIT))


STEPS = st.lists(
    st.builds(
        lambda hours, status, pick, moves: step(
            hours, status, SUBSTATUSES[status][pick % len(SUBSTATUSES[status])], moves=moves
        ),
        st.integers(0, 400),
        st.sampled_from(Status),
        st.integers(0, 20),
        st.sampled_from(["tells", "tells", "informs"]),
    ),
    max_size=8,
)
PROMISES = st.none() | st.integers(0, 30).map(lambda day: {"from": None, "to": f"2026-06-{day % 28 + 1:02}T12:00:00Z"})


@given(STEPS, PROMISES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_arrival_change_nothing(steps: list[Step], promised, chance: Random) -> None:
    shuffled = steps + steps[:3]
    chance.shuffle(shuffled)
    assert found(*steps, promised=promised) == found(*shuffled, promised=promised)


@given(STEPS, PROMISES, st.sampled_from(sorted(LIMITS)), st.integers(0, 900), st.integers(0, 900))
def test_trouble_lasts_until_there_is_news_and_changes_only_at_the_next_look(
    steps: list[Step], promised, kind: str, one: int, other: int
) -> None:
    early, late = START + min(one, other) * HOUR, START + max(one, other) * HOUR
    beginning = begins(facts(*steps, promised=promised), LIMITS[kind])
    before, after = active(beginning, early), active(beginning, late)
    assert set(before) - {Trouble.PROMISE_AT_RISK} <= set(after)
    assert all(after[trouble] == since for trouble, since in before.items() if trouble in after)
    look = next_look(beginning, early)
    if look is None or late < look:
        assert before == after
    else:
        assert look > early
        assert active(beginning, look) != before


@given(STEPS, PROMISES)
def test_what_is_over_is_in_no_trouble(steps: list[Step], promised) -> None:
    state = facts(*steps, promised=promised)
    if state.journey.status in ENDS:
        assert begins(state, PARCEL) == {}

"""What is foretold: by enough parcels of the finest kind, never in the past, and only ever later as time passes."""

from __future__ import annotations

import math
from collections import Counter
from random import Random
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.eta import OUT, RETRY, SILENCE, WEEKDAYS, Forecast, Norm, UnderWay, predict, silence, under_way
from normalizer.journey import Step, fold
from normalizer.model import Status
from normalizer.sketch import bin_of, edges

HOUR = 3_600_000
START = 1_780_000_000_000
QUARTER = HOUR // 4
QUICKLY = Counter({bin_of(hours): 10 for hours in (20, 22, 24, 26, 28)})


def norm(basis: str = "lane", **counts) -> Norm:
    return Norm(basis, {name.replace("_", "."): of for name, of in counts.items()})


def way(status: Status = Status.IN_TRANSIT, *, since: float = 0, weekday: int | None = 0) -> UnderWay:
    return UnderWay(status=status, since=START + int(since * HOUR), handed_in_at=START, weekday=weekday)


def at(hours: float) -> int:
    return START + int(hours * HOUR)


def in_hours(found: Forecast) -> tuple[float, float]:
    assert found.p50 is not None
    assert found.p90 is not None
    return (found.p50 - START) / HOUR, (found.p90 - START) / HOUR


def test_half_and_nine_tenths_of_what_parcels_took_from_their_hand_in() -> None:
    found = predict([norm(transit_0=QUICKLY)], way(), at(1))
    assert (found.samples, found.basis) == (50, "lane")
    half, most = in_hours(found)
    assert half == pytest.approx(24, abs=1.5)
    assert most == pytest.approx(28, abs=1.5)
    assert found.p50 % QUARTER == found.p90 % QUARTER == 0


def test_nothing_is_foretold_from_too_few_and_it_is_said_how_many_there_are() -> None:
    few = Counter({bin_of(24): 19})
    assert predict([norm(transit_0=few)], way(), at(1)) == Forecast(None, None, 19, "lane")
    assert predict([], way(), at(1)) == Forecast(None, None, 0, None)
    assert predict([norm(transit_0=Counter({bin_of(24): 20}))], way(), at(1)).p50 is not None


def test_the_finest_with_enough_parcels_speaks() -> None:
    few, slow = Counter({bin_of(5): 3}), Counter({bin_of(100): 30})
    found = predict(
        [norm("area", transit_0=few), norm("lane", transit_0=slow), norm("carrier", transit_0=QUICKLY)], way(), at(1)
    )
    assert (found.basis, found.samples) == ("lane", 30)


def test_the_weekday_of_the_hand_in_counts_where_there_are_enough_of_it_else_all_days_do() -> None:
    weekend = Counter({bin_of(90): 20})
    norms = [norm(transit_0=QUICKLY, transit_4=weekend)]
    assert in_hours(predict(norms, way(weekday=4), at(1)))[0] == pytest.approx(90, abs=4)
    assert predict(norms, way(weekday=4), at(1)).samples == 20
    assert predict(norms, way(weekday=2), at(1)).samples == predict(norms, way(weekday=None), at(1)).samples == 70


def test_on_the_vehicle_and_after_a_failed_attempt_what_follows_that_is_gone_by() -> None:
    norms = [norm(transit_0=QUICKLY, **{OUT: Counter({bin_of(4): 30}), RETRY: Counter({bin_of(23): 30})})]
    assert in_hours(predict(norms, way(Status.OUT_FOR_DELIVERY, since=70), at(71)))[0] == pytest.approx(74, abs=0.5)
    assert in_hours(predict(norms, way(Status.ATTEMPT_FAILED, since=70), at(71)))[0] == pytest.approx(93, abs=1.5)
    assert predict([norm(transit_0=QUICKLY)], way(Status.OUT_FOR_DELIVERY, since=20), at(21)).samples == 50


def test_who_has_outlasted_nearly_all_others_is_foretold_nothing_more() -> None:
    norms = [norm(transit_0=QUICKLY)]
    assert predict(norms, way(), at(27)).p50 is not None
    assert predict(norms, way(), at(40)) == Forecast(None, None, 50, "lane")


histories = st.dictionaries(st.integers(1, 122), st.integers(1, 40), min_size=1)


@given(
    histories,
    st.lists(st.floats(0, 3_000), min_size=2, max_size=8),
    st.sampled_from([Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY]),
)
def test_as_time_passes_a_prediction_moves_on_and_is_never_past(history, moments, status) -> None:
    norms = [norm(transit_0=history, **{OUT: history})]
    last = (0, 0)
    over = False
    for moment in sorted(moments):
        found = predict(norms, way(status), at(moment))
        if found.p50 is None or found.p90 is None:
            over = True
            continue
        assert not over
        assert at(moment) < found.p50 <= found.p90
        assert last <= (found.p50, found.p90)
        assert last[1] <= found.p90
        last = (found.p50, found.p90)


def test_the_longest_usual_silence_is_known_from_a_hundred_parcels_on() -> None:
    counts = Counter({bin_of(20): 98, bin_of(50): 2})
    assert silence([norm(**{SILENCE: counts})]) == edges(bin_of(50))[1]
    assert silence([norm(**{SILENCE: Counter({bin_of(20): 99})}), norm("carrier", **{SILENCE: counts})]) is not None
    assert silence([norm(**{SILENCE: Counter({bin_of(20): 99})})]) is None


def step(hours: float, status: Status, substatus: str = "other", **more) -> Step:
    told = {"moves": "tells", "returning": False, "piece": "", "day": "2026-05-29"} | more
    return Step(
        sort_at=at(hours), order=0, id=f"evt_{hours}_{status}", status=status, substatus=substatus, at=at(hours), **told
    )


def seen(*steps: Step, **more) -> UnderWay | None:
    return under_way(fold(steps, **more), steps)


def test_what_is_on_its_way_is_foretold_from_its_hand_in_and_its_status() -> None:
    steps = [
        step(0, Status.INFO_RECEIVED),
        step(5, Status.IN_TRANSIT),
        step(9, Status.IN_TRANSIT),
        step(30, Status.OUT_FOR_DELIVERY),
    ]
    assert seen(*steps) == UnderWay(status=Status.OUT_FOR_DELIVERY, since=at(30), handed_in_at=at(5), weekday=4)
    assert seen(*steps[:3]) == UnderWay(status=Status.IN_TRANSIT, since=at(5), handed_in_at=at(5), weekday=4)
    assert seen(steps[3]) == UnderWay(status=Status.OUT_FOR_DELIVERY, since=at(30), handed_in_at=at(30), weekday=4)


def test_what_is_not_handed_in_there_in_trouble_or_going_back_is_not() -> None:
    begun = step(5, Status.IN_TRANSIT)
    assert seen() is None
    assert seen(step(0, Status.INFO_RECEIVED)) is None
    assert seen(begun, step(9, Status.DELIVERED)) is None
    assert seen(begun, step(9, Status.AVAILABLE_FOR_PICKUP)) is None
    assert seen(begun, step(9, Status.RETURNING)) is None
    assert seen(begun, is_return=True) is None
    assert seen(begun, step(9, Status.EXCEPTION, "lost")) is None
    assert seen(begun, step(9, Status.EXCEPTION, "delayed")) is not None
    assert seen(step(5, Status.IN_TRANSIT, day="")).weekday is None


def test_what_was_learned_beats_any_one_constant() -> None:
    """Two services, weekends without work: 4,000 parcels teach, 1,000 others are foretold."""
    chance = Random(7)

    def took(service: str, weekday: int) -> float:
        work = (30 if service == "express" else 78) * math.exp(chance.gauss(0, 0.15))
        days, moment = 0.0, float(weekday)
        while work > 0:  # nobody drives on a Sunday
            if int(moment) % 7 != 6:
                work -= 6
            days, moment = days + 0.25, moment + 0.25
        return days * 24 + chance.uniform(0, 6)

    drawn = [
        (service := chance.choice(("express", "parcel")), day := chance.randrange(7), took(service, day))
        for _ in range(5_000)
    ]
    taught, asked = drawn[:4_000], drawn[4_000:]
    counts: dict[tuple[str, int], Counter[int]] = {}
    for service, day, hours in taught:
        counts.setdefault((service, day), Counter())[bin_of(hours)] += 1
    off, within, early = [], 0, 0
    for service, day, hours in asked:
        norms = [Norm("lane", {WEEKDAYS[one]: of for (its, one), of in counts.items() if its == service})]
        half, most = in_hours(predict(norms, way(weekday=day), at(0)))
        off.append(abs(hours - half))
        within += hours <= most
        early += hours <= half
    constants = [mean(abs(hours - constant) for _, _, hours in asked) for constant in range(0, 200, 2)]
    assert mean(off) < 0.5 * min(constants)
    assert 0.86 < within / len(asked) < 0.94
    assert 0.45 < early / len(asked) < 0.55

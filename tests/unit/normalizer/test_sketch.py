"""Counts in bins: mergeable in any order, and percentiles right to within a bin."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer.sketch import EDGES, GROWTH, bin_of, edges, merged, quantile, total

hours = st.floats(-9_000, 9_000, allow_nan=False).filter(lambda one: one == 0 or abs(one) > 1e-6)
counts = st.dictionaries(st.integers(-122, 122), st.integers(1, 1_000))


def test_bins_grow_by_an_eighth_of_a_doubling_from_a_quarter_of_an_hour_to_a_year() -> None:
    assert EDGES[:2] == (0.0, 0.25)
    assert [EDGES[one] for one in (9, 17, 25)] == pytest.approx([0.5, 1, 2])
    assert EDGES[-2] < 366 * 24 < EDGES[-1]
    assert all(high / low == pytest.approx(GROWTH) for low, high in pairwise(EDGES[1:]))


@pytest.mark.parametrize(("given", "bin_"), [(0, 0), (1e-9, 1), (-1e-9, -1), (0.25, 1), (0.26, 2), (-0.26, -2)])
def test_on_time_is_a_bin_of_its_own_and_late_and_early_mirror_each_other(given: float, bin_: int) -> None:
    assert bin_of(given) == bin_


@given(hours)
def test_what_is_put_in_a_bin_lies_between_its_edges(one: float) -> None:
    low, high = edges(bin_of(one))
    assert low <= one <= high or abs(one) > EDGES[-1]


@given(counts, counts, counts)
def test_merging_is_the_same_in_any_order_and_grouping(one, two, three) -> None:
    assert merged([merged([one, two]), three]) == merged([one, merged([two, three])]) == merged([three, one, two])
    assert total(merged([one, two])) == total(one) + total(two)


@given(st.lists(hours, min_size=1, max_size=200), st.floats(0.01, 1))
def test_a_percentile_lies_in_the_bin_of_the_true_one(many: list[float], part: float) -> None:
    found = quantile(Counter(map(bin_of, many)), part)
    true = sorted(many)[math.ceil(part * len(many) - 1e-9) - 1]
    low, high = edges(bin_of(true))
    assert low - 1e-9 <= found <= high + 1e-9


@given(counts, st.floats(0, 1), st.floats(0, 1))
def test_percentiles_rise(many, one: float, other: float) -> None:
    less, more = (quantile(many, part) for part in sorted((one, other)))
    assert (less is None) == (many == {})
    assert less is None or less <= more + 1e-9


@given(counts, st.floats(0, 1), st.floats(0, 5_000), st.floats(0, 5_000))
def test_of_what_took_longer_the_percentile_is_longer_and_rises_with_the_bound(many, part, one, other) -> None:
    less, more = (quantile(many, part, above=bound) for bound in sorted((one, other)))
    if more is not None:
        assert less is not None
        assert less <= more + 1e-6
        assert more >= max(one, other) - 1e-6
    assert total(many, above=max(one, other)) <= total(many, above=min(one, other)) + 1e-9


def test_of_a_bin_that_the_bound_cuts_what_is_beyond_counts() -> None:
    low, high = edges(40)
    assert total({40: 10}, above=(low + high) / 2) == pytest.approx(5)
    assert quantile({40: 10}, 0.5, above=(low + high) / 2) == pytest.approx(low + 0.75 * (high - low))
    assert (quantile({}, 0.5), quantile({40: 10}, 0.5, above=high), total({}, above=1)) == (None, None, 0)

"""Distances, and places made coarse on purpose."""

from math import asin, cos, radians, sin, sqrt

from hypothesis import given
from hypothesis import strategies as st

from normalizer.geo import METRES_A_DEGREE, blurred, metres_between

LATITUDES = st.floats(-70, 70)
LONGITUDES = st.floats(-179, 179)


def haversine(a, b, c, d):
    part = sin(radians(c - a) / 2) ** 2 + cos(radians(a)) * cos(radians(c)) * sin(radians(d - b) / 2) ** 2
    return 2 * METRES_A_DEGREE * 180 / 3.141592653589793 * asin(sqrt(part))


@given(LATITUDES, LONGITUDES, st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
def test_a_distance_is_that_of_the_sphere(latitude, longitude, north, east):
    ours = metres_between(latitude, longitude, latitude + north, longitude + east)
    exact = haversine(latitude, longitude, latitude + north, longitude + east)
    assert abs(ours - exact) <= 0.001 * exact + 0.01


@given(LATITUDES, LONGITUDES)
def test_a_blurred_place_is_the_same_for_its_whole_cell_and_within_a_kilometre(latitude, longitude):
    coarse = blurred(latitude, longitude)
    assert blurred(*coarse) == coarse
    assert metres_between(latitude, longitude, *coarse) < 800


@given(LATITUDES, LONGITUDES)
def test_a_cell_is_at_least_a_kilometre_wide_and_high(latitude, longitude):
    row, column = blurred(latitude, longitude)
    assert blurred(row + 0.0049, column) == (row, column)
    assert blurred(row - 0.0049, column) == (row, column)
    half = 540 / METRES_A_DEGREE / cos(radians(row))
    assert blurred(row, column + half)[1] == column
    assert blurred(row, column - half)[1] == column

"""A courier's track: jitter is calmed, jumps wait for a second opinion, and nothing old comes back."""

from hypothesis import given
from hypothesis import strategies as st

from normalizer.geo import METRES_A_DEGREE, metres_between
from normalizer.track import FASTEST, WORST_ACCURACY, Fix, follow, moved

LATITUDE, LONGITUDE = 41.15, -8.61


def fix(second: float, north: float = 0.0, accuracy: float = 10.0) -> Fix:
    """A fix so many metres north of the start."""
    return Fix(int(second * 1000), LATITUDE + north / METRES_A_DEGREE, LONGITUDE, accuracy)


def walk(*fixes: Fix):
    track = None
    for one in fixes:
        track = follow(track, one)
    return track


def away(track, north: float) -> float:
    return metres_between(track.latitude, track.longitude, LATITUDE + north / METRES_A_DEGREE, LONGITUDE)


def test_the_first_fix_is_where_the_courier_is():
    track = walk(fix(0))
    assert (track.latitude, track.longitude, track.variance) == (LATITUDE, LONGITUDE, 100.0)


@given(st.lists(st.floats(-15, 15), min_size=5, max_size=40))
def test_jitter_of_a_phone_that_lies_still_is_averaged_away(noise):
    track = walk(*(fix(second, metres, 15) for second, metres in enumerate(noise)))
    assert away(track, 0) <= 15
    straight = walk(fix(0, noise[0], 15), *(fix(second, 0, 15) for second in range(1, 40)))
    assert away(straight, 0) < 2


def test_a_courier_who_drives_is_not_left_behind():
    track = walk(*(fix(second * 10, second * 120) for second in range(20)))
    assert away(track, 19 * 120) < 5


def test_a_jump_is_kept_back_until_a_second_fix_agrees():
    before = walk(fix(0), fix(10, 50))
    jumped = follow(before, fix(20, 9_000))
    assert not moved(before, jumped)
    assert (jumped.latitude, jumped.last) == (before.latitude, before.last)
    back = follow(jumped, fix(30, 80))
    assert moved(jumped, back)
    assert away(back, 80) < 10
    agreed = follow(jumped, fix(30, 9_100))
    assert moved(jumped, agreed)
    assert away(agreed, 9_100) < 1


def test_what_is_old_or_far_too_vague_tells_nothing():
    track = walk(fix(10))
    assert follow(track, fix(10, 30)) is track
    assert follow(track, fix(9, 30)) is track
    assert follow(track, fix(20, 30, WORST_ACCURACY + 1)) is track
    assert follow(None, fix(20, 30, WORST_ACCURACY + 1)) is None


def test_after_a_silence_the_new_place_counts_alone():
    track = walk(fix(0), fix(10, 20), fix(400, 3_000, 60))
    assert away(track, 3_000) < 0.01
    assert track.variance == 3_600


@given(st.lists(st.tuples(st.integers(0, 300), st.floats(-30_000, 30_000), st.floats(1, 900)), min_size=1, max_size=30))
def test_a_track_never_outruns_a_courier_and_a_repeated_fix_changes_nothing(told):
    track = None
    for second, north, accuracy in told:
        one = fix(second, north, accuracy)
        after = follow(track, one)
        if after is not None:
            assert follow(after, one) is after
        if track is not None and moved(track, after) and track.doubt is None:
            seconds = (after.at - track.last.at) / 1000
            reach = FASTEST * seconds + track.last.accuracy + one.accuracy
            assert metres_between(*track.last[1:3], *after.last[1:3]) <= reach * 1.001
        track = after


def test_it_crosses_the_date_line():
    track = walk(Fix(0, 0.0, 179.9999, 10), Fix(10_000, 0.0, -179.9999, 10))
    assert abs(track.longitude) > 179.999
    assert metres_between(0.0, 179.9999, 0.0, -179.9999) < 25

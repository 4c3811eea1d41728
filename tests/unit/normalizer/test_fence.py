"""The fence: a courier who is near fires it once; jitter, vague fixes and passing by do not."""

from hypothesis import given
from hypothesis import strategies as st

from normalizer.fence import CLOSE_METRES_A_SECOND, DOOR_METRES, Approach, Fence, approach, close, said
from normalizer.geo import METRES_A_DEGREE
from normalizer.track import Fix

LATITUDE, LONGITUDE = 41.15, -8.61
FENCE = Fence(latitude=LATITUDE, longitude=LONGITUDE, metres=500)


def fix(second: float, metres: float, accuracy: float = 10.0) -> Fix:
    """A fix so many metres from the door."""
    return Fix(int(second * 1000), LATITUDE + metres / METRES_A_DEGREE, LONGITUDE, accuracy)


def walk(*fixes: Fix, fence: Fence = FENCE, eta: int | None = None) -> Approach:
    now = Approach()
    for one in fixes:
        now = approach(now, fence, one, eta)
    return now


def test_who_is_wholly_inside_is_arriving_from_that_fix_on():
    assert walk(fix(0, 3_000), fix(60, 495), fix(70, 480), fix(80, 200)).arriving_at == 70_000


@given(st.lists(st.tuples(st.floats(501, 5_000), st.floats(1, 400), st.floats(-1, 1)), max_size=50))
def test_no_noise_fires_it_from_outside(told):
    """Whatever a phone's error is, as long as it is within what the phone says it is."""
    fixes = [fix(second, metres + accuracy * wrong, accuracy) for second, (metres, accuracy, wrong) in enumerate(told)]
    assert walk(*fixes).arriving_at is None


@given(st.lists(st.tuples(st.floats(0, 2_000), st.floats(1, 100)), min_size=1, max_size=50), st.data())
def test_what_happened_never_unhappens(told, data):
    now = Approach()
    for second, (metres, accuracy) in enumerate(told):
        after = approach(now, FENCE, fix(second * 15, metres, accuracy))
        for name in ("arriving_at", "arrived_at", "left_at"):
            assert getattr(now, name) in (None, getattr(after, name))
        now = after
    if now.arrived_at is not None:
        assert now.arriving_at <= now.arrived_at
        assert now.left_at is None or now.left_at >= now.arrived_at


def test_a_vague_fix_fires_nothing_and_arrives_nowhere():
    assert walk(fix(0, 0, 600), fix(60, 0, 600)) == Approach()


def test_a_fence_in_minutes_goes_by_the_arrival_time_the_carrier_tells():
    fence = Fence(latitude=LATITUDE, longitude=LONGITUDE, seconds=600)
    assert walk(fix(0, 200), fence=fence, eta=601_000).arriving_at is None
    assert walk(fix(1, 9_000), fence=fence, eta=601_000).arriving_at == 1_000
    assert walk(fix(700, 9_000), fence=fence, eta=601_000).arriving_at is None  # a time that is past says nothing
    assert walk(fix(700, 300), fence=fence, eta=601_000).arriving_at == 700_000  # and holds nothing back
    nowhere = Fence(seconds=600)
    assert walk(fix(1, 9_000), fence=nowhere, eta=601_000).arriving_at == 1_000
    assert walk(fix(1, 0), fence=nowhere).arriving_at is None


def test_a_fence_in_minutes_goes_by_the_distance_where_no_arrival_time_is_told():
    fence = Fence(latitude=LATITUDE, longitude=LONGITUDE, seconds=600)
    reach = 600 * CLOSE_METRES_A_SECOND
    assert walk(fix(0, reach - 5), fence=fence).arriving_at is None
    assert walk(fix(0, reach - 11), fence=fence).arriving_at == 0


def test_who_stays_at_the_door_has_arrived_when_he_came_and_leaves_when_he_goes():
    now = walk(fix(0, 2_000), fix(60, 400), fix(100, 30), fix(110, 20), fix(125, 10), fix(300, 15), fix(320, 400))
    assert (now.arriving_at, now.arrived_at, now.left_at) == (60_000, 100_000, 320_000)
    assert now.dwell == 220_000


def test_who_passes_by_has_not_arrived():
    now = walk(fix(0, 60), fix(15, 300), fix(30, 60), fix(45, 600))
    assert (now.arrived_at, now.door_since) == (None, None)


def test_a_fix_that_may_still_be_at_the_door_ends_no_stay():
    now = walk(fix(0, 10), fix(30, 10), fix(60, DOOR_METRES + 30, 40), fix(90, 10))
    assert (now.arrived_at, now.left_at, now.last_at) == (0, None, 90_000)


def test_a_delivery_ends_the_stay():
    now = walk(fix(0, 10), fix(30, 10))
    assert close(now, 95_000).dwell == 95_000
    assert close(now, -5).dwell == 0
    assert close(close(now, 95_000), 200_000).left_at == 95_000
    assert close(Approach(arriving_at=5), 95_000) == Approach(arriving_at=5)


def test_a_carrier_that_says_so_is_believed_once():
    near = said(Approach(), 50, at_door=False)
    assert near == Approach(arriving_at=50)
    assert said(near, 70, at_door=False) is near
    door = said(near, 90, at_door=True)
    assert (door.arriving_at, door.arrived_at) == (50, 90)
    assert said(door, 99, at_door=True) is door


def test_a_place_nobody_knows_is_never_arrived_at():
    assert walk(fix(0, 0), fix(60, 0), fence=Fence(metres=500)) == Approach()

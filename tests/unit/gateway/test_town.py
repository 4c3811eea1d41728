"""The demo's town: the courier's way runs along its streets, and its map is GeoJSON that our own page can draw."""

from itertools import pairwise

import pytest

from gateway.demo import town
from gateway.demo.courier import Way
from normalizer.geo import metres_between
from normalizer.track import FASTEST


def test_the_way_runs_from_corner_to_corner_along_streets():
    for leg in pairwise(town.way()):
        assert leg in town.corners()


def test_a_place_along_the_way_is_so_far_from_its_ends():
    assert town.along(0) == town.STORE
    assert town.along(town.LENGTH) == town.along(town.LENGTH + 500) == town.DOOR
    for metres in range(0, int(town.LENGTH) - 10, 10):
        step = metres_between(*town.along(metres), *town.along(metres + 10))
        assert 6 < step < 10.2  # a corner is cut


def test_the_streets_are_geojson():
    told = town.streets()
    assert told["type"] == "FeatureCollection"
    kinds = [one["geometry"]["type"] for one in told["features"]]
    assert kinds == sorted(kinds, reverse=True)  # grounds lie under streets
    for one in told["features"]:
        if one["geometry"]["type"] == "Polygon":
            (ring,) = one["geometry"]["coordinates"]
            assert ring[0] == ring[-1]
        assert one["properties"]["name"]


@pytest.mark.parametrize("seconds", [2.0, 12.0, 50.0])
def test_a_courier_of_a_short_story_is_there_in_time_and_is_believed(seconds):
    way = Way.within(seconds)
    assert way.pace < FASTEST
    assert way.metres / way.pace <= seconds
    assert metres_between(*town.along(town.LENGTH - way.metres), *town.DOOR) > 100


def test_the_whole_way_leads_past_the_other_doors():
    lefts = [left for *_, left in Way.within(None).doors]
    assert lefts == sorted(lefts, reverse=True)
    assert len(lefts) == len(town.DOORS) > 1
    assert [street for _, street, _ in Way.within(22.0).doors] == ["Avenida das Amoreiras 14"]

"""A place leads to its zone and coordinates without asking anybody."""

from __future__ import annotations

import csv
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from normalizer import places
from normalizer.model import NOWHERE, Place


@pytest.mark.parametrize(
    ("place", "zone", "latitude"),
    [
        (Place(city="Portland", country="US"), "America/Los_Angeles", 45.52),
        (Place(city="PORTLAND", region="ME", country="US"), "America/New_York", 43.66),
        (Place(city="London", country="GB"), "Europe/London", 51.51),
        (Place(city="London", region="ON", country="CA"), "America/Toronto", 42.98),
        (Place(city="St. Louis", region="US-MO", country="us"), "America/Chicago", 38.63),
        (Place(city="Köln", country="DE"), "Europe/Berlin", 50.93),
        (Place(city="KOELN", country="DE"), "Europe/Berlin", 50.93),
        (Place(city="Wien", country="AT"), "Europe/Vienna", 48.21),
        (Place(city="São Paulo", region="SP", country="BR"), "America/Sao_Paulo", -23.55),
        (Place(city="Manaus", region="AM", country="BR"), "America/Manaus", -3.1),
        (Place(city="Perth", region="WA", country="AU"), "Australia/Perth", -31.95),
    ],
)
def test_a_city_is_found_under_its_names_and_in_its_region(place: Place, zone: str, latitude: float) -> None:
    known = places.find(place)
    assert known is not None
    assert known.zone == zone
    assert known.latitude == pytest.approx(latitude, abs=0.02)


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        (Place(country="DE"), "Europe/Berlin"),
        (Place(city="No Such Village", country="CN"), "Asia/Shanghai"),
        (Place(region="NJ", country="US"), "America/New_York"),
        (Place(region="AB", country="CA", city="No Such Village"), "America/Edmonton"),
        (Place(region="QLD", country="AU"), "Australia/Brisbane"),
        (Place(region="SP", country="BR"), "America/Sao_Paulo"),
    ],
)
def test_a_region_or_country_of_one_time_gives_its_zone_and_no_coordinates(place: Place, zone: str) -> None:
    known = places.find(place)
    if place.country == "CN":
        assert known is None  # two clocks: Xinjiang keeps its own
        assert places.assumed_zone(place) == zone
    else:
        assert known == places.Known(zone)


@pytest.mark.parametrize(
    ("place", "assumed"),
    [
        (Place(country="US"), "America/New_York"),
        (Place(region="TX", country="US"), "America/Chicago"),
        (Place(region="QC", country="CA", city="No Such Village"), "America/Toronto"),
        (Place(country="ES"), "Europe/Madrid"),
        (Place(country="PT"), "Europe/Lisbon"),
    ],
)
def test_where_several_clocks_go_nothing_is_found_and_the_guess_is_asked_for_by_name(
    place: Place, assumed: str
) -> None:
    assert places.find(place) is None
    assert places.assumed_zone(place) == assumed


def test_a_city_without_a_country_is_no_place() -> None:
    assert places.find(Place(city="Paris")) is None
    assert places.find(NOWHERE) is None
    assert places.assumed_zone(Place(city="Paris")) is None
    assert places.find(Place(country="XX", city="Paris")) is None


def test_a_region_that_has_no_such_city_does_not_hide_the_city() -> None:
    assert places.find(Place(city="Chicago", region="XX", country="US")) == places.find(
        Place(city="Chicago", country="US")
    )


@given(st.text(max_size=30), st.text(max_size=5) | st.none(), st.text(max_size=3))
def test_any_text_may_be_asked(city: str, region: str | None, country: str) -> None:
    places.find(Place(city=city, region=region, country=country))
    places.assumed_zone(Place(city=city, region=region, country=country))


def test_every_zone_of_the_data_exists_and_every_coordinate_is_on_earth() -> None:
    found = set(places._cities().values())
    assert len(places._cities()) > 30_000
    for zone in {known.zone for known in found}:
        ZoneInfo(zone)
    assert all(-90 <= k.latitude <= 90 and -180 <= k.longitude <= 180 for k in found)


def test_the_committed_data_stays_small() -> None:
    data = Path(places.__file__).parent / "data"
    assert all(file.stat().st_size < 400_000 for file in data.iterdir() if file.is_file())


def test_a_region_marked_split_never_gives_a_zone() -> None:
    with (Path(places.__file__).parent / "data" / "zones.csv").open(encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row["whole"] == "no"]
    assert {"FL", "TN", "IN"} <= {row["region"] for row in rows if row["country"] == "US"}
    for row in rows:
        assert places.find(Place(country=row["country"], region=row["region"] or None)) is None

"""An offline gazetteer: from a city, region or country to its zone and coordinates.

Names of about 34,000 cities come from GeoNames (CC BY 4.0, see NOTICE), extracted by `docs/build_places.py`.
"""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from normalizer.model import Place

DATA = Path(__file__).parent / "data"

_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "æ": "ae",
        "œ": "oe",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ð": "d",
        "þ": "th",
    }
)
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What the gazetteer knows of a place: its IANA zone and, for a city, WGS 84 degrees to about a kilometre."""

    zone: str
    latitude: float | None = None
    longitude: float | None = None


class _Zone(NamedTuple):
    name: str
    whole: bool


def find(place: Place) -> Known | None:
    """Return what is known of a place, or None: unknown city in a country or region of several zones.

    A city needs its country. `region` (state letters, `NJ`, `US-NJ`) tells cities of one name apart; without it, or
    where that region has no such city, the most populous wins. An unknown city counts as somewhere in its region
    or country, which gives the zone if the whole of it keeps one time, and no coordinates.
    """
    return _find(place.country, place.region, place.city) if place.country else None


def assumed_zone(place: Place) -> str | None:
    """Return the zone most people of the region, else of the country, live in. A guess: say so where it is used."""
    if not place.country:
        return None
    zones = _zones()
    country = place.country.upper()
    zone = zones.get((country, _region(country, place.region))) or zones.get((country, ""))
    return zone.name if zone else None


@lru_cache(maxsize=65536)
def fold(name: str) -> str:
    """Return the key of a name: no case, no accents, single spaces for all that is no letter or digit."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    return _NOT_WORD.sub(" ", "".join(c for c in plain if not unicodedata.combining(c))).strip()


@lru_cache(maxsize=65536)
def _find(country: str, region: str | None, city: str | None) -> Known | None:
    country, region = country.upper(), _region(country.upper(), region)
    if city:
        cities = _cities()
        for name in _spellings(city):
            found = (cities.get((country, region, name)) if region else None) or cities.get((country, "", name))
            if found is not None:
                return found
    zones = _zones()
    for at in ((country, region), (country, "")):
        zone = zones.get(at)
        if zone is not None and zone.whole:
            return Known(zone.name)
        if zone is not None and region and at[1]:
            return None
    return None


def _spellings(city: str) -> tuple[str, ...]:
    name = fold(city)
    first, _, rest = name.partition(" ")
    other = {"st": "saint", "saint": "st", "ste": "sainte", "ft": "fort", "mt": "mount"}.get(first)
    return (name, f"{other} {rest}") if other and rest else (name,)


def _region(country: str, region: str | None) -> str:
    return region.strip().upper().removeprefix(f"{country}-") if region else ""


@cache
def _cities() -> dict[tuple[str, str, str], Known]:
    cities: dict[tuple[str, str, str], Known] = {}
    country = ""
    with gzip.open(DATA / "cities.csv.gz", "rt", encoding="utf-8") as lines:
        zones = next(lines).split()
        for line in lines:
            fields = line.rstrip("\n").split(",")
            if len(fields) == 1:
                country = fields[0]
                continue
            name, latitude, longitude, zone, *region = fields
            known = Known(zones[int(zone)], int(latitude) / 100, int(longitude) / 100)
            cities.setdefault((country, "", name), known)
            if region:
                cities[country, region[0], name] = known
    return cities


@cache
def _zones() -> dict[tuple[str, str], _Zone]:
    with (DATA / "zones.csv").open(encoding="utf-8", newline="") as lines:
        return {
            (row["country"], row["region"]): _Zone(row["zone"], row["whole"] == "yes") for row in csv.DictReader(lines)
        }

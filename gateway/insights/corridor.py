"""From where to where a parcel goes, with whom, and which wider kinds of parcels it belongs to. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import RowMapping

_LONGEST_SERVICE = 60
_SIGNS = re.compile(r"[^A-Z0-9]")
_AREA = re.compile(r"[A-Z]{1,2}|[0-9]{1,2}")


class Corridor(NamedTuple):
    """Carrier, service, countries, and the area of the destination's postcode; empty where not known."""

    carrier: str
    service: str
    origin: str
    destination: str
    area: str

    def kinds(self) -> Iterator[tuple[str, str]]:
        """Yield (basis, kind) of the parcels one may go by, the finest first: the area, the lane, then wider ones.

        What goes within a country never tells of what crosses a border.
        """
        carrier, service, *lane, area = self
        if self.destination:
            if area:
                yield "area", _kind("area", *self)
            yield "lane", _kind("lane", carrier, service, *lane)
            yield "carrier_lane", _kind("carrier_lane", carrier, *lane)
        yield "service", _kind("service", carrier, service, self.reach)
        yield "carrier", _kind("carrier", carrier, self.reach)

    @property
    def reach(self) -> str:
        """Whether it stays in its country."""
        if not self.origin or not self.destination:
            return ""
        return "domestic" if self.origin == self.destination else "abroad"


def _kind(*parts: str) -> str:
    return orjson.dumps(parts).decode()


def corridor_of(row: RowMapping | Mapping[str, Any], told: Mapping[str, Any]) -> Corridor:
    """Return a shipment's corridor; `told` are the carrier's details. The merchant's word on the destination rules."""
    own = None if row["destination"] is None else orjson.loads(row["destination"])
    theirs = told.get("destination") or {}
    destination = own if own and own.get("country") else theirs
    service = str(told.get("service") or told.get("service_code") or "")
    return Corridor(
        carrier=row["carrier"],
        service=" ".join(service.split())[:_LONGEST_SERVICE],
        origin=(told.get("origin") or {}).get("country") or "",
        destination=destination.get("country") or "",
        area=area_of(destination.get("postal_code")) if destination.get("country") else "",
    )


@lru_cache(maxsize=16_384)
def area_of(postal_code: str | None) -> str:
    """Return the area a postcode lies in: its first two digits, or the letters it begins with (`SW1A 1AA` is in SW)."""
    found = _AREA.match(_SIGNS.sub("", (postal_code or "").upper()))
    return "" if found is None else found.group()

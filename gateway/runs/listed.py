"""A stop as its courier reads it: whose it is, where, when, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson

from gateway import shipments
from gateway.people import arrival
from gateway.runs import stops
from gateway.texts import days, tree_of
from normalizer import places
from normalizer.model import Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import RowMapping

    from gateway.runs.stops import Asks
    from gateway.texts import Speech
    from gateway.vault import Vault

_UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Shown:
    """A stop in words. `way` leads a phone to the door; `age` is 0 where none is asked for."""

    id: str
    number: str
    name: str
    address: tuple[str, ...]
    way: str
    window: str
    note: str
    needs: tuple[str, ...]
    age: int
    state: str
    state_at: int

    @property
    def done(self) -> bool:
        """Whether nothing is left to do there."""
        return self.state in stops.DONE


def shown(vault: Vault, row: RowMapping, speech: Speech, now: datetime) -> Shown:
    """Return a stop in words."""
    asks, private = stops.asks_of(row), stops.private_of(vault, row)
    told = shipments.recipient(vault, row) or {}
    place = told | (orjson.loads(row["destination"]) if row["destination"] is not None else {})
    where = {name: told.get(name) or place.get(name) for name in place}
    town = " ".join(part for part in (where.get("postal_code"), where.get("city")) if part)
    address = tuple(line for line in (where.get("street"), town) if line)
    return Shown(
        id=row["id"],
        number=row["tracking_number"],
        name=told.get("name") or row["tracking_number"],
        address=address,
        way=_way(where, address),
        window=_window(asks, where, speech, now),
        note=private.note,
        needs=asks.needs,
        age=asks.min_age or 0,
        state=row["state"],
        state_at=row["state_at"],
    )


def _way(where: Mapping[str, Any], address: tuple[str, ...]) -> str:
    """Return a `geo:` address (RFC 5870), which a phone opens with the map of its owner's choice."""
    query = quote(", ".join((*address, *([where["country"]] if where.get("country") else []))))
    if where.get("latitude") is not None:
        point = f"{where['latitude']},{where['longitude']}"
        return f"geo:{point}?q={point}"
    return f"geo:0,0?q={query}" if address else ""


def _window(asks: Asks, where: Mapping[str, Any], speech: Speech, now: datetime) -> str:
    zone = _zone(where)
    start, end = (arrival.moment(text, zone) if text else None for text in (asks.start, asks.end))
    when = days.window(speech, start, end, now.astimezone(zone).date())
    return "" if when is None else speech.say("say.expected", when=when)


def _zone(where: Mapping[str, Any]) -> ZoneInfo:
    place = Place(**{name: where.get(name) for name in ("city", "region", "country")})
    known = places.find(place) if place.country else None
    zone = known.zone if known is not None else places.assumed_zone(place)
    return ZoneInfo(zone) if zone else _UTC


def words(speech: Speech) -> dict[str, Any]:
    """Return the texts the page's script says by itself."""
    names = [f"state.{state}" for state in stops.STATES]
    names += [f"need.{need}" for need in stops.NEEDS]
    names += [f"problem.{one}" for one in ("pin_wrong", "pin_often", "unreadable", "unknown")]
    names += ["share.on", "share.off", "share.denied", "share.low", "give.missing", "give.say_why"]
    counted = tree_of(speech.language)["work"]
    said = {name: speech.raw(f"work.{name}") for name in names}
    return said | {"waiting": counted["waiting"], "give.taken": counted["give"]["taken"]}

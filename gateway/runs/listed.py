"""A stop as its courier reads it: whose it is, where, when, and what it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import select

from gateway import shipments
from gateway.people import arrival
from gateway.runs import stops
from gateway.talk import conversation
from gateway.talk.tables import TalkTables
from gateway.texts import days, tree_of
from normalizer import places
from normalizer.model import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

    from gateway.runs.stops import Asks
    from gateway.texts import Speech
    from gateway.vault import Vault

_UTC = ZoneInfo("UTC")


Utterance = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing said at a stop. `id` is that of what was said, by which the page tells new ones."""

    id: str
    who: str
    words: str
    mine: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """A stop in words. `way` leads a phone to the door, `call` rings there; `age` is 0 where none is asked for."""

    id: str
    number: str
    name: str
    address: tuple[str, ...]
    way: str
    call: str
    window: str
    note: str
    needs: tuple[str, ...]
    age: int
    state: str
    state_at: int
    lines: tuple[Line, ...]

    @property
    def done(self) -> bool:
        """Whether nothing is left to do there."""
        return self.state in stops.DONE


def shown(vault: Vault, row: RowMapping, speech: Speech, now: datetime, said: Sequence[Utterance]) -> Shown:
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
        call=f"tel:{quote(private.call, safe='+,')}" if private.call else "",
        window=_window(asks, where, speech, now),
        note=private.note,
        needs=asks.needs,
        age=asks.min_age or 0,
        state=row["state"],
        state_at=row["state_at"],
        lines=tuple(_line(one, speech) for one in said),
    )


def said(conn: Connection, vault: Vault, rows: Sequence[RowMapping]) -> dict[str, list[Utterance]]:
    """Return what was said of the parcels of stops, as far as the courier reads it."""
    if not rows:
        return {}
    c, merchant_id = TalkTables.conversation.c, rows[0]["merchant_id"]
    ids = [row["shipment_id"] for row in rows]
    spoken = select(c.shipment_id).where(c.merchant_id == merchant_id, c.shipment_id.in_(ids), c.last_at > 0)
    return {
        id_: [
            one
            for one in conversation.of_shipment(conn, vault, merchant_id, id_, "courier")
            if one["state"] != "replaced"
        ]
        for id_ in conn.execute(spoken).scalars()
    }


def _line(one: Utterance, speech: Speech) -> Line:
    quick, words = one["quick"], one["text"]
    ready = speech.say(f"talk.quick.{quick}") if quick else ""
    whole = speech.say("talk.both", ready=ready, words=words) if ready and words else ready or words
    mine = one["author"] == "courier"
    who = speech.say("talk.you") if mine else speech.say(f"work.who.{one['author']}")
    if one["kind"] == "instruction":
        who = f"{who} ({speech.say('talk.instruction')})"
    return Line(one["id"], who, whole, mine)


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
    names += [f"problem.{one}" for one in ("pin_wrong", "pin_often", "unreadable", "unknown", "closed")]
    names += ["share.on", "share.off", "share.denied", "share.low", "give.missing", "give.say_why"]
    counted = tree_of(speech.language)["work"]
    told = {name: speech.raw(f"work.{name}") for name in names}
    told["you"], told["unsent"] = speech.say("talk.you"), speech.say("work.unsent")
    return told | {"waiting": counted["waiting"], "give.taken": counted["give"]["taken"]}

"""What a tracking page's reader sees, read from the database in one go and cut by the table of visibility."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson

from connectors import carrier_codes, connector
from gateway import shipments
from gateway.history import event_bodies
from gateway.lastmile import seeing
from gateway.pages import branding
from gateway.runs import stops
from gateway.visibility import shown
from normalizer import clock, places
from normalizer.model import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import tzinfo

    from sqlalchemy import Connection, RowMapping

    from gateway.lastmile import sight
    from gateway.pages.branding import Brand
    from gateway.visibility import Viewer

_OF_THE_COURIER = frozenset({"courier", "courier_vehicle", "stops_before"})
_AT_THE_DOOR = frozenset({"out_for_delivery", "attempt_failed"})
"""Statuses whose scans are made on a courier's round."""
_PLACE_FIELDS = ("city", "region", "country")


@dataclass(frozen=True, slots=True)
class View:
    """All that a page says: documents as its reader may see them."""

    shipment: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    courier: Mapping[str, Any]
    recipient: Mapping[str, Any] | None
    brand: Brand
    carrier: str
    zone: tzinfo
    proven: bool
    can_prove: bool
    """Whether there is a postcode that could be asked for."""


def look(
    conn: Connection,
    row: RowMapping,
    viewer: Viewer,
    now: int,
    unseal: Callable[[RowMapping], Mapping[str, Any] | None],
    *,
    url: str | None = None,
) -> View:
    """Return what a viewer sees of a shipment. `unseal` opens a row's recipient, `url` is its tracking page's."""
    whole = shipments.document(row) | {"tracking_url": url}
    whole["recipient"] = recipient = unseal(row)
    document = shown(viewer, "shipment", whole)
    if document["status"] != "out_for_delivery":
        # Who brought it, or will, is nobody's business but while they are on the way.
        document |= dict.fromkeys(_OF_THE_COURIER & document.keys())
    elif "stops_before" in document:
        document["stops_before"] = _stops_now(conn, row, document, now)
    eyes: sight.Viewer = "recipient" if viewer == "proven" else viewer
    courier = seeing.courier(conn, row["merchant_id"], row["id"], eyes, now)
    assert courier is not None  # noqa: S101 - the row was just read in this transaction
    events = [shown(viewer, "event", _event(body)) for body in event_bodies(conn, row)]
    return View(
        shipment=document,
        events=events,
        courier=courier,
        recipient=document.get("recipient"),
        brand=branding.of(conn, row["merchant_id"]),
        carrier=carrier_name(row["carrier"]),
        zone=zone_of(whole, recipient, events),
        proven=viewer == "proven",
        can_prove=bool(postcodes(whole, recipient)),
    )


def _event(body: bytes) -> dict[str, Any]:
    """Return an event without the point where its courier was: of that the table of sight decides, or the hand-over."""
    event: dict[str, Any] = orjson.loads(body)
    place = event["place"]
    if event["place_basis"] == "carrier" and event["status"] != "delivered":
        named = place.get("city") or place.get("facility")
        if not named or event["status"] in _AT_THE_DOOR:
            event["place"] = {name: value for name, value in place.items() if name not in ("latitude", "longitude")}
    return event


def _stops_now(conn: Connection, row: RowMapping, document: Mapping[str, Any], now: int) -> int | None:
    """Return how many come first: by the run, else as the courier's place tells where that is newer than the scan."""
    on_run = [row["id"]] if row["carrier"] == stops.CARRIER else []
    by_run = stops.before(conn, row["merchant_id"], on_run, now)
    if by_run:
        return by_run.get(row["id"])
    told: int | None = document["stops_before"]
    seen = seeing.courier(conn, row["merchant_id"], row["id"], "recipient", now)
    position = None if seen is None else seen["position"]
    if position is None or position["stops_before"] is None:
        return told
    newer = told is None or document["last_event_at"] is None or position["at"] >= document["last_event_at"]
    return int(position["stops_before"]) if newer else told


def carrier_name(code: str) -> str:
    """Return a carrier's name as it writes itself."""
    return connector(code).facts.name if code in carrier_codes() else code


def zone_of(
    shipment: Mapping[str, Any], recipient: Mapping[str, Any] | None, events: Sequence[Mapping[str, Any]] = ()
) -> tzinfo:
    """Return the clock of where a shipment goes, as far as that is known; of where it was last, else UTC."""
    told = (shipment["destination"], recipient, shipment.get("carrier_destination"), shipment.get("origin"))
    for place in told:
        if place and place.get("country"):
            where = Place(**{name: place.get(name) for name in _PLACE_FIELDS})
            known = places.find(where)
            zone = known.zone if known is not None else places.assumed_zone(where)
            if zone is not None:
                return ZoneInfo(zone)
    offset = next((event["utc_offset"] for event in reversed(events) if event.get("utc_offset")), None)
    return UTC if offset is None else clock.offset_of(offset)


def postcodes(shipment: Mapping[str, Any], recipient: Mapping[str, Any] | None) -> set[str]:
    """Return the postcodes that prove whose parcel it is, without spaces and case."""
    told = (shipment["destination"], recipient)
    return {plain_postcode(place["postal_code"]) for place in told if place and place.get("postal_code")} - {""}


def plain_postcode(text: str) -> str:
    """Return a postcode as it is compared: `sw1a 1aa` and `SW1A1AA` are one."""
    return "".join(character for character in text.upper() if character.isalnum())

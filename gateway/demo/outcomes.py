"""Parcels' ends against the script: what the merchant was told, and what the gateway knows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from connectors import connector
from gateway.demo.telling import Outcome
from gateway.demo.wires import WIRES

if TYPE_CHECKING:
    from gateway.demo.hub import Hub
    from gateway.demo.lives import Lives, Parcel
    from gateway.demo.merchant import SampleMerchant


async def outcome(of: Lives, parcel: Parcel, merchant: SampleMerchant, hub: Hub, id_: str) -> Outcome:
    """Return how one parcel's story went."""
    shipment = await hub.call("GET", f"/v1/shipments/{id_}")
    events = (await hub.call("GET", f"/v1/shipments/{id_}/events"))["data"]
    expected = of.statuses(parcel)
    not_told = missing_changes(of, parcel, merchant)
    missing = [f"no webhook shipment.{status}" for status in not_told]
    missing += [f"a webhook too much: shipment.{status}" for status in surplus(of, parcel, merchant)]
    if shipment["status"] != expected[-1]:
        missing.append(f"it is {shipment['status']}, not {expected[-1]}")
    if len(events) != len(parcel.beats):
        missing.append(f"{len(events)} of {len(parcel.beats)} events")
    return Outcome(
        number=parcel.number,
        carrier=connector(parcel.carrier).facts.name,
        wire=WIRES[parcel.carrier].format,
        events=len(events),
        events_scripted=len(parcel.beats),
        webhooks=sum(told.number == parcel.number for told in merchant.told.values()),
        expected=len(expected),
        told=len(expected) - len(not_told),
        status=shipment["status"],
        missing=tuple(missing),
    )


def missing_changes(of: Lives, parcel: Parcel, merchant: SampleMerchant) -> list[str]:
    """Return the changes of status in a parcel's life that no webhook has told yet."""
    return list((Counter(of.statuses(parcel)) - _told_statuses(parcel, merchant)).elements())


def surplus(of: Lives, parcel: Parcel, merchant: SampleMerchant) -> list[str]:
    """Return changes of status that were told and never happened."""
    known = set(of.deeds.values())
    told = Counter({kind: count for kind, count in _told_statuses(parcel, merchant).items() if kind in known})
    return list((told - Counter(of.statuses(parcel))).elements())


def _told_statuses(parcel: Parcel, merchant: SampleMerchant) -> Counter[str]:
    kinds = (told.type.removeprefix("shipment.") for told in merchant.told.values() if told.number == parcel.number)
    return Counter(kind for kind in kinds if "." not in kind)

"""A payload becomes events: a connector repeats what the carrier said, the normalizer says what it means."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from normalizer import details, render
from normalizer.journey import fold, step
from normalizer.model import Detail, Event, Missing, Position, Status
from normalizer.normalize import normalize
from normalizer.numbers import normal_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.base import Connector, Payload
    from connectors.errors import Unreadable
    from normalizer.codes import Meaning


@dataclass(slots=True)
class Read:
    """All that one payload says, normalised. `trouble` is set where a part could not be read."""

    events: list[Event] = field(default_factory=list)
    details: list[Detail] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    unlisted: dict[str, tuple[int, str]] = field(default_factory=dict)
    """A code without a row -> how often it stands here, and the carrier's words beside it the first time."""
    trouble: Unreadable | None = None

    @property
    def only_positions(self) -> bool:
        """Whether it tells where couriers are and nothing else."""
        return bool(self.positions) and not (self.events or self.details or self.missing or self.trouble)


def read(connector: Connector, payload: Payload, own: Mapping[str, Meaning] | None = None) -> Read:
    """Read and normalise one payload. Never raises for what a carrier sent.

    `own` is what the account's merchant says codes mean; it comes before the carrier's table.
    """
    said = connector.read(payload)
    result = Read(details=said.details, positions=said.positions, missing=said.missing, trouble=said.trouble)
    clock = connector.facts.clock
    for scan in said.scans:
        event = normalize(
            scan,
            carrier=connector.code,
            codes=connector.codes,
            own=own,
            clock_kind=clock.kind,
            carrier_zone=clock.zone,
            source=payload.source,
            received_at=payload.received_at,
            payload_id=payload.id,
        )
        result.events.append(event)
        if event.status is Status.UNKNOWN and event.basis == "none" and scan.codes:
            count, words = result.unlisted.get(scan.codes[0], (0, scan.text))
            result.unlisted[scan.codes[0]] = (count + 1, words)
    return result


def document(connector: Connector, payload: Payload) -> dict[str, Any]:
    """Return what a payload says as JSON values: shipments with their events oldest first, positions, unlisted codes.

    Raises the reading's `Unreadable` where nothing at all could be read before or beside the trouble.
    """
    result = read(connector, payload)
    if result.trouble is not None:
        raise result.trouble
    shipments: dict[str, tuple[str, list[Event], details.Told]] = {}

    def of(number: str) -> tuple[str, list[Event], details.Told]:
        return shipments.setdefault(normal_number(number), (number, [], {}))

    for one in result.missing:
        of(one.number)
    for event in result.events:
        of(event.tracking_number)[1].append(event)
    at = int(payload.received_at.timestamp() * 1000)
    for event in result.events:
        told = of(event.tracking_number)[2]
        told.update(details.merge(told, details.said_at_scan(event), step(event).sort_at))
    for detail in result.details:
        told = of(detail.number)[2]
        told.update(details.merge(told, details.said(detail), at))
    absent = {normal_number(one.number) for one in result.missing}
    return {
        "shipments": [
            _shipment(connector.code, number, events, told, missing=key in absent)
            for key, (number, events, told) in shipments.items()
        ],
        "positions": [render.position(one) for one in result.positions],
        "unlisted_codes": [
            {"code": code, "count": count, "example": words} for code, (count, words) in sorted(result.unlisted.items())
        ],
    }


def _shipment(carrier: str, number: str, events: list[Event], told: details.Told, *, missing: bool) -> dict[str, Any]:
    steps = {one.id: step(one) for one in events}
    whole = details.values(told)
    journey = fold(steps.values(), told_back=whole.get("returning") is True)
    state = render.journey(journey, whole)
    if missing and not events:
        state["substatus"] = "not_found"
    in_time = sorted({one.id: one for one in events}.values(), key=lambda one: steps[one.id][:2])
    return {"tracking_number": number, "carrier": carrier, **state, "events": [render.event(one) for one in in_time]}

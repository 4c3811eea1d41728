"""What is told: the messages that follow from a shipment's change. Pure.

Each message's id is made from what it tells, so the same news is never told twice, however often it is derived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from normalizer.model import Status
from normalizer.normalize import content_id
from webhooks.log import Draft

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from normalizer.journey import Journey
    from normalizer.model import Event

Runs = dict[str, int]
"""Status -> how many of its runs were told already."""


def untold(journey: Journey, runs: Mapping[str, int]) -> set[str]:
    """Return the ids of the events whose change of status nobody was told yet."""
    return {change.event_id for change in journey.changes if change.run > runs.get(change.status, 0)}


def told_runs(journey: Journey, runs: Mapping[str, int]) -> Runs:
    """Return what is told once the messages of this journey are in the log. It never shrinks."""
    told = dict(runs)
    for change in journey.changes:
        told[change.status.value] = max(change.run, told.get(change.status.value, 0))
    return told


class Teller:
    """Drafts the messages of one shipment's change; the shipment's JSON is written once for all of them."""

    def __init__(self, shipment_id: str, version: int, document: Mapping[str, Any], now: int) -> None:
        self._id = shipment_id
        # A corrected carrier begins a history of its own, whose first "in transit" is news again.
        self._carrier = str(document["carrier"])
        self._version = version
        self._now = now
        self._shipment = orjson.dumps(document)

    def events(self, events: Iterable[tuple[Event, bytes]]) -> Iterator[Draft]:
        """`shipment.event` for each new event, or old one with a new meaning, with its JSON."""
        for event, body in events:
            key = ("event", event.id, event.status.value, event.substatus)
            yield self._draft("shipment.event", key, body, {})

    def statuses(self, journey: Journey, runs: Mapping[str, int], bodies: Mapping[str, bytes]) -> Iterator[Draft]:
        """`shipment.<status>` for each entry into a status that was not told yet."""
        before = Status.PENDING
        for change in journey.changes:
            if change.run > runs.get(change.status, 0):
                previous = {"status": before.value}
                key = ("status", change.status.value, str(change.run))
                yield self._draft(f"shipment.{change.status.value}", key, bodies.get(change.event_id), previous)
            before = change.status

    def details(
        self, before: Mapping[str, Any], after: Mapping[str, Any], at: int, foretold: Mapping[str, Any] | None = None
    ) -> Iterator[Draft]:
        """`shipment.eta_changed` and `shipment.proof_added`, from the details before and after.

        `foretold` is our own prediction as it was, where it moved far: `previous` names the voices that changed.
        """
        previous = {"eta": before.get("eta")} if after.get("eta") != before.get("eta") else {}
        yield from self.arrival(previous if foretold is None else previous | {"predicted": foretold}, after, at)
        old = before.get("proofs") or []
        added = [proof for proof in after.get("proofs") or [] if proof not in old]
        if added:
            yield self._draft("shipment.proof_added", ("proofs", _text(added)), None, {"proofs": old})

    def arrival(self, previous: Mapping[str, Any], after: Mapping[str, Any], at: int) -> Iterator[Draft]:
        """`shipment.eta_changed`, where `previous` holds what a voice said before."""
        if previous:
            key = ("eta", _text(previous), _text(after.get("eta")), str(at))
            yield self._draft("shipment.eta_changed", key, None, previous)

    def troubles(self, begun: Mapping[str, int]) -> Iterator[Draft]:
        """`shipment.stalled` and the like, for each trouble with its since-when."""
        for kind, since in begun.items():
            yield self._draft(f"shipment.{kind}", ("trouble", kind, str(since)), None, {})

    def carrier_changed(self, before: str) -> Draft:
        """`shipment.carrier_changed`, with the carrier it was held to be of before."""
        return self._draft(
            "shipment.carrier_changed", ("carrier", before, str(self._version)), None, {"carrier": before}
        )

    def _draft(self, kind: str, key: Sequence[str], event: bytes | None, previous: Mapping[str, Any]) -> Draft:
        data = b'{"shipment":%b,"event":%b,"previous":%b}' % (self._shipment, event or b"null", orjson.dumps(previous))
        return Draft(
            id=content_id("msg", self._id, self._carrier, *key),
            type=kind,
            shipment_id=self._id,
            shipment_version=self._version,
            created_at=self._now,
            data=data,
        )


def _text(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()

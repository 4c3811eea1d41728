"""A merchant's own couriers, without a platform: what the gateway's courier page sends, acts and positions alike."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from connectors.base import Connector, Payload, Pushes, dig, rows, text_of
from connectors.errors import Unreadable
from connectors.signatures import require_fresh, require_header, require_hmac, require_secret
from normalizer.model import NOWHERE, Detail, Place, Position, Proof, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.base import Push
    from normalizer.model import Said

_PICTURES = frozenset({"photo", "signature"})
"""Proofs whose bytes are kept apart, under the id they are told with."""


class Carrier(Connector, Pushes):
    """The page's own way in is its link; an app of the merchant's signs the same bodies instead."""

    signs_time = True

    def verify(self, push: Push, secrets: Mapping[str, str]) -> None:
        """HMAC-SHA256 over time stamp, dot and body: `Courier-Signature: t=<seconds>,v1=<hex>`."""
        stamp, _, signature = require_header(push.headers, "courier-signature").partition(",")
        stamp = stamp.removeprefix("t=")
        key = require_secret(secrets, "signing_secret").encode()
        require_hmac(key, stamp.encode() + b"." + push.body, signature.removeprefix("v1="))
        require_fresh(stamp, push.received_at)

    def parts(self, payload: Payload) -> Iterator[tuple[str, Any, Any]]:
        """One part an act, with whose it is; then one a fix, with the stops that are still ahead of the courier."""
        body = payload.json()
        if not isinstance(body, dict) or not body.keys() & {"acts", "positions"}:
            raise Unreadable("the body holds neither acts nor positions")
        for act in rows(body, "acts"):
            yield "act", act, dig(body, "courier")
        for fix in rows(body, "positions"):
            yield "position", fix, rows(body, "ahead")

    def parse(self, payload: Payload, part: tuple[str, Any, Any]) -> Iterator[Said]:  # noqa: ARG002 - all is in the part
        """Yield what a courier did at one stop and who the courier is; or one place for each parcel still ahead."""
        kind, said, beside = part
        if kind == "act":
            yield _scan(said)
            if beside is not None:
                name = text_of(beside, "name")
                vehicle = text_of(beside, "vehicle")
                yield Detail(number=said["number"], courier=name, courier_vehicle=vehicle)
        else:
            for stop in beside:
                yield _position(said, stop)


def _scan(act: Any) -> Scan:
    proofs = tuple(_proof(one) for one in rows(act, "proofs"))
    unmet = [text_of(one) for one in rows(act, "unmet")]
    told = {"note": text_of(act, "note"), "unmet": unmet or None, "pin": text_of(act, "pin")}
    return Scan(
        number=act["number"],
        at=datetime.fromisoformat(act["at"]),
        codes=_codes(act, signed=any(one.kind == "signature" for one in proofs)),
        place=_place(dig(act, "place")),
        event_id=act["id"],
        signed_by=text_of(act, "name"),
        proofs=proofs,
        extra={name: value for name, value in told.items() if value is not None},
    )


def _codes(act: Any, *, signed: bool) -> tuple[str, ...]:
    """Return the act with to whom or why, the most exact first."""
    word = act["act"]
    further = text_of(act, "to") if word == "delivered" else text_of(act, "reason") if word == "failed" else None
    if further is None:
        return (word,)
    exact = f"{word}/{further}"
    return (f"{exact}/signature", exact, word) if signed and word == "delivered" else (exact, word)


def _proof(one: Any) -> Proof:
    kind = one["kind"]
    return Proof(kind=kind, reference=one["id"] if kind in _PICTURES else None, text=text_of(one, "text"))


def _place(node: Any) -> Place:
    if node is None:
        return NOWHERE
    return Place(latitude=node["latitude"], longitude=node["longitude"])


def _position(fix: Any, stop: Any) -> Position:
    return Position(
        number=stop["number"],
        at=datetime.fromisoformat(fix["at"]),
        latitude=fix["latitude"],
        longitude=fix["longitude"],
        heading=dig(fix, "heading"),
        speed=dig(fix, "speed"),
        accuracy=dig(fix, "accuracy"),
        stops_before=dig(stop, "stops_before"),
    )

"""Commands without a database: carriers, detect, normalize, new-carrier."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors import HERE, UnknownCarrier, capabilities, carrier_codes, connector, connectors
from connectors.base import Payload
from connectors.errors import Unreadable
from connectors.samples import proof_level
from connectors.scaffold import CannotCreate, create
from gateway.cli import Refusal
from gateway.commands import say, show, table
from gateway.reading import document
from gateway.registering import Refused, candidates, spell

if TYPE_CHECKING:
    from argparse import Namespace

    from connectors.base import Connector


def carrier_document(of: Connector) -> dict[str, Any]:
    """Return what a connector is, for people and machines."""
    return {
        "code": of.code,
        "name": of.facts.name,
        "kind": of.facts.kind,
        "format": of.facts.api.format,
        "capabilities": list(capabilities(of)),
        "proof_level": proof_level(of.code),
        "codes": len(of.codes.codes) + len(of.codes.phrases),
    }


def carriers(given: Namespace) -> None:
    """Print every connector."""
    known = [carrier_document(one) for one in connectors().values()]
    if given.json:
        show(known)
        return
    table(
        [
            (one["code"], one["name"], one["format"], ", ".join(one["capabilities"]), one["proof_level"])
            for one in known
        ],
        ("CODE", "NAME", "FORMAT", "CAN", "PROOF"),
    )


def detect(given: Namespace) -> None:
    """Print whose a number may be."""
    try:
        number = spell(given.number)
    except Refused as refused:
        raise Refusal(f"{given.number!r} {refused}") from None
    found = candidates(number)
    if given.json:
        show(found)
        return
    if not found:
        say("no carrier we know uses such numbers")
    table(
        (
            one["carrier"],
            one["name"],
            one["service"] or "",
            f"check digit {one['checksum']}",
            f"{one['confidence']:.0%}",
            "" if one["connector"] else "no connector yet",
        )
        for one in found
    )


def _known(code: str) -> Connector:
    try:
        return connector(code)
    except UnknownCarrier:
        raise Refusal(f"there is no carrier {code!r}; there are {', '.join(carrier_codes())}") from None


def _headers(given: list[str]) -> dict[str, str]:
    headers = {}
    for line in given:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise Refusal(f"{line!r} is no header: write 'Name: value'")
        headers[name.strip().lower()] = value.strip()
    return headers


def _body(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as trouble:
        raise Refusal(f"{file} cannot be read: {trouble.strerror}") from None


def normalize(given: Namespace) -> None:
    """Print what one body means."""
    by, headers = _known(given.carrier), _headers(given.header)
    payload = Payload(
        carrier=by.code,
        body=_body(given.file),
        source="push" if given.push else "poll",
        received_at=datetime.now(UTC),
        numbers=tuple(given.number),
        headers=headers,
    )
    try:
        show(document(by, payload))
    except Unreadable as trouble:
        asks = "IndexError" in str(trouble) and not given.number
        hint = "; an answer that does not repeat its number needs --number" if asks else ""
        raise Refusal(f"this is not readable as {by.facts.name}: {trouble}{hint}") from None


def new_carrier(given: Namespace) -> None:
    """Write a carrier folder."""
    try:
        files = create(given.code, document)
    except CannotCreate as trouble:
        raise Refusal(str(trouble)) from None
    except OSError as trouble:
        raise Refusal(f"the folder cannot be written: {trouble.strerror}", 1) from None
    for file in files:
        say(str(file.relative_to(HERE.parent)))
    say("It reads its sample already. Fill it from the carrier's documents: docs/adding-a-carrier.md")

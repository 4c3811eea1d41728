"""One scan of one carrier becomes one event: its meaning, its instant, its id. Pure."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

from normalizer import places
from normalizer.clock import resolve
from normalizer.codes import Meaning
from normalizer.model import Event, Place, Scan, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from normalizer.codes import CodeTable
    from normalizer.model import Source

UNLISTED = Meaning(Status.UNKNOWN, "unlisted_code")
_NO_WORD = Meaning(Status.UNKNOWN, "other")
_BACK = {
    Status.DELIVERED: (Status.RETURNED, "to_sender"),
    Status.IN_TRANSIT: (Status.RETURNING, "in_transit"),
    Status.OUT_FOR_DELIVERY: (Status.RETURNING, "in_transit"),
}
"""What a status means on a scan that the carrier itself marks as part of the way back."""

LONGEST_TEXT = 2_000
"""Characters of a carrier's words that an event repeats; all of them stay in the payload."""
_SEPARATOR = "\x1f"
_BASE32 = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _BASE32 for second in _BASE32)
_ID_PAIRS = 13
_ID_BYTES = 17
_ID_SPARE = 8 * _ID_BYTES - 10 * _ID_PAIRS
"""26 characters of base32 hold 130 bits; the library's encoder took a third of an event's time for them."""


def event_id(carrier: str, scan: Scan) -> str:
    """Return the event's id, made from its content: a public contract, pinned by a test.

    `evt_` and 26 characters of lower-case base32 of the SHA-256 over these texts joined by U+001F: carrier, number,
    piece, and then either `id` and the carrier's own event id, or the clock on the wall to the second, the first code
    (the carrier's words where it sent no code) and the place's city or facility, case folded.
    """
    parts = [carrier, scan.number, scan.piece or ""]
    if scan.event_id:
        parts += ["id", scan.event_id]
    else:
        place = scan.place.city or scan.place.facility or ""
        first = scan.codes[0] if scan.codes else scan.text.casefold().strip()
        parts += [_wall(scan.at), first, place.casefold().strip()]
    return content_id("evt", *parts)


def content_id(prefix: str, *parts: str) -> str:
    """Return an id that is the same for the same texts: `<prefix>_` and 26 characters of base32."""
    digest = sha256(_SEPARATOR.join(parts).encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[:_ID_BYTES]) >> _ID_SPARE
    pairs = []
    for _ in range(_ID_PAIRS):
        number, pair = number >> 10, _PAIRS[number & 1023]
        pairs.append(pair)
    pairs.reverse()
    return f"{prefix}_{''.join(pairs)}"


def normalize(
    scan: Scan,
    *,
    carrier: str,
    codes: CodeTable,
    clock_kind: str,
    carrier_zone: str | None,
    source: Source,
    received_at: datetime,
    payload_id: str | None = None,
    own: Mapping[str, Meaning] | None = None,
) -> Event:
    """Turn what a carrier said into an event. A code without a row becomes `unknown`; it is never guessed.

    A merchant's `own` meaning of any of the scan's codes comes before the carrier's table.
    """
    code = next((one for one in scan.codes if one in own), None) if own else None
    meaning: Meaning | None
    if own and code is not None:
        meaning = own[code]
    else:
        code, meaning = codes.look_up(scan.codes, scan.phrase)
    if meaning is None:
        meaning = UNLISTED if scan.codes else _NO_WORD
    status, substatus = meaning.status, meaning.substatus
    if scan.returning:
        status, substatus = _BACK.get(status, (status, substatus))
    instant = resolve(scan.at, zone=scan.zone, place=scan.place, carrier_zone=carrier_zone, clock_kind=clock_kind)
    place, from_gazetteer = _with_coordinates(scan.place)
    return Event(
        id=event_id(carrier, scan),
        carrier=carrier,
        tracking_number=scan.number,
        piece=scan.piece,
        status=status,
        substatus=substatus,
        code=code if code is not None else (scan.codes[0] if scan.codes else None),
        codes=scan.codes,
        text=scan.text if len(scan.text) <= LONGEST_TEXT else f"{scan.text[: LONGEST_TEXT - 1]}…",
        basis=_basis(code, meaning),
        moves=meaning.moves,
        returning=scan.returning or status in (Status.RETURNING, Status.RETURNED),
        at=instant.at,
        local_time=instant.local_time,
        utc_offset=instant.utc_offset,
        time_basis=instant.basis,
        order=scan.order,
        place=place,
        place_basis="gazetteer" if from_gazetteer else "carrier",
        eta=scan.eta,
        signed_by=scan.signed_by,
        proofs=scan.proofs,
        source=source,
        received_at=received_at,
        payload_id=payload_id,
        extra=scan.extra,
    )


def _basis(code: str | None, meaning: Meaning) -> Literal["code", "text", "none"]:
    if code is not None:
        return "code"
    return "none" if meaning.status is Status.UNKNOWN else "text"


def _wall(at: datetime | date | None) -> str:
    if at is None:
        return ""
    if isinstance(at, datetime):
        return at.replace(tzinfo=None).isoformat(timespec="seconds")
    return at.isoformat()


@lru_cache(maxsize=8192)
def _with_coordinates(place: Place) -> tuple[Place, bool]:
    if place.latitude is not None or not place.city:
        return place, False
    known = places.find(place)
    if known is None or known.latitude is None:
        return place, False
    return (
        Place(
            facility=place.facility,
            facility_id=place.facility_id,
            street=place.street,
            city=place.city,
            region=place.region,
            postal_code=place.postal_code,
            country=place.country,
            latitude=known.latitude,
            longitude=known.longitude,
        ),
        True,
    )

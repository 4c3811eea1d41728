"""GLS Track and Trace v1 of the group: up to ten parcels a question, by number, track id or notification card.

Of the events' codes few are published, so the parcel's present status is a scan of its own beside its events: it has a
time, and a meaning for each of its twelve values.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import orjson

from connectors.auth import OAuth2ClientCredentials
from connectors.base import Connector, Payload, Polls, rows, text_of
from connectors.errors import Unavailable, Unreadable
from normalizer.clock import iso
from normalizer.model import NOWHERE, Detail, Missing, Place, Scan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.client import Answer, CarrierClient
    from normalizer.model import Said

UNKNOWN = "E_404_01"
TROUBLE = "E_500_01"


class Part(NamedTuple):
    """One parcel, and how many parcels of the answer the same reference brought."""

    parcel: Any
    sharing: int


class Carrier(Connector, Polls):
    """`/track-and-trace-v1/tracking/simple/references`."""

    def auth(self, secrets: Mapping[str, str]) -> OAuth2ClientCredentials:
        """An app's id and secret, in a Basic header, for a token of up to four hours."""
        return OAuth2ClientCredentials("/oauth2/v2/token", secrets["client_id"], secrets["client_secret"])

    async def poll(self, http: CarrierClient, numbers: Sequence[str]) -> Answer:
        """Ask about up to ten numbers, by reference: it takes parcel numbers, track ids and cards alike."""
        path = "/track-and-trace-v1/tracking/simple/references/" + ",".join(quote(one, safe="") for one in numbers)
        answer = await http.get(path, headers={"Accept-Language": "EN"})
        if answer.body.lstrip().startswith(b"<"):
            raise Unavailable("the carrier's gateway answers with a page")
        if _is_all_trouble(answer.body):
            raise Unavailable("the carrier has trouble with every parcel asked about")
        return answer

    def parts(self, payload: Payload) -> list[Part]:
        """One parcel at a time. A notification card may bring several parcels under one reference."""
        parcels = rows(payload.json(), "parcels")
        if not parcels:
            raise Unreadable("the answer holds no parcel")
        asked = [str(one.get("requested")) if isinstance(one, dict) else "" for one in parcels]
        often = Counter(asked)
        return [Part(parcel, often[number]) for parcel, number in zip(parcels, asked, strict=True)]

    def parse(self, payload: Payload, part: Part) -> Iterator[Said]:  # noqa: ARG002 - a parcel names what was asked
        """Yield a parcel's events, newest first as they come, then its present status, and its details."""
        parcel = part.parcel
        number, error = parcel["requested"], text_of(parcel, "errorCode")
        if error == UNKNOWN:
            yield Missing(number=number, text=text_of(parcel, "errorMessage") or "")
            return
        if error is not None:
            raise Unreadable(f"GLS answers for a parcel with the error {error}")
        own = parcel["unitno"]
        piece = own if part.sharing > 1 else None
        events = rows(parcel, "events")
        for later, event in enumerate(events, start=1):
            yield Scan(
                number=number,
                at=iso(event["eventDateTime"]),
                codes=(event["code"],),
                text=text_of(event, "description") or "",
                place=_place(event),
                piece=piece,
                order=len(events) - later,
            )
        status = parcel["status"]
        yield Scan(
            number=number,
            at=iso(parcel["statusDateTime"]),
            codes=(f"status/{status}",),
            text=status,
            piece=piece,
            order=len(events),
        )
        if piece is None:
            yield Detail(number=number, references=(own,) if own != number else None)
        else:
            yield Detail(number=number, pieces_total=part.sharing)


def _is_all_trouble(body: bytes) -> bool:
    """Tell whether a 200 says for each parcel that GLS's own service failed."""
    if TROUBLE.encode() not in body:
        return False
    try:
        parcels = rows(orjson.loads(body), "parcels")
        return bool(parcels) and all(text_of(parcel, "errorCode") == TROUBLE for parcel in parcels)
    except (orjson.JSONDecodeError, TypeError):
        return False  # what it is instead is told by reading it


def _place(event: Any) -> Place:
    city, postal_code, country = (text_of(event, name) for name in ("city", "postalCode", "country"))
    if not (city or postal_code or country):
        return NOWHERE
    return Place(city=city, postal_code=postal_code, country=country)
